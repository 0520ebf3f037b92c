//! Error answers: what can go wrong in a request, and the document (RFC 9457) that says so.
//!
//! A handler returns a [`Fault`]; `edge` turns it into the document, since only there the trace id is known.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use ports::{Declined, OverLimit, Refusal, Verdict};
use shared_types::TraceId;
use shared_types::http::{FieldError, Problem};

use crate::json::Malformed;

/// `Content-Type` of a problem document.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// What `Retry-After` says when nothing better is known, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// A kind of problem. `docs/errors.md` has one section for each code; a test holds them together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Never changes.
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $code:literal $status:literal $title:literal;)*) => {
        $(pub(crate) static $name: Kind = Kind { code: $code, status: $status, title: $title };)*
        /// In the order of `docs/errors.md`.
        pub(crate) static ALL: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    MALFORMED_JSON = "malformed_json" 400 "The body is not the JSON that is taken here";
    INVALID_REQUEST = "invalid_request" 400 "The request is not valid";
    INVALID_QUERY = "invalid_query" 400 "The query is not valid";
    INCOMPLETE_BODY = "incomplete_body" 400 "The body ended early";
    BAD_REQUEST = "bad_request" 400 "The request could not be read";
    WRONG_SECRET = "wrong_secret" 401 "The secret is not right";
    ADMIN_TOKEN_NEEDED = "admin_token_needed" 401 "The admin token is needed";
    FOREIGN_ORIGIN = "foreign_origin" 403 "Pages of other sites may change nothing here";
    NOT_FOUND = "not_found" 404 "Nothing is served here";
    TASK_NOT_FOUND = "task_not_found" 404 "There is no such task";
    SCREENSHOT_NOT_FOUND = "screenshot_not_found" 404 "The task has no screenshot";
    METHOD_NOT_ALLOWED = "method_not_allowed" 405 "The method is not allowed here";
    NOT_ACCEPTABLE = "not_acceptable" 406 "What is served here is not accepted";
    BODY_TIMEOUT = "body_timeout" 408 "The body came too slowly";
    CONFLICT = "conflict" 409 "The identity is taken by another request";
    NOT_NOW = "not_now" 409 "This cannot be done as things are";
    TOO_LARGE = "too_large" 413 "The request is too large";
    URI_TOO_LONG = "uri_too_long" 414 "The address is too long";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type" 415 "Only JSON is taken here";
    UNSAFE_BRIEF = "unsafe_brief" 422 "The brief is refused";
    OVER_LIMIT = "over_limit" 429 "This happened too often";
    INTERNAL = "internal" 500 "The service failed";
    UNAVAILABLE = "unavailable" 503 "The service cannot store or read just now";
    BUSY = "busy" 503 "The service has too much at hand";
}

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the body is not JSON")]
    MalformedJson(Malformed),
    #[error("the query is not valid")]
    InvalidQuery(Vec<FieldError>),
    #[error("the body ended early")]
    IncompleteBody,
    /// What is wrong with the request, whatever it asks for.
    #[error("the request could not be read")]
    BadRequest(&'static str),
    #[error("refused")]
    Refused(#[source] Refusal),
    /// How to get in.
    #[error("the admin token is needed")]
    AdminTokenNeeded(&'static str),
    #[error("a page of another site asks")]
    ForeignOrigin,
    /// Why, and what to do instead.
    #[error("not as things are")]
    NotNow(String),
    /// The path that was asked for.
    #[error("nothing is served here")]
    NotFound(String),
    #[error("no such task")]
    TaskNotFound,
    #[error("no screenshot")]
    ScreenshotNotFound,
    #[error("method not allowed")]
    MethodNotAllowed { allow: &'static str },
    /// The media types that are served.
    #[error("not acceptable")]
    NotAcceptable { produced: &'static [&'static str] },
    #[error("the body came too slowly")]
    BodyTimeout(Duration),
    #[error("the body is too large")]
    TooLarge { limit_bytes: usize },
    #[error("the address is too long")]
    UriTooLong { limit_bytes: usize },
    /// The header that declares something else.
    #[error("not JSON by its {0}")]
    UnsupportedMediaType(&'static str),
    #[error("not available")]
    Unavailable(#[source] ports::Error),
    #[error("too much at hand")]
    Busy,
}

impl From<ports::Error> for Fault {
    fn from(error: ports::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl From<Declined> for Fault {
    fn from(declined: Declined) -> Self {
        match declined {
            Declined::Unknown(_) => Self::TaskNotFound,
            Declined::NotNow(why) => Self::NotNow(why),
            Declined::Failed(error) => Self::Unavailable(error),
        }
    }
}

impl Fault {
    pub(crate) fn kind(&self) -> &'static Kind {
        match self {
            Self::MalformedJson(_) => &MALFORMED_JSON,
            Self::InvalidQuery(_) => &INVALID_QUERY,
            Self::IncompleteBody => &INCOMPLETE_BODY,
            Self::BadRequest(_) => &BAD_REQUEST,
            Self::Refused(Refusal::Invalid(_)) => &INVALID_REQUEST,
            Self::Refused(Refusal::Unauthorized) => &WRONG_SECRET,
            Self::Refused(Refusal::TooLarge(_)) | Self::TooLarge { .. } => &TOO_LARGE,
            Self::Refused(Refusal::OverLimit(_)) => &OVER_LIMIT,
            Self::Refused(Refusal::Conflict { .. }) => &CONFLICT,
            Self::Refused(Refusal::Unsafe(_)) => &UNSAFE_BRIEF,
            Self::Refused(Refusal::Unavailable(_)) | Self::Unavailable(_) => &UNAVAILABLE,
            Self::AdminTokenNeeded(_) => &ADMIN_TOKEN_NEEDED,
            Self::ForeignOrigin => &FOREIGN_ORIGIN,
            Self::NotNow(_) => &NOT_NOW,
            Self::NotFound(_) => &NOT_FOUND,
            Self::TaskNotFound => &TASK_NOT_FOUND,
            Self::ScreenshotNotFound => &SCREENSHOT_NOT_FOUND,
            Self::MethodNotAllowed { .. } => &METHOD_NOT_ALLOWED,
            Self::NotAcceptable { .. } => &NOT_ACCEPTABLE,
            Self::BodyTimeout(_) => &BODY_TIMEOUT,
            Self::UriTooLong { .. } => &URI_TOO_LONG,
            Self::UnsupportedMediaType(_) => &UNSUPPORTED_MEDIA_TYPE,
            Self::Busy => &BUSY,
        }
    }

    /// The document about this fault.
    pub(crate) fn problem(&self, trace_id: TraceId) -> Problem {
        let mut problem = self.kind().problem(self.detail(), trace_id);
        if let Self::InvalidQuery(errors) | Self::Refused(Refusal::Invalid(errors) | Refusal::TooLarge(errors)) = self {
            problem.errors.clone_from(errors);
        }
        if let Self::Refused(Refusal::OverLimit(over)) = self {
            problem.retry_after_ms = Some(u64::try_from(over.resets_in.as_millis()).unwrap_or(u64::MAX));
        }
        problem
    }

    /// The headers that belong to the status, by their meaning in RFC 9110 and, for limits, in the
    /// IETF's draft-ietf-httpapi-ratelimit-headers-11.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::MethodNotAllowed { allow } => vec![("allow", (*allow).to_owned())],
            Self::AdminTokenNeeded(_) => vec![("www-authenticate", "Bearer".to_owned())],
            Self::Refused(Refusal::OverLimit(over)) => {
                let OverLimit { policy, resets_in } = over;
                let (limit, window_s) = (policy.limit, policy.window.as_secs());
                // Whoever comes back at the given second shall not be a fraction of one too early.
                let wait_s = resets_in.as_secs() + u64::from(resets_in.subsec_nanos() > 0);
                vec![
                    ("retry-after", wait_s.to_string()),
                    ("ratelimit", format!("\"{policy}\";r=0;t={wait_s}")),
                    ("ratelimit-policy", format!("\"{policy}\";q={limit};w={window_s}")),
                ]
            }
            Self::Refused(Refusal::Unavailable(error)) | Self::Unavailable(error) => {
                vec![("retry-after", retry_after_s(error).to_string())]
            }
            Self::Busy => vec![("retry-after", RETRY_AFTER_S.to_string())],
            _ => Vec::new(),
        }
    }

    /// The error below, when this is our own failure and somebody should look.
    pub(crate) fn failure(&self) -> Option<&ports::Error> {
        match self {
            Self::Refused(Refusal::Unavailable(error)) | Self::Unavailable(error) => Some(error),
            _ => None,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::MalformedJson(at) => format!("line {}, column {}: {}", at.line, at.column, at.reason),
            Self::InvalidQuery(errors) => format!("{} of the query, see errors", count(errors, "parameter")),
            Self::IncompleteBody => "The connection ended before the body was complete: send it again.".to_owned(),
            Self::BadRequest(what) => (*what).to_owned(),
            Self::Refused(Refusal::Invalid(errors)) => {
                format!("{} must change, see errors; nothing was stored.", count(errors, "field"))
            }
            Self::Refused(Refusal::Unauthorized) => {
                "The secret is not the one registered for this e-mail address; nothing was stored.".to_owned()
            }
            Self::Refused(Refusal::TooLarge(errors)) => {
                format!("{} too large, see errors; nothing was stored.", count(errors, "field"))
            }
            Self::Refused(Refusal::OverLimit(over)) => format!(
                "The limit {} allows {} in {} s: send it again after the given wait. Nothing was stored.",
                over.policy,
                over.policy.limit,
                over.policy.window.as_secs()
            ),
            Self::Refused(Refusal::Conflict { id }) => format!(
                "This task, round and nonce were accepted as {id} with another body. Send that body again to get its \
                 receipt, or use a new nonce."
            ),
            Self::Refused(Refusal::Unsafe(objection)) => format!(
                "The rule {} of this deployment refuses the brief; nothing was stored. Ask its operator if the rule \
                 is mistaken.",
                objection.rule
            ),
            Self::Refused(Refusal::Unavailable(_)) => {
                "The request could not be stored, so it was not accepted: send it again.".to_owned()
            }
            Self::AdminTokenNeeded(how) => (*how).to_owned(),
            Self::ForeignOrigin => {
                "A browser says that a page of another site asks for this change: use the page of this service, or a \
                 program."
                    .to_owned()
            }
            Self::NotNow(why) => why.clone(),
            Self::NotFound(path) => format!(
                "Nothing is served at {path}. Tasks are taken at POST /build (round 1), POST /revise (later rounds) \
                 and POST /tasks (both), shown at GET /v1/tasks; the documentation is at /docs, the state of the \
                 service at /health."
            ),
            Self::TaskNotFound => "No task was accepted under this id; GET /v1/tasks lists those there are.".to_owned(),
            Self::ScreenshotNotFound => {
                "No browser has taken a picture of this task's page; the report says whether one ran.".to_owned()
            }
            Self::MethodNotAllowed { allow } => format!("This path answers {allow}."),
            Self::NotAcceptable { produced } => {
                format!("This path serves {}, which Accept rules out.", produced.join(" and "))
            }
            Self::BodyTimeout(limit) => {
                format!("The body was not complete within {} s: send it again.", limit.as_secs())
            }
            Self::TooLarge { limit_bytes } => {
                format!("The body is larger than {limit_bytes} bytes; nothing was stored.")
            }
            Self::UriTooLong { limit_bytes } => {
                format!("Path and query together may have {limit_bytes} bytes; no path served here needs more.")
            }
            Self::UnsupportedMediaType(header) => {
                format!("{header} declares something else than plain application/json.")
            }
            Self::Unavailable(_) => "What was asked for could not be read: ask again.".to_owned(),
            Self::Busy => "Too many requests are in flight: send it again after the given wait.".to_owned(),
        }
    }
}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Without its body: `edge` writes that.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl Kind {
    /// The kind for an error that no handler of ours made, by its status.
    pub(crate) fn of_status(status: StatusCode) -> &'static Self {
        match status {
            StatusCode::NOT_FOUND => &NOT_FOUND,
            StatusCode::PAYLOAD_TOO_LARGE => &TOO_LARGE,
            status if status.is_client_error() => &BAD_REQUEST,
            _ => &INTERNAL,
        }
    }

    /// A document of this kind.
    pub(crate) fn problem(&self, detail: String, trace_id: TraceId) -> Problem {
        Problem {
            type_url: format!("/docs/errors#{}", self.code),
            title: self.title.to_owned(),
            status: self.status,
            code: self.code.to_owned(),
            detail,
            trace_id,
            errors: Vec::new(),
            retry_after_ms: None,
        }
    }
}

fn count(errors: &[FieldError], noun: &str) -> String {
    let plural = if errors.len() == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", errors.len())
}

fn retry_after_s(error: &ports::Error) -> u64 {
    match error.verdict() {
        Verdict::RetryAfter(wait) => wait.as_secs().max(1),
        Verdict::RetryWithBackoff | Verdict::GiveUp => RETRY_AFTER_S,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented_and_every_section_is_a_code() {
        let documented: Vec<_> = crate::manual::MARKDOWN.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let codes: Vec<_> = ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(documented, codes);
    }
}
