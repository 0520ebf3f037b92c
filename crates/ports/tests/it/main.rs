//! The fakes pass the suites that real adapters pass.

use ports::testing::{MemoryBlobs, MemoryLedger, conformance};

#[tokio::test]
async fn the_ledger_in_memory_conforms() {
    conformance::ledger(async || MemoryLedger::new()).await;
}

#[tokio::test]
async fn the_queue_in_memory_conforms() {
    conformance::flow_queue(async || MemoryLedger::new()).await;
}

#[tokio::test]
async fn the_rate_buckets_in_memory_conform() {
    conformance::rate_buckets(async || MemoryLedger::new()).await;
}

#[tokio::test]
async fn the_ledger_of_calls_in_memory_conforms() {
    conformance::model_runs(async || MemoryLedger::new()).await;
}

#[tokio::test]
async fn the_blobs_in_memory_conform() {
    conformance::blobs(async || MemoryBlobs::new()).await;
}

#[tokio::test]
async fn the_levers_in_memory_conform() {
    conformance::levers(async || MemoryLedger::new()).await;
}
