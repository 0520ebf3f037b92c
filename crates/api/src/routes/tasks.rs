//! `/v1/tasks`: what was accepted and what became of it, for operators.

use std::convert::Infallible;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use ports::{Ledger, Show, TaskPage, TaskRecord};
use shared_types::TaskId;
use shared_types::http::{FieldError, TaskList, TaskState, TaskView};

use super::query::{Fields, field, field_error, fields_of, limit};
use crate::admin::Admin;
use crate::openapi::{QueryProblems, ReadProblems, ScreenshotProblems, StreamProblems, TaskProblems, examples};
use crate::problem::Fault;
use crate::reading;
use crate::state::State;
use crate::stream::{Follower, PAGE_EVENTS, Pace};

/// List tasks, newest first
#[utoipa::path(
    get, path = "/v1/tasks", operation_id = "list_tasks", tag = "operators",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "At most this many; 50 when absent",
            example = 20),
        ("before" = Option<TaskId>, Query, description = "Only tasks accepted before this one: the `next_before` of \
            the page before"),
        ("show" = Option<String>, Query, description = "`all` (when absent); `open`: those that wait or run; `dead`: \
            dead letters, which ended without the evaluator having taken them (failed, refused, undelivered)",
            pattern = "^(all|open|dead)$", example = "dead"),
    ),
    responses(
        (status = 200, description = "A page of tasks", body = TaskList, example = json!(examples::list())),
        QueryProblems,
        ReadProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn list(_: Admin, state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Fault> {
    let page = page_of(request.query_string())?;
    Ok(HttpResponse::Ok().json(reading::list(state.ports.ledger.as_ref(), page).await?))
}

/// Show one task
///
/// Its state, its steps with their times, the latest report of checks, where it was published and each attempt to
/// notify the evaluator.
#[utoipa::path(
    get, path = "/v1/tasks/{id}", operation_id = "show_task", tag = "operators",
    params(("id" = TaskId, Path, description = "The `id` of the receipt")),
    responses(
        (status = 200, description = "The task", body = TaskView, example = json!(examples::task())),
        TaskProblems,
        ReadProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn show(_: Admin, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Fault> {
    let id = id.parse().map_err(|_| Fault::TaskNotFound)?;
    let view = reading::show(state.ports.ledger.as_ref(), state.ports.plan, id).await?;
    Ok(HttpResponse::Ok().json(view.ok_or(Fault::TaskNotFound)?))
}

/// Follow one task live
///
/// Server-sent events: `id` is the event's place in the ledger, `event` its kind, `data` the whole event as JSON
/// (`proto/sitewright/events/v1/events.proto`). Replays what came after `Last-Event-ID`, then goes on live with a
/// comment at least each 15 s, and ends when the task has. 204 tells the client to stop asking.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/stream", operation_id = "stream_task", tag = "operators",
    params(
        ("id" = TaskId, Path, description = "The `id` of the receipt"),
        ("Last-Event-ID" = Option<u64>, Header, maximum = 18_446_744_073_709_551_615_u64,
            description = "Only events after this one; browsers send it when they reconnect"),
        ("after" = Option<u64>, Query, maximum = 18_446_744_073_709_551_615_u64,
            description = "The same for clients that cannot set the header"),
    ),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream",
            example = json!(examples::stream())),
        (status = 204, description = "The task has ended and nothing newer is there"),
        StreamProblems,
        TaskProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn stream(
    _: Admin,
    state: web::Data<State>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Fault> {
    let after = last_event_id(&request)?;
    let permit = Arc::clone(&state.streams).try_acquire_owned().map_err(|_| Fault::Busy)?;
    // Before the first look at the ledger: what is stored between the two wakes the stream.
    let wakeups = state.ports.bus.subscribe();
    let ledger = &state.ports.ledger;
    let record = find(ledger.as_ref(), &id).await?;
    let replay = ledger.task_events(record.id, after, PAGE_EVENTS).await?;
    let ended = record.state == TaskState::Finished;
    if ended && replay.is_empty() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut answer = HttpResponse::Ok();
    // nginx would collect events otherwise.
    answer.content_type("text/event-stream").insert_header(("x-accel-buffering", "no"));
    if request.method() == Method::HEAD {
        // The HTTP layer would read the stream to its end to throw it away.
        return Ok(answer.streaming(futures::stream::empty::<Result<Bytes, Infallible>>()));
    }
    let follower = Follower::new(Arc::clone(ledger), record.id, after, ended, wakeups, state.ending.clone());
    Ok(answer.streaming(follower.into_stream(replay, Pace::default(), permit)))
}

/// The latest picture of a task's page
#[utoipa::path(
    get, path = "/v1/tasks/{id}/screenshot", operation_id = "task_screenshot", tag = "operators",
    params(("id" = TaskId, Path, description = "The `id` of the receipt")),
    responses(
        (status = 200, description = "PNG of the page as the browser saw it", content_type = "image/png",
            body = inline(examples::Png)),
        ScreenshotProblems,
        ReadProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn screenshot(
    _: Admin,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, Fault> {
    let record = find(state.ports.ledger.as_ref(), &id).await?;
    let digest = record.report.and_then(|report| report.screenshot).ok_or(Fault::ScreenshotNotFound)?;
    let png = state.ports.blobs.get(&digest).await?;
    Ok(HttpResponse::Ok().content_type("image/png").body(png))
}

/// A text that is no id names no task.
async fn find(ledger: &dyn Ledger, id: &str) -> Result<TaskRecord, Fault> {
    let id: TaskId = id.parse().map_err(|_| Fault::TaskNotFound)?;
    ledger.task(id).await?.ok_or(Fault::TaskNotFound)
}

fn page_of(query: &str) -> Result<TaskPage, Fault> {
    let fields = fields_of(query)?;
    let mut errors = Vec::new();
    let limit = limit(&fields, &mut errors);
    let before = field(&fields, "before", "a task id (ULID)", &mut errors);
    let show = shown(&fields, &mut errors);
    if errors.is_empty() { Ok(TaskPage { before, limit, show }) } else { Err(Fault::InvalidQuery(errors)) }
}

fn shown(fields: &Fields, errors: &mut Vec<FieldError>) -> Show {
    let Some(name) = fields.get("show") else { return Show::All };
    let known = Show::ALL.into_iter().find(|(known, _)| known == name);
    known.map_or_else(
        || {
            errors.push(field_error("show", "`all`, `open` or `dead`"));
            Show::All
        },
        |(_, show)| show,
    )
}

/// `Last-Event-ID`, else `after`, else 0: from the beginning.
fn last_event_id(request: &HttpRequest) -> Result<u64, Fault> {
    const EXPECTED: &str = "the id of an event: an integer from 0";
    let invalid = |name| Fault::InvalidQuery(vec![field_error(name, EXPECTED)]);
    if let Some(header) = request.headers().get("last-event-id") {
        let text = header.to_str().map_err(|_| invalid("Last-Event-ID"))?.trim();
        // A browser that has seen no event yet sends none, and some clients then send an empty one.
        return if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| invalid("Last-Event-ID")) };
    }
    let mut errors = Vec::new();
    let after = field(&fields_of(request.query_string())?, "after", EXPECTED, &mut errors);
    if errors.is_empty() { Ok(after.unwrap_or(0)) } else { Err(Fault::InvalidQuery(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_every_parameter_that_failed() {
        let pointers = |query: &str| match page_of(query) {
            Ok(page) => format!("{} {}", page.limit, page.before.map_or("-".to_owned(), |id| id.to_string())),
            Err(Fault::InvalidQuery(errors)) => {
                errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>().join(" ")
            }
            Err(fault) => panic!("{fault:?}"),
        };
        for (query, expected) in [
            ("", "50 -"),
            ("limit=200&other=1", "200 -"),
            ("before=01JD3T0M4QZ8V5W9R2K7XH1C6N", "50 01JD3T0M4QZ8V5W9R2K7XH1C6N"),
            ("limit=0", "/limit"),
            ("limit=201", "/limit"),
            ("limit=-1&before=x", "/limit /before"),
            ("limit=", "/limit"),
            ("show=dead", "50 -"),
            ("show=some", "/show"),
        ] {
            assert_eq!(pointers(query), expected, "{query}");
        }
    }
}
