//! The ledger is lost and made anew over a real broker.

use std::sync::Arc;

use bytes::Bytes;
use core_flows::{archive, rebuild};
use event_bus::nats::{JetArchive, JetSalvage};
use ports::testing::conformance::{event, request, step};
use ports::{
    Acceptance, Attachment, Blobs as _, Closing, Copying as _, FlowQueue as _, Ledger as _, NewTask, TaskUpdate,
};
use shared_types::events::StepStarted;
use shared_types::http::{Outcome, TaskState};
use shared_types::{Digest, Envelope, Payload};
use storage::{Rebuild, Store};
use tokio_util::sync::CancellationToken;

use super::deployment::Deployment;
use super::{at, claim};

const ATTACHED: &[u8] = b"a,b\n1,2\n3,4\n";

fn with_attachment(n: u64, who: &str, round: u32) -> NewTask {
    let new = request(n, who, round);
    let attachments = vec![Attachment { sha256: Digest::of(ATTACHED), ..new.attachments[0].clone() }];
    NewTask { attachments, ..new }
}

fn told(n: u32) -> Envelope {
    event(1, Payload::StepStarted(StepStarted { step: format!("step-{n}"), attempt: n }))
}

/// Copies to the broker what the ledger has and the broker lacks.
async fn copied(hosts: &Deployment) -> JetArchive {
    let (store, archive) = (hosts.ledger().await, hosts.archive());
    let ports = archive::Ports {
        ledger: store.clone(),
        copying: store.clone(),
        blobs: Arc::new(store.blobs()),
        archive: Arc::new(hosts.archive()),
    };
    archive::Service::new(ports).drain(&CancellationToken::new()).await.unwrap();
    archive
}

#[tokio::test]
async fn a_ledger_made_anew_is_the_one_that_was_lost() {
    let mut hosts = Deployment::start(super::at_once());
    hosts.ledger().await.blobs().put(Bytes::from_static(ATTACHED)).await.unwrap();
    for (n, who, round) in [(1, "ann", 1), (2, "bob", 1), (3, "ann", 2)] {
        assert_eq!(hosts.accept(with_attachment(n, who, round)).await.unwrap(), Acceptance::New);
    }
    let (first, second) = (claim(&hosts, at(10)).await.unwrap().lease, claim(&hosts, at(10)).await.unwrap().lease);
    let note = TaskUpdate { notes: vec!["a note".to_owned()], ..TaskUpdate::default() };
    hosts.record(first, step("prepare"), note, vec![told(1)]).await.unwrap();
    let closing = Closing { outcome: Outcome::HandedIn, at: at(20), notification: Some(b"{\"round\":1}".to_vec()) };
    hosts.finish(first, closing, vec![told(2)]).await.unwrap();
    let archive = copied(&hosts).await;
    let lost = hosts.ledger().await;
    // Done after the last copy: only the lines at the broker say so.
    hosts.record(second, step("prepare"), TaskUpdate::default(), Vec::new()).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let ledger = Rebuild::begin(folder.path()).unwrap();
    let summary = rebuild::run(&JetSalvage::new(archive), &ledger, &ledger.blobs()).await.unwrap().unwrap();
    let counts = (summary.tasks, summary.open, summary.blobs, summary.missing_blobs, summary.left_out);
    assert_eq!(counts, (3, 2, 1, 0, 0), "{summary:?}");
    drop(ledger);
    let store = Arc::new(Store::open(storage::Options::new(folder.path())).unwrap());

    for (n, who, round) in [(1, "ann", 1), (2, "bob", 1), (3, "ann", 2)] {
        let new = with_attachment(n, who, round);
        let (before, after) =
            (lost.copy_of(new.id).await.unwrap().unwrap(), store.copy_of(new.id).await.unwrap().unwrap());
        assert_eq!(
            (after.place, after.repo_place, &after.fingerprint),
            (before.place, before.repo_place, &before.fingerprint)
        );
        assert_eq!((&after.journal, &after.events), (&before.journal, &before.events));
        assert_eq!(after.notification, before.notification);
        let state = if n == 1 { TaskState::Finished } else { TaskState::Queued };
        assert_eq!(after.record, ports::TaskRecord { state, ..before.record });
        assert!(matches!(store.accept(new).await.unwrap(), Acceptance::Repeat { .. }));
    }
    assert_eq!(store.blobs().get(&Digest::of(ATTACHED)).await.unwrap(), ATTACHED);

    // Its runner still has the second flow, and goes on with it; the next round of the first one's repository runs.
    hosts.replace_ledger(store.clone(), folder).await;
    let third = claim(&hosts, at(40)).await.unwrap();
    assert_eq!((third.task.round.get(), third.task.repo.as_str()), (2, "ann-1"));
    assert!(claim(&hosts, at(40)).await.is_none(), "the second is still its runner's");
    let journal = store.copy_of(second.task).await.unwrap().unwrap().journal;
    assert_eq!(journal, [step("prepare")], "what was done after the last copy");
    let closing = Closing { outcome: Outcome::HandedIn, at: at(50), notification: None };
    let last_word = event(2, Payload::StepStarted(StepStarted { step: "record".to_owned(), attempt: 1 }));
    hosts.finish(second, closing, vec![last_word]).await.unwrap();
    assert_eq!(hosts.task(second.task).await.unwrap().unwrap().outcome, Some(Outcome::HandedIn));
    // No place that somebody may have seen is given out again.
    let last = lost.events_after(0, 100).await.unwrap().last().unwrap().seq;
    let new = store.events_after(last, 100).await.unwrap();
    assert!(!new.is_empty() && new.iter().all(|event| event.seq > last + 100_000), "{new:?}");
}
