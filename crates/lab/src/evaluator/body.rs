//! The seven fields, read strictly.

use serde_json::{Map, Value};
use shared_types::http::Notification;
use url::Url;

const TEXTS: [&str; 6] = ["email", "task", "nonce", "repo_url", "commit_sha", "pages_url"];
const ROUND: &str = "round";
const LINKS: [&str; 2] = ["repo_url", "pages_url"];

/// Reads a notification: JSON by its media type, an object of exactly the seven fields, each of
/// its type and form.
///
/// # Errors
/// Every reason why it is not one, each a sentence that names the field.
pub fn read_notification(content_type: Option<&str>, body: &[u8]) -> Result<Notification, Vec<String>> {
    let mut reasons = Vec::new();
    if !content_type.is_some_and(is_json) {
        reasons.push(format!("content-type: expected application/json, got {}", content_type.unwrap_or("nothing")));
    }
    let fields = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => {
            reasons.push(format!("body: expected an object, got {}", kind(&other)));
            return Err(reasons);
        }
        Err(error) => {
            reasons.push(format!("body: not JSON: {error}"));
            return Err(reasons);
        }
    };
    reasons.extend(shape(&fields));
    if !reasons.is_empty() {
        return Err(reasons);
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| vec![format!("body: {error}")])
}

fn shape(fields: &Map<String, Value>) -> Vec<String> {
    let known = |name: &str| TEXTS.contains(&name) || name == ROUND;
    let mut reasons: Vec<String> =
        fields.keys().filter(|name| !known(name)).map(|name| format!("{name}: no such field")).collect();
    for name in TEXTS {
        match fields.get(name) {
            None => reasons.push(format!("{name}: missing")),
            Some(Value::String(text)) if LINKS.contains(&name) => reasons.extend(link(name, text)),
            Some(Value::String(_)) => {}
            Some(other) => reasons.push(format!("{name}: expected a string, got {}", kind(other))),
        }
    }
    match fields.get(ROUND) {
        None => reasons.push(format!("{ROUND}: missing")),
        Some(round) if round.is_u64() => {}
        Some(other) => reasons.push(format!("{ROUND}: expected an integer, got {}", kind(other))),
    }
    reasons
}

fn link(name: &str, text: &str) -> Option<String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => None,
        Ok(url) => Some(format!("{name}: expected an http or https URL, got the scheme {}", url.scheme())),
        Err(error) => Some(format!("{name}: expected a URL: {error}")),
    }
}

fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn right() -> Value {
        json!({
            "email": "student@example.com", "task": "sales-7f3a9", "round": 1, "nonce": "n-1",
            "repo_url": "https://example.com/o/r", "commit_sha": "a".repeat(40), "pages_url": "https://o.example.io/r/",
        })
    }

    /// The right body with `field` replaced, or taken out when `value` is absent.
    fn check(field: &str, value: Option<Value>, reasons: &[&str]) {
        let mut body = right();
        let fields = body.as_object_mut().unwrap();
        match value {
            Some(value) => fields.insert(field.to_owned(), value),
            None => fields.remove(field),
        };
        let read = read_notification(Some("application/json; charset=utf-8"), body.to_string().as_bytes());
        let found = read.err().unwrap_or_default();
        assert_eq!(found, reasons, "{field}");
    }

    #[test]
    fn seven_fields_of_the_right_types_and_nothing_else() {
        check("round", Some(json!(3)), &[]);
        check("nonce", None, &["nonce: missing"]);
        check("round", None, &["round: missing"]);
        check("secret", Some(json!("x")), &["secret: no such field"]);
        check("round", Some(json!("1")), &["round: expected an integer, got a string"]);
        check("round", Some(json!(1.5)), &["round: expected an integer, got a number"]);
        check("round", Some(json!(0)), &["body: expected an integer from 1 to 99, got another one"]);
        check("email", Some(json!(null)), &["email: expected a string, got null"]);
        check(
            "pages_url",
            Some(json!("file:///x")),
            &["pages_url: expected an http or https URL, got the scheme file"],
        );
        check("repo_url", Some(json!("o/r")), &["repo_url: expected a URL: relative URL without a base"]);
        check("commit_sha", Some(json!("main")), &["body: not a commit id (40 hexadecimal digits)"]);
    }

    #[test]
    fn it_is_json_and_says_so() {
        let body = right().to_string();
        assert_eq!(
            read_notification(Some("text/plain"), body.as_bytes()).unwrap_err(),
            ["content-type: expected application/json, got text/plain"]
        );
        assert_eq!(
            read_notification(None, b"[]").unwrap_err(),
            ["content-type: expected application/json, got nothing", "body: expected an object, got an array",]
        );
        assert!(read_notification(Some("application/json"), b"{\xff").is_err());
    }
}
