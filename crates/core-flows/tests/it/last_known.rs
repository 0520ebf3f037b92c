//! The ledger is lost: later rounds find their repositories all the same.

use std::time::Duration;

use ports::{Route, TaskRecord};
use shared_types::http::Outcome;

use crate::world::{World, request};

/// Round 1, after which the ledger is lost, `then` something at the host, and round 2.
async fn round_2(then: impl FnOnce(&World, &TaskRecord)) -> (World, TaskRecord) {
    let mut before = World::new();
    let receipt = before.post(Route::Build, request(1, "n-1")).await.unwrap();
    before.start();
    let first = before.finished(receipt.id).await;
    // The copy is written a little later.
    tokio::time::sleep(Duration::from_secs(10)).await;
    before.shutdown.cancel();
    then(&before, &first);
    let mut after = before.without_its_ledger();
    let receipt = after.post(Route::Revise, request(2, "n-2")).await.unwrap();
    after.start();
    let second = after.finished(receipt.id).await;
    after.shutdown.cancel();
    assert_eq!(second.outcome, Some(Outcome::HandedIn));
    (after, second)
}

#[track_caller]
fn check_noted(task: &TaskRecord, words: &str) {
    assert!(task.notes.iter().any(|note| note.contains(words)), "{:?}", task.notes);
}

#[tokio::test(start_paused = true)]
async fn the_host_is_searched_first() {
    let (world, task) = round_2(|_, _| {}).await;
    check_noted(&task, "found at the code host by name and marker");
    assert_eq!(world.host.commits().iter().map(|(_, commits)| *commits).collect::<Vec<_>>(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_repository_is_found_by_what_was_last_known() {
    let (world, task) = round_2(|world, first| world.host.rename(first.repo.as_str(), "my-portfolio")).await;
    check_noted(&task, "found by what was last known of the task");
    assert_eq!(world.host.commits(), [("my-portfolio".to_owned(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_finds_is_built_anew() {
    let (world, task) = round_2(|world, _| world.host.repos.lock().unwrap().clear()).await;
    check_noted(&task, "no repository of an earlier round was found");
    assert_eq!(world.host.commits(), [(task.repo.to_string(), 1)]);
}
