//! The operator's levers, over whole flows under a paused clock.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ports::{Declined, Deletion, Known, Operator as _, Repositories, Route, TaskRecord};
use shared_types::http::{Outcome, TaskState};
use shared_types::{Digest, Payload, TaskId};

use crate::world::{FakeArchive, World, request};

async fn run(world: &mut World) -> TaskRecord {
    let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    world.finished(receipt.id).await
}

/// Steps that were begun after the last retry.
async fn begun_again(world: &World, id: TaskId) -> Vec<String> {
    let events = world.events(id).await;
    let retried = events.iter().rposition(|event| matches!(event.payload, Some(Payload::TaskRetried(_)))).unwrap();
    let begun = events[retried..].iter().filter_map(|event| match &event.payload {
        Some(Payload::StepStarted(started)) if started.attempt == 1 => Some(started.step.clone()),
        _ => None,
    });
    begun.collect()
}

#[track_caller]
fn check_declined(answer: Result<TaskRecord, Declined>, words: &str) {
    match answer {
        Err(Declined::NotNow(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_goes_on_with_the_step_that_failed() {
    let mut world = World::new();
    *world.host.refuses.lock().unwrap() = true;
    let failed = run(&mut world).await;
    assert_eq!(failed.outcome, Some(Outcome::Failed));
    *world.host.refuses.lock().unwrap() = false;
    tokio::time::sleep(Duration::from_secs(3600)).await;

    let again = world.operator().retry(failed.id, None).await.unwrap();
    assert_eq!((again.state, again.attempt.number), (TaskState::Queued, 2));
    assert_eq!(again.deadline_at.since(again.attempt.began_at.unwrap()), Duration::from_secs(600));
    let task = world.finished(failed.id).await;
    assert_eq!(task.outcome, Some(Outcome::HandedIn));
    assert_eq!(begun_again(&world, task.id).await, ["publish", "pages", "confirm", "notify", "record"]);
    // It is no restart of a process, and was never late.
    assert!(!world.kinds(task.id).await.contains(&"flow_resumed"));
    assert!(task.finished_at.unwrap() < task.deadline_at);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn an_undelivered_task_is_only_told_again_under_an_id_of_its_own() {
    let mut world = World::new();
    *world.notifier.script.lock().unwrap() = vec![500; 5];
    let task = run(&mut world).await;
    assert_eq!(task.outcome, Some(Outcome::Undelivered));
    world.operator().retry(task.id, None).await.unwrap();
    let task = world.finished(task.id).await;
    assert_eq!(task.outcome, Some(Outcome::HandedIn));
    assert_eq!(begun_again(&world, task.id).await, ["notify", "record"]);
    let attempts = world.ports.ledger.notification_attempts(task.id).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.attempt).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let ids = world.notifier.ids.lock().unwrap().clone();
    assert_eq!(ids.first(), Some(&task.id.to_string()));
    assert_eq!(ids.last(), Some(&format!("{}-2", task.id)));
    world.shutdown.cancel();
}

/// An evaluator's "never" ended the first attempt; it does not end the second before it began.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_an_earlier_attempt_is_no_last_word() {
    let mut world = World::new();
    *world.notifier.script.lock().unwrap() = vec![400];
    let task = run(&mut world).await;
    assert_eq!(task.outcome, Some(Outcome::Refused));
    world.operator().retry(task.id, None).await.unwrap();
    assert_eq!(world.finished(task.id).await.outcome, Some(Outcome::HandedIn));
    assert_eq!(world.notifier.deliveries.lock().unwrap().len(), 2);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_handed_in_is_made_anew_from_a_named_step() {
    let mut world = World::new();
    let first = run(&mut world).await;
    let operator = world.operator();
    check_declined(operator.retry(first.id, None).await, "name the step to begin with");
    check_declined(operator.retry(first.id, Some("polish")).await, "its steps are prepare, decide, generate");
    operator.retry(first.id, Some("generate")).await.unwrap();
    let task = world.finished(first.id).await;
    assert_eq!(task.outcome, Some(Outcome::HandedIn));
    assert_eq!(begun_again(&world, task.id).await[..2], ["generate", "verify"]);
    // The new commit follows the old one, in the same repository.
    assert_eq!(world.host.commits(), [(task.repo.to_string(), 2)]);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_later_round_is_not_overwritten_and_reads_what_it_published_itself() {
    let mut world = World::new();
    let first = run(&mut world).await;
    let second = world.post(Route::Revise, request(2, "n-2")).await.unwrap();
    let second = world.finished(second.id).await;
    let operator = world.operator();
    check_declined(operator.retry(first.id, Some("generate")).await, "has published a later round");
    operator.retry(second.id, Some("commit")).await.unwrap();
    let second = world.finished(second.id).await;
    assert_eq!(second.outcome, Some(Outcome::HandedIn));
    assert_eq!(begun_again(&world, second.id).await[0], "fetch");
    assert!(!world.kinds(second.id).await.contains(&"pull_request_opened"));
    // What only tells the evaluator overwrites nothing.
    operator.retry(first.id, Some("notify")).await.unwrap();
    assert_eq!(world.finished(first.id).await.outcome, Some(Outcome::HandedIn));
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_stops_and_may_go_on_later() {
    let mut world = World::new();
    *world.host.pages_never_build.lock().unwrap() = true;
    let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    while !world.kinds(receipt.id).await.contains(&"site_published") {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let operator = world.operator();
    check_declined(operator.retry(receipt.id, None).await, "is being worked on");
    let task = operator.cancel(receipt.id).await.unwrap();
    assert_eq!((task.state, task.outcome), (TaskState::Finished, Some(Outcome::Cancelled)));
    let told = world.kinds(receipt.id).await.len();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.kinds(receipt.id).await.len(), told, "nothing is recorded after the end");
    assert_eq!(world.notifier.deliveries.lock().unwrap().len(), 0);
    check_declined(operator.cancel(receipt.id).await, "has ended already: cancelled");

    *world.host.pages_never_build.lock().unwrap() = false;
    operator.retry(receipt.id, None).await.unwrap();
    assert_eq!(world.finished(receipt.id).await.outcome, Some(Outcome::HandedIn));
    assert_eq!(begun_again(&world, receipt.id).await[0], "pages");
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn the_stored_bytes_are_sent_again() {
    let mut world = World::new();
    let task = run(&mut world).await;
    let told = world.operator().renotify(task.id).await.unwrap();
    assert_eq!((told.attempt, told.status, told.verdict.as_str()), (2, Some(200), "accepted"));
    let bodies: Vec<_> = world.notifier.deliveries.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!((bodies.len(), &bodies[0]), (2, &bodies[1]));
    assert_eq!(world.ports.ledger.notification_attempts(task.id).await.unwrap().len(), 2);
    let unknown = world.operator().renotify(TaskId::from_parts(9, 9)).await;
    assert!(matches!(unknown, Err(Declined::Unknown(_))), "{unknown:?}");
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn what_has_nothing_to_tell_is_not_told() {
    let mut world = World::new();
    *world.host.refuses.lock().unwrap() = true;
    let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    let early = world.operator().renotify(receipt.id).await;
    assert!(matches!(&early, Err(Declined::NotNow(why)) if why.contains("has not ended")), "{early:?}");
    world.start();
    let task = world.finished(receipt.id).await;
    let told = world.operator().renotify(task.id).await;
    assert!(matches!(&told, Err(Declined::NotNow(why)) if why.contains("retry it instead")), "{told:?}");
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_person_is_forgotten_once_nothing_of_theirs_is_under_way() {
    let mut world = World::new();
    let task = run(&mut world).await;
    let open = world.post(Route::Build, request(1, "n-2")).await.unwrap();
    let (operator, email) = (world.operator(), task.email.clone());
    let early = operator.forget(&email, Repositories::Keep).await;
    let Err(Declined::NotNow(why)) = early else { panic!("{early:?}") };
    assert!(why.contains("1 open tasks were cancelled") && why.contains("181 s"), "{why}");
    assert_eq!(world.ports.ledger.task(open.id).await.unwrap().unwrap().outcome, Some(Outcome::Cancelled));

    tokio::time::sleep(Duration::from_secs(181)).await;
    let capitals = "STUDENT@example.com".parse().unwrap();
    let receipt = operator.forget(&capitals, Repositories::Keep).await.unwrap();
    assert_eq!(receipt.tasks, 2);
    let said = serde_json::to_string(&receipt).unwrap().to_lowercase();
    assert!(!said.contains("student") && said.contains("backups"), "{said}");
    assert!(world.ports.ledger.task(task.id).await.unwrap().is_none());
    // Nobody is left to forget, which is no fault.
    assert_eq!(operator.forget(&email, Repositories::Keep).await.unwrap().tasks, 0);
    world.shutdown.cancel();
}

/// What lies elsewhere is looked at before anything is removed, and removed after the ledger's rows.
#[tokio::test(start_paused = true)]
async fn forgetting_reaches_copies_elsewhere_or_says_so() {
    let mut world = World::new();
    let task = run(&mut world).await;
    tokio::time::sleep(Duration::from_secs(181)).await;
    let elsewhere = Arc::new(FakeArchive::default());
    let (old, blob) = (TaskId::from_parts(5, 5), Digest::of(b"of an old task"));
    let known = Known { tasks: vec![(old, task.task.clone())], blobs: vec![blob.clone()] };
    *elsewhere.known.lock().unwrap() = known;
    let operator = world.operator_with(Some(elsewhere.clone()));

    elsewhere.away.store(true, Ordering::Relaxed);
    let declined = operator.forget(&task.email, Repositories::Keep).await;
    let Err(Declined::NotNow(why)) = declined else { panic!("{declined:?}") };
    assert!(why.contains("nothing was removed yet") && why.contains("the broker is away"), "{why}");
    assert!(world.ports.ledger.task(task.id).await.unwrap().is_some());

    elsewhere.away.store(false, Ordering::Relaxed);
    elsewhere.stuck.store(true, Ordering::Relaxed);
    let receipt = operator.forget(&task.email, Repositories::Keep).await.unwrap();
    assert!(receipt.not_covered.iter().any(|what| what.contains("NATS: the broker is away; ask again")), "{receipt:?}");
    assert_eq!((receipt.tasks, receipt.at_broker), (1, 0));

    // The ledger knows nothing any more, and the copies still do.
    elsewhere.stuck.store(false, Ordering::Relaxed);
    let receipt = operator.forget(&task.email, Repositories::Keep).await.unwrap();
    assert_eq!((receipt.tasks, receipt.at_broker), (0, 6));
    assert!(!receipt.not_covered.iter().any(|what| what.contains("NATS")), "{receipt:?}");
    let forgotten = elsewhere.forgotten.lock().unwrap();
    let (whom, blobs) = &forgotten[0];
    assert_eq!((whom.tasks.as_slice(), blobs.as_slice()), (&[(old, task.task.clone())][..], &[blob][..]));
    world.shutdown.cancel();
}

/// Three repositories of a person, then `deletions` of them; what forgetting the person says.
async fn forgotten_with_repos(
    deletions: Vec<Result<Deletion, ports::Error>>,
) -> (World, Result<shared_types::http::Forgotten, Declined>) {
    let mut world = World::new();
    world.start();
    for nonce in ["n-1", "n-2", "n-3"] {
        let receipt = world.post(Route::Build, request(1, nonce)).await.unwrap();
        world.finished(receipt.id).await;
    }
    tokio::time::sleep(Duration::from_secs(181)).await;
    *world.host.deletions.lock().unwrap() = deletions;
    let email = "student@example.com".parse().unwrap();
    let receipt = world.operator().forget(&email, Repositories::Delete).await;
    world.shutdown.cancel();
    (world, receipt)
}

#[tokio::test(start_paused = true)]
async fn repositories_go_with_the_person_where_that_is_wanted() {
    let (world, receipt) = forgotten_with_repos(vec![]).await;
    let receipt = receipt.unwrap();
    assert_eq!((receipt.deleted, receipt.deleted_repositories.len(), receipt.undeleted.len()), (3, 3, 0));
    assert!(receipt.repositories.is_empty() && world.host.commits().is_empty(), "{receipt:?}");
    assert!(!receipt.not_covered.iter().any(|what| what.contains("repositories")), "{receipt:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_deleted_is_told_with_its_reason() {
    let refused =
        Err(ports::Error::stop(format!("403: the token lacks administration=write, {}", crate::world::SECRET)));
    let (_, receipt) = forgotten_with_repos(vec![Ok(Deletion::NotOurs), refused]).await;
    let receipt = receipt.unwrap();
    let reasons: Vec<&str> = receipt.undeleted.iter().map(|kept| kept.reason.as_str()).collect();
    assert!(reasons[0].contains("our marker"), "{reasons:?}");
    assert_eq!(reasons[1], "403: the token lacks administration=write, [redacted]");
    assert_eq!((receipt.deleted, receipt.repositories.len(), receipt.tasks), (1, 2, 3));
    assert!(receipt.not_covered[0].contains("repositories"), "{receipt:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_away_leaves_everything_to_be_asked_for_again() {
    let (world, receipt) = forgotten_with_repos(vec![Err(ports::Error::again("502 Bad Gateway"))]).await;
    let Err(Declined::NotNow(why)) = receipt else { panic!("{receipt:?}") };
    assert!(why.contains("502 Bad Gateway") && why.contains("Nothing else was removed"), "{why}");
    let email = "student@example.com".parse().unwrap();
    let receipt = world.operator().forget(&email, Repositories::Delete).await.unwrap();
    assert_eq!((receipt.tasks, receipt.deleted), (3, 3));
}
