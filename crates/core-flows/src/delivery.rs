//! One attempt to notify an evaluator: what is sent, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use ports::{Answer, Delivery, TaskRecord, Verdict};
use shared_types::events::NotificationAttempted;

/// An evaluator that takes longer than this to answer is asked again.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// What an attempt's event says of an answer that ends it.
pub(crate) const ACCEPTED: &str = "accepted";
pub(crate) const FINAL: &str = "final";

/// What an answer means. 2xx ends it; so do 400 and other answers that say "never"; no answer,
/// 408, 425, 429 and 5xx may be tried again.
pub(crate) enum Reading {
    Accepted,
    Final(String),
    Again(Verdict, String),
}

/// The same id and the same bytes each time; another id for what an operator had done again.
pub(crate) fn delivery(task: &TaskRecord, body: Bytes, timeout: Duration) -> Delivery {
    Delivery { url: task.evaluation_url.clone(), id: task.attempt_id(), body, timeout }
}

/// The meaning of an answer, or of there being none; `explain` puts an error into words that may
/// be shown.
pub(crate) fn read(answer: &Result<Answer, ports::Error>, explain: impl Fn(&ports::Error) -> String) -> Reading {
    match answer {
        Ok(answer) => match answer.status {
            200..=299 => Reading::Accepted,
            408 | 425 | 429 | 500..=599 => {
                let verdict = answer.retry_after.map_or(Verdict::RetryWithBackoff, Verdict::RetryAfter);
                Reading::Again(verdict, format!("the evaluator answered {}", answer.status))
            }
            status => Reading::Final(format!("the evaluator answered {status}: it does not take this notification")),
        },
        Err(error) if error.verdict() == Verdict::GiveUp => Reading::Final(explain(error)),
        Err(error) => Reading::Again(error.verdict(), explain(error)),
    }
}

/// What happened, for the record.
pub(crate) fn event(attempt: u32, answer: &Result<Answer, ports::Error>, reading: &Reading) -> NotificationAttempted {
    let (verdict, error) = match reading {
        Reading::Accepted => (ACCEPTED, String::new()),
        Reading::Final(reason) => (FINAL, reason.clone()),
        Reading::Again(_, reason) => ("again", reason.clone()),
    };
    NotificationAttempted {
        attempt,
        status: answer.as_ref().map_or(0, |answer| u32::from(answer.status)),
        verdict: verdict.to_owned(),
        latency_ms: answer.as_ref().map_or(0, |answer| answer.latency.as_millis() as u64),
        error,
    }
}
