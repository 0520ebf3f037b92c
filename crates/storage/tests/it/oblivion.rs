//! A person is forgotten: nothing planted is found in any table or any file of the data folder, freed pages and the log
//! included, and nothing of anybody else is missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use ports::testing::TokioClock;
use ports::testing::conformance::{event, request, step};
use ports::{
    Attachment, Blobs, Bucket, Closing, FlowQueue, Forgetting, Forgot, KnownSite, LastKnown, Ledger, NewRun, NewTask,
    Oblivion, Policy, RateBuckets, RunEnd, RunLedger, SpendCaps, TaskUpdate, TenantKey, WorkerId,
};
use shared_types::events::StepRetrying;
use shared_types::http::{Forgotten, Outcome, RunStatus, RunUnit, Undeleted};
use shared_types::{Digest, Payload, Timestamp};
use storage::Store;

use crate::open;

/// What is planted of Ann, wherever it can stand: her address, her task, her brief, her attachment.
const PLANTED: [&str; 4] = ["ann.planted@example.com", "planted-task", "planted brief", "planted,attachment"];

/// What a table holds of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Rows that go, or are stripped: planted into it below.
    Personal,
    /// Nothing of anybody.
    Nothing,
}

/// Every table of the schema. A new one must be put here, and into `sql/oblivion.rs` if it holds anything of a person.
const TABLES: [(&str, Holds); 13] = [
    ("tasks", Holds::Personal),
    ("repos", Holds::Personal),
    ("flows", Holds::Personal),
    ("steps", Holds::Personal),
    ("sites", Holds::Personal),
    ("events", Holds::Personal),
    ("notifications", Holds::Personal),
    ("model_runs", Holds::Personal),
    ("rate_buckets", Holds::Personal),
    ("cursors", Holds::Nothing),
    ("probes", Holds::Nothing),
    ("schema_migrations", Holds::Nothing),
    ("sqlite_sequence", Holds::Nothing),
];

fn counter(key: &Digest) -> Bucket {
    let policy = Policy { scope: "build", bucket: "email", limit: 9, window: Duration::from_secs(3600) };
    Bucket { policy, key: key.clone() }
}

/// Ann's request; round 1 of a task of her own.
fn anns(n: u64) -> NewTask {
    let bytes = Bytes::from_static(b"planted,attachment\n");
    NewTask {
        email: PLANTED[0].parse().unwrap(),
        task: PLANTED[1].parse().unwrap(),
        brief: format!("Show the {} to everybody.", PLANTED[2]),
        attachments: vec![Attachment { sha256: Digest::of(&bytes), ..request(n, "ann", 1).attachments[0].clone() }],
        takes: vec![counter(&Digest::of(PLANTED[0].as_bytes()))],
        ..request(n, "planted-task", 1)
    }
}

/// Takes a task through its flow, with `text` and `blobs` wherever something of it may be kept.
async fn live(store: &Store, new: NewTask, text: &str, blobs: &[Digest]) {
    let id = new.id;
    store.accept(new).await.unwrap();
    let worker = WorkerId("worker".to_owned());
    let lease = store.claim(&worker, TokioClock::EPOCH, Duration::from_secs(30)).await.unwrap().unwrap().lease;
    assert_eq!(lease.task, id);
    let site: BTreeMap<_, _> =
        blobs.iter().enumerate().map(|(n, digest)| (format!("{n}.txt"), digest.as_str())).collect();
    let outcome = serde_json::json!({ "site": site, "briefs": [text] }).to_string();
    let update = TaskUpdate { notes: vec![text.to_owned()], ..TaskUpdate::default() };
    let retrying = Payload::StepRetrying(StepRetrying { reason: text.to_owned(), ..StepRetrying::default() });
    let made = ports::StepRecord { outcome, summary: text.to_owned(), ..step("generate") };
    store.record(lease, made, update, vec![event(1, retrying)]).await.unwrap();
    let run = NewRun {
        task: id,
        trace_id: shared_types::TraceId::from_random(9),
        alias: "app-generator".to_owned(),
        model: "m".to_owned(),
        template: "app".to_owned(),
        prompt_hash: Digest::of(text.as_bytes()).to_string(),
        unit: RunUnit::Tokens,
        reserve_micro_usd: 70,
        started_at: TokioClock::EPOCH,
    };
    let run = store.begin(run, SpendCaps::default()).await.unwrap().unwrap();
    store.settle(run, ended(text)).await.unwrap();
    let closing =
        Closing { outcome: Outcome::HandedIn, at: TokioClock::EPOCH, notification: Some(text.as_bytes().to_vec()) };
    store.finish(lease, closing, Vec::new()).await.unwrap();
}

