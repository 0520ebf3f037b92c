//! Journals and events as this version writes them: they are read as they are meant, and can be frozen as a release.
//!
//! `cargo xtask contracts release` runs this with `RELEASE_JOURNALS` naming the folder of the new version.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use core_flows::released::unread;
use ports::{Route, StepRecord};
use serde_json::{Value, json};
use shared_types::{Envelope, Round};

use crate::world::{FakeModel, World, file, request, steps};

/// Both rounds with a model whose first page must be repaired, so that every step has all to say that it can.
async fn written() -> (Vec<(Round, Vec<StepRecord>)>, Vec<Envelope>) {
    let answer = |request: &ports::CompletionRequest| {
        let page = if request.template == "repair" { "<p>mended</p>" } else { "<p>BROKEN</p>" };
        Ok(file(request, "index.html", page))
    };
    let mut world = World::with_model(Some(Arc::new(FakeModel(Box::new(answer)))));
    *world.notifier.script.lock().unwrap() = vec![500, 200];
    world.start();
    let mut journals = Vec::new();
    let mut events = Vec::new();
    for (round, route) in [(1, Route::Build), (2, Route::Revise)] {
        let receipt = world.post(route, request(round, &format!("n-{round}"))).await.unwrap();
        let task = world.finished(receipt.id).await;
        journals.push((task.round, world.memory.journal(task.id)));
        events.extend(world.events(task.id).await);
    }
    world.shutdown.cancel();
    (journals, events)
}

#[tokio::test(start_paused = true)]
async fn what_is_written_today_is_read_as_it_was_meant() {
    let (journals, events) = written().await;
    for (round, journal) in &journals {
        assert_eq!(unread(*round, journal), [""; 0], "round {}", round.get());
        let recorded: Vec<_> = journal.iter().map(|record| record.step.as_str()).collect();
        let planned = core_flows::plan::step_names(*round);
        assert_eq!(recorded, planned[..planned.len() - 1], "every step but the last leaves a record");
    }
    assert!(steps().len() > 9 && events.len() > 40, "{}", events.len());
    for event in &events {
        assert_eq!(Envelope::read(&event.to_bytes()).unwrap(), *event);
    }
    if let Some(folder) = std::env::var_os("RELEASE_JOURNALS").map(PathBuf::from) {
        freeze(&folder, &journals, &events);
    }
}

fn freeze(folder: &std::path::Path, journals: &[(Round, Vec<StepRecord>)], events: &[Envelope]) {
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
}
