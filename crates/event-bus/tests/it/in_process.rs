//! The bus within one process.

use std::num::NonZeroU16;

use event_bus::{InProcessBus, Options};
use futures::StreamExt as _;
use ports::testing::conformance;
use ports::{Bus as _, HealthPart as _, Subscription};
use shared_types::http::PartState;

use crate::events::stored;

fn bus(capacity: u16) -> InProcessBus {
    InProcessBus::new(Options { capacity: NonZeroU16::new(capacity).unwrap() })
}

async fn seqs(subscription: Subscription, count: usize) -> Vec<u64> {
    subscription.take(count).map(|event| event.seq).collect().await
}

#[tokio::test]
async fn it_conforms() {
    conformance::bus(async || bus(64)).await;
}

#[tokio::test]
async fn every_subscriber_gets_what_was_published_after_it_came() {
    let bus = bus(16);
    let events = stored(3);
    bus.publish(events[0].clone()).await.unwrap();
    let (one, two) = (bus.subscribe(), bus.clone().subscribe());
    for event in &events[1..] {
        bus.publish(event.clone()).await.unwrap();
    }
    assert_eq!(seqs(one, 2).await, [2, 3]);
    assert_eq!(seqs(two, 2).await, [2, 3]);
}

#[tokio::test]
async fn a_slow_subscriber_loses_the_oldest_and_goes_on_and_no_publisher_waits() {
    let bus = bus(4);
    let slow = bus.subscribe();
    for event in stored(10) {
        bus.publish(event).await.unwrap();
    }
    assert_eq!(seqs(slow, 4).await, [7, 8, 9, 10]);
}

#[tokio::test]
async fn a_subscription_ends_with_the_bus() {
    let bus = bus(4);
    let subscription = bus.subscribe();
    drop(bus);
    assert_eq!(seqs(subscription, 1).await, [] as [u64; 0]);
}

#[tokio::test]
async fn it_is_always_up() {
    let bus = bus(4);
    let _subscription = bus.subscribe();
    let part = bus.look().await;
    assert_eq!((part.name.as_str(), part.state, part.needed), ("bus", PartState::Up, true));
    assert_eq!(part.detail, "in-process, 1 subscribers");
}
