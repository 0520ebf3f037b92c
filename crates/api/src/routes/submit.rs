//! `POST /build`, `/revise` and `/tasks`: a body is read and parsed here, and judged by `Intake`.
//!
//! Submissions in flight are bounded, and one counts from the moment its body is complete: what is still on its way
//! in costs memory only, which has a bound of its own, so ten thousand bodies that drip take no place from a client
//! that sends at once. When all places are taken, a submission is refused before its body is read.

use actix_web::{HttpRequest, HttpResponse, web};
use ports::{Route, Submission};
use shared_types::http::{Receipt, TaskRequest};

use crate::body::Incoming;
use crate::openapi::requests::{FirstRound, LaterRound};
use crate::openapi::{SubmissionProblems, examples};
use crate::problem::Fault;
use crate::state::State;
use crate::trace::Trace;
use crate::{body, client, json};

/// Submit round 1 of a task
///
/// The receipt leaves once the task is stored durably and before any work on it. Sending the same body again is
/// harmless: it gets the same receipt.
#[utoipa::path(
    post, path = "/build", operation_id = "build", tag = "tasks",
    request_body(content = FirstRound, content_type = "application/json", example = json!(examples::request(1))),
    responses(
        (status = 200, description = "Accepted and stored", body = Receipt, example = json!(examples::receipt(1))),
        SubmissionProblems,
    ),
)]
pub(crate) async fn build(
    state: web::Data<State>,
    trace: web::ReqData<Trace>,
    request: HttpRequest,
    incoming: web::ReqData<Incoming>,
) -> Result<HttpResponse, Fault> {
    submit(Route::Build, &state, &trace, &request, &incoming).await
}

/// Submit a later round of a task
///
/// Takes rounds from 2 on: the site of the earlier rounds is changed, not made anew.
#[utoipa::path(
    post, path = "/revise", operation_id = "revise", tag = "tasks",
    request_body(content = LaterRound, content_type = "application/json", example = json!(examples::request(2))),
    responses(
        (status = 200, description = "Accepted and stored", body = Receipt, example = json!(examples::receipt(2))),
        SubmissionProblems,
    ),
)]
pub(crate) async fn revise(
    state: web::Data<State>,
    trace: web::ReqData<Trace>,
    request: HttpRequest,
    incoming: web::ReqData<Incoming>,
) -> Result<HttpResponse, Fault> {
    submit(Route::Revise, &state, &trace, &request, &incoming).await
}

/// Submit any round of a task
///
/// For issuers that know one URL only: round 1 builds, later rounds revise.
#[utoipa::path(
    post, path = "/tasks", operation_id = "submit", tag = "tasks",
    request_body(content = TaskRequest, content_type = "application/json", example = json!(examples::request(1))),
    responses(
        (status = 200, description = "Accepted and stored", body = Receipt, example = json!(examples::receipt(1))),
        SubmissionProblems,
    ),
)]
pub(crate) async fn tasks(
    state: web::Data<State>,
    trace: web::ReqData<Trace>,
    request: HttpRequest,
    incoming: web::ReqData<Incoming>,
) -> Result<HttpResponse, Fault> {
    submit(Route::Tasks, &state, &trace, &request, &incoming).await
}

async fn submit(
    route: Route,
    state: &State,
    trace: &Trace,
    request: &HttpRequest,
    incoming: &Incoming,
) -> Result<HttpResponse, Fault> {
    let headers = request.headers();
    body::require_json(headers)?;
    if state.in_flight.available_permits() == 0 {
        return Err(Fault::Busy);
    }
    let limits = &state.options;
    let body = body::read(incoming, headers, limits.max_body_bytes, limits.body_timeout, &state.bodies).await?;
    let _place = state.in_flight.try_acquire().map_err(|_| Fault::Busy)?;
    let value = json::parse(&body.bytes).map_err(Fault::MalformedJson)?;
    drop(body);
    let client = client::of(request.peer_addr(), headers, &limits.trusted_proxies);
    let submission = Submission { route, body: value, trace_id: trace.0.clone(), client };
    let receipt = state.ports.intake.accept(submission).await.map_err(Fault::Refused)?;
    Ok(HttpResponse::Ok().json(receipt))
}
