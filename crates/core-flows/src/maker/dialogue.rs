//! The talk with a model that ends in files: one question; at most two continuations of an answer that
//! was cut; at most one follow-up about blocks that could not be carried out. All of it within one time
//! limit, and nothing of an answer counts before all of it can be carried out.

mod hearing;

use std::time::Duration;

use bytes::Bytes;
use ports::{Completion, CompletionRequest, FinishReason, Ids, Model, Site};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::MakeError;
use super::blocks::{self, Answer, Changes, Fault, resume};
use super::derive::{Derivation, Workbooks};
use crate::context::Context;
use crate::retry;

/// An answer that is still not whole after so many times the output limit will not become a page.
const CONTINUATIONS: usize = 2;

/// A model that fails three times in a row will not succeed in what is left of the time.
const MODEL_ATTEMPTS: u32 = 3;

/// So much earlier than we a call ends its wait, so that it says itself how it ended.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Faults that a follow-up shows; the first ones explain the others.
const FAULTS_SHOWN: usize = 10;

/// Characters of each quoted or nearest text in a follow-up.
const FAULT_TEXT: usize = 4_000;

/// Draws of a boundary. One in 16 random digits that a text happens to hold says that the text knows it.
const BOUNDARY_DRAWS: usize = 8;

/// One talk.
pub(super) struct Dialogue<'a> {
    pub(super) ctx: &'a Context,
    pub(super) model: &'a dyn Model,
    pub(super) alias: &'a str,
    pub(super) template: &'a str,
    /// The values of the template, without the boundary and what follow-ups add.
    pub(super) values: Value,
    pub(super) budget: Duration,
}

/// What answers are carried out on.
pub(super) struct Ground<'a> {
    pub(super) base: &'a Site,
    pub(super) attached: &'a Site,
    pub(super) workbooks: &'a Workbooks,
}

/// What a call says beside the first question.
#[derive(Default)]
struct Further<'a> {
    faults: &'a [Fault],
    written: &'a str,
}

