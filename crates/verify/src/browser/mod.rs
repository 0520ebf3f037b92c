//! Warm browsers, and pages that run in them: each in a context of its own, each bounded in time.
//!
//! Invariants: no page outlives its run; a page that hangs or crashes is a report, and takes its
//! browser with it.

mod answer;
mod context;
mod discover;
mod evaluate;
mod events;
mod memory;
mod page;
mod pool;
mod process;
mod question;
mod recorder;
mod requests;
mod sight;

use std::time::Duration;

pub(crate) use evaluate::Outcome;
pub(crate) use page::{Job, PageReport, Scope};
pub(crate) use pool::{Condition, Pool};
pub(crate) use question::Question;
pub(crate) use requests::{Part, Unanswered, Why};
pub(crate) use sight::{PHONE, Sight};

/// What each browser command but navigation may take; a healthy browser needs a few milliseconds.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
