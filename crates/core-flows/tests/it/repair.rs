//! Repairs: which candidate goes out, and how many were made.

use std::sync::{Arc, Mutex};

use ports::{CompletionRequest, Error, Route, TaskRecord};
use serde_json::json;
use shared_types::http::Outcome;

use crate::world::{FakeModel, World, file, request};

/// The calls of a model, as `alias template`.
type Calls = Arc<Mutex<Vec<String>>>;

/// What a model says: a page, something that is none, or how the call fails.
type Say = Result<&'static str, fn() -> Error>;

/// A world whose model gives `answers` for the page, one a call, the last one for ever.
fn world(answers: &[Say]) -> (World, Calls) {
    let calls = Calls::default();
    let (heard, answers) = (calls.clone(), answers.to_vec());
    let answer = move |request: &CompletionRequest| {
        let mut heard = heard.lock().unwrap();
        let answer = answers[heard.len().min(answers.len() - 1)];
        heard.push(format!("{} {}", request.alias, request.template));
        match answer {
            Ok(REFUSAL) => Ok(REFUSAL.to_owned()),
            Ok(page) => Ok(file(request, "index.html", page)),
            Err(error) => Err(error()),
        }
    };
    (World::with_model(Some(Arc::new(FakeModel(Box::new(answer))))), calls)
}

/// Runs round 1 and holds the page, the calls, and whether there is a note against what is expected.
async fn check(answers: &[Say], page: &str, calls: &[&str], noted: bool) {
    let (mut world, heard) = world(answers);
    let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    let task = world.finished(receipt.id).await;
    world.shutdown.cancel();
    assert_eq!(task.outcome, Some(Outcome::HandedIn));
    assert_eq!(world.host.page(&task.commit_sha.unwrap()).trim_end(), page);
    assert_eq!(*heard.lock().unwrap(), calls);
    assert_eq!(!task.notes.is_empty(), noted, "{:?}", task.notes);
}

/// A page that passes one of the two checks.
const UNLICENSED: &str = "BREAKS Repo has an MIT license";
const REFUSAL: &str = "I would rather talk about the weather.";
const APP: &str = "app-generator app";
const MEND: &str = "app-generator repair";
const ANEW: &str = "app-fallback app";

#[tokio::test(start_paused = true)]
async fn it_goes_on_until_nothing_fails() {
    check(&[Ok("good")], "good", &[APP], false).await;
    check(&[Ok("BROKEN"), Ok("good")], "good", &[APP, MEND], false).await;
    check(&[Ok("BROKEN"), Ok(UNLICENSED), Ok("good")], "good", &[APP, MEND, MEND], false).await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_help_is_begun_anew_with_another_model() {
    check(&[Ok("BROKEN"), Ok("BROKEN too"), Ok("good")], "good", &[APP, MEND, ANEW], false).await;
    // An answer without files is asked about once before it counts as a try.
    let calls = [APP, MEND, MEND, ANEW];
    check(&[Ok("BROKEN"), Ok(REFUSAL), Ok(REFUSAL), Ok("good")], "good", &calls, false).await;
    // A call that fails changes nothing of what the next one is.
    let busy: fn() -> Error = || Error::again("503");
    let calls = [APP, MEND, ANEW, ANEW, ANEW, ANEW];
    let answers = [Ok("BROKEN"), Ok("BROKEN too"), Err(busy), Err(busy), Err(busy), Ok("good")];
    check(&answers, "good", &calls, false).await;
}

#[tokio::test(start_paused = true)]
async fn the_best_is_kept_and_never_the_last() {
    let answers = [Ok("BROKEN"), Ok(UNLICENSED), Ok("BROKEN"), Ok("BROKEN")];
    check(&answers, UNLICENSED, &[APP, MEND, MEND, ANEW], false).await;
    check(&[Ok(UNLICENSED), Ok("BROKEN")], UNLICENSED, &[APP, MEND, ANEW, ANEW], false).await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_passes_nothing_gives_way_to_the_scaffold() {
    let (mut world, heard) = world(&[Ok("BROKEN")]);
    let receipt = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    let task = world.finished(receipt.id).await;
    world.shutdown.cancel();
    assert_eq!(*heard.lock().unwrap(), [APP, MEND, ANEW, ANEW]);
    assert_eq!(task.notes, ["the scaffold stood in for app-generator: its page was no better"]);
    let report = task.report.unwrap();
    assert_eq!((report.passed(), report.total()), (2, 2));
    assert!(world.host.page(&task.commit_sha.unwrap()).contains("Sitewright scaffold"));
}

#[tokio::test(start_paused = true)]
async fn money_ends_it_and_failures_of_the_world_cost_no_try() {
    let broke = || Error::stop("insufficient quota");
    check(&[Ok(UNLICENSED), Err(broke)], UNLICENSED, &[APP, MEND], true).await;
    // One try asks three times, seconds apart.
    let busy = || Error::again("503");
    let calls = [APP, MEND, MEND, MEND, MEND];
    check(&[Ok("BROKEN"), Err(busy), Err(busy), Err(busy), Ok("good")], "good", &calls, false).await;
}

/// Round 1 with a good page, then round 2 with `brief`, whose model answers with `pages`.
async fn second_round(brief: &str, pages: &[&'static str]) -> (World, TaskRecord, TaskRecord) {
    let answers: Vec<_> = [Ok("good")].into_iter().chain(pages.iter().map(|page| Ok(*page))).collect();
    let (mut world, _) = world(&answers);
    let first = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    let first = world.finished(first.id).await;
    let mut body = request(2, "n-2");
    body["brief"] = json!(brief);
    body["checks"] = json!(["Another one"]);
    let second = world.post(Route::Revise, body).await.unwrap();
    let second = world.finished(second.id).await;
    world.shutdown.cancel();
    (world, first, second)
}

#[tokio::test(start_paused = true)]
async fn a_round_that_breaks_an_earlier_one_is_mended_or_becomes_a_pull_request() {
    let (world, _, second) = second_round("Add a chart.", &[UNLICENSED, "good again"]).await;
    assert_eq!(world.host.page(&second.commit_sha.unwrap()), "good again\n");

    // The scaffold breaks nothing, so it goes out rather than a page that does.
    let (world, first, second) = second_round("Add a chart.", &[UNLICENSED]).await;
    assert_ne!(second.commit_sha, first.commit_sha);
    assert!(!world.host.page(&second.commit_sha.unwrap()).contains("BREAKS"));

    // Its README shows the brief, which here breaks it as well: a person decides.
    let (world, first, second) = second_round(UNLICENSED, &[UNLICENSED]).await;
    assert_eq!((second.outcome, &second.commit_sha), (Some(Outcome::HandedIn), &first.commit_sha));
    assert_eq!(world.host.commits().len(), 1);
    let note = second.notes.join("; ");
    assert!(note.contains("takes away") && note.contains("pull/sitewright/round-2"), "{note}");
}
