//! Asks a model to read the checks that no rule reads: one call for all of them, within a time of its
//! own, and only what can be believed of the answer is kept. The rest stays for a judge.

use std::collections::BTreeMap;
use std::time::Duration;

use ports::{Attachment, CompletionRequest, FinishReason, Model};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_types::{Check, Confidence, Oracle};

use super::grounded::is_grounded;
use crate::context::Context;

/// The model's role.
const ALIAS: &str = "check-compiler";

/// Name of the prompt.
const TEMPLATE: &str = "check-compile";

/// Longest wait for it: generating needs the time more.
const LONGEST: Duration = Duration::from_secs(20);

/// Checks in one call; further ones stay for a judge.
const MOST: usize = 40;

/// Gives the checks without a reading one, where a model is configured for it. Says what went wrong,
/// in which case nothing has changed.
pub(crate) async fn read_left_over(
    ctx: &Context,
    checks: &mut [Check],
    attachments: &[Attachment],
    budget: Duration,
) -> Option<String> {
    let model = ctx.ports.model.as_deref().filter(|model| model.serves(ALIAS))?;
    let left: Vec<usize> = (0..)
        .zip(checks.iter())
        .filter(|(_, check)| check.oracle == Oracle::Judge)
        .map(|(at, _)| at)
        .take(MOST)
        .collect();
    if left.is_empty() {
        return None;
    }
    let sources: Vec<&str> = left.iter().filter_map(|at| checks.get(*at)).map(|check| check.source.as_str()).collect();
    let answer = match ask(ctx, model, &sources, attachments, budget.mul_f32(0.6).min(LONGEST)).await {
        Ok(answer) => answer,
        Err(reason) => return Some(format!("{} checks were not read: {reason}", left.len())),
    };
    let Some(readings) = readings(&answer, &sources) else {
        return Some(format!("{} checks were not read: the model's answer is not of the form asked for", left.len()));
    };
    for (number, (oracle, confidence)) in readings {
        if let Some(check) = left.get(number).and_then(|at| checks.get_mut(*at)) {
            (check.oracle, check.confidence) = (oracle, confidence);
        }
    }
    None
}

async fn ask(
    ctx: &Context,
    model: &dyn Model,
    sources: &[&str],
    attachments: &[Attachment],
    limit: Duration,
) -> Result<String, String> {
    let request = CompletionRequest {
        alias: ALIAS.to_owned(),
        template: TEMPLATE.to_owned(),
        values: json!({
            "checks": sources,
            "attachments": attachments.iter().map(|attachment| &attachment.path).collect::<Vec<_>>(),
            "boundary": ctx.ports.ids.boundary(),
        }),
        timeout: limit,
        task: ctx.task.id,
        trace_id: ctx.task.trace_id.clone(),
    };
    match tokio::time::timeout(limit, model.complete(request)).await {
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
        Ok(Err(error)) => Err(ctx.explain(&error)),
        Ok(Ok(completion)) if completion.finish == FinishReason::Truncated => Err("the answer was cut".to_owned()),
        Ok(Ok(completion)) => Ok(completion.text),
    }
}

/// One item of the answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    /// From 1.
    check: usize,
    confidence: Confidence,
    oracle: Value,
}

/// The readings to believe, by the check's place in `sources`. None when the answer as a whole is not
/// what was asked for; an item that cannot be believed is left out.
fn readings(answer: &str, sources: &[&str]) -> Option<BTreeMap<usize, (Oracle, Confidence)>> {
    let items: Vec<Item> = serde_json::from_str(unfenced(answer)).ok()?;
    let mut readings: BTreeMap<usize, Option<(Oracle, Confidence)>> = BTreeMap::new();
    for item in items {
        let Some(place) = item.check.checked_sub(1) else { continue };
        let Some(source) = sources.get(place) else { continue };
        // A model is never certain, and two readings of one check are none.
        let reading = oracle(&item.oracle).filter(|oracle| is_grounded(oracle, source));
        let reading = reading.map(|oracle| (oracle, item.confidence.min(Confidence::Likely)));
        readings.entry(place).and_modify(|known| *known = None).or_insert(reading);
    }
    Some(readings.into_iter().filter_map(|(place, reading)| Some((place, reading?))).collect())
}

