//! A runner that was paused beyond its lease and woke up again changes nothing in a real ledger: the whole database is
//! compared, row by row. The check itself is checked with queues that forget to look at the epoch.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use ports::testing::TokioClock;
use ports::testing::conformance::{event, request, step};
use ports::{Claim, Closing, Error, FlowQueue, Lease, LeaseError, QueueDepth, StepRecord, TaskUpdate, WorkerId};
use ports::{Ledger, Levers};
use shared_types::events::{NotificationAttempted, StepStarted};
use shared_types::http::Outcome;
use shared_types::{Envelope, Epoch, Payload, Timestamp};
use storage::Store;

use crate::open;

const LEASE: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Timestamp {
    TokioClock::EPOCH.plus(Duration::from_secs(seconds))
}

/// Every row of every table, as text. The probe of the health check is nobody's.
fn dump(data: &Path) -> BTreeMap<String, String> {
    let database = rusqlite::Connection::open(data.join("sitewright.db")).unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'probes'";
    let names: Vec<String> =
        database.prepare(names).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let table = |name: &String| {
        let mut select = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        let mut text = String::new();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                write!(text, "{:?} ", row.get_ref(column).unwrap()).unwrap();
            }
            text.push('\n');
        }
        text
    };
    names.iter().map(|name| (name.clone(), table(name))).collect()
}

/// What a zombie tries, and what it says.
async fn haunt(queue: &dyn FlowQueue, zombie: Lease) -> Vec<(&'static str, Result<(), LeaseError>)> {
    let told = NotificationAttempted { attempt: 1, verdict: "accepted".to_owned(), ..NotificationAttempted::default() };
    let events = || vec![event(1, Payload::StepStarted(StepStarted { step: "late".to_owned(), attempt: 1 }))];
    let update = TaskUpdate { notes: vec!["from the grave".to_owned()], ..TaskUpdate::default() };
    let notification = Some(b"from the grave".to_vec());
    let closing = Closing { outcome: Outcome::HandedIn, at: at(99), notification };
    vec![
        ("heartbeat", queue.heartbeat(zombie, at(9999)).await),
        ("append", queue.append(zombie, vec![event(1, Payload::NotificationAttempted(told))]).await),
        ("record", queue.record(zombie, step("publish"), update, events()).await),
        ("finish", queue.finish(zombie, closing, events()).await),
        ("release", queue.release(zombie, at(0), events()).await),
    ]
}

/// How the flow came to somebody else, or to its end.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Its lease ended, and another worker claimed it.
    Claimed,
    /// So, and the other worker has finished it.
    Finished,
    /// An operator cancelled it.
    Cancelled,
    /// The process was started anew.
    Adopted,
}

/// Everything that a zombie of the flow could change; empty is how it must be.
async fn findings(wrap: impl Fn(Store) -> Box<dyn Haunted>, fate: Fate) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let queue = wrap(open(folder.path()));
    let store = queue.store();
    store.accept(request(1, "ann", 1)).await.unwrap();
    let worker = |name: &str| WorkerId(name.to_owned());
    let zombie = store.claim(&worker("old"), at(0), LEASE).await.unwrap().unwrap().lease;
    store.record(zombie, step("prepare"), TaskUpdate::default(), Vec::new()).await.unwrap();
    match fate {
        Fate::Claimed | Fate::Finished => {
            let current = store.claim(&worker("new"), at(31), LEASE).await.unwrap().unwrap().lease;
            assert_eq!(current.epoch, Epoch(2));
            if matches!(fate, Fate::Finished) {
                let closing = Closing { outcome: Outcome::Failed, at: at(40), notification: None };
                store.finish(current, closing, Vec::new()).await.unwrap();
            }
        }
        Fate::Cancelled => {
            store.cancel(zombie.task, at(5), event(1, Payload::StepStarted(StepStarted::default()))).await.unwrap();
        }
        Fate::Adopted => assert_eq!(store.adopt_orphans().await.unwrap(), 1),
    }
    let before = dump(folder.path());
    let mut findings = Vec::new();
    for (what, answer) in haunt(queue.as_queue(), zombie).await {
        if !matches!(answer, Err(LeaseError::Lost { .. })) {
            findings.push(format!("{what} was not refused"));
        }
    }
    let after = dump(folder.path());
    findings
        .extend(before.iter().filter(|(name, rows)| after[*name] != **rows).map(|(name, _)| format!("{name} changed")));
    findings
}