fn ended(text: &str) -> RunEnd {
    RunEnd {
        status: RunStatus::Error,
        input: 1,
        cached_input: 0,
        output: 1,
        cost_micro_usd: Some(70),
        counted_micro_usd: 70,
        price_version: None,
        latency: Duration::from_millis(1),
        first_token: None,
        error: Some(text.to_owned()),
    }
}

/// What would be known of a task without the ledger.
fn last_known(new: &NewTask) -> KnownSite {
    KnownSite {
        tenant: TenantKey::of(&new.email),
        task: new.task.clone(),
        request: new.id,
        round: new.round,
        repo: new.task.as_str().parse().unwrap(),
        repo_url: "https://example.com/o/r".parse().unwrap(),
        commit: "da39a3ee5e6b4b0d3255bfef95601890afd80709".parse().unwrap(),
        pages_url: None,
        at: TokioClock::EPOCH,
    }
}

/// Files below `folder` that hold any of `planted`, in whatever case.
fn found(folder: &Path, planted: &[&str]) -> Vec<(PathBuf, String)> {
    let mut hits = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hits.extend(found(&path, planted));
            continue;
        }
        let bytes = fs::read(&path).unwrap().to_ascii_lowercase();
        for text in planted {
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                hits.push((path.clone(), (*text).to_owned()));
            }
        }
    }
    hits
}

/// Rows by table.
fn rows(data: &Path) -> BTreeMap<String, i64> {
    let database = rusqlite::Connection::open(data.join("sitewright.db")).unwrap();
    let mut select = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let count =
        |name: &String| database.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0)).unwrap();
    names.iter().map(|name| (name.clone(), count(name))).collect()
}

fn wish(rest: u64) -> Forgetting {
    Forgetting {
        // Capitals make no other person.
        email: "Ann.Planted@Example.com".parse().unwrap(),
        counters: vec![Digest::of(PLANTED[0].as_bytes())],
        at: TokioClock::EPOCH.plus(Duration::from_secs(3600)),
        rest: Duration::from_secs(rest),
    }
}

