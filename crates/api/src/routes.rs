//! Which path answers what. Each path names its methods once; any other gets 405 with `Allow`.

mod health;
mod pages;
mod submit;
mod tasks;

use actix_web::guard::{self, Guard};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, web};
use utoipa::OpenApi;

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
    health::health,
    health::healthz,
    health::metrics
))]
pub(crate) struct Documented;

/// Registers all routes.
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    app.service(post("/build", submit::build))
        .service(post("/revise", submit::revise))
        .service(post("/tasks", submit::tasks))
        .service(get("/health", health::health))
        .service(get("/metrics", health::metrics))
        .service(get("/v1/healthz", health::healthz))
        .service(get("/v1/tasks", tasks::list))
        .service(get("/v1/tasks/{id}", tasks::show))
        .service(stream("/v1/tasks/{id}/stream", tasks::stream))
        .service(get("/v1/tasks/{id}/screenshot", tasks::screenshot))
        .service(get("/", pages::home))
        .service(get("/openapi.json", pages::openapi))
        .service(get("/docs", pages::docs))
        .service(get("/docs/", pages::docs))
        // Before the files of Swagger UI, which are everything else below /docs.
        .service(get("/docs/errors", pages::errors))
        .service(get("/docs/{file}", pages::swagger_file));
}

/// Any path that is not registered.
pub(crate) async fn not_found(request: HttpRequest) -> Result<HttpResponse, Fault> {
    /// As much of a path as a person needs to see what they mistyped.
    const SHOWN_CHARS: usize = 200;
    Err(Fault::NotFound(request.path().chars().take(SHOWN_CHARS).collect()))
}

fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    route(path, guard::Any(guard::Get()).or(guard::Head()), "GET, HEAD", handler)
}

/// GET alone: a stream without its body would be no answer.
fn stream<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    route(path, guard::Get(), "GET", handler)
}

fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    route(path, guard::Post(), "POST", handler)
}

fn route<F, Args>(path: &str, methods: impl Guard + 'static, allow: &'static str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::route().guard(methods).to(handler))
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(Fault::MethodNotAllowed { allow }) }))
}
