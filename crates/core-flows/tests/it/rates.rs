//! How often: wrong secrets, tasks, and notifications that are sent again.

use std::net::IpAddr;
use std::time::Duration;

use ports::{Refusal, Route};
use serde_json::{Value, json};
use shared_types::Digest;
use shared_types::http::NotificationAttempt;

use crate::world::{World, request};

const INSTRUCTOR: &str = "192.0.2.1";

/// A request of `email` under `nonce`.
fn of(email: &str, nonce: &str) -> Value {
    let mut body = request(1, nonce);
    body["email"] = json!(format!("{email}@example.com"));
    body
}

fn wrong(email: &str) -> Value {
    let mut body = of(email, "n-guess");
    body["secret"] = json!("wrong");
    body
}

async fn post(world: &World, client: &str, body: Value) -> String {
    let client: IpAddr = client.parse().unwrap();
    match world.post_from(client, Route::Tasks, body).await {
        Ok(_) => "accepted".to_owned(),
        Err(Refusal::OverLimit(over)) => format!("{} for {} s", over.policy, over.resets_in.as_secs()),
        Err(other) => other.to_string(),
    }
}

/// Posts a wrong secret `times` times; how often it was said to be wrong.
async fn guess(world: &World, client: &str, email: &str, times: usize) -> usize {
    let mut told = 0;
    for _ in 0..times {
        told += usize::from(post(world, client, wrong(email)).await == Refusal::Unauthorized.to_string());
    }
    told
}

#[tokio::test(start_paused = true)]
async fn ten_wrong_secrets_close_the_pair_for_ten_minutes() {
    let world = World::new();
    assert_eq!(guess(&world, INSTRUCTOR, "ann", 12).await, 10);
    let closed = "auth-failure-per-client-and-email for 600 s";
    assert_eq!(post(&world, INSTRUCTOR, of("ann", "n-1")).await, closed, "the right secret, too");
    assert_eq!(post(&world, INSTRUCTOR, of("bob", "n-1")).await, "accepted");
    assert_eq!(post(&world, "192.0.2.2", of("ann", "n-1")).await, "accepted");
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(post(&world, INSTRUCTOR, of("ann", "n-2")).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn guesses_at_once_are_told_no_more_than_the_limit() {
    let world = World::new();
    let answers = futures::future::join_all((0..100).map(|_| post(&world, INSTRUCTOR, wrong("ann")))).await;
    let told = answers.iter().filter(|answer| **answer == Refusal::Unauthorized.to_string()).count();
    assert_eq!(told, 10);
}

/// One instructor's address posts for a whole class within two seconds.
#[tokio::test(start_paused = true)]
async fn one_wrong_secret_does_not_lock_out_a_class() {
    let world = World::new();
    for n in 0..300 {
        if n % 10 == 0 {
            post(&world, INSTRUCTOR, wrong("mallory")).await;
        }
        let student = format!("student-{n}");
        assert_eq!(post(&world, INSTRUCTOR, of(&student, "n-1")).await, "accepted", "{student}");
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_lock_out_nobody_who_has_been_here() {
    let world = World::new();
    assert_eq!(post(&world, INSTRUCTOR, of("ann", "n-1")).await, "accepted");
    for stranger in 0..6 {
        guess(&world, &format!("198.51.100.{stranger}"), "ann", 20).await;
    }
    assert_eq!(post(&world, INSTRUCTOR, of("ann", "n-2")).await, "accepted");
    assert_eq!(post(&world, "192.0.2.2", of("ann", "n-3")).await, "auth-failure-per-email for 600 s");
    // Whoever has been here may still not guess.
    assert_eq!(guess(&world, INSTRUCTOR, "ann", 20).await, 10);
}

#[tokio::test(start_paused = true)]
async fn one_client_has_three_hundred_guesses_for_all_emails_together() {
    let world = World::new();
    assert_eq!(post(&world, "198.51.100.1", of("ann", "n-1")).await, "accepted");
    let mut told = 0;
    for victim in 0..40 {
        told += guess(&world, "198.51.100.1", &format!("victim-{victim}"), 10).await;
    }
    assert_eq!(told, 300);
    assert_eq!(post(&world, "198.51.100.1", of("bob", "n-1")).await, "auth-failure-per-client for 600 s");
    assert_eq!(post(&world, "198.51.100.1", of("ann", "n-2")).await, "accepted", "this pair has been here");
}

#[tokio::test(start_paused = true)]
async fn the_twenty_first_build_in_an_hour_is_refused_and_leaves_nothing_behind() {
    let world = World::new();
    for n in 1..=20 {
        assert_eq!(post(&world, INSTRUCTOR, of("ann", &format!("n-{n}"))).await, "accepted");
    }
    let mut more = of("ann", "n-21");
    more["attachments"] = json!([{ "name": "new.txt", "url": "data:text/plain,never%20stored" }]);
    assert_eq!(post(&world, INSTRUCTOR, more.clone()).await, "build-per-email for 3600 s");
    assert!(world.ports.blobs.get(&Digest::of(b"never stored")).await.is_err());
    assert_eq!(post(&world, INSTRUCTOR, of("ann", "n-20")).await, "accepted", "a repeat is not counted");
    assert_eq!(post(&world, INSTRUCTOR, of("bob", "n-1")).await, "accepted");
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(post(&world, INSTRUCTOR, more).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn the_sixth_revision_of_a_task_in_an_hour_is_refused() {
    let world = World::new();
    let revision = |task: &str, n: u32| {
        let mut body = request(n + 1, &format!("n-{n}"));
        body["task"] = json!(task);
        body
    };
    for n in 1..=5 {
        assert_eq!(post(&world, INSTRUCTOR, revision("one", n)).await, "accepted");
    }
    assert_eq!(post(&world, INSTRUCTOR, revision("one", 6)).await, "revise-per-task for 3600 s");
    assert_eq!(post(&world, INSTRUCTOR, revision("two", 6)).await, "accepted");
}

/// Requirements C-053, C-153.
#[tokio::test(start_paused = true)]
async fn a_finished_task_posted_again_is_notified_again_at_most_every_ten_seconds() {
    let mut world = World::new();
    let first = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    world.finished(first.id).await;
    let sent = |world: &World| world.notifier.deliveries.lock().unwrap().clone();
    let attempts = async |world: &World| -> Vec<NotificationAttempt> {
        world.ports.ledger.notification_attempts(first.id).await.unwrap()
    };
    for (repeats, wait_s, expected) in [(3, 1, 2), (2, 8, 2), (1, 1, 2), (2, 1, 3)] {
        for _ in 0..repeats {
            assert_eq!(world.post(Route::Build, request(1, "n-1")).await.unwrap(), first);
        }
        tokio::time::sleep(Duration::from_secs(wait_s)).await;
        assert_eq!(sent(&world).len(), expected, "after {repeats} more and {wait_s} s");
        assert_eq!(attempts(&world).await.len(), expected);
    }
    let bodies: Vec<_> = sent(&world).into_iter().map(|(_, body)| body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "the same bytes each time");
    assert_eq!(attempts(&world).await.last().unwrap().attempt, 3);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_running_task_posted_again_is_not_notified_by_it() {
    let world = World::new();
    let first = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    assert_eq!(world.post(Route::Build, request(1, "n-1")).await.unwrap(), first);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(world.notifier.deliveries.lock().unwrap().is_empty());
}
