//! Reads a request field by field, so that one answer names every field that failed.
//!
//! Pure: a JSON value in, a [`Valid`] request or the whole list of failures out. Messages say what
//! was expected and what came, and never quote the secret (see [`super::failures`]).

use std::str::FromStr;

use ports::{Refusal, Route, SecretSearch};
use secrecy::SecretString;
use serde_json::{Map, Value};
use shared_types::http::CheckBody;
use shared_types::{Email, InvalidText, Nonce, Round, TaskName};
use url::Url;

use super::attachments::{self, File};
use super::bounds::Limits;
use super::failures::{Came, Failures, Pointer, count};
use super::screen;

/// A URL longer than this is nonsense or an attack.
const URL_MAX: usize = 2048;

/// A longer secret is nobody's: class files hold none.
const SECRET_MAX: usize = 1024;

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

/// Whether a message may show the text that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Shown,
    Never,
}

/// What a request is held against.
pub(super) struct Rules<'a> {
    pub(super) limits: &'a Limits,
    /// Whether `evaluation_url` may be plain http.
    pub(super) allow_http_evaluators: bool,
    /// Why an `evaluation_url` would never be called.
    pub(super) refuses: &'a dyn Fn(&Url) -> Option<String>,
    /// Looks for the request's own secret.
    pub(super) search_for: &'a dyn Fn(&SecretString) -> Box<dyn SecretSearch>,
}

/// The request in `body`, or why it is not one.
pub(super) fn request(route: Route, body: &Value, rules: &Rules<'_>) -> Result<Valid, Refusal> {
    let mut failures = Failures::of(body);
    let Some(fields) = body.as_object() else {
        failures.invalid(Pointer::root(), format_args!("expected an object, got {}", Came(Some(body))));
        return Err(failures.refusal());
    };
    let failed = &mut failures;
    let email = parsed::<Email>(fields, "email", Quote::Never, failed);
    let secret = secret(fields, failed);
    let task = parsed::<TaskName>(fields, "task", Quote::Shown, failed);
    let round = round(fields, route, failed);
    let nonce = parsed::<Nonce>(fields, "nonce", Quote::Shown, failed);
    let brief = brief(fields, rules.limits, failed);
    let checks = checks(fields, rules.limits, failed);
    let evaluation_url = evaluation_url(fields, rules, failed);
    let attachments = attachments::read(fields.get("attachments"), rules.limits, failed);
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
        ) => {
            let search = (rules.search_for)(&secret);
            let valid = Valid { email, secret, task, round, nonce, brief, checks, evaluation_url, attachments };
            screen::own_secret(valid, &*search, failures)
        }
        _ => Err(failures.refusal()),
    }
}

fn at(name: &str) -> Pointer {
    Pointer::root().member(name)
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str, failures: &mut Failures<'_>) -> Option<&'a str> {
    match fields.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
        other => {
            failures.invalid(at(name), format_args!("expected a text, got {}", Came(other)));
            None
        }
    }
}

fn secret(fields: &Map<String, Value>, failures: &mut Failures<'_>) -> Option<SecretString> {
    let secret = text(fields, "secret", failures)?;
    if secret.len() > SECRET_MAX {
        failures.too_large(at("secret"), format_args!("expected at most {}", count(SECRET_MAX, "byte")));
        return None;
    }
    Some(SecretString::from(secret.to_owned()))
}

fn parsed<T: FromStr<Err = InvalidText>>(
    fields: &Map<String, Value>,
    name: &str,
    quote: Quote,
    failures: &mut Failures<'_>,
) -> Option<T> {
    let text = text(fields, name, failures)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(fault) => {
            let quoted = if quote == Quote::Shown { failures.quote(text) } else { String::new() };
            failures.invalid(at(name), format_args!("{fault}{quoted}"));
            None
        }
    }
}

fn round(fields: &Map<String, Value>, route: Route, failures: &mut Failures<'_>) -> Option<Round> {
    let wanted = match route {
        Route::Build => "the integer 1 (later rounds go to /revise or /tasks)",
        Route::Revise => "an integer from 2 to 99 (round 1 goes to /build or /tasks)",
        Route::Tasks => "an integer from 1 to 99",
    };
    let value = fields.get("round");
    let fits = |round: &Round| match route {
        Route::Build => round.is_first(),
        Route::Revise => !round.is_first(),
        Route::Tasks => true,
    };
    let round = value.and_then(integer).and_then(|n| Round::try_from(n).ok()).filter(fits);
    if round.is_none() {
        let got = match value {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => format!("a text{}", failures.quote(text)),
            other => Came(other).to_string(),
        };
        failures.invalid(at("round"), format_args!("expected {wanted}, got {got}"));
    }
    round
}

