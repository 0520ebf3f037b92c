//! Flows over a real broker: the ledger and its lender on one host, two runners' queues on others.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod broker;
mod deployment;

use ports::testing::conformance;

use self::deployment::Deployment;

#[tokio::test]
async fn the_queue_conforms() {
    conformance::shared_flow_queue(async || Deployment::start()).await;
}
