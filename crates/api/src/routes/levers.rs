//! `/v1/tasks/{id}/...`: what operators may do to a task.

use actix_web::{HttpRequest, HttpResponse, web};
use shared_types::TaskId;
use shared_types::http::{NotificationAttempt, TaskSummary};

use super::query::fields_of;
use crate::admin::AdminChange;
use crate::openapi::{ChangeProblems, QueryProblems, ReadProblems, TaskProblems, examples};
use crate::problem::Fault;
use crate::state::State;
use crate::view;

/// Begin a new attempt at a task
///
/// For one that has ended or waits, never for one that is being worked on. It has ten minutes anew. Steps that did what
/// they should are kept; it begins with the first that did not, or with the one that `from` names. A task that was
/// handed in needs `from`. The evaluator is told under an id of the new attempt's own.
#[utoipa::path(
    post, path = "/v1/tasks/{id}/retry", operation_id = "retry_task", tag = "operators",
    params(
        ("id" = TaskId, Path, description = "The `id` of the receipt"),
        ("from" = Option<String>, Query, description = "The step to begin with; those before it must have been done",
            example = "generate"),
    ),
    responses(
        (status = 200, description = "The task, which waits now", body = TaskSummary,
            example = json!(examples::retried())),
        QueryProblems, TaskProblems, ChangeProblems, ReadProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn retry(
    _: AdminChange,
    state: web::Data<State>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Fault> {
    let fields = fields_of(request.query_string())?;
    let task = state.ports.operator.retry(id_of(&id)?, fields.get("from").map(String::as_str)).await?;
    Ok(HttpResponse::Ok().json(view::summary(&task)))
}

/// End a task
///
/// It ends as `cancelled`, and its evaluator is told nothing. If it is being worked on, the step in hand may come to
/// its end and nothing after it is begun; a later round of the same repository waits until then.
#[utoipa::path(
    post, path = "/v1/tasks/{id}/cancel", operation_id = "cancel_task", tag = "operators",
    params(("id" = TaskId, Path, description = "The `id` of the receipt")),
    responses(
        (status = 200, description = "The task, which has ended", body = TaskSummary,
            example = json!(examples::cancelled())),
        TaskProblems, ChangeProblems, ReadProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn cancel(
    _: AdminChange,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, Fault> {
    let task = state.ports.operator.cancel(id_of(&id)?).await?;
    Ok(HttpResponse::Ok().json(view::summary(&task)))
}

/// Tell the evaluator of an ended task again
///
/// Sends the stored notification once more, byte for byte and under the same id, and answers with what the evaluator
/// said. The outcome of the task stays as it is.
#[utoipa::path(
    post, path = "/v1/tasks/{id}/renotify", operation_id = "renotify_task", tag = "operators",
    params(("id" = TaskId, Path, description = "The `id` of the receipt")),
    responses(
        (status = 200, description = "The attempt and what came of it", body = NotificationAttempt,
            example = json!(examples::notified())),
        TaskProblems, ChangeProblems, ReadProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn renotify(
    _: AdminChange,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, Fault> {
    Ok(HttpResponse::Ok().json(state.ports.operator.renotify(id_of(&id)?).await?))
}

/// A text that is no id names no task.
fn id_of(text: &str) -> Result<TaskId, Fault> {
    text.parse().map_err(|_| Fault::TaskNotFound)
}
