//! `last_known.json`: what it keeps, what it survives, and that it outlives the database.

use std::fs;

use ports::testing::conformance::request;
use ports::{KnownSite, LastKnown, Ledger, TaskRecord, TenantKey};
use shared_types::{Email, Round, TaskId, Timestamp};

use crate::open;

const FILE: &str = "last_known.json";

fn site(email: &str, task: &str, round: u32) -> KnownSite {
    let url = |text: &str| format!("https://example.com/{task}/{text}").parse().unwrap();
    KnownSite {
        tenant: TenantKey::of(&email.parse().unwrap()),
        task: task.parse().unwrap(),
        request: TaskId::from_parts(u64::from(round), 0),
        round: Round::try_from(round).unwrap(),
        repo: task.parse().unwrap(),
        repo_url: url("repo"),
        commit: "da39a3ee5e6b4b0d3255bfef95601890afd80709".parse().unwrap(),
        pages_url: Some(url("pages")),
        at: Timestamp::from_unix_ms(i64::from(round)),
    }
}

/// What a later round of `task` asks about.
async fn record(email: &str, task: &str) -> TaskRecord {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (email, task) = (email.parse::<Email>().unwrap(), task.parse().unwrap());
    let new = ports::NewTask { email, task, ..request(1, "any", 2) };
    let id = new.id;
    store.accept(new).await.unwrap();
    store.task(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_newest_is_known_of_each_students_task() {
    let folder = tempfile::tempdir().unwrap();
    let known = open(folder.path()).last_known();
    let (ann, bob) = (record("ann@example.com", "sales").await, record("bob@example.com", "sales").await);
    assert_eq!(known.recall(&ann).await.unwrap(), None);
    known.remember(vec![site("ann@example.com", "sales", 1), site("ann@example.com", "other", 1)]).await.unwrap();
    known.remember(vec![site("Ann@Example.com", "sales", 2)]).await.unwrap();
    // One that was accepted earlier and ended later.
    known.remember(vec![site("ann@example.com", "sales", 1)]).await.unwrap();
    assert_eq!(known.recall(&ann).await.unwrap(), Some(site("ann@example.com", "sales", 2)));
    assert_eq!(known.recall(&bob).await.unwrap(), None);

    let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert!(!text.contains("@") && !text.to_lowercase().contains("ann"), "{text}");
    assert_eq!(text.matches("\"task\"").count(), 2);
}

#[tokio::test]
async fn it_outlives_the_database_and_a_write_that_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let ann = record("ann@example.com", "sales").await;
    let store = open(folder.path());
    store.last_known().remember(vec![site("ann@example.com", "sales", 1)]).await.unwrap();
    store.close().await.unwrap();
    for name in ["sitewright.db", "sitewright.db-wal", "sitewright.db-shm"] {
        let _ = fs::remove_file(folder.path().join(name));
    }
    fs::write(folder.path().join("last_known.json.new"), "{\"sites\": [{").unwrap();
    let known = open(folder.path()).last_known();
    assert_eq!(known.recall(&ann).await.unwrap(), Some(site("ann@example.com", "sales", 1)));
}

#[tokio::test]
async fn one_that_cannot_be_read_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let ann = record("ann@example.com", "sales").await;
    let known = open(folder.path()).last_known();
    fs::write(folder.path().join(FILE), "no JSON").unwrap();
    assert_eq!(known.recall(&ann).await.unwrap(), None);
    known.remember(vec![site("ann@example.com", "sales", 1)]).await.unwrap();
    assert!(known.recall(&ann).await.unwrap().is_some());
    assert_eq!(fs::read_to_string(folder.path().join("last_known.unreadable.json")).unwrap(), "no JSON");
}

#[tokio::test]
async fn the_oldest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let known = open(folder.path()).last_known();
    known.remember((0..2_001).map(|n| site("ann@example.com", &format!("t-{n}"), 1)).collect()).await.unwrap();
    let (oldest, second) = (record("ann@example.com", "t-0").await, record("ann@example.com", "t-1").await);
    assert_eq!(known.recall(&oldest).await.unwrap(), None);
    assert!(known.recall(&second).await.unwrap().is_some());
}
