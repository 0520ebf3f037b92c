//! Notify: sends the seven fields until the evaluator has answered for good.
//!
//! 2xx ends it; so do 400 and other answers that say "never"; no answer, 408, 429 and 5xx are
//! tried again after 1, 2, 4, 8, ... seconds, within the attempts allowed and the task's time.
//! The bytes and the delivery's id are the same on every attempt, also after a restart.
//! Requirements C-043, C-094 to C-100.

use std::time::Duration;

use ports::Verdict;
use shared_types::{Payload, http};
use tracing::warn;

use super::{Context, Done, Error};
use crate::delivery::{self, ACCEPTED, ATTEMPT_TIMEOUT, FINAL, Reading};
use crate::journal::{self, Notified, NotifyEnd, Outcome, Progress};
use crate::plan::Step;

pub(super) async fn run(ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    let body = body(ctx, progress)?;
    let ends_at = tokio::time::Instant::now() + budget;
    // Attempts before a restart count, and a last word among them stands; not those before a retry by an operator.
    let made = ctx.ports.ledger.notification_attempts(ctx.task.id).await?;
    let began_at = ctx.task.attempt.began_at;
    let earlier = made.iter().filter(|made| began_at.is_none_or(|began_at| made.at >= began_at)).collect::<Vec<_>>();
    let numbered_from = (made.len() - earlier.len()) as u32;
    let mut attempt = earlier.len() as u32;
    if let Some(last) = earlier.last() {
        let reason = last.error.clone().unwrap_or_default();
        match last.verdict.as_str() {
            ACCEPTED => return Ok(done(NotifyEnd::Accepted, body, attempt, reason)),
            FINAL => return Ok(done(NotifyEnd::Refused, body, attempt, reason)),
            _ => {}
        }
    }
    loop {
        attempt += 1;
        ctx.still_ours().await?;
        let delivery = delivery::delivery(&ctx.task, body.clone().into_bytes().into(), ATTEMPT_TIMEOUT.min(budget));
        let answer = ctx.ports.notifier.deliver(&delivery).await;
        let reading = delivery::read(&answer, |error| ctx.explain(error));
        ctx.tell(Payload::NotificationAttempted(delivery::event(numbered_from + attempt, &answer, &reading))).await?;
        let (verdict, reason) = match reading {
            Reading::Accepted => return Ok(done(NotifyEnd::Accepted, body, attempt, String::new())),
            Reading::Final(reason) => return Ok(done(NotifyEnd::Refused, body, attempt, reason)),
            Reading::Again(verdict, reason) => (verdict, reason),
        };
        let fits = |wait: &Duration| tokio::time::Instant::now() + *wait < ends_at;
        // A wait that leads beyond the deadline is asked of someone who has no such time.
        let named = ctx.retry().wait(attempt, verdict).filter(fits);
        let wait = named.or_else(|| ctx.retry().wait(attempt, Verdict::RetryWithBackoff).filter(fits));
        match wait {
            Some(wait) => {
                let wait_ms = wait.as_millis() as u64;
                warn!(event = "notification.retrying", attempt, wait_ms, reason, "not delivered, trying again");
                tokio::time::sleep(wait).await;
            }
            None => return Ok(done(NotifyEnd::Undelivered, body, attempt, reason)),
        }
    }
}

/// Time ran out between two attempts.
pub(super) fn undelivered(ctx: &Context, progress: &Progress, reason: &str) -> Option<Done> {
    let body = body(ctx, progress).ok()?;
    Some(done(NotifyEnd::Undelivered, body, 0, reason.to_owned()))
}

fn body(ctx: &Context, progress: &Progress) -> Result<String, Error> {
    let notification = http::Notification {
        email: ctx.task.email.clone(),
        task: ctx.task.task.clone(),
        round: ctx.task.round,
        nonce: ctx.task.nonce.clone(),
        repo_url: progress.planned()?.repo.html_url.to_string(),
        commit_sha: progress.handed_in()?.clone(),
        pages_url: progress.served()?.url.to_string(),
    };
    serde_json::to_string(&notification)
        .map_err(|source| journal::Error::Unreadable { step: Step::Notify.to_string(), source }.into())
}

fn done(end: NotifyEnd, body: String, attempts: u32, reason: String) -> Done {
    let summary = match end {
        NotifyEnd::Accepted if attempts == 1 => "accepted".to_owned(),
        NotifyEnd::Accepted => format!("accepted at attempt {attempts}"),
        NotifyEnd::Refused => format!("refused: {reason}"),
        NotifyEnd::Undelivered => format!("undelivered: {reason}"),
    };
    let done = Done::new(Outcome::Notify(Notified { end, body, reason: reason.clone() }), summary);
    if reason.is_empty() { done } else { done.note(reason) }
}
