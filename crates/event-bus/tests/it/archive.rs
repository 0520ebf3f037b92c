//! Copies of the ledger at a real broker: kept, read again, and removed with all else of a person.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use event_bus::InProcessBus;
use event_bus::nats::{
    Broker as Connection, Engine, EngineOptions, JetArchive, JetSalvage, Mirror, Options, SharedBlobs,
};
use futures::StreamExt as _;
use ports::testing::conformance::{request, step};
use ports::testing::{MemoryLedger, TokioClock};
use ports::{Archive as _, Blobs as _, Forgetful, Found, Ledger as _, Salvage as _, TaskCopy};
use shared_types::{Digest, Email, Envelope, Epoch, TaskId, Timestamp};

use crate::nats::{Broker, free_port};

/// Everything over one broker.
struct House {
    port: u16,
    connection: Arc<Connection>,
    engine: Arc<Engine>,
    blobs: Arc<SharedBlobs>,
    archive: JetArchive,
    _broker: (Broker, tempfile::TempDir),
}

impl House {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let broker = Broker::start(data.path(), free_port());
        let url = format!("nats://127.0.0.1:{}", broker.port);
        let connection = Arc::new(Connection::new(Options::new(url.into())).unwrap());
        let engine = Arc::new(Engine::new(connection.clone(), EngineOptions::default()));
        let blobs = Arc::new(SharedBlobs::new(engine.clone()));
        let archive = JetArchive::new(engine.clone(), blobs.clone());
        Self { port: broker.port, connection, engine, blobs, archive, _broker: (broker, data) }
    }

    async fn blob(&self, bytes: &'static [u8]) -> Digest {
        self.blobs.put(Bytes::from_static(bytes)).await.unwrap()
    }

    /// As a rebuild finds it: nothing is remembered.
    async fn found(&self) -> Vec<Found> {
        let archive = JetArchive::new(self.engine.clone(), self.blobs.clone());
        let found = JetSalvage::new(archive).copies(0, 100).await.unwrap();
        found.into_iter().map(|(_, found)| found).filter(|found| *found != Found::Mark).collect()
    }

    /// All that the broker holds, names and payloads, in one.
    async fn everything(&self) -> String {
        let context = jetstream::new(async_nats::connect(format!("127.0.0.1:{}", self.port)).await.unwrap());
        let mut text = String::new();
        let names: Vec<_> = context.stream_names().collect().await;
        for name in names {
            let stream = context.get_stream(name.unwrap()).await.unwrap();
            let mut from = 1;
            while let Ok(message) = stream.get_first_raw_message_by_subject(">", from).await {
                from = message.sequence + 1;
                text.push_str(&message.subject);
                text.push_str(&String::from_utf8_lossy(&message.payload));
                text.push('\n');
            }
        }
        text
    }
}

/// The copy of the request `n` of `who`, with an event in the place `n`.
async fn copy(n: u64, who: &str, blobs: &[Digest]) -> TaskCopy {
    let (ledger, new) = (MemoryLedger::default(), request(n, who, 1));
    let (id, fingerprint, first_deadline_at) = (new.id, new.fingerprint.clone(), new.deadline_at);
    let event = Envelope { seq: n, ..new.event.clone() };
    ledger.accept(new).await.unwrap();
    TaskCopy {
        place: n,
        repo_place: n,
        record: ledger.task(id).await.unwrap().unwrap(),
        fingerprint,
        first_deadline_at,
        epoch: Epoch(3),
        journal: vec![step("prepare")],
        events: vec![event],
        notification: Some("{\"round\":1}".to_owned()),
        blobs: blobs.to_vec(),
    }
}

fn later(seconds: u64) -> Timestamp {
    TokioClock::EPOCH.plus(Duration::from_secs(seconds))
}

#[tokio::test]
async fn the_latest_copy_of_each_task_is_found_again() {
    let house = House::new();
    let (one, two) = (copy(1, "ann", &[]).await, copy(2, "bob", &[]).await);
    house.archive.keep(vec![one.clone(), two.clone()]).await.unwrap();
    let newer = TaskCopy { epoch: Epoch(4), journal: vec![step("prepare"), step("generate")], ..one };
    house.archive.keep(vec![newer.clone()]).await.unwrap();
    // One that fits into no message.
    let mut large = copy(3, "cyd", &[]).await;
    large.record.brief = "x".repeat(2 << 20);
    house.archive.keep(vec![large.clone()]).await.unwrap();
    let expected = [two, newer, large].map(|copy| Found::Copy(Box::new(copy)));
    assert_eq!(house.found().await, expected);
    let everything = house.everything().await;
    let subjects = everything.lines().filter_map(|line| line.split('{').next());
    assert!(!subjects.filter(|subject| subject.starts_with("sitewright")).any(|subject| subject.contains("ann")));
}

/// Nothing of a forgotten person is left but the mark that says so, and nothing of anybody else is gone.
#[tokio::test]
async fn a_person_is_forgotten() {
    let house = House::new();
    let own = house.blob(b"of ann alone").await;
    let shared = house.blob(b"of the whole class").await;
    let (anns, bobs) =
        (copy(1, "ann", &[own.clone(), shared.clone()]).await, copy(2, "bob", std::slice::from_ref(&shared)).await);
    let mut large = copy(3, "ann", &[]).await;
    large.record.brief = "y".repeat(2 << 20);
    house.archive.keep(vec![anns.clone(), bobs.clone(), large.clone()]).await.unwrap();
    let mirror = Mirror::new(house.connection.clone(), InProcessBus::new(event_bus::Options::default()));
    for copy in [&anns, &bobs] {
        mirror.publish_event(&copy.events[0]).await.unwrap();
    }
    let ann: Email = "Ann@example.com".parse().unwrap();
    let known = house.archive.known_of(&ann).await.unwrap();
    let mut ids: Vec<TaskId> = known.tasks.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [anns.record.id, large.record.id]);
    assert_eq!(known.blobs.len(), 2);
    assert!(house.everything().await.contains("ann@example.com"));

    // What somebody had to do with a moment ago stays: here that is another host.
    let elsewhere = JetArchive::new(house.engine.clone(), Arc::new(SharedBlobs::new(house.engine.clone())));
    let whom = Forgetful { email: ann.clone(), tasks: known.tasks, at: later(100) };
    let removed = elsewhere.forget(whom.clone(), vec![own.clone()]).await.unwrap();
    assert_eq!((removed.messages, removed.blobs), (3, 2), "an event, two copies; a blob and a large copy");
    let everything = house.everything().await;
    for text in ["ann@example.com", "of ann alone", &anns.record.id.to_string(), "yyyy"] {
        assert!(!everything.contains(text), "{text} is still there");
    }
    assert!(everything.contains("bob@example.com") && everything.contains("of the whole class"));
    assert_eq!(house.found().await, [Found::Copy(Box::new(bobs.clone()))]);

    // A copy that was on its way comes late; a task that she sends afterwards is hers.
    let mut anew = copy(4, "ann", &[]).await;
    anew.record.accepted_at = later(200);
    house.archive.keep(vec![anns, anew.clone()]).await.unwrap();
    assert_eq!(house.found().await, [Found::Copy(Box::new(bobs)), Found::Forgotten, Found::Copy(Box::new(anew))]);
    // Asked again, the late copy goes as well.
    elsewhere.forget(whom, Vec::new()).await.unwrap();
    assert!(!house.found().await.contains(&Found::Forgotten));
}
