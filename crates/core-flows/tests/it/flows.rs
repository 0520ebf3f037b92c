//! Flows from acceptance to their end, under a paused clock.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ports::{Error, Route, TaskRecord, WorkerId};
use serde_json::json;
use shared_types::events::{NotificationAttempted, Subject};
use shared_types::http::Outcome;
use shared_types::{BrowserRun, Envelope, Payload, TaskId};

use crate::world::{FakeModel, World, file, request, steps};

/// Posts round 1 and waits for its end.
async fn run(world: &mut World) -> TaskRecord {
    let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    world.finished(receipt.id).await
}

/// A step that was done, with its summary.
async fn summaries(world: &World, id: TaskId) -> Vec<String> {
    let events = world.events(id).await;
    let done = events.iter().filter_map(|event| match &event.payload {
        Some(Payload::StepFinished(done)) => Some(format!("{}: {}", done.step, done.summary)),
        _ => None,
    });
    done.collect()
}

#[tokio::test(start_paused = true)]
async fn a_brief_goes_in_and_the_evaluator_is_told() {
    let mut world = World::new();
    let task = run(&mut world).await;
    assert_eq!((task.outcome, task.notes.as_slice()), (Some(Outcome::HandedIn), [].as_slice()));
    let done = summaries(&world, task.id).await;
    let names: Vec<_> = done.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, steps(), "{done:?}");
    let commit = task.commit_sha.clone().unwrap();
    assert_eq!(world.host.files(&commit), [".nojekyll", "LICENSE", "README.md", "data.csv", "index.html"]);
    assert!(world.host.page(&commit).contains("<title>Sales</title>"));
    let sent: serde_json::Value = serde_json::from_slice(&world.notifier.deliveries.lock().unwrap()[0].1).unwrap();
    let expected = json!({
        "email": "student@example.com", "task": "sales-7f3a9", "round": 1, "nonce": "n-1",
        "repo_url": task.repo_url, "commit_sha": commit, "pages_url": task.pages_url,
    });
    assert_eq!(sent, expected);
    world.shutdown.cancel();
}

/// Requirement C-100.
#[tokio::test(start_paused = true)]
async fn the_evaluator_is_asked_again_after_1_2_4_seconds() {
    for (script, gaps, outcome) in [
        (vec![500, 500, 200], vec![1, 2], Outcome::HandedIn),
        (vec![0, 429, 503, 408, 200], vec![1, 2, 4, 8], Outcome::HandedIn),
        (vec![500, 400, 200], vec![1], Outcome::Refused),
        (vec![500; 9], vec![1, 2, 4, 8], Outcome::Undelivered),
    ] {
        let mut world = World::new();
        *world.notifier.script.lock().unwrap() = script.clone();
        let task = run(&mut world).await;
        assert_eq!((world.notifier.gaps(), task.outcome), (gaps, Some(outcome)), "{script:?}");
        let attempts = world.ports.ledger.notification_attempts(task.id).await.unwrap();
        assert_eq!(attempts.len(), world.notifier.deliveries.lock().unwrap().len(), "{script:?}");
        world.shutdown.cancel();
    }
}

