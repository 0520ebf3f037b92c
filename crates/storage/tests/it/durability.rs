//! What was answered is there after any end of the process.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use ports::testing::TokioClock;
use ports::testing::conformance::{request, step};
use ports::{Acceptance, Blobs, Closing, FlowQueue, Ledger, NewTask, TaskUpdate, WorkerId};
use shared_types::Epoch;
use shared_types::http::{Outcome, TaskState};
use storage::Store;

use crate::open;

const LEASE: Duration = Duration::from_secs(30);

/// Puts a bit of everything into the store: one finished, one running, one waiting task.
pub(crate) async fn fill(store: &Store) {
    for n in 1..=3 {
        let who = ["ann", "bob", "cyd"][n as usize - 1];
        assert_eq!(store.accept(request(n, who, 1)).await.unwrap(), Acceptance::New);
    }
    let worker = WorkerId("first".to_owned());
    let ann = store.claim(&worker, TokioClock::EPOCH, LEASE).await.unwrap().unwrap().lease;
    let update = TaskUpdate { notes: vec!["kept".to_owned()], ..TaskUpdate::default() };
    store.record(ann, step("generate"), update, Vec::new()).await.unwrap();
    let notification = Some(b"exactly {these}".to_vec());
    let closing = Closing { outcome: Outcome::HandedIn, at: TokioClock::EPOCH, notification };
    store.finish(ann, closing, Vec::new()).await.unwrap();
    let bob = store.claim(&worker, TokioClock::EPOCH, LEASE).await.unwrap().unwrap().lease;
    store.record(bob, step("decide"), TaskUpdate::default(), Vec::new()).await.unwrap();
    store.advance("relay", 2).await.unwrap();
    store.blobs().put(Bytes::from_static(b"a,b\n1,2\n")).await.unwrap();
}

/// Everything that [`fill`] put in.
pub(crate) async fn check_filled(store: &Store) {
    let (ann, bob) = (request(1, "ann", 1), request(2, "bob", 1));
    let task = store.task(ann.id).await.unwrap().unwrap();
    assert_eq!((task.state, task.outcome), (TaskState::Finished, Some(Outcome::HandedIn)));
    assert_eq!(task.notes, ["kept"]);
    assert_eq!(store.notification(ann.id).await.unwrap().unwrap(), "exactly {these}");
    assert_eq!(store.notification(bob.id).await.unwrap(), None);
    assert_eq!(store.events_after(0, 99).await.unwrap().len(), 3);
    assert_eq!(store.cursor("relay").await.unwrap(), 2);
    let digest = ann.attachments[0].sha256.clone();
    assert_eq!(store.blobs().get(&digest).await.unwrap(), "a,b\n1,2\n");
    let (id, trace_id) = (ann.id, ann.trace_id.clone());
    assert_eq!(store.accept(ann).await.unwrap(), Acceptance::Repeat { id, trace_id, state: TaskState::Finished });

    assert_eq!(store.adopt_orphans().await.unwrap(), 1);
    let worker = WorkerId("second".to_owned());
    let claim = store.claim(&worker, TokioClock::EPOCH, LEASE).await.unwrap().unwrap();
    assert_eq!((claim.task.id, claim.lease.epoch), (bob.id, Epoch(2)));
    assert_eq!(claim.journal, [step("decide")]);
}

#[tokio::test]
async fn a_reopened_database_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store).await;
    store.close().await.unwrap();
    let log = fs::metadata(folder.path().join("sitewright.db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "the log was not folded into the database");
    check_filled(&open(folder.path())).await;
}

#[tokio::test]
async fn a_dropped_store_frees_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    fill(&open(folder.path())).await;
    check_filled(&open(folder.path())).await;
}

#[tokio::test]
async fn a_torn_process_loses_nothing_it_answered() {
    let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    fill(&store).await;
    // What a kill leaves behind is the files as they are now: the log not folded in, no farewell.
    copy(folder.path(), image.path());
    assert!(fs::metadata(image.path().join("sitewright.db-wal")).unwrap().len() > 0);
    drop(store);
    check_filled(&open(image.path())).await;
}

#[tokio::test]
async fn a_log_cut_short_loses_only_its_last_commits() {
    let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    for n in 1..=20 {
        store.accept(request(n, "ann", 1)).await.unwrap();
    }
    copy(folder.path(), image.path());
    drop(store);
    let log = fs::OpenOptions::new().write(true).open(image.path().join("sitewright.db-wal")).unwrap();
    let length = log.metadata().unwrap().len();
    log.set_len(length - 5000).unwrap();
    let store = open(image.path());
    let page = ports::TaskPage { before: None, limit: 99, show: ports::Show::All };
    let tasks = store.tasks(page).await.unwrap();
    assert!((1..20).contains(&tasks.len()), "{} tasks", tasks.len());
    // Each task that is there is there with its event and its flow.
    assert_eq!(store.events_after(0, 99).await.unwrap().len(), tasks.len());
    assert_eq!(store.depth().await.unwrap().queued, tasks.len() as u64);
    assert_eq!(store.accept(request(20, "ann", 1)).await.unwrap(), Acceptance::New);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_write_of_a_group_may_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.accept(request(1, "ann", 1)).await.unwrap();
    let taken = request(1, "ann", 1).repo;
    let answers = join_all((2..200).map(|n| {
        let good = request(n, "bob", 1);
        let new = if n % 7 == 0 { NewTask { repo: taken.clone(), ..good } } else { good };
        let store = &store;
        async move { (n, store.accept(new).await.ok()) }
    }))
    .await;
    for (n, answer) in answers {
        assert_eq!(answer, (n % 7 != 0).then_some(Acceptance::New), "request {n}");
        let stored = store.task(request(n, "bob", 1).id).await.unwrap();
        assert_eq!(stored.is_some(), n % 7 != 0, "request {n}");
    }
}

/// A row of another version of the program, say.
#[tokio::test]
async fn a_record_that_cannot_be_read_holds_up_its_own_repository_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (n, who) in [(1, "ann"), (2, "bob")] {
        store.accept(request(n, who, 1)).await.unwrap();
    }
    let database = rusqlite::Connection::open(folder.path().join("sitewright.db")).unwrap();
    database.execute("UPDATE tasks SET checks = 'not what it was' WHERE email LIKE 'ann%'", []).unwrap();
    let worker = WorkerId("first".to_owned());
    let claim = store.claim(&worker, TokioClock::EPOCH, LEASE).await.unwrap().unwrap();
    assert_eq!(claim.task.id, request(2, "bob", 1).id);
    assert!(store.claim(&worker, TokioClock::EPOCH, LEASE).await.unwrap().is_none());
}

#[tokio::test]
async fn a_closed_store_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.close().await.unwrap();
    store.close().await.unwrap();
    let read = store.notification(request(1, "ann", 1).id).await;
    assert_eq!(read.unwrap_err().to_string(), "the store is closed");
    let write = store.accept(request(1, "ann", 1)).await;
    assert_eq!(write.unwrap_err().to_string(), "the store is closed");
}

/// Copies a folder with its folders.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
