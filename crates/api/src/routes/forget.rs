//! `/v1/forget`: removing what is known of a person.

use actix_web::{HttpRequest, HttpResponse, web};
use ports::Repositories;
use shared_types::Email;
use shared_types::http::{FieldError, ForgetRequest, Forgotten};

use crate::admin::AdminChange;
use crate::body::{self, Incoming};
use crate::json;
use crate::openapi::{ChangeProblems, ForgetProblems, ReadProblems, examples};
use crate::problem::Fault;
use crate::state::State;

/// An address has at most 254 bytes; the rest is for how it is wrapped.
const MAX_BODY_BYTES: usize = 4096;

/// Forget a person
///
/// Removes their tasks with all that was made for them, the events about them, the counters that count them, and the
/// files that nothing of anybody else names; then overwrites what was left in the database's files. Costs of models stay
/// as sums. With `repos`, the repositories that were made for them are deleted first, with their pages: only those that
/// carry our marker, and one that cannot be deleted for a passing reason leaves everything as it is (409). Open tasks
/// are cancelled first: the answer is then 409, says when what is under way will be over, and the request is to be sent
/// again.
#[utoipa::path(
    post, path = "/v1/forget", operation_id = "forget", tag = "operators",
    request_body(content = ForgetRequest, content_type = "application/json", example = json!(examples::forget())),
    responses(
        (status = 200, description = "The receipt, which names nobody; it is kept, but for the repositories",
            body = Forgotten, example = json!(examples::forgotten())),
        ForgetProblems, ChangeProblems, ReadProblems,
    ),
    security((), ("admin_token" = [])),
)]
pub(crate) async fn forget(
    _: AdminChange,
    state: web::Data<State>,
    request: HttpRequest,
    incoming: web::ReqData<Incoming>,
) -> Result<HttpResponse, Fault> {
    let headers = request.headers();
    body::require_json(headers)?;
    let body = body::read(&incoming, headers, MAX_BODY_BYTES, state.options.body_timeout, &state.bodies).await?;
    let value = json::parse(&body.bytes).map_err(Fault::MalformedJson)?;
    let email = value.get("email").and_then(serde_json::Value::as_str).and_then(|text| text.parse::<Email>().ok());
    let repositories = match value.get("repos") {
        None => Some(Repositories::Keep),
        Some(repos) => repos.as_bool().map(|repos| if repos { Repositories::Delete } else { Repositories::Keep }),
    };
    let (Some(email), Some(repositories)) = (&email, repositories) else {
        let wrong =
            |pointer: &str, expected: &str| FieldError { pointer: pointer.to_owned(), detail: expected.to_owned() };
        let of_email = email.is_none().then(|| wrong("/email", "expected an e-mail address"));
        let of_repos = repositories.is_none().then(|| wrong("/repos", "expected true or false"));
        return Err(Fault::Refused(ports::Refusal::Invalid(of_email.into_iter().chain(of_repos).collect())));
    };
    Ok(HttpResponse::Ok().json(state.ports.operator.forget(email, repositories).await?))
}