/// A queue over a store.
trait Haunted {
    fn store(&self) -> &Store;
    fn as_queue(&self) -> &dyn FlowQueue;
}

impl Haunted for Store {
    fn store(&self) -> &Store {
        self
    }

    fn as_queue(&self) -> &dyn FlowQueue {
        self
    }
}

/// Planted bug: takes whatever lease is current for the one it was given, as a queue does that skips the epoch check.
struct Forgetful(Store);

impl Forgetful {
    async fn current(&self, lease: Lease) -> Lease {
        for epoch in (1..9).rev() {
            let tried = Lease { epoch: Epoch(epoch), ..lease };
            if self.0.append(tried, Vec::new()).await.is_ok() {
                return tried;
            }
        }
        lease
    }
}

impl Haunted for Forgetful {
    fn store(&self) -> &Store {
        &self.0
    }

    fn as_queue(&self) -> &dyn FlowQueue {
        self
    }
}

#[async_trait]
impl FlowQueue for Forgetful {
    async fn adopt_orphans(&self) -> Result<u32, Error> {
        self.0.adopt_orphans().await
    }

    async fn claim(&self, worker: &WorkerId, now: Timestamp, lease: Duration) -> Result<Option<Claim>, Error> {
        self.0.claim(worker, now, lease).await
    }

    async fn heartbeat(&self, lease: Lease, until: Timestamp) -> Result<(), LeaseError> {
        self.0.heartbeat(self.current(lease).await, until).await
    }

    async fn record(
        &self,
        lease: Lease,
        step: StepRecord,
        update: TaskUpdate,
        events: Vec<Envelope>,
    ) -> Result<(), LeaseError> {
        self.0.record(self.current(lease).await, step, update, events).await
    }

    async fn append(&self, lease: Lease, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.0.append(self.current(lease).await, events).await
    }

    async fn release(&self, lease: Lease, not_before: Timestamp, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.0.release(self.current(lease).await, not_before, events).await
    }

    async fn finish(&self, lease: Lease, closing: Closing, events: Vec<Envelope>) -> Result<(), LeaseError> {
        self.0.finish(self.current(lease).await, closing, events).await
    }

    async fn depth(&self) -> Result<QueueDepth, Error> {
        self.0.depth().await
    }
}

#[tokio::test]
async fn a_zombie_changes_no_row() {
    for fate in [Fate::Claimed, Fate::Finished, Fate::Cancelled, Fate::Adopted] {
        assert_eq!(findings(|store| Box::new(store), fate).await, [""; 0], "{fate:?}");
    }
}

#[tokio::test]
async fn a_queue_that_skips_the_epoch_is_found_out() {
    let found = findings(|store| Box::new(Forgetful(store)), Fate::Claimed).await;
    for expected in [
        "heartbeat was not refused",
        "append was not refused",
        "record was not refused",
        "finish was not refused",
        "flows changed",
        "steps changed",
        "sites changed",
        "events changed",
        "notifications changed",
    ] {
        assert!(found.iter().any(|finding| finding == expected), "{expected}: {found:?}");
    }
}

/// A process that died held leases of an hour; the next one goes on at once.
#[tokio::test]
async fn a_restart_waits_for_no_lease() {
    const OPEN: u64 = 1000;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for n in 1..=OPEN {
        store.accept(request(n, &format!("student-{n}"), 1)).await.unwrap();
    }
    let old = WorkerId("old".to_owned());
    for _ in 0..OPEN / 2 {
        let lease = store.claim(&old, at(0), Duration::from_secs(3600)).await.unwrap().unwrap().lease;
        store.record(lease, step("prepare"), TaskUpdate::default(), Vec::new()).await.unwrap();
    }
    drop(store);
    let store = open(folder.path());
    assert_eq!(u64::from(store.adopt_orphans().await.unwrap()), OPEN / 2);
    let new = WorkerId("new".to_owned());
    let mut claimed = BTreeMap::new();
    while let Some(claim) = store.claim(&new, at(1), LEASE).await.unwrap() {
        let (epoch, steps) = (claim.lease.epoch.0, claim.journal.len());
        assert!((epoch, steps) == (2, 1) || (epoch, steps) == (1, 0), "epoch {epoch}, {steps} steps");
        assert_eq!(claimed.insert(claim.task.id, epoch), None, "claimed twice");
    }
    assert_eq!(claimed.len() as u64, OPEN);
    assert_eq!(claimed.values().filter(|epoch| **epoch == 2).count() as u64, OPEN / 2);
}
