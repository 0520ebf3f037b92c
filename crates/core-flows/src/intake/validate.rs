//! Reads a request field by field, so that one answer names every field that failed.
//!
//! Pure: a JSON value in, a [`Valid`] request or the whole list of failures out. Messages say what
//! was expected and what came, and never quote the secret.

use std::fmt::Display;
use std::str::FromStr;

use ports::{Refusal, Route};
use secrecy::SecretString;
use serde_json::{Map, Value};
use shared_types::http::CheckBody;
use shared_types::{Email, Nonce, Round, TaskName};
use url::Url;

use super::Options;
use super::attachments::{self, File};
use super::bounds::Limits;
use super::failures::{Failures, kind};

/// A URL longer than this is nonsense or an attack.
const URL_MAX: usize = 2048;

/// A sound request.
#[derive(Debug)]
pub(super) struct Valid {
    pub(super) email: Email,
    pub(super) secret: SecretString,
    pub(super) task: TaskName,
    pub(super) round: Round,
    pub(super) nonce: Nonce,
    pub(super) brief: String,
    pub(super) checks: Vec<CheckBody>,
    pub(super) evaluation_url: Url,
    pub(super) attachments: Vec<File>,
}

/// The request in `body`, or why it is not one.
pub(super) fn request(route: Route, body: &Value, options: &Options) -> Result<Valid, Refusal> {
    let mut failures = Failures::default();
    let Some(fields) = body.as_object() else {
        failures.invalid("", format_args!("expected an object, got {}", kind(body)));
        return Err(failures.refusal());
    };
    let failed = &mut failures;
    let email = parsed::<Email>(fields, "email", failed);
    let secret = text(fields, "secret", failed).map(|secret| SecretString::from(secret.to_owned()));
    let task = parsed::<TaskName>(fields, "task", failed);
    let round = round(fields, route, failed);
    let nonce = parsed::<Nonce>(fields, "nonce", failed);
    let brief = brief(fields, &options.limits, failed);
    let checks = checks(fields, &options.limits, failed);
    let evaluation_url = evaluation_url(fields, options.allow_http_evaluators, failed);
    let attachments = attachments::read(fields.get("attachments"), &options.limits, failed);
    match (email, secret, task, round, nonce, brief, checks, evaluation_url, attachments) {
        (
            Some(email),
            Some(secret),
            Some(task),
            Some(round),
            Some(nonce),
            Some(brief),
            Some(checks),
            Some(evaluation_url),
            Some(attachments),
        ) => Ok(Valid { email, secret, task, round, nonce, brief, checks, evaluation_url, attachments }),
        _ => Err(failures.refusal()),
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str, failures: &mut Failures) -> Option<&'a str> {
    match fields.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
        Some(other) => {
            failures.invalid(format_args!("/{name}"), format_args!("expected a text, got {}", kind(other)));
            None
        }
        None => {
            failures.invalid(format_args!("/{name}"), "expected a text, but the field is missing");
            None
        }
    }
}

fn parsed<T: FromStr<Err: Display>>(fields: &Map<String, Value>, name: &str, failures: &mut Failures) -> Option<T> {
    match text(fields, name, failures)?.parse() {
        Ok(value) => Some(value),
        Err(expected) => {
            failures.invalid(format_args!("/{name}"), format_args!("expected {expected}, got another text"));
            None
        }
    }
}

fn round(fields: &Map<String, Value>, route: Route, failures: &mut Failures) -> Option<Round> {
    let wanted = match route {
        Route::Build => "the integer 1 (later rounds go to /revise or /tasks)",
        Route::Revise => "an integer from 2 to 99 (round 1 goes to /build or /tasks)",
        Route::Tasks => "an integer from 1 to 99",
    };
    let Some(value) = fields.get("round") else {
        failures.invalid("/round", format_args!("expected {wanted}, but the field is missing"));
        return None;
    };
    let round = value.as_u64().and_then(|n| u32::try_from(n).ok()).and_then(|n| Round::try_from(n).ok());
    let fits = |round: &Round| match route {
        Route::Build => round.is_first(),
        Route::Revise => !round.is_first(),
        Route::Tasks => true,
    };
    let round = round.filter(fits);
    if round.is_none() {
        let got = if value.is_number() { value.to_string() } else { kind(value).to_owned() };
        failures.invalid("/round", format_args!("expected {wanted}, got {got}"));
    }
    round
}

