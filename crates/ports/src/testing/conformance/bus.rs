//! What a bus does.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use shared_types::events::StepStarted;
use shared_types::{Envelope, EventId, Payload};
use tokio::time::timeout;

use super::given::event;
use super::run_cases;
use crate::{Bus, Subscription};

/// More than a bus ever takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the cases of a [`Bus`].
pub async fn bus<B: Bus>(make: impl AsyncFn() -> B) {
    run_cases!(make:
        every_subscriber_gets_what_comes_after_it_in_order,
        publishing_again_keeps_the_id,
    );
}

async fn every_subscriber_gets_what_comes_after_it_in_order<B: Bus>(bus: B) {
    bus.publish(stored(1)).await.unwrap();
    let subscriptions = [bus.subscribe(), bus.subscribe()];
    for n in 2..=20 {
        bus.publish(stored(n)).await.unwrap();
    }
    for subscription in subscriptions {
        assert_eq!(seqs(subscription, 19).await, (2..=20).collect::<Vec<_>>());
    }
}

async fn publishing_again_keeps_the_id<B: Bus>(bus: B) {
    let subscription = bus.subscribe();
    for n in [1, 1, 2] {
        bus.publish(stored(n)).await.unwrap();
    }
    // Whether a repeat is dropped is the bus's affair: readers know events by id.
    let ids = subscription.map(|event| event.event_id.clone());
    let mut wanted = vec![stored(2).event_id.clone(), stored(1).event_id.clone()];
    let seen = ids.take_while(|id| {
        wanted.retain(|wanted| wanted != id);
        futures::future::ready(!wanted.is_empty())
    });
    timeout(PATIENCE, seen.for_each(|_| futures::future::ready(()))).await.unwrap();
}

async fn seqs(subscription: Subscription, count: usize) -> Vec<u64> {
    timeout(PATIENCE, subscription.take(count).map(|event| event.seq).collect()).await.unwrap()
}

/// An event as a ledger stored it in the place `n`.
fn stored(n: u64) -> Arc<Envelope> {
    let event = event(1, Payload::StepStarted(StepStarted { step: "generate".to_owned(), attempt: 1 }));
    Arc::new(Envelope { seq: n, event_id: EventId::from_parts(n, 2).to_string(), ..event })
}
