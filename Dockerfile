# syntax=docker/dockerfile:1
# The image of the service: `docker build -t sitewright .`
# `cargo xtask tidy` checks that every path copied from the checkout exists.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
# Tables that are built in.
COPY configs configs
COPY crates crates
COPY docs docs
COPY migrations migrations
COPY openapi openapi
COPY proto proto
COPY templates templates
# Members of the workspace: cargo wants their manifests, although neither is built.
COPY tests tests
COPY xtask xtask
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p server \
    && cp target/release/sitewright /usr/local/bin/sitewright

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates chromium fonts-liberation \
    && rm -rf /var/lib/apt/lists/* \
    # Chromium's own sandbox needs user namespaces, which container engines refuse; the container is the sandbox.
    && echo 'export CHROMIUM_FLAGS="$CHROMIUM_FLAGS --no-sandbox --disable-dev-shm-usage"' > /etc/chromium.d/container \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin sitewright \
    && install -d -o sitewright -g sitewright /data
COPY --from=build /usr/local/bin/sitewright /usr/local/bin/sitewright

USER sitewright
WORKDIR /data
# BIND: inside a container, 127.0.0.1 would be reachable by nobody.
ENV BIND=0.0.0.0 PORT=8080 PAGES_PORT=8081 DATA_DIR=/data
VOLUME /data
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# bash opens the connection itself, so that the image needs no HTTP client.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT} && printf 'GET /v1/healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ' 200 ' <&3"]
ENTRYPOINT ["sitewright"]
CMD ["serve"]
