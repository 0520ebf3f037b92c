//! The front door of a process whose roles leave the intake out.

use std::time::Duration;

use async_trait::async_trait;
use ports::{Error, Intake, Refusal, Submission};
use shared_types::http::Receipt;

/// Whoever takes this process out of the intake puts it back by a restart, which takes a moment.
const COME_BACK: Duration = Duration::from_secs(30);

/// Refuses every task, for now.
#[derive(Debug)]
pub(crate) struct Closed;

#[async_trait]
impl Intake for Closed {
    async fn accept(&self, _submission: Submission) -> Result<Receipt, Refusal> {
        Err(Refusal::Unavailable(Error::later(COME_BACK, "this process accepts no tasks: its ROLES lack `intake`")))
    }
}
