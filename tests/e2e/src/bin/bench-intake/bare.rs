//! The yardstick: a handler that reads and parses the same JSON and answers 200, and nothing else.

use std::net::Ipv4Addr;

use actix_web::web::BytesMut;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Result;
use futures::StreamExt as _;
use serde_json::Value;

/// As many as the server has.
const WORKERS: usize = 2;

/// The server's own bound.
const MAX_BODY_BYTES: usize = 32 << 20;

/// Serves on a port of loopback until the process is ended.
pub(crate) async fn serve(port: u16) -> Result<()> {
    let app = || App::new().route("/build", web::post().to(accept));
    let server = HttpServer::new(app).workers(WORKERS).disable_signals().bind((Ipv4Addr::LOCALHOST, port))?;
    Ok(server.run().await?)
}

async fn accept(mut payload: web::Payload) -> actix_web::Result<HttpResponse> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Ok(HttpResponse::PayloadTooLarge().finish());
        }
        bytes.extend_from_slice(&chunk);
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(actix_web::error::ErrorBadRequest)?;
    Ok(HttpResponse::Ok().json(value.is_object()))
}