/// `1`, and also `1.0` and `1e0`: JSON has one kind of number, and these are the same one.
fn integer(value: &Value) -> Option<u32> {
    if let Some(n) = value.as_u64() {
        return u32::try_from(n).ok();
    }
    let n = value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=f64::from(Round::MAX)).contains(n))?;
    (0..=Round::MAX).find(|whole| f64::from(*whole) == n)
}

fn brief(fields: &Map<String, Value>, limits: &Limits, failures: &mut Failures<'_>) -> Option<String> {
    let brief = text(fields, "brief", failures)?;
    if brief.len() > limits.brief_bytes {
        failures.too_large(at("brief"), at_most(limits.brief_bytes, brief.len()));
        return None;
    }
    Some(brief.to_owned())
}

fn at_most(limit: usize, came: usize) -> String {
    format!("expected at most {}, got {came}", count(limit, "byte"))
}

/// Requirement C-031: absent, not a list and empty are failures.
fn checks(fields: &Map<String, Value>, limits: &Limits, failures: &mut Failures<'_>) -> Option<Vec<CheckBody>> {
    let items = match fields.get("checks") {
        Some(Value::Array(items)) if !items.is_empty() => items,
        other => {
            failures.invalid(at("checks"), format_args!("expected a list of at least one check, got {}", Came(other)));
            return None;
        }
    };
    if items.len() > limits.checks {
        let detail = format!("expected at most {}, got {}", count(limits.checks, "check"), items.len());
        failures.invalid(at("checks"), detail);
        return None;
    }
    let read: Vec<_> = items.iter().enumerate().map(|(index, item)| check(index, item, limits, failures)).collect();
    read.into_iter().collect()
}

/// One check in any of its four shapes; the three that are texts are told apart later.
fn check(index: usize, item: &Value, limits: &Limits, failures: &mut Failures<'_>) -> Option<CheckBody> {
    const WANTED: &str = "expected a text that is not empty or an object {\"js\": \"<expression>\"}";
    let item_at = at("checks").item(index);
    let (pointer, text) = match item {
        Value::String(text) => (item_at, text),
        Value::Object(members) => match members.get("js") {
            Some(Value::String(text)) => (item_at.member("js"), text),
            Some(other) => {
                let detail = format!("expected a text that is an expression, got {}", Came(Some(other)));
                failures.invalid(item_at.member("js"), detail);
                return None;
            }
            None => {
                failures.invalid(item_at, format_args!("{WANTED}, got an object without the member \"js\""));
                return None;
            }
        },
        other => {
            failures.invalid(item_at, format_args!("{WANTED}, got {}", Came(Some(other))));
            return None;
        }
    };
    if text.len() > limits.check_bytes {
        failures.too_large(pointer, at_most(limits.check_bytes, text.len()));
        return None;
    }
    if !says_something(text) {
        failures.invalid(pointer, format_args!("{WANTED}, got one without content"));
        return None;
    }
    Some(match item {
        Value::String(_) => CheckBody::Text(text.clone()),
        _ => CheckBody::JavaScript { js: text.clone() },
    })
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

/// Requirement C-029. The address may hold a token of the issuer's, so no message quotes it.
fn evaluation_url(fields: &Map<String, Value>, rules: &Rules<'_>, failures: &mut Failures<'_>) -> Option<Url> {
    let allow_http = rules.allow_http_evaluators;
    let wanted = if allow_http { "an http or https URL" } else { "an https URL" };
    let text = text(fields, "evaluation_url", failures)?;
    if text.len() > URL_MAX {
        failures.too_large(at("evaluation_url"), at_most(URL_MAX, text.len()));
        return None;
    }
    let fault = match Url::parse(text.trim()) {
        Err(why) => format!("a text of {} that is none ({why})", count(text.chars().count(), "character")),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("a URL with {}", failures.scheme(url.scheme(), text))
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "a URL with credentials".to_owned(),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => "a URL without a host".to_owned(),
        Ok(url) if url.scheme() == "http" && !allow_http => "a URL with the scheme http".to_owned(),
        Ok(url) => match (rules.refuses)(&url) {
            None => return Some(url),
            Some(why) => format!("one that is never called: {why}"),
        },
    };
    failures.invalid(at("evaluation_url"), format_args!("expected {wanted}, got {fault}"));
    None
}
