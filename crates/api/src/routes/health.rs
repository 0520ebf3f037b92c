//! How the service is. Open to everyone on purpose: probes and scrapers rarely hold a token, and nothing here says
//! anything about a task or a person.

use std::sync::OnceLock;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use futures::future::join_all;
use ports::HealthPart;
use shared_types::http::{Health, Healthz, Part, PartState};

use crate::openapi::examples;
use crate::state::State;

/// What Prometheus reads.
pub(crate) const METRICS: &str = "text/plain; version=0.0.4";

/// A part that does not answer within this is down.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// How every part of the service is
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "service",
    responses(
        (status = 200, description = "Every needed part is up", body = Health, example = json!(examples::health(true))),
        (status = 503, description = "A needed part is down", body = Health, example = json!(examples::health(false))),
    ),
)]
pub(crate) async fn health(state: web::Data<State>) -> HttpResponse {
    let looks = state.ports.parts.iter().zip(&state.part_names).enumerate();
    let parts = join_all(looks.map(|(index, (part, known))| look(index, part.as_ref(), known))).await;
    let ok = !parts.iter().any(|part| part.needed && part.state == PartState::Down);
    let health = Health { ok, ts: state.ports.clock.now(), version: env!("CARGO_PKG_VERSION").to_owned(), parts };
    let mut answer = if ok { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(health)
}

/// Whether the process answers
#[utoipa::path(
    get, path = "/v1/healthz", operation_id = "healthz", tag = "service",
    responses((status = 200, description = "It does", body = Healthz, example = json!(examples::healthz()))),
)]
pub(crate) async fn healthz(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(Healthz { ok: true, ts: state.ports.clock.now() })
}

/// Counters and histograms for Prometheus
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "service",
    responses((
        status = 200, description = "Prometheus text format", body = String, content_type = "text/plain; version=0.0.4",
        example = "sitewright_http_requests_total{route=\"/build\",status=\"200\"} 1\n",
    )),
)]
pub(crate) async fn metrics(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().content_type(METRICS).body((state.ports.metrics)())
}

/// Looks at one part. A part that hangs cannot say its name, so the one it said before is kept.
async fn look(index: usize, part: &dyn HealthPart, known: &OnceLock<(String, bool)>) -> Part {
    match tokio::time::timeout(LOOK_TIMEOUT, part.look()).await {
        Ok(part) => {
            known.get_or_init(|| (part.name.clone(), part.needed));
            part
        }
        Err(_) => {
            let (name, needed) = known.get().cloned().unwrap_or_else(|| (format!("part-{}", index + 1), true));
            let detail = format!("no answer within {} s", LOOK_TIMEOUT.as_secs());
            Part { name, state: PartState::Down, needed, detail }
        }
    }
}
