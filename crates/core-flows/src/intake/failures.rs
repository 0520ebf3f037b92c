//! What is wrong with a request, all of it, in words that never quote a secret.

use std::fmt::Display;

use ports::Refusal;
use serde_json::Value;
use shared_types::http::FieldError;

/// Failures found so far.
#[derive(Debug, Default)]
pub(super) struct Failures {
    invalid: Vec<FieldError>,
    too_large: Vec<FieldError>,
}

impl Failures {
    pub(super) fn invalid(&mut self, pointer: impl Display, detail: impl Display) {
        self.invalid.push(FieldError { pointer: pointer.to_string(), detail: detail.to_string() });
    }

    pub(super) fn too_large(&mut self, pointer: impl Display, limit: usize, unit: &str) {
        let detail = format!("more than the limit of {limit} {unit}");
        self.too_large.push(FieldError { pointer: pointer.to_string(), detail });
    }

    /// 413 when sizes are all that failed, else 400 with everything.
    pub(super) fn refusal(mut self) -> Refusal {
        if self.invalid.is_empty() {
            return Refusal::TooLarge(self.too_large);
        }
        self.invalid.append(&mut self.too_large);
        Refusal::Invalid(self.invalid)
    }
}

/// What a value is, for messages: never its content.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(text) if text.trim().is_empty() => "an empty text",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
