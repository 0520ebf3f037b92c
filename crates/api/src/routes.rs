//! Which path answers what. Each path names its methods and what it produces once; OPTIONS tells the methods, any other
//! method gets 405 with `Allow`, and a client that takes nothing of what is produced 406.

mod forget;
mod health;
mod levers;
mod model_runs;
mod pages;
mod query;
mod submit;
mod tasks;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, web};
use utoipa::OpenApi;

use crate::accept;
use crate::problem::Fault;

/// The annotated handlers, for the document.
#[derive(OpenApi)]
#[openapi(paths(
    submit::build,
    submit::revise,
    submit::tasks,
    tasks::list,
    tasks::show,
    tasks::stream,
    tasks::screenshot,
    levers::retry,
    levers::cancel,
    levers::renotify,
    forget::forget,
    model_runs::list,
    health::health,
    health::healthz,
    health::metrics,
    pages::home,
    pages::docs,
    pages::errors,
    pages::openapi
))]
pub(crate) struct Documented;

/// Registers all routes.
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    app.service(post("/build", submit::build))
        .service(post("/revise", submit::revise))
        .service(post("/tasks", submit::tasks))
        .service(get("/health", JSON, health::health))
        .service(get("/metrics", METRICS, health::metrics))
        .service(get("/v1/healthz", JSON, health::healthz))
        .service(get("/v1/tasks", JSON, tasks::list))
        .service(get("/v1/tasks/{id}", JSON, tasks::show))
        .service(get("/v1/tasks/{id}/stream", EVENTS, tasks::stream))
        .service(get("/v1/tasks/{id}/screenshot", PNG, tasks::screenshot))
        .service(post("/v1/tasks/{id}/retry", levers::retry))
        .service(post("/v1/tasks/{id}/cancel", levers::cancel))
        .service(post("/v1/tasks/{id}/renotify", levers::renotify))
        .service(post("/v1/forget", forget::forget))
        .service(get("/v1/model-runs", JSON, model_runs::list))
        .service(get("/", HTML, pages::home))
        .service(get("/openapi.json", JSON, pages::openapi))
        .service(get("/docs", HTML, pages::docs))
        .service(get("/docs/", HTML, pages::docs))
        // Before the files of Swagger UI, which are everything else below /docs.
        .service(get("/docs/errors", pages::ERRORS, pages::errors))
        .service(get("/docs/{file}", ANYTHING, pages::swagger_file));
}

/// What routes produce, best first. A route that says [`ANYTHING`] does not negotiate.
pub(crate) type Produced = &'static [&'static str];

/// Every value that routes say, for the document.
pub(crate) const ALL_PRODUCED: [Produced; 6] = [JSON, HTML, PNG, EVENTS, METRICS, pages::ERRORS];

/// The methods of a path that is read.
pub(crate) const READS: &str = "GET, HEAD, OPTIONS";
/// The methods of a path that takes tasks or changes something.
pub(crate) const WRITES: &str = "POST, OPTIONS";

const JSON: Produced = &["application/json"];
const HTML: Produced = &[pages::HTML];
const PNG: Produced = &["image/png"];
const EVENTS: Produced = &["text/event-stream"];
const METRICS: Produced = &[health::METRICS];
/// Styles, scripts and pictures, whose readers are pages of ours.
const ANYTHING: Produced = &[];

/// Any path that is not registered.
pub(crate) async fn not_found(request: HttpRequest) -> Result<HttpResponse, Fault> {
    /// As much of a path as a person needs to see what they mistyped.
    const SHOWN_CHARS: usize = 200;
    Err(Fault::NotFound(request.path().chars().take(SHOWN_CHARS).collect()))
}

/// GET, and HEAD with the same head. What sends the body of an answer to HEAD away is the HTTP layer.
fn get<F, Args>(path: &str, produced: Produced, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let reads = guard::Any(guard::Get()).or(guard::Head());
    route(path, reads, READS, produced, handler)
}

fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    route(path, guard::Post(), WRITES, JSON, handler)
}

fn route<F, Args>(
    path: &str,
    methods: impl Guard + 'static,
    allow: &'static str,
    produced: Produced,
    handler: F,
) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let options = move || async move { HttpResponse::NoContent().insert_header((ALLOW, allow)).finish() };
    web::resource(path)
        .route(web::route().guard(methods).to(handler).wrap(from_fn(move |request, next| {
            // Before the handler: a submission whose receipt the client would not take is not stored.
            negotiated(produced, request, next)
        })))
        .route(web::method(Method::OPTIONS).to(options))
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(Fault::MethodNotAllowed { allow }) }))
}

async fn negotiated(
    produced: Produced,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let refused = if produced.is_empty() { None } else { accept::choose(request.headers(), produced).err() };
    match refused {
        // As an answer, not as an error of this layer: only then `edge` sees it.
        Some(fault) => Ok(request.error_response(fault)),
        None => next.call(request).await,
    }
}