fn brief(fields: &Map<String, Value>, limits: &Limits, failures: &mut Failures) -> Option<String> {
    let brief = text(fields, "brief", failures)?;
    if brief.len() > limits.brief_bytes {
        failures.too_large("/brief", limits.brief_bytes, "bytes");
        return None;
    }
    Some(brief.to_owned())
}

/// Requirement C-031: absent, not a list and empty are failures.
fn checks(fields: &Map<String, Value>, limits: &Limits, failures: &mut Failures) -> Option<Vec<CheckBody>> {
    const WANTED: &str = "a list of at least one check";
    let items = match fields.get("checks") {
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(Value::Array(_)) => {
            failures.invalid("/checks", format_args!("expected {WANTED}, got an empty list"));
            return None;
        }
        Some(other) => {
            failures.invalid("/checks", format_args!("expected {WANTED}, got {}", kind(other)));
            return None;
        }
        None => {
            failures.invalid("/checks", format_args!("expected {WANTED}, but the field is missing"));
            return None;
        }
    };
    if items.len() > limits.checks {
        failures.invalid("/checks", format_args!("expected at most {} checks, got {}", limits.checks, items.len()));
        return None;
    }
    let read: Vec<_> = items.iter().enumerate().map(|(index, item)| check(index, item, limits, failures)).collect();
    read.into_iter().collect()
}

fn check(index: usize, item: &Value, limits: &Limits, failures: &mut Failures) -> Option<CheckBody> {
    let (pointer, text) = match item {
        Value::String(text) => (format!("/checks/{index}"), Some(text)),
        Value::Object(object) => match object.get("js") {
            Some(Value::String(text)) => (format!("/checks/{index}/js"), Some(text)),
            _ => (format!("/checks/{index}"), None),
        },
        _ => (format!("/checks/{index}"), None),
    };
    match text {
        Some(text) if text.len() > limits.check_bytes => {
            failures.too_large(pointer, limits.check_bytes, "bytes");
            None
        }
        Some(text) if says_something(text) => Some(match item {
            Value::String(_) => CheckBody::Text(text.clone()),
            _ => CheckBody::JavaScript { js: text.clone() },
        }),
        _ => {
            let expected = "expected a text that is not empty or an object {\"js\": \"<expression>\"}";
            failures.invalid(
                pointer,
                format_args!("{expected}, got {}", if text.is_some() { "one without content" } else { kind(item) }),
            );
            None
        }
    }
}

/// Whether anything is left of a check without blanks and its `js:`.
fn says_something(check: &str) -> bool {
    let check = check.trim();
    let code = match check.split_once(':') {
        Some((prefix, code)) if prefix.trim().eq_ignore_ascii_case("js") => code,
        _ => check,
    };
    !code.trim().is_empty()
}

/// Requirement C-029.
fn evaluation_url(fields: &Map<String, Value>, allow_http: bool, failures: &mut Failures) -> Option<Url> {
    let wanted = if allow_http { "an http or https URL" } else { "an https URL" };
    let text = text(fields, "evaluation_url", failures)?;
    if text.len() > URL_MAX {
        failures.too_large("/evaluation_url", URL_MAX, "bytes");
        return None;
    }
    let fault = match Url::parse(text.trim()) {
        Err(_) => "a text that is no URL".to_owned(),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "a URL with credentials".to_owned(),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => "a URL without a host".to_owned(),
        Ok(url) if url.scheme() == "https" || (allow_http && url.scheme() == "http") => return Some(url),
        Ok(url) => format!("a URL with the scheme {}", url.scheme()),
    };
    failures.invalid("/evaluation_url", format_args!("expected {wanted}, got {fault}"));
    None
}