/// The oracle that `value` is, when every field of it is one that the oracle has.
fn oracle(value: &Value) -> Option<Oracle> {
    let oracle: Oracle = serde_json::from_value(value.clone()).ok()?;
    let back = serde_json::to_value(&oracle).ok()?;
    covers(&back, value).then_some(oracle)
}

/// Whether all that `part` says is in `whole`.
fn covers(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, value)| value.is_null() || whole.get(name).is_some_and(|known| covers(known, value))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| covers(whole, part))
        }
        _ => whole == part,
    }
}

/// Models put fences around JSON however they are asked not to.
pub(crate) fn unfenced(answer: &str) -> &str {
    let answer = answer.trim();
    let inside = answer.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inside.map_or(answer, |inside| inside.strip_prefix("json").unwrap_or(inside)).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: [&str; 2] = ["A figure named total is on the page", "about.md is reachable for everybody"];

    fn check(answer: &str, expected: &[(usize, &str)]) {
        let kinds: Option<Vec<(usize, String)>> = readings(answer, &SOURCES).map(|readings| {
            let kind = |oracle: &Oracle| serde_json::to_value(oracle).unwrap()["kind"].as_str().unwrap().to_owned();
            readings.iter().map(|(place, (oracle, sure))| (*place, format!("{} {sure:?}", kind(oracle)))).collect()
        });
        let expected: Vec<(usize, String)> =
            expected.iter().map(|(place, kind)| (*place, (*kind).to_owned())).collect();
        assert_eq!(kinds.unwrap_or_default(), expected, "{answer}");
    }

    fn item(number: usize, oracle: &str) -> String {
        format!(r#"{{"check": {number}, "confidence": "certain", "oracle": {oracle}}}"#)
    }

    const TOTAL: &str = r#"{"kind": "elements", "elements": [{"id": "total"}], "presence": "present"}"#;
    const ABOUT: &str = r#"{"kind": "files_served", "paths": ["about.md"]}"#;

    #[test]
    fn readings_that_can_be_believed() {
        check(
            &format!("[{}, {}]", item(1, TOTAL), item(2, ABOUT)),
            &[(0, "elements Likely"), (1, "files_served Likely")],
        );
        check(&format!("```json\n[{}]\n```", item(2, ABOUT)), &[(1, "files_served Likely")]);
        check("[]", &[]);
    }

    #[test]
    fn readings_that_cannot() {
        for answer in [
            "I would read the first check as an element.".to_owned(),
            String::new(),
            "{}".to_owned(),
            format!("Here you are: [{}]", item(1, TOTAL)),
            format!(r#"[{{"check": 1, "oracle": {TOTAL}}}]"#),
            format!(r#"[{{"check": 1, "confidence": "certain", "oracle": {TOTAL}, "why": "x"}}]"#),
            format!("[{}]", item(0, TOTAL)),
            format!("[{}]", item(3, TOTAL)),
            format!("[{}]", item(1, ABOUT)),
            format!("[{}, {}]", item(1, TOTAL), item(1, TOTAL)),
            format!("[{}]", item(1, r#"{"kind": "judge"}"#)),
            format!("[{}]", item(1, r#"{"kind": "smell", "of": "total"}"#)),
            format!(
                "[{}]",
                item(
                    1,
                    r#"{"kind": "elements", "elements": [{"id": "total", "colour": "page"}], "presence": "present"}"#
                )
            ),
            format!("[{}]", item(1, r#"{"kind": "java_script", "expression": "total"}"#)),
            format!("[{}]", item(1, r#"{"kind": "files_exist", "paths": ["../page"]}"#)),
        ] {
            check(&answer, &[]);
        }
    }
}
