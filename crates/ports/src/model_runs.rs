//! The ledger of calls that cost money: one row a call, reserved before and settled after it.
//!
//! It knows no provider: what is counted (tokens, characters, seconds) is a column of the row. A reservation counts
//! against the caps until it is settled, so that many calls at once cannot get past a cap together.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shared_types::http::{ModelRun, ModelRunTotals, RunStatus, RunUnit};
use shared_types::{TaskId, Timestamp, TraceId};

use crate::Error;

/// A row by its place in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub u64);

/// A call that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRun {
    /// Now.
    pub started_at: Timestamp,
    /// The task it is for; its student is whoever the task was accepted from.
    pub task: TaskId,
    /// The task's trace.
    pub trace_id: TraceId,
    /// For what somebody is asked.
    pub alias: String,
    /// Who is asked.
    pub model: String,
    /// The prompt's template.
    pub template: String,
    /// SHA-256 of the prompt, in hexadecimal digits.
    pub prompt_hash: String,
    /// What is counted.
    pub unit: RunUnit,
    /// The most that it can cost, in millionths of a US dollar.
    pub reserve_micro_usd: u64,
}

/// What may be spent, in millionths of a US dollar; `None`: no cap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendCaps {
    /// For one task, all its calls together.
    pub per_task: Option<u64>,
    /// For all tasks of one student within one day (UTC).
    pub per_student_day: Option<u64>,
    /// For the whole deployment within one day (UTC).
    pub per_day: Option<u64>,
}

/// Which cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpendCap {
    /// Of one task.
    Task,
    /// Of one student and day.
    StudentDay,
    /// Of the deployment and day.
    Day,
}

impl fmt::Display for SpendCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task => "task",
            Self::StudentDay => "student and day",
            Self::Day => "day",
        })
    }
}

/// A reservation that a cap has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error(
    "over_quota: the cap per {cap} of {limit_micro_usd} micro-USD has {counted_micro_usd} counted, and this call may cost {asked_micro_usd}"
)]
pub struct OverCap {
    /// Which cap; the narrowest of those that have no room.
    pub cap: SpendCap,
    /// The cap.
    pub limit_micro_usd: u64,
    /// What is counted against it already.
    pub counted_micro_usd: u64,
    /// What was to be reserved.
    pub asked_micro_usd: u64,
}

impl SpendCaps {
    /// Whether `asked` fits beside what is `counted` against each cap (task, student and day, day).
    ///
    /// # Errors
    /// A cap has no room.
    pub fn admit(&self, counted: [u64; 3], asked: u64) -> Result<(), OverCap> {
        let caps = [
            (SpendCap::Task, self.per_task),
            (SpendCap::StudentDay, self.per_student_day),
            (SpendCap::Day, self.per_day),
        ];
        for ((cap, limit), counted) in caps.into_iter().zip(counted) {
            if let Some(limit) = limit.filter(|limit| counted.saturating_add(asked) > *limit) {
                return Err(OverCap {
                    cap,
                    limit_micro_usd: limit,
                    counted_micro_usd: counted,
                    asked_micro_usd: asked,
                });
            }
        }
        Ok(())
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// How.
    pub status: RunStatus,
    /// What went in.
    pub input: u64,
    /// What of it came from the service's cache.
    pub cached_input: u64,
    /// What came out.
    pub output: u64,
    /// The cost, where it is known.
    pub cost_micro_usd: Option<u64>,
    /// What counts against the caps from now on.
    pub counted_micro_usd: u64,
    /// The price table, where it knows the model.
    pub price_version: Option<String>,
    /// Until its end.
    pub latency: Duration,
    /// Until the first token.
    pub first_token: Option<Duration>,
    /// Why it did not end well.
    pub error: Option<String>,
}

/// A page of rows, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunPage {
    /// Only those for this task.
    pub task: Option<TaskId>,
    /// Only those before this one.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
}

/// Where calls are written.
#[async_trait]
pub trait RunLedger: Send + Sync {
    /// Writes the row of a call and reserves its cost, in one commit. Without room below a cap the row says
    /// `over_quota` and counts nothing, and the call must not be made.
    async fn begin(&self, run: NewRun, caps: SpendCaps) -> Result<Result<RunId, OverCap>, Error>;

    /// Says how a running call ended; the first word counts.
    async fn settle(&self, id: RunId, end: RunEnd) -> Result<(), Error>;

    /// Marks the rows that an earlier process left running; what they reserved stays counted. Says how many.
    async fn close_interrupted(&self) -> Result<u32, Error>;
}

/// Where calls are read.
#[async_trait]
pub trait RunReader: Send + Sync {
    /// A page of rows, newest first.
    async fn runs(&self, page: RunPage) -> Result<Vec<ModelRun>, Error>;

    /// What all rows come to, or all rows for `task`.
    async fn run_totals(&self, task: Option<TaskId>) -> Result<ModelRunTotals, Error>;
}

/// The day of `at` in UTC, counted from 1970-01-01.
#[must_use]
pub fn day_of(at: Timestamp) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    at.unix_ms().div_euclid(DAY_MS)
}
