//! Journals, events and what hosts tell each other as this version writes them: they are read as they are meant, and can
//! be frozen as a release.
//!
//! `cargo xtask contracts release` runs this with `RELEASE_JOURNALS` naming the folder of the new version.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use core_flows::released::unread;
use ports::{Closing, Did, Dossier, KnownSite, Route, StepRecord, TaskCopy, TaskRecord, TaskUpdate, TenantKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared_types::http::{NotificationAttempt, Outcome};
use shared_types::{Digest, Envelope, Round};

use crate::world::{FakeModel, World, file, request, steps};

/// What two rounds leave behind.
struct Written {
    tasks: Vec<TaskRecord>,
    journals: Vec<(Round, Vec<StepRecord>)>,
    events: Vec<Envelope>,
}

/// Both rounds with a model whose first page must be repaired, so that every step has all to say that it can.
async fn written() -> Written {
    let answer = |request: &ports::CompletionRequest| {
        let page = if request.template == "repair" { "<p>mended</p>" } else { "<p>BROKEN</p>" };
        Ok(file(request, "index.html", page))
    };
    let mut world = World::with_model(Some(Arc::new(FakeModel(Box::new(answer)))));
    *world.notifier.script.lock().unwrap() = vec![500, 200];
    world.start();
    let mut written = Written { tasks: Vec::new(), journals: Vec::new(), events: Vec::new() };
    for (round, route) in [(1, Route::Build), (2, Route::Revise)] {
        let receipt = world.post(route, request(round, &format!("n-{round}"))).await.unwrap();
        let task = world.finished(receipt.id).await;
        written.journals.push((task.round, world.memory.journal(task.id)));
        written.events.extend(world.events(task.id).await);
        written.tasks.push(task);
    }
    world.shutdown.cancel();
    written
}

#[tokio::test(start_paused = true)]
async fn what_is_written_today_is_read_as_it_was_meant() {
    let written = written().await;
    let Written { journals, events, .. } = &written;
    for (round, journal) in journals {
        assert_eq!(unread(*round, journal), [""; 0], "round {}", round.get());
        let recorded: Vec<_> = journal.iter().map(|record| record.step.as_str()).collect();
        let planned = core_flows::plan::step_names(*round);
        assert_eq!(recorded, planned[..planned.len() - 1], "every step but the last leaves a record");
    }
    assert!(steps().len() > 9 && events.len() > 40, "{}", events.len());
    for event in events {
        assert_eq!(Envelope::read(&event.to_bytes()).unwrap(), *event);
    }
    let shared = shared(&written);
    assert_eq!(again::<Dossier>(&shared["dossier"]), shared["dossier"]);
    assert_eq!(again::<Vec<Did>>(&shared["did"]), shared["did"]);
    assert_eq!(again::<TaskCopy>(&shared["copy"]), shared["copy"]);
    if let Some(folder) = std::env::var_os("RELEASE_JOURNALS").map(PathBuf::from) {
        freeze(&folder, &written);
    }
}

/// What is written of what was read.
fn again<T: Serialize + DeserializeOwned>(written: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(written.clone()).unwrap()).unwrap()
}

fn freeze(folder: &std::path::Path, written: &Written) {
    let Written { journals, events, .. } = written;
    std::fs::create_dir_all(folder).unwrap();
    let save = |name: &str, value: &Value| {
        std::fs::write(folder.join(name), format!("{value:#}\n")).unwrap();
    };
    for (round, journal) in journals {
        let outcome = |record: &StepRecord| serde_json::from_str::<Value>(&record.outcome).unwrap();
        let records: Vec<_> =
            journal.iter().map(|record| json!({ "step": record.step, "outcome": outcome(record) })).collect();
        save(&format!("round-{}.json", round.get()), &json!({ "round": round.get(), "journal": records }));
    }
    let mut kinds: Vec<&'static str> = Vec::new();
    // One of each kind says all that the others say.
    let firsts = events.iter().filter(|event| {
        let is_first = !kinds.contains(&event.kind());
        kinds.push(event.kind());
        is_first
    });
    let hex = |event: &Envelope| {
        event.to_bytes().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let events: Vec<_> = firsts.map(|event| json!({ "bytes": hex(event), "says": event })).collect();
    save("events.json", &Value::from(events));
    save("shared.json", &shared(written));
}

/// What lies at a broker between hosts, one of each kind: a flow as it is lent, what a runner did, and the copy of a task.
fn shared(written: &Written) -> Value {
    let Written { tasks, journals, events } = written;
    let [first, second] = &tasks[..] else { panic!("two rounds") };
    let [(_, earlier), (_, journal)] = &journals[..] else { panic!("two journals") };
    let (at, step, events) = (second.accepted_at, journal[0].clone(), events[..2].to_vec());
    let known = KnownSite {
        tenant: TenantKey::of(&first.email),
        task: first.task.clone(),
        request: first.id,
        round: first.round,
        repo: first.repo.clone(),
        repo_url: first.repo_url.clone().unwrap(),
        commit: first.commit_sha.clone().unwrap(),
        pages_url: first.pages_url.clone(),
        at,
    };
    let attempts = vec![NotificationAttempt {
        attempt: 1,
        at,
        verdict: "accepted".to_owned(),
        status: Some(200),
        latency_ms: 20,
        error: Some("an error".to_owned()),
    }];
    let dossier = Dossier {
        task: second.clone(),
        earlier: vec![first.clone()],
        journal: journal.clone(),
        attempts,
        last_known: Some(known),
    };
    let update = TaskUpdate {
        report: second.report.clone(),
        repo_url: second.repo_url.clone(),
        commit_sha: second.commit_sha.clone(),
        pages_url: second.pages_url.clone(),
        notes: vec!["a note".to_owned()],
    };
    let closing = Closing { outcome: Outcome::HandedIn, at, notification: Some(b"{}".to_vec()) };
    let did = [
        Did::Claimed { until: at },
        Did::Kept { until: at },
        Did::Recorded { step, update: Box::new(update), events: events.clone() },
        Did::Told { events: events.clone() },
        Did::Released { not_before: at, events: events.clone() },
        Did::Finished { closing, events: events.clone() },
    ];
    let copy = TaskCopy {
        place: 1,
        repo_place: 1,
        record: first.clone(),
        fingerprint: Digest::of(b"a request"),
        first_deadline_at: first.deadline_at,
        epoch: first.attempt.epoch,
        journal: earlier.clone(),
        events,
        notification: Some("{}".to_owned()),
        blobs: vec![Digest::of(b"a blob")],
    };
    json!({ "dossier": dossier, "did": did, "copy": copy })
}
