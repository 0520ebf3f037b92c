//! The models that stand behind an alias, best first: who is asked, who stands in, and when two are asked at once.
//!
//! A model that cannot answer is followed by the next one at once; whether to try all of them again, and when, is the
//! caller's decision, from the verdict that comes out.

use std::time::Duration;

use ports::{Completion, Progress, Verdict, Watch};
use tokio::time::Instant;
use tracing::info;

use crate::Error;
use crate::breaker::{Breakers, provider};
use crate::run::{Call, Meter, Runs};

/// Asks models one after another.
pub(crate) struct Chain {
    pub(crate) runs: Runs,
    pub(crate) breakers: Breakers,
    /// The share of the time after which, without a first token, the next model is asked beside the first.
    pub(crate) hedge_after: Option<f32>,
}

impl Chain {
    /// The answer of the first of `models` that gives one within `timeout`.
    pub(crate) async fn ask(
        &self,
        call: &Call,
        models: &[String],
        timeout: Duration,
        watch: &dyn Watch,
    ) -> Result<Completion, Error> {
        let ends_at = Instant::now() + timeout;
        let mut mildest = Error::NoModel { alias: call.alias.clone() };
        let mut left = models;
        while let Some((model, others)) = left.split_first() {
            let asked = match (others.split_first(), self.hedge_after) {
                (Some((other, further)), Some(share)) => {
                    let raced = Box::pin(self.race(call, (model, other), ends_at, share, watch)).await;
                    left = if raced.both_asked { further } else { others };
                    raced.outcome
                }
                _ => {
                    left = others;
                    Box::pin(self.one(call, model, ends_at, &Meter::default(), watch)).await
                }
            };
            let error = match asked {
                Ok(completion) => return Ok(completion),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => error,
            };
            if let Some(next) = left.first() {
                info!(event = "model.fell_back", alias = %call.alias, model, to_model = %next, error = %error, "another model stands in");
            }
            mildest = milder(mildest, error);
        }
        Err(mildest)
    }

    /// Asks `model`, and `other` beside it when no first token has come after `share` of the time. The slower one is
    /// cancelled.
    async fn race(
        &self,
        call: &Call,
        (model, other): (&str, &str),
        ends_at: Instant,
        share: f32,
        watch: &dyn Watch,
    ) -> Raced {
        let patience = ends_at.saturating_duration_since(Instant::now()).mul_f32(share);
        let (meter, other_meter) = (Meter::default(), Meter::default());
        let mut first = Box::pin(self.one(call, model, ends_at, &meter, watch));
        tokio::select! {
            outcome = &mut first => return Raced { outcome, both_asked: false },
            () = meter.silent_for(patience) => {}
        }
        info!(event = "model.hedged", alias = %call.alias, model, to_model = other, "no first token yet: another model is asked as well");
        let mut second = Box::pin(self.one(call, other, ends_at, &other_meter, watch));
        let outcome = tokio::select! {
            outcome = &mut first => match outcome {
                Err(error) if !error.is_final() => second.await.map_err(|later| milder(error, later)),
                ended => ended,
            },
            outcome = &mut second => match outcome {
                Err(error) if !error.is_final() => first.await.map_err(|later| milder(error, later)),
                ended => ended,
            },
        };
        Raced { outcome, both_asked: true }
    }

    /// One call of one model, unless its provider is down.
    async fn one(
        &self,
        call: &Call,
        model: &str,
        ends_at: Instant,
        meter: &Meter,
        watch: &dyn Watch,
    ) -> Result<Completion, Error> {
        self.breakers.admit(model).map_err(|wait| Error::ProviderDown {
            alias: call.alias.clone(),
            provider: provider(model).to_owned(),
            wait,
        })?;
        let timeout = ends_at.saturating_duration_since(Instant::now());
        let mut run = Box::pin(self.runs.track_run(call, model, timeout, meter));
        let mut told = 0;
        let outcome = loop {
            tokio::select! {
                outcome = &mut run => break outcome,
                output_tokens = meter.next(&mut told) => {
                    watch.progressed(Progress { model: model.to_owned(), output_tokens });
                }
            }
        };
        match &outcome {
            Ok(_) => self.breakers.succeeded(model),
            Err(error) if error.blames_provider() => self.breakers.failed(model),
            Err(_) => {}
        }
        outcome
    }
}

/// How a race went.
struct Raced {
    outcome: Result<Completion, Error>,
    both_asked: bool,
}

/// The error that leaves more hope; the first of two that leave the same.
fn milder(one: Error, other: Error) -> Error {
    if hope(&other) > hope(&one) { other } else { one }
}

/// Greater is better. A wait of a day is more hope than none.
fn hope(error: &Error) -> (u8, std::cmp::Reverse<Duration>) {
    let none = std::cmp::Reverse(Duration::ZERO);
    match error.verdict() {
        _ if matches!(error, Error::NoModel { .. }) => (0, none),
        Verdict::GiveUp => (1, none),
        Verdict::RetryAfter(wait) => (2, std::cmp::Reverse(wait)),
        Verdict::RetryWithBackoff => (3, none),
    }
}
