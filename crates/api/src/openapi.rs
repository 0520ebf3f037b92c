//! The OpenAPI document: what the handlers say of themselves, and the problems each of them may answer with.
//!
//! What holds for every operation is added in one place (`everywhere`).

mod constraints;
mod everywhere;
pub(crate) mod examples;
pub(crate) mod problems;
pub(crate) mod requests;

use std::collections::BTreeMap;
use std::time::Duration;

use ports::Refusal;
use shared_types::http::{FieldError, Notification, Problem};
use utoipa::openapi::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{IntoResponses, Modify, OpenApi as _};

use self::problems::documented;
use crate::json::Malformed;
use crate::problem::Fault;
use crate::routes::Documented;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Sitewright",
        // Of the contract, not of the program: it moves when the contract does.
        version = "1.0.0",
        description = "A brief comes in; a deployed page that passes its checks goes out before the deadline.\n\n\
            Every error answer is a problem document (RFC 9457) whose `code` never changes; `/docs/errors` says what \
            each means. Every answer carries `x-trace-id`, `traceparent` and `x-request-id`; the latter two are taken \
            over from the request. `x-constraints` says as an annotation what requests are held against, since no \
            request schema becomes stricter within version 1. HEAD is answered wherever GET is, with the same head; \
            OPTIONS is answered on every path with 204 and `Allow`. What is no HTTP at all, names no Host or two, or \
            has a head of more than 128 KiB or 96 fields, gets a bare 400, 408 or 431.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/", description = "This service")),
    tags(
        (name = "tasks", description = "For issuers: submit a round of a task"),
        (name = "operators", description = "What was accepted and what became of it"),
        (name = "service", description = "How the service is; open to everyone"),
    ),
    components(schemas(Problem, Notification)),
    modifiers(&AdminToken),
)]
struct Frame;

/// The contract of version 1, from which `openapi/sitewright.v1.json` is generated. The same in every build.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut document = Frame::openapi().merge_from(Documented::openapi());
    everywhere::complete(&mut document);
    requests::link_receipts(&mut document);
    requests::bound_checks(&mut document);
    constraints::annotate(&mut document);
    document
}

struct AdminToken;

impl Modify for AdminToken {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "The ADMIN_TOKEN that the service was started with. Without one, only clients on its machine may read and change.",
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("admin_token", SecurityScheme::Http(scheme.build()));
    }
}

/// What `POST /build`, `/revise` and `/tasks` may answer beside a receipt.
pub(crate) struct SubmissionProblems;

impl IntoResponses for SubmissionProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let field = |pointer: &str, detail: &str| FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() };
        let malformed = Malformed { line: 3, column: 14, reason: "expected `,` or `}`".to_owned() };
        let invalid = vec![
            field("/checks", "expected at least one check, got an empty array"),
            field("/attachments/0/url", "expected a data URI, got a URL with the scheme https"),
        ];
        let large = vec![field("/brief", "expected at most 262144 bytes, got 1048576")];
        let refused = [
            Refusal::Invalid(invalid),
            Refusal::Unauthorized,
            Refusal::Conflict { id: examples::task_id() },
            Refusal::Unsafe(examples::objection()),
            Refusal::OverLimit(examples::over_limit()),
            Refusal::TooLarge(large),
            Refusal::Unavailable(examples::outage()),
        ];
        let mut faults = vec![Fault::MalformedJson(malformed), Fault::IncompleteBody];
        faults.extend(refused.map(Fault::Refused));
        faults.extend([
            Fault::BodyTimeout(Duration::from_secs(30)),
            Fault::UnsupportedMediaType("Content-Type"),
            Fault::Busy,
        ]);
        documented(&faults)
    }
}

/// What reading anything below `/v1` may answer.
pub(crate) struct ReadProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[
            Fault::AdminTokenNeeded("Send `Authorization: Bearer <ADMIN_TOKEN>`."),
            Fault::Unavailable(examples::outage()),
        ])
    }
}

/// What a list with parameters may answer as well.
pub(crate) struct QueryProblems;

impl IntoResponses for QueryProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let detail = "expected an integer from 1 to 200".to_owned();
        documented(&[Fault::InvalidQuery(vec![FieldError { pointer: "/limit".to_owned(), detail }])])
    }
}

/// What a path with a task's id may answer as well.
pub(crate) struct TaskProblems;

impl IntoResponses for TaskProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[Fault::TaskNotFound])
    }
}

/// What a change by an operator may answer as well.
pub(crate) struct ChangeProblems;

impl IntoResponses for ChangeProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let ended = format!("{} has ended already: failed", examples::task_id());
        documented(&[Fault::ForeignOrigin, Fault::NotNow(ended)])
    }
}

/// What the body of a wish to forget may be answered with as well.
pub(crate) struct ForgetProblems;

impl IntoResponses for ForgetProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let malformed = Malformed { line: 1, column: 2, reason: "expected `,` or `}`".to_owned() };
        let detail = "expected an e-mail address".to_owned();
        documented(&[
            Fault::MalformedJson(malformed),
            Fault::Refused(Refusal::Invalid(vec![FieldError { pointer: "/email".to_owned(), detail }])),
            Fault::IncompleteBody,
            Fault::BodyTimeout(Duration::from_secs(30)),
            Fault::TooLarge { limit_bytes: 4096 },
            Fault::UnsupportedMediaType("Content-Type"),
        ])
    }
}

/// What the screenshot may answer as well.
pub(crate) struct ScreenshotProblems;

impl IntoResponses for ScreenshotProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[Fault::TaskNotFound, Fault::ScreenshotNotFound])
    }
}

/// What the live stream may answer as well.
pub(crate) struct StreamProblems;

impl IntoResponses for StreamProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let detail = "expected the id of an event: an integer from 0".to_owned();
        documented(&[
            Fault::InvalidQuery(vec![FieldError { pointer: "/Last-Event-ID".to_owned(), detail }]),
            Fault::AdminTokenNeeded("Send `Authorization: Bearer <ADMIN_TOKEN>`."),
            Fault::Unavailable(examples::outage()),
            Fault::Busy,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = serde_json::to_value(openapi()).unwrap();
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            if let Some(target) = value.get("$ref").and_then(|target| target.as_str()) {
                assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
            }
            match value {
                serde_json::Value::Object(fields) => open.extend(fields.values()),
                serde_json::Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
    }
}