#[tokio::test]
async fn nothing_of_a_person_is_found_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let store = open(data);
    assert_eq!(rows(data).keys().cloned().collect::<Vec<_>>(), {
        let mut names: Vec<_> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        names.sort();
        names
    });
    let shared = store.blobs().put(Bytes::from_static(b"shared by the class\n")).await.unwrap();
    let mut own = vec![store.blobs().put(Bytes::from_static(b"planted,attachment\n")).await.unwrap(), shared.clone()];
    // Enough to fill pages of their own, some of which are freed again.
    let long = format!("{} {} ", PLANTED.join(" "), "x".repeat(9000));
    own.push(store.blobs().put(Bytes::from(long.clone())).await.unwrap());
    let bobs = request(99, "bob", 1);
    store.blobs().put(Bytes::from_static(b"a,b\n1,2\n")).await.unwrap();
    live(&store, bobs.clone(), "bob's own words", std::slice::from_ref(&shared)).await;
    let before = rows(data);
    for n in 1..=5 {
        live(&store, anns(n), &long, &own).await;
    }
    store.take(vec![counter(&Digest::of(PLANTED[0].as_bytes()))], TokioClock::EPOCH).await.unwrap().unwrap();
    store.advance("relay", 3).await.unwrap();
    let known = store.last_known();
    known.remember(vec![last_known(&anns(1)), last_known(&bobs)]).await.unwrap();
    assert_eq!(found(data, &PLANTED[1..2]).iter().filter(|(path, _)| path.ends_with("last_known.json")).count(), 1);
    // What a process that was killed, and one that could not read the file, have left.
    for name in ["last_known.json.new", "last_known.unreadable.json"] {
        fs::write(data.join(name), PLANTED.join(" ")).unwrap();
    }
    let planted = rows(data);
    for (table, holds) in TABLES {
        let grew = planted[table] > before[table];
        assert!(holds == Holds::Nothing || grew, "nothing was planted into {table}: {planted:?}");
    }
    assert!(!found(data, &PLANTED).is_empty(), "the search finds nothing at all");

    let tasks = store.tasks_of(&wish(0).email).await.unwrap();
    assert_eq!(tasks.len(), 5);
    assert_eq!(store.prompts_of(&wish(0).email).await.unwrap(), [Digest::of(long.as_bytes()).to_string()]);
    let Forgot::Done(erased) = store.forget(wish(0)).await.unwrap() else { panic!("busy") };
    assert_eq!((erased.blobs, erased.blobs_left, erased.repos.len()), (2, 0, 5));
    let receipt = Forgotten {
        at_broker: 0,
        at: Timestamp::from_unix_ms(7),
        tasks: 5,
        rows: erased.rows.clone(),
        blobs: erased.blobs,
        blobs_left: 0,
        cached_answers: 0,
        repositories: erased.repos.iter().map(ToString::to_string).collect(),
        deleted: 1,
        deleted_repositories: vec![PLANTED[1].to_owned()],
        undeleted: vec![Undeleted { repository: PLANTED[1].to_owned(), reason: PLANTED[1].to_owned() }],
        not_covered: Vec::new(),
    };
    store.keep_receipt(&receipt).await.unwrap();
    assert!(data.join("receipts/forgotten-7.json").is_file());

    assert_eq!(found(data, &PLANTED), [], "while the store is open");
    let after = rows(data);
    for (table, count) in &before {
        // What was spent stays.
        let expected = if table == "model_runs" { planted[table] } else { *count };
        assert!(after[table] == expected || table == "cursors", "{table}: {after:?}, before {before:?}");
    }
    // Bob has all that is his.
    let bob = store.task(bobs.id).await.unwrap().unwrap();
    assert_eq!(known.recall(&bob).await.unwrap(), Some(last_known(&bobs)));
    assert_eq!(bob.notes, ["bob's own words"]);
    assert_eq!(store.blobs().get(&shared).await.unwrap(), "shared by the class\n");
    assert_eq!(store.blobs().get(&bobs.attachments[0].sha256).await.unwrap(), "a,b\n1,2\n");
    let totals = ports::RunReader::run_totals(&store, None).await.unwrap();
    assert_eq!((totals.runs, totals.counted_micro_usd), (6, 420));
    // Who was forgotten may come again.
    live(&store, anns(6), "new", &own).await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_is_under_way_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.accept(anns(1)).await.unwrap();
    let before = rows(folder.path());
    assert_eq!(store.forget(wish(0)).await.unwrap(), Forgot::Busy { until: None });
    let worker = WorkerId("worker".to_owned());
    let lease = store.claim(&worker, TokioClock::EPOCH, Duration::from_secs(30)).await.unwrap().unwrap().lease;
    assert_eq!(store.forget(wish(0)).await.unwrap(), Forgot::Busy { until: None });
    let at = wish(0).at;
    store.finish(lease, Closing { outcome: Outcome::Failed, at, notification: None }, Vec::new()).await.unwrap();
    let until = Some(at.plus(Duration::from_secs(180)));
    assert_eq!(store.forget(wish(180)).await.unwrap(), Forgot::Busy { until });
    assert_eq!(rows(folder.path()), before);
    assert!(matches!(store.forget(wish(0)).await.unwrap(), Forgot::Done(_)));
}

#[tokio::test]
async fn a_blob_that_somebody_stored_a_moment_ago_stays_until_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // Of a request whose row is on its way.
    let fresh = store.blobs().put(Bytes::from_static(b"fresh")).await.unwrap();
    let Forgot::Done(erased) = store.forget(wish(180)).await.unwrap() else { panic!("busy") };
    assert_eq!((erased.blobs, erased.blobs_left), (0, 1));
    assert_eq!(store.blobs().get(&fresh).await.unwrap(), "fresh");
    store.close().await.unwrap();
    // A process that has not touched it knows that no row of its own is on its way.
    let store = open(folder.path());
    let Forgot::Done(erased) = store.forget(wish(180)).await.unwrap() else { panic!("busy") };
    assert_eq!((erased.blobs, erased.blobs_left), (1, 0));
    assert!(!store.blobs().holds(&fresh));
}

/// A backup, for one, reads the log: what was deleted may still be in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_being_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    live(&store, anns(1), "planted brief", &[]).await;
    let reader = rusqlite::Connection::open(folder.path().join("sitewright.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM tasks").unwrap();
    let error = store.forget(wish(0)).await.unwrap_err();
    assert!(error.to_string().contains("is being read"), "{error}");
    reader.execute_batch("COMMIT").unwrap();
    assert!(matches!(store.forget(wish(0)).await.unwrap(), Forgot::Done(_)));
    assert_eq!(found(folder.path(), &PLANTED), []);
}
