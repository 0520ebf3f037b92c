//! `/v1/model-runs`: what language models were asked and what it cost, for operators.

use actix_web::{HttpRequest, HttpResponse, web};
use ports::{RunId, RunPage};
use shared_types::TaskId;
use shared_types::http::ModelRunList;

use super::query::{field, field_error, fields_of, limit};
use crate::admin::Admin;
use crate::openapi::{QueryProblems, ReadProblems, examples};
use crate::problem::Fault;
use crate::state::State;

/// List calls of language models, newest first
///
/// One row a call, also for those that failed or were never made because a cap was reached. `totals` are the sums over
/// all rows that were asked for, not over this page.
#[utoipa::path(
    get, path = "/v1/model-runs", operation_id = "list_model_runs", tag = "operators",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "At most this many; 50 when absent",
            example = 20),
        ("before" = Option<u64>, Query, maximum = 9_223_372_036_854_775_807_u64, description = "Only calls before this \
            one: the `next_before` of the page before"),
        ("task" = Option<TaskId>, Query, description = "Only calls for this task, by the `id` of its receipt"),
    ),
    responses(
        (status = 200, description = "A page of calls", body = ModelRunList, example = json!(examples::model_runs())),
        QueryProblems,
        ReadProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn list(_: Admin, state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Fault> {
    let page = page_of(request.query_string())?;
    let reader = &state.ports.runs;
    // One more than asked tells whether there is a next page.
    let mut runs = reader.runs(RunPage { limit: page.limit + 1, ..page }).await?;
    let totals = reader.run_totals(page.task).await?;
    let asked = page.limit as usize;
    let next_before = (runs.len() > asked).then(|| runs[asked - 1].id);
    runs.truncate(asked);
    Ok(HttpResponse::Ok().json(ModelRunList { runs, totals, next_before }))
}

/// Ids of calls are the ledger's, which counts in 63 bits.
const BEFORE: &str = "the id of a call: an integer from 0 to 9223372036854775807";

fn page_of(query: &str) -> Result<RunPage, Fault> {
    let fields = fields_of(query)?;
    let mut errors = Vec::new();
    let limit = limit(&fields, &mut errors);
    let before: Option<u64> = field(&fields, "before", BEFORE, &mut errors);
    if before.is_some_and(|id| i64::try_from(id).is_err()) {
        errors.push(field_error("before", BEFORE));
    }
    let before = before.map(RunId);
    let task = field(&fields, "task", "a task id (ULID)", &mut errors);
    if errors.is_empty() { Ok(RunPage { task, before, limit }) } else { Err(Fault::InvalidQuery(errors)) }
}
