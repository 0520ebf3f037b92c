//! Events for the tests.

use std::sync::Arc;

use ports::Ids as _;
use ports::testing::{CountingIds, TokioClock};
use shared_types::events::{StepStarted, Subject};
use shared_types::{Envelope, Payload, Round};

/// `count` events of one task, as stored: `seq` from 1.
pub(crate) fn stored(count: u32) -> Vec<Arc<Envelope>> {
    let ids = CountingIds::default();
    let subject = Subject {
        id: ids.task_id(),
        name: "sales-summary".parse().unwrap(),
        round: Round::FIRST,
        trace_id: ids.trace_id(),
    };
    let event = |attempt| {
        let payload = Payload::StepStarted(StepStarted { step: "generate".to_owned(), attempt });
        let event = Envelope::new(ids.event_id(), TokioClock::EPOCH, &subject, payload);
        Arc::new(Envelope { seq: u64::from(attempt), ..event })
    };
    (1..=count).map(event).collect()
}
