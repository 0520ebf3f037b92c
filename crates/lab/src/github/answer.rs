//! One request as the routes see it and one answer as they give it: plain data, no HTTP library.
//!
//! Refusals have GitHub's error body: `message`, `documentation_url`, `status` and, where GitHub
//! says more, `errors`.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A request after the gate: counted, without faults, its sender known.
#[derive(Debug)]
pub(super) struct Call {
    /// Upper case.
    pub(super) method: String,
    /// Percent-encoded, begins with `/`.
    pub(super) path: String,
    /// What follows `?`, encoded.
    pub(super) query: String,
    /// The `Accept` header, or nothing.
    pub(super) accept: String,
    /// The whole body.
    pub(super) body: Bytes,
    /// When it came.
    pub(super) now: OffsetDateTime,
}

/// What a route answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Empty,
    Json(Value),
    /// Bytes and their content type.
    Raw(Bytes, &'static str),
}

/// Why a route refuses; becomes an [`Answer`] once the route's documentation page is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    status: u16,
    message: String,
    errors: Vec<Value>,
}

/// What every route returns.
pub(super) type Outcome = Result<Answer, Refusal>;

impl Call {
    /// The path's segments, percent-decoded.
    pub(super) fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// The first value of a query parameter.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body as `T`; GitHub's 400 for what is no JSON object, its 422 for a wrong shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let value: Value =
            serde_json::from_slice(&self.body).map_err(|_| Refusal::new(400, "Problems parsing JSON"))?;
        if !value.is_object() {
            return Err(Refusal::new(400, "Body should be a JSON object"));
        }
        serde_json::from_value(value).map_err(|error| Refusal::invalid(&shape_fault(&error.to_string())))
    }
}

/// GitHub words a missing field in its own way.
fn shape_fault(detail: &str) -> String {
    match detail.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        Some(field) => format!("\"{field}\" wasn't supplied."),
        None => detail.to_owned(),
    }
}

impl Answer {
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    pub(super) fn raw(status: u16, bytes: impl Into<Bytes>, content_type: &'static str) -> Self {
        Self { status, headers: Vec::new(), body: Body::Raw(bytes.into(), content_type) }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new() }
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// 409: what every git data route answers while a repository has no commit.
    pub(super) fn empty_repository() -> Self {
        Self::new(409, "Git Repository is empty.")
    }

    /// 422 for a body that the route cannot take.
    pub(super) fn invalid(detail: &str) -> Self {
        Self::new(422, format!("Invalid request.\n\n{detail}"))
    }

    /// 422 with one entry in `errors`.
    pub(super) fn validation(message: &str, error: Value) -> Self {
        Self { status: 422, message: message.to_owned(), errors: vec![error] }
    }

    /// As the caller sees it; `docs` is the route's page below `docs.github.com/rest`.
    pub(super) fn into_answer(self, docs: &str) -> Answer {
        let mut body = json!({ "message": self.message });
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors);
        }
        let separator = if docs.is_empty() { "" } else { "/" };
        body["documentation_url"] = json!(format!("https://docs.github.com/rest{separator}{docs}"));
        body["status"] = json!(self.status.to_string());
        Answer::json(self.status, body)
    }
}
