//! One expression in the page, as a grader evaluates it: in the main world, awaiting a promise.

use std::time::{Duration, Instant};

use chromiumoxide::Page;
use chromiumoxide::cdp::js_protocol::runtime::{
    CallFunctionOnParams, EvaluateParams, RemoteObject, RemoteObjectSubtype, RemoteObjectType, TimeDelta,
};
use chromiumoxide::error::CdpError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::question::Question;
use super::recorder::exception;
use crate::decide;
use crate::text::brief;

/// What a page that is alive needs for `1`, on a crowded machine.
const PULSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest evidence, in characters.
pub(super) const EVIDENCE_CHARS: usize = 500;

/// Of a failed comparison, this much of the left side is shown, in characters.
const SUBJECT_CHARS: usize = 200;

/// How an expression came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Truthy.
    pub passed: bool,
    /// Exactly `true`.
    pub strict: bool,
    /// A short value, or what was thrown.
    pub evidence: String,
}

impl Outcome {
    pub(crate) fn failed(evidence: impl AsRef<str>) -> Self {
        Self::told(false, evidence)
    }

    /// One over which the strictest are of the same mind.
    pub(crate) fn told(passed: bool, evidence: impl AsRef<str>) -> Self {
        Self { passed, strict: passed, evidence: brief(evidence.as_ref(), EVIDENCE_CHARS) }
    }
}

/// The page does not answer any more.
#[derive(Debug)]
pub(super) struct Hung;

/// Evaluates one expression, which may take `limit` with its promise. An exception is an outcome;
/// silence of the page is not.
pub(super) async fn evaluate(
    page: &Page,
    Question { runnable, oracle }: &Question,
    limit: Duration,
) -> Result<Outcome, Hung> {
    let outcome = match (ask(page, &runnable.source, limit).await, oracle) {
        (Answer::Value(value), Some(oracle)) => decide::weigh(oracle, &told(&value)),
        (Answer::Value(value), None) => weigh(page, &value).await,
        (Answer::Threw(text), _) => Outcome::failed(text),
        (Answer::Late, _) => {
            pulse(page).await?;
            Outcome::failed(format!("timed out after {} s", limit.as_secs()))
        }
    };
    match &runnable.subject {
        Some(subject) if !outcome.passed && !runnable.acts => Ok(explain(page, outcome, subject).await),
        _ => Ok(outcome),
    }
}

enum Answer {
    Value(Box<RemoteObject>),
    Threw(String),
    Late,
}

async fn ask(page: &Page, expression: &str, limit: Duration) -> Answer {
    let mut params = EvaluateParams::new(expression);
    params.await_promise = Some(true);
    params.user_gesture = Some(true);
    params.timeout = Some(TimeDelta::new(limit.as_secs_f64() * 1000.0));
    let began = Instant::now();
    match timeout(limit + Duration::from_millis(500), page.execute(params)).await {
        Err(_) | Ok(Err(CdpError::Timeout)) => Answer::Late,
        // The browser calls an expression that it stopped for its length an internal error.
        Ok(Err(_)) if began.elapsed() >= limit => Answer::Late,
        Ok(Err(error)) => Answer::Threw(error.to_string()),
        Ok(Ok(answer)) => match answer.result.exception_details {
            Some(details) => Answer::Threw(exception(&details)),
            None => Answer::Value(Box::new(answer.result.result)),
        },
    }
}

async fn pulse(page: &Page) -> Result<(), Hung> {
    match ask(page, "1", PULSE_TIMEOUT).await {
        Answer::Late => Err(Hung),
        _ => Ok(()),
    }
}

/// What one of our own expressions, or its promise, gives as JSON; none when it does not in time.
pub(super) async fn tell<T: DeserializeOwned>(page: &Page, expression: &str, limit: Duration) -> Option<T> {
    match ask(page, expression, limit).await {
        Answer::Value(value) => serde_json::from_value(told(&value)).ok(),
        Answer::Threw(_) | Answer::Late => None,
    }
}

/// The JSON that one of our own expressions gives; null for any other value.
fn told(value: &RemoteObject) -> Value {
    let text = value.value.as_ref().and_then(Value::as_str);
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

async fn weigh(page: &Page, value: &RemoteObject) -> Outcome {
    let passed = is_truthy(value);
    let strict = value.value == Some(Value::Bool(true));
    Outcome { passed, strict, evidence: brief(&describe(page, value).await, EVIDENCE_CHARS) }
}

/// Adds what the left side of a failed comparison is: `false` alone helps nobody to repair.
async fn explain(page: &Page, outcome: Outcome, subject: &str) -> Outcome {
    let Answer::Value(value) = ask(page, subject, PULSE_TIMEOUT).await else { return outcome };
    let seen = brief(&describe(page, &value).await, SUBJECT_CHARS);
    Outcome::failed(format!("{}: {} is {seen}", outcome.evidence, brief(subject, SUBJECT_CHARS)))
}

/// Truth as JavaScript sees it.
fn is_truthy(value: &RemoteObject) -> bool {
    let unserializable = value.unserializable_value.as_ref().map(AsRef::<str>::as_ref);
    match (&value.r#type, &value.value) {
        (RemoteObjectType::Undefined, _) => false,
        (RemoteObjectType::Object, _) => value.subtype != Some(RemoteObjectSubtype::Null),
        (_, Some(Value::Bool(truth))) => *truth,
        (_, Some(Value::String(text))) => !text.is_empty(),
        (_, Some(Value::Number(number))) => number.as_f64().is_some_and(|number| number != 0.0),
        _ => !matches!(unserializable, Some("NaN" | "-0" | "0n")),
    }
}

/// A value as short JSON where it has any, else as the console names it.
async fn describe(page: &Page, value: &RemoteObject) -> String {
    const SHORT: &str =
        "function() { return this instanceof Node ? (this.outerHTML || this.nodeName) : JSON.stringify(this) }";
    if let Some(simple) = &value.value {
        return simple.to_string();
    }
    if value.subtype == Some(RemoteObjectSubtype::Null) {
        return "null".to_owned();
    }
    let name = value.description.clone().unwrap_or_else(|| "undefined".to_owned());
    let Some(id) = value.object_id.clone().filter(|_| value.r#type == RemoteObjectType::Object) else { return name };
    let mut call = CallFunctionOnParams::new(SHORT);
    call.object_id = Some(id);
    call.return_by_value = Some(true);
    match timeout(PULSE_TIMEOUT, page.execute(call)).await {
        Ok(Ok(answer)) => answer.result.result.value.as_ref().and_then(Value::as_str).map_or(name, ToOwned::to_owned),
        _ => name,
    }
}