/// 500s for nine minutes: the waits double up to 64 s, and end with the attempts or with the task's time. One that gets
/// well within it is told.
#[tokio::test(start_paused = true)]
async fn an_evaluator_that_fails_for_minutes_is_asked_until_the_attempts_or_the_time_are_over() {
    let waits = [vec![1, 2, 4, 8, 16, 32, 64], vec![64; 6]].concat();
    for (max_attempts, failures, asked_again, outcome) in
        [(8, 1000, 7, Outcome::Undelivered), (100, 1000, 13, Outcome::Undelivered), (100, 13, 13, Outcome::HandedIn)]
    {
        let mut world = World::new();
        *world.notifier.script.lock().unwrap() = vec![500; failures];
        let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
        world.start_with_attempts(max_attempts);
        let task = world.finished(receipt.id).await;
        let expected = (waits[..asked_again].to_vec(), Some(outcome));
        assert_eq!((world.notifier.gaps(), task.outcome), expected, "{max_attempts} attempts, {failures} failures");
        let deliveries = world.notifier.deliveries.lock().unwrap();
        assert!(deliveries.iter().all(|(_, body)| *body == deliveries[0].1), "the same bytes each time");
        world.shutdown.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_round_is_one_more_commit_on_the_same_repository() {
    let mut world = World::new();
    let first = run(&mut world).await;
    let mut body = request(2, "n-2");
    body["brief"] = json!("Add the element #notes.");
    body["attachments"] = json!([{ "name": "notes.txt", "url": "data:,hello" }]);
    let second = world.post(Route::Revise, body).await.unwrap();
    let second = world.finished(second.id).await;
    assert_eq!(second.repo_url, first.repo_url);
    assert_eq!(world.host.commits(), [(first.repo.to_string(), 2)]);
    let commit = second.commit_sha.unwrap();
    assert_eq!(world.host.files(&commit), [".nojekyll", "LICENSE", "README.md", "data.csv", "index.html", "notes.txt"]);
    let page = world.host.page(&commit);
    assert!(page.contains("id=\"notes\"") && page.contains("id=\"total-sales\""), "both rounds' ids are there: {page}");
    assert_eq!(second.report.unwrap().total(), 4, "checks of both rounds are verified");
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_later_round_without_a_repository_is_built_from_its_own_brief() {
    let mut world = World::new();
    let receipt = world.post(Route::Revise, request(2, "n-2")).await.unwrap();
    world.start();
    let task = world.finished(receipt.id).await;
    assert_eq!(task.outcome, Some(Outcome::HandedIn));
    assert!(task.notes.iter().any(|note| note.contains("own brief")), "{:?}", task.notes);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_resend_under_a_new_nonce_gets_a_new_repository() {
    let mut world = World::new();
    let first = run(&mut world).await;
    let again = world.post(Route::Build, request(1, "n-other")).await.unwrap();
    let again = world.finished(again.id).await;
    assert_ne!(first.repo, again.repo);
    assert_eq!(world.host.commits().len(), 2);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_tried_again_and_a_lasting_one_ends_the_flow() {
    // Those of a quarter of an hour are borne as well; after a day nobody comes any more.
    for (failures, outcome) in [(3, Outcome::HandedIn), (20, Outcome::HandedIn), (u32::MAX, Outcome::Failed)] {
        let mut world = World::new();
        *world.host.publish_failures.lock().unwrap() = failures;
        let task = run(&mut world).await;
        assert_eq!(task.outcome, Some(outcome), "{failures} failures");
        let retries = world.kinds(task.id).await.iter().filter(|kind| **kind == "step_retrying").count();
        assert!(failures == u32::MAX || retries as u32 == failures, "{retries} retries");
        let took = task.finished_at.unwrap().since(task.accepted_at);
        assert!(took < Duration::from_secs(24 * 3600), "{took:?}");
        world.shutdown.cancel();
    }
}

/// Late beats never: a host that has no room before the deadline gets the task when it has.
#[tokio::test(start_paused = true)]
async fn a_flow_waits_for_its_turn_at_the_host_beyond_the_deadline() {
    for (wait_s, outcome) in [
        (120, Outcome::HandedIn),
        (3000, Outcome::HandedIn),
        (4 * 3600, Outcome::HandedIn),
        (30 * 3600, Outcome::Failed),
    ] {
        let mut world = World::new();
        *world.host.no_room_for.lock().unwrap() = Some(Duration::from_secs(wait_s));
        let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
        world.start();
        if outcome == Outcome::HandedIn {
            tokio::time::sleep(Duration::from_secs(wait_s)).await;
        }
        let task = world.finished(receipt.id).await;
        assert_eq!(task.outcome, Some(outcome), "{wait_s} s: {:?}", task.notes);
        assert_eq!(world.host.commits()[0].1, usize::from(outcome == Outcome::HandedIn), "{wait_s} s");
        world.shutdown.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn pages_that_never_build_are_handed_in_before_the_deadline() {
    let mut world = World::new();
    *world.host.pages_never_build.lock().unwrap() = true;
    let task = run(&mut world).await;
    assert_eq!(task.outcome, Some(Outcome::HandedIn));
    assert!(task.finished_at.unwrap() < task.deadline_at);
    assert!(task.notes.iter().any(|note| note.contains("before the site was live")), "{:?}", task.notes);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_moved_meanwhile_is_left_alone() {
    let mut world = World::new();
    let first = run(&mut world).await;
    let foreign = "f".repeat(40).parse().unwrap();
    *world.host.foreign_head.lock().unwrap() = Some(foreign);
    world.host.foreign_site.lock().unwrap().insert("index.html".parse().unwrap(), "theirs");
    let second = world.post(Route::Revise, request(2, "n-2")).await.unwrap();
    let second = world.finished(second.id).await;
    assert_eq!(second.commit_sha.unwrap().as_str(), "f".repeat(40));
    assert!(world.kinds(second.id).await.contains(&"pull_request_opened"));
    assert_eq!(world.host.commits(), [(first.repo.to_string(), 1)]);
    world.shutdown.cancel();
}

/// Somebody else's work on other files stays, and ours goes on top of it.
#[tokio::test(start_paused = true)]
async fn a_change_goes_on_top_of_a_branch_that_moved_elsewhere() {
    let mut world = World::new();
    let first = run(&mut world).await;
    let first_site = world.host.repos.lock().unwrap().values().next().unwrap()[0].1.site.clone();
    *world.host.foreign_head.lock().unwrap() = Some("f".repeat(40).parse().unwrap());
    *world.host.foreign_site.lock().unwrap() = first_site;
    world.host.foreign_site.lock().unwrap().insert("theirs.txt".parse().unwrap(), "theirs");
    let second = world.post(Route::Revise, request(2, "n-2")).await.unwrap();
    let second = world.finished(second.id).await;
    assert!(!world.kinds(second.id).await.contains(&"pull_request_opened"), "{:?}", second.notes);
    assert_eq!(world.host.commits(), [(first.repo.to_string(), 2)]);
    let live = second.commit_sha.unwrap();
    assert!(world.host.files(&live).contains(&"theirs.txt".to_owned()));
    assert_eq!(second.notes.iter().filter(|note| note.contains("on top of it")).count(), 1, "{:?}", second.notes);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn without_a_verdict_nothing_is_called_passed() {
    let mut world = World::new();
    *world.verifier.broken.lock().unwrap() = true;
    let task = run(&mut world).await;
    assert_eq!(task.outcome, Some(Outcome::HandedIn));
    let report = task.report.unwrap();
    assert_eq!((report.passed(), report.total()), (0, 2));
    assert!(matches!(report.browser, BrowserRun::NotRun { .. }));
    world.shutdown.cancel();
}

/// Runs round 1 with a model that answers by `answer`; gives the outcome, the page and the notes.
async fn with_model(
    answer: impl Fn(&ports::CompletionRequest) -> Result<String, Error> + Send + Sync + 'static,
) -> (Option<Outcome>, String, Vec<String>) {
    let mut world = World::with_model(Some(Arc::new(FakeModel(Box::new(answer)))));
    let task = run(&mut world).await;
    world.shutdown.cancel();
    let page = task.commit_sha.as_ref().map(|commit| world.host.page(commit)).unwrap_or_default();
    (task.outcome, page, task.notes)
}

#[tokio::test(start_paused = true)]
async fn a_model_writes_the_page_and_the_scaffold_stands_in_for_it() {
    let (_, page, notes) = with_model(|request| Ok(file(request, "index.html", "<p>good</p>"))).await;
    assert_eq!((page.as_str(), notes.len()), ("<p>good</p>\n", 0));

    let (outcome, page, notes) = with_model(|_| Ok("I would rather not.".to_owned())).await;
    assert_eq!(outcome, Some(Outcome::HandedIn));
    assert!(page.contains("Sitewright scaffold"));
    assert!(notes[0].contains("holds no file block"), "{notes:?}");

    let (outcome, page, _) = with_model(|_| Err(Error::stop("insufficient quota"))).await;
    assert_eq!(outcome, Some(Outcome::HandedIn));
    assert!(page.contains("Sitewright scaffold"));
}

#[tokio::test(start_paused = true)]
async fn a_failing_page_is_repaired() {
    let (_, page, _) = with_model(|request| {
        let text = if request.template == "repair" { "<p>mended</p>" } else { "<p>BROKEN</p>" };
        Ok(file(request, "index.html", text))
    })
    .await;
    assert_eq!(page, "<p>mended</p>\n");
}

#[tokio::test(start_paused = true)]
async fn what_rules_mend_is_noted() {
    let (_, page, notes) = with_model(|request| Ok(file(request, "index.html", "<p>MENDABLE</p>"))).await;
    assert_eq!(page, "<p>mended</p>\n");
    assert_eq!(notes, ["mended by rules: test.rule in index.html: mended, [redacted]"]);

    let (_, page, notes) = with_model(|request| {
        let text = if request.template == "repair" { "<p>MENDABLE</p>" } else { "<p>BROKEN</p>" };
        Ok(file(request, "index.html", text))
    })
    .await;
    assert_eq!((page.as_str(), notes.len()), ("<p>mended</p>\n", 1), "{notes:?}");

    // A site that cannot be mended goes on as it is.
    let (outcome, page, notes) = with_model(|request| Ok(file(request, "index.html", "<p>UNMENDABLE</p>"))).await;
    assert_eq!((outcome, page.as_str()), (Some(Outcome::HandedIn), "<p>UNMENDABLE</p>\n"));
    assert!(notes[0].contains("out of glue"), "{notes:?}");
}

/// Requirement C-049.
#[tokio::test(start_paused = true)]
async fn a_site_with_a_secret_in_it_is_not_published() {
    let (outcome, page, _) = with_model(|request| {
        if request.template == "repair" {
            Err(Error::stop("no"))
        } else {
            Ok(file(request, "index.html", "LEAKED-HERE"))
        }
    })
    .await;
    assert_eq!(outcome, Some(Outcome::HandedIn));
    assert!(page.contains("Sitewright scaffold"), "the scaffold's page went out instead");

    // Whether or not a report says so.
    let attachment = ("attachments", json!([{ "name": "data.txt", "url": "data:,LEAKED-HERE" }]));
    // The name of the task goes into the commit message.
    let message = ("task", json!("LEAKED-HERE"));
    for (verifier_is_broken, (field, value)) in [(false, attachment.clone()), (true, attachment), (false, message)] {
        let mut world = World::new();
        *world.verifier.broken.lock().unwrap() = verifier_is_broken;
        let mut body = request(1, "n-1");
        body[field] = value;
        let receipt = world.post(Route::Build, body).await.unwrap();
        world.start();
        let task = world.finished(receipt.id).await;
        assert_eq!(task.outcome, Some(Outcome::Failed));
        assert_eq!(world.host.commits(), [], "nothing reached the host");
        world.shutdown.cancel();
    }
}

/// The answer came, the process died before its journal said so.
#[tokio::test(start_paused = true)]
async fn an_evaluators_last_word_stands() {
    for (verdict, outcome) in [("accepted", Outcome::HandedIn), ("final", Outcome::Refused)] {
        let mut world = World::new();
        let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
        let (queue, now) = (world.ports.queue.clone(), world.ports.clock.now());
        let claim = queue.claim(&WorkerId("dead".to_owned()), now, Duration::from_secs(9)).await.unwrap().unwrap();
        let subject = Subject { id: receipt.id, name: receipt.task, round: receipt.round, trace_id: receipt.trace_id };
        let attempt = NotificationAttempted { attempt: 1, verdict: verdict.to_owned(), ..Default::default() };
        let event = Envelope::new(world.ports.ids.event_id(), now, &subject, Payload::NotificationAttempted(attempt));
        queue.append(claim.lease, vec![event]).await.unwrap();
        world.start();
        let task = world.finished(receipt.id).await;
        assert_eq!(task.outcome, Some(outcome), "{verdict}");
        assert_eq!(world.notifier.deliveries.lock().unwrap().len(), 0, "{verdict}: nothing is sent again");
        world.shutdown.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_runner_goes_on_where_it_was() {
    let mut world = World::new();
    *world.notifier.script.lock().unwrap() = vec![500; 3];
    let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    let first = world.start();
    // Stopped while it waits between two attempts to notify.
    while world.notifier.deliveries.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    first.abort();
    let before: Bytes = world.notifier.deliveries.lock().unwrap()[0].1.clone();
    world.start();
    let task = world.finished(receipt.id).await;
    assert_eq!(task.outcome, Some(Outcome::HandedIn));
    assert_eq!(world.host.commits().iter().map(|(_, commits)| commits).sum::<usize>(), 1);
    assert!(
        world.notifier.deliveries.lock().unwrap().iter().all(|(_, body)| *body == before),
        "the same bytes each time"
    );
    let kinds = world.kinds(task.id).await;
    assert_eq!(kinds.iter().filter(|kind| **kind == "flow_resumed").count(), 1);
    assert_eq!(kinds.iter().filter(|kind| **kind == "site_published").count(), 1);
    world.shutdown.cancel();
}

/// A store whose blobs have all been altered on the disk since they were stored.
struct Altered(Arc<dyn ports::Blobs>);

#[async_trait::async_trait]
impl ports::Blobs for Altered {
    async fn put(&self, bytes: Bytes) -> Result<shared_types::Digest, Error> {
        self.0.put(bytes).await
    }

    fn holds(&self, digest: &shared_types::Digest) -> bool {
        self.0.holds(digest)
    }

    async fn get(&self, digest: &shared_types::Digest) -> Result<Bytes, Error> {
        Err(Error::stop(format!("blob {digest} was altered on disk")))
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_altered_on_the_disk_is_never_published() {
    let mut world = World::new();
    let sound = world.ports.blobs.clone();
    world.ports.blobs = Arc::new(Altered(sound.clone()));
    let task = run(&mut world).await;
    assert_eq!(task.outcome, Some(Outcome::Failed));
    assert_eq!(world.host.commits(), [], "nothing reached the host");
    let events = world.events(task.id).await;
    let Some(Payload::TaskFinished(end)) = &events.last().unwrap().payload else { panic!("{events:?}") };
    assert!(end.reason.contains("was altered on disk"), "{}", end.reason);
    world.shutdown.cancel();
}
