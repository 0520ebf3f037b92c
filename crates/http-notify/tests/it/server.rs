//! The other side: one path for each way of answering.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures::{StreamExt as _, future, stream};
use url::Url;

/// A server on a port of its own, stopped when dropped.
pub(crate) struct Server {
    base: Url,
    handle: ServerHandle,
    /// Requests to `/canary`.
    pub(crate) canary: Arc<AtomicUsize>,
    /// Connections taken.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let canary = Arc::new(AtomicUsize::new(0));
        let connections = Arc::new(AtomicUsize::new(0));
        let (hits, taken) = (web::Data::from(canary.clone()), connections.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(hits.clone())
                .route("/echo", web::post().to(echo))
                .route("/status/{status}", web::post().to(status))
                .route("/retry-after", web::post().to(retry_after))
                .route("/endless", web::get().to(endless))
                .route("/redirect", web::post().to(redirect))
                .route("/elsewhere", web::route().to(elsewhere))
                .route("/silent", web::post().to(future::pending::<HttpResponse>))
                .route("/stalls", web::route().to(stalls))
                .route("/canary", web::route().to(hit))
        })
        .on_connect(move |_, _| {
            taken.fetch_add(1, Ordering::SeqCst);
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a free port");
        let base = format!("http://{}/", server.addrs()[0]).parse().unwrap();
        let running = server.run();
        let handle = running.handle();
        tokio::spawn(running);
        Self { base, handle, canary, connections }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn echo(request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let headers = request.headers().iter();
    let mut seen: serde_json::Map<_, _> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
    seen.insert("body".into(), String::from_utf8(body.to_vec()).unwrap().into());
    HttpResponse::Ok().body(serde_json::Value::from(seen).to_string())
}

async fn status(path: web::Path<u16>) -> HttpResponse {
    HttpResponse::new(StatusCode::from_u16(*path).unwrap())
}

async fn retry_after(request: HttpRequest) -> HttpResponse {
    let value = request.query_string().replace("%20", " ");
    HttpResponse::TooManyRequests().insert_header(("retry-after", value)).finish()
}

async fn endless() -> HttpResponse {
    let chunk = Bytes::from(vec![b'x'; 10_000]);
    HttpResponse::Ok().streaming(stream::repeat_with(move || Ok::<_, actix_web::Error>(chunk.clone())))
}

async fn redirect() -> HttpResponse {
    HttpResponse::Found().insert_header(("location", "/canary")).finish()
}

/// Sends to `to` in every way that an answer of `status` can.
async fn elsewhere(query: web::Query<BTreeMap<String, String>>) -> HttpResponse {
    let (status, to) = (query["status"].parse().unwrap(), &query["to"]);
    HttpResponse::build(StatusCode::from_u16(status).unwrap())
        .insert_header(("location", to.as_str()))
        .insert_header(("content-location", to.as_str()))
        .insert_header(("refresh", format!("0; url={to}")))
        .insert_header(("link", format!("<{to}>; rel=preload; as=fetch")))
        .content_type("text/html")
        .body(format!("<meta http-equiv=refresh content='0; url={to}'><script>location = '{to}'</script>"))
}

async fn stalls() -> HttpResponse {
    let begun = stream::once(future::ok::<_, actix_web::Error>(Bytes::from_static(b"begun")));
    HttpResponse::Ok().streaming(begun.chain(stream::pending()))
}

async fn hit(canary: web::Data<AtomicUsize>) -> HttpResponse {
    canary.fetch_add(1, Ordering::SeqCst);
    HttpResponse::Ok().finish()
}
