//! Pages for people: the front page, the API documentation and the list of problems.

use std::sync::Arc;

use actix_web::http::header::{ContentEncoding, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use super::not_found;
use crate::problem::Fault;
use crate::state::State;
use crate::{accept, manual};

pub(crate) const HTML: &str = "text/html; charset=utf-8";
const MARKDOWN: &str = "text/markdown; charset=utf-8";
/// The list of problems, for programs first: a browser says that it would rather have HTML.
pub(crate) const ERRORS: &[&str] = &[MARKDOWN, HTML];

/// The front page
#[utoipa::path(
    get, path = "/", operation_id = "home", tag = "service",
    responses((
        status = 200, description = "A page for people that says where to look", body = String,
        content_type = "text/html", example = "<!doctype html>...",
    )),
)]
pub(crate) async fn home() -> HttpResponse {
    HttpResponse::Ok().content_type(HTML).body(include_str!("../../../../templates/pages/index.html"))
}

/// Swagger UI
// Our own page rather than the vendored one: its links are absolute, so that `/docs` works with and without a slash
// at its end.
#[utoipa::path(
    get, path = "/docs", operation_id = "docs", tag = "service",
    responses((
        status = 200, description = "This document as a page for people", body = String,
        content_type = "text/html", example = "<!doctype html>...",
    )),
)]
pub(crate) async fn docs() -> HttpResponse {
    HttpResponse::Ok().content_type(HTML).body(include_str!("../../../../templates/pages/docs.html"))
}

/// What each problem code means
///
/// The `type` of every problem points at a section of this page. Browsers get HTML, everybody else Markdown.
#[utoipa::path(
    get, path = "/docs/errors", operation_id = "errors", tag = "service",
    responses((
        status = 200, description = "A section for each code",
        content(
            (String = "text/markdown", example = "## conflict\n\n**409.** ..."),
            (String = "text/html", example = "<section id=\"conflict\">..."),
        ),
        headers(("vary" = String, description = "`accept`: which of the two it is hangs on that header")),
    )),
)]
pub(crate) async fn errors(request: HttpRequest) -> Result<HttpResponse, Fault> {
    let chosen = accept::choose(request.headers(), ERRORS)?;
    let mut answer = HttpResponse::Ok();
    answer.content_type(chosen).insert_header((VARY, "accept"));
    Ok(if chosen == HTML { answer.body(manual::PAGE.as_str()) } else { answer.body(manual::MARKDOWN) })
}

/// This document
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "service",
    responses((
        status = 200, description = "OpenAPI 3.1", body = Object, example = json!({"openapi": "3.1.0"}),
    )),
)]
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