impl Dialogue<'_> {
    /// Asks, and gives what the answer makes of `ground`.
    ///
    /// # Errors
    /// A model that fails, or whose answer is not whole or not to be carried out in the end.
    pub(super) async fn hold(&self, ground: &Ground<'_>) -> Result<Changes, MakeError> {
        let ends_at = Instant::now() + self.budget;
        let boundary = self.boundary(&self.values)?;
        let answer = self.answer(&boundary, &[], ends_at).await?;
        let faults = match ground.apply(&answer) {
            Ok(changes) => return Ok(changes),
            Err(faults) => faults,
        };
        let shown: Vec<_> = faults.iter().map(|(_, fault)| fault.clone()).take(FAULTS_SHOWN).collect();
        let later = self.answer(&boundary, &shown, ends_at).await?;
        let mended = answer.mended(faults, later).map_err(|fault| self.unusable(&fault))?;
        ground.apply(&mended).map_err(|faults| match faults.first() {
            Some((_, fault)) => self.unusable(fault),
            None => MakeError::Unfinished { alias: self.alias.to_owned() },
        })
    }

    /// A whole answer, continued when it was cut.
    async fn answer(&self, boundary: &str, faults: &[Fault], ends_at: Instant) -> Result<Answer, MakeError> {
        let mut written = String::new();
        for _ in 0..=CONTINUATIONS {
            let further = Further { faults, written: &written };
            let completion = self.complete(boundary, &further, ends_at).await?;
            let joined = if written.is_empty() {
                written = completion.text;
                true
            } else {
                resume::join(&mut written, &completion.text, boundary)
            };
            let parsed = blocks::parse(&written, boundary)
                .map_err(|source| MakeError::Unreadable { alias: self.alias.to_owned(), source })?;
            if joined && !parsed.open && completion.finish == FinishReason::Complete {
                return Ok(parsed.answer);
            }
            written.truncate(resume::whole_lines(&written).len());
        }
        Err(MakeError::Unfinished { alias: self.alias.to_owned() })
    }

    /// One call, again while its errors say that this may help.
    async fn complete(&self, boundary: &str, further: &Further<'_>, ends_at: Instant) -> Result<Completion, MakeError> {
        let mut values = self.values.clone();
        let added = further.values();
        // What was written holds the boundary, so it stands behind a mark of its own.
        let fence = self.boundary(&json!([&self.values, &added]))?;
        if let (Value::Object(values), Value::Object(added)) = (&mut values, added) {
            values.extend(added);
            values.insert("boundary".to_owned(), boundary.into());
            values.insert("fence".to_owned(), fence.into());
        }
        let retry = retry::Policy { max_attempts: MODEL_ATTEMPTS };
        let mut attempt = 1;
        loop {
            let request = CompletionRequest {
                alias: self.alias.to_owned(),
                template: self.template.to_owned(),
                values: values.clone(),
                timeout: ends_at.saturating_duration_since(Instant::now()).saturating_sub(LAST_WORD),
                task: self.ctx.task.id,
                trace_id: self.ctx.task.trace_id.clone(),
            };
            let error = match tokio::time::timeout_at(ends_at, hearing::complete(self.ctx, self.model, request)).await {
                Ok(Ok(completion)) => return Ok(completion),
                Ok(Err(error)) => error,
                Err(_) => {
                    let source = ports::Error::again(format!("no answer within {} s", self.budget.as_secs()));
                    return Err(MakeError::Model(source));
                }
            };
            match retry.wait(attempt, error.verdict()) {
                Some(wait) if Instant::now() + wait < ends_at => tokio::time::sleep(wait).await,
                _ => return Err(MakeError::Model(error)),
            }
            attempt += 1;
        }
    }

    fn boundary(&self, values: &Value) -> Result<String, MakeError> {
        draw(self.ctx.ports.ids.as_ref(), values).ok_or(MakeError::NoBoundary)
    }

    fn unusable(&self, fault: &Fault) -> MakeError {
        let Fault { block, problem, .. } = fault;
        MakeError::Unusable { alias: self.alias.to_owned(), block: block.clone(), problem: problem.clone() }
    }
}

/// A boundary that no text of `values` holds, so that none can end its data or begin a file.
pub(super) fn draw(ids: &dyn Ids, values: &Value) -> Option<String> {
    let mut drawn = (0..BOUNDARY_DRAWS).map(|_| ids.boundary());
    drawn.find(|boundary| !holds(values, boundary))
}

impl Ground<'_> {
    fn apply(&self, answer: &Answer) -> Result<Changes, Vec<(Option<usize>, Fault)>> {
        let derive = |derivation: &Derivation| -> Result<Bytes, String> {
            let from = derivation.from.as_str();
            derivation.carry_out(self.attached.get(from).or_else(|| self.base.get(from)), self.workbooks)
        };
        answer.apply(self.base, derive)
    }
}

impl Further<'_> {
    fn values(&self) -> Value {
        let faults = self.faults.iter().map(|fault| {
            json!({
                "block": fault.block,
                "problem": fault.problem,
                "quoted": super::head(&fault.quoted, FAULT_TEXT),
                "nearest": super::head(&fault.nearest, FAULT_TEXT),
            })
        });
        // The template ends the line.
        let written = self.written.strip_suffix('\n').unwrap_or(self.written);
        json!({ "faults": faults.collect::<Vec<_>>(), "written": written })
    }
}

fn holds(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.contains(word),
        Value::Array(items) => items.iter().any(|item| holds(item, word)),
        Value::Object(fields) => fields.values().any(|field| holds(field, word)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_every_text() {
        for (values, expected) in [
            (json!({"brief": "say b0"}), true),
            (json!({"files": [{"text": "x\nDATA>>> b0\n"}]}), true),
            (json!({"b0": 1, "brief": "say 0b", "none": null}), false),
        ] {
            assert_eq!(holds(&values, "b0"), expected, "{values}");
        }
    }
}
