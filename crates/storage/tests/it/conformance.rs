//! The suites of the ports, over SQLite and files.

use std::sync::Mutex;

use ports::testing::conformance;
use tempfile::TempDir;

use crate::open;

/// Folders that live as long as the suite.
#[derive(Default)]
struct Folders(Mutex<Vec<TempDir>>);

impl Folders {
    fn store(&self) -> storage::Store {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        self.0.lock().unwrap().push(folder);
        store
    }
}

#[tokio::test]
async fn the_ledger_conforms() {
    let folders = Folders::default();
    conformance::ledger(async || folders.store()).await;
}

#[tokio::test]
async fn the_queue_conforms() {
    let folders = Folders::default();
    conformance::flow_queue(async || folders.store()).await;
}

#[tokio::test]
async fn the_rate_buckets_conform() {
    let folders = Folders::default();
    conformance::rate_buckets(async || folders.store()).await;
}

#[tokio::test]
async fn the_ledger_of_calls_conforms() {
    let folders = Folders::default();
    conformance::model_runs(async || folders.store()).await;
}

#[tokio::test]
async fn the_blobs_conform() {
    let folders = Folders::default();
    conformance::blobs(async || folders.store().blobs()).await;
}

#[tokio::test]
async fn the_levers_conform() {
    let folders = Folders::default();
    conformance::levers(async || folders.store()).await;
}
