//! A ledger made of copies: whole or not there, with each row in its old place.

use std::sync::Arc;

use ports::testing::conformance::{event, request};
use ports::{Copying as _, Ledger as _, Rebuilding as _, Restored, TaskCopy};
use shared_types::events::StepStarted;
use shared_types::{Envelope, Epoch, Payload, TaskId};
use storage::{Rebuild, Store};
use tempfile::TempDir;

use crate::open;

/// The copies of two tasks, of one repository each.
async fn copies() -> [TaskCopy; 2] {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut copies = Vec::new();
    for (n, who) in [(1, "ann"), (2, "bob")] {
        let new = request(n, who, 1);
        let id = new.id;
        store.accept(new).await.unwrap();
        copies.push(store.copy_of(id).await.unwrap().unwrap());
    }
    copies.try_into().unwrap()
}

fn told(n: u64, seq: u64) -> Envelope {
    let payload = Payload::StepStarted(StepStarted { step: "generate".to_owned(), attempt: 1 });
    Envelope { seq, ..event(n, payload) }
}

async fn finished(rebuild: Rebuild, folder: &TempDir) -> Arc<Store> {
    rebuild.finish(vec![("in-process".to_owned(), 7)], 1000).await.unwrap();
    drop(rebuild);
    Arc::new(open(folder.path()))
}

#[tokio::test]
async fn rows_are_where_they_were_and_what_contradicts_is_left_out() {
    let (folder, [one, two]) = (tempfile::tempdir().unwrap(), copies().await);
    let rebuild = Rebuild::begin(folder.path()).unwrap();
    // In any order.
    assert_eq!(rebuild.add(two.clone()).await.unwrap(), Restored::Yes);
    assert_eq!(rebuild.add(one.clone()).await.unwrap(), Restored::Yes);
    let mut other = one.clone();
    other.record.id = TaskId::from_parts(9, 9);
    assert!(matches!(rebuild.add(other.clone()).await.unwrap(), Restored::No(_)), "its place is taken");
    (other.place, other.record.nonce) = (9, "another".parse().unwrap());
    other.record.repo = "another".parse().unwrap();
    assert!(matches!(rebuild.add(other).await.unwrap(), Restored::No(_)), "its repository's place is taken");
    assert!(rebuild.add_event(told(1, 7)).await.unwrap());
    assert!(!rebuild.add_event(told(2, 7)).await.unwrap(), "the place is taken");
    assert!(!rebuild.add_event(told(9, 8)).await.unwrap(), "there is no such task");
    let id = one.record.id;
    assert_eq!(rebuild.open_flows().await.unwrap().len(), 2);
    for least in [5, 3] {
        rebuild.raise(id, Epoch(least)).await.unwrap();
    }

    let store = finished(rebuild, &folder).await;
    let copy = store.copy_of(id).await.unwrap().unwrap();
    assert_eq!((copy.epoch, copy.events.len()), (Epoch(5), 2));
    assert_eq!(store.copy_of(two.record.id).await.unwrap(), Some(two));
    assert_eq!(store.cursor("in-process").await.unwrap(), 7);
    store.add_events(id, vec![told(1, 0)]).await.unwrap();
    assert_eq!(store.events_after(7, 9).await.unwrap()[0].seq, 1001);
}

#[tokio::test]
async fn a_rebuild_that_breaks_off_leaves_nothing_and_one_overwrites_nothing() {
    let (folder, [one, _]) = (tempfile::tempdir().unwrap(), copies().await);
    let rebuild = Rebuild::begin(folder.path()).unwrap();
    let error = Rebuild::begin(folder.path()).unwrap_err().to_string();
    assert!(error.contains("is in use by another process"), "{error}");
    rebuild.add(one.clone()).await.unwrap();
    drop(rebuild);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("sitewright.db")), "{left:?}");

    // What an earlier database left beside it is not read into the new one.
    std::fs::write(folder.path().join("sitewright.db-wal"), b"of another one").unwrap();
    let rebuild = Rebuild::begin(folder.path()).unwrap();
    rebuild.add(one.clone()).await.unwrap();
    let store = finished(rebuild, &folder).await;
    assert_eq!(store.copy_of(one.record.id).await.unwrap(), Some(one));
    store.close().await.unwrap();
    let error = Rebuild::begin(folder.path()).unwrap_err().to_string();
    assert!(error.contains("this overwrites nothing: move it away"), "{error}");
}
