//! Problem documents (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::TraceId;

/// An error answer, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where this kind of problem is described.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#invalid_request")]
    pub type_url: String,
    /// The kind in words.
    #[schema(example = "The request is not valid")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// The kind as a word that never changes.
    #[schema(example = "invalid_request")]
    pub code: String,
    /// What happened here, and what to do next.
    pub detail: String,
    /// Trace id of the request.
    pub trace_id: TraceId,
    /// Every field that failed, for `invalid_request`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<FieldError>,
    /// Milliseconds until the same request may succeed, for `over_limit`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(example = 1_234_567)]
    pub retry_after_ms: Option<u64>,
}

/// One field that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field.
    #[schema(example = "/attachments/0/url")]
    pub pointer: String,
    /// What was expected and what came; never the secret.
    #[schema(example = "expected a data URI, got a URL with the scheme https")]
    pub detail: String,
}
