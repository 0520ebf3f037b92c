//! Pages for people: the front page, the API documentation and the list of problems.

use std::sync::Arc;

use actix_web::http::header::ContentEncoding;
use actix_web::{HttpRequest, HttpResponse, web};

use super::not_found;
use crate::problem::Fault;
use crate::state::State;

const HTML: &str = "text/html; charset=utf-8";

/// The front page.
pub(crate) async fn home() -> HttpResponse {
    HttpResponse::Ok().content_type(HTML).body(include_str!("../../../../templates/pages/index.html"))
}

/// Swagger UI. Our own page rather than the vendored one: its links are absolute, so that `/docs` works with and
/// without a slash at its end.
pub(crate) async fn docs() -> HttpResponse {
    HttpResponse::Ok().content_type(HTML).body(include_str!("../../../../templates/pages/docs.html"))
}

/// What each problem code means; the `type` of every problem points here.
pub(crate) async fn errors() -> HttpResponse {
    HttpResponse::Ok().content_type("text/markdown; charset=utf-8").body(include_str!("../../../../docs/errors.md"))
}

/// The OpenAPI document.
pub(crate) async fn openapi(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(state.openapi.clone())
}

/// The scripts and styles of Swagger UI.
pub(crate) async fn swagger_file(
    state: web::Data<State>,
    file: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Fault> {
    let Ok(Some(file)) = utoipa_swagger_ui::serve(&file, Arc::clone(&state.swagger)) else {
        return not_found(request).await;
    };
    let mut answer = HttpResponse::Ok();
    if file.gzpipped {
        answer.insert_header(ContentEncoding::Gzip);
    }
    answer.insert_header(("cache-control", "public, max-age=3600"));
    Ok(answer.content_type(file.content_type).body(file.bytes.into_owned()))
}
