//! Answers that are kept, and runs that ask nobody.

use llm::{CacheMode, Options};
use ports::{CompletionRequest, FinishReason, Model as _, Verdict};
use serde_json::json;
use shared_types::http::RunStatus;

use crate::fake::{Fake, answer, refusal};
use crate::{chained, request, rows, with_ledger};

const ONE: &str = "0011223344556677";
const OTHER: &str = "8899aabbccddeeff";

/// A request as every run makes it, with a boundary of its own.
fn with_boundary(brief: &str, boundary: &str) -> CompletionRequest {
    let mut request = request(brief);
    request.values["boundary"] = json!(boundary);
    request
}

#[tokio::test]
async fn what_was_answered_is_not_asked_again_whatever_the_boundary() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheMode::ReadWrite { folder: folder.path().join("cache") };
    let block = |boundary: &str| format!("<<<FILE {boundary} a\n1\nFILE>>> {boundary}\n");
    let fake = Fake::start([answer(&block(ONE), "length"), answer("new", "stop")]);
    let (gateway, ledger) = with_ledger(Options { cache: cache.clone(), ..chained(&fake, &["m"]) });
    gateway.complete(with_boundary("x", ONE)).await.unwrap();
    let again = gateway.complete(with_boundary("x", OTHER)).await.unwrap();
    assert_eq!((again.text, again.finish), (block(OTHER), FinishReason::Truncated));
    assert_eq!(gateway.complete(with_boundary("y", ONE)).await.unwrap().text, "new");

    assert_eq!(fake.calls().len(), 2);
    let rows = rows(&ledger).await;
    let ends: Vec<_> = rows.iter().map(|row| (row.status, row.counted_micro_usd)).collect();
    assert_eq!(ends, [(RunStatus::Truncated, 200), (RunStatus::Cached, 0), (RunStatus::Ok, 200)]);
}

#[tokio::test]
async fn another_model_or_a_failure_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheMode::ReadWrite { folder: folder.path().to_owned() };
    let fake = Fake::start([refusal(500, "{}"), answer("one", "stop"), answer("two", "stop")]);
    let (gateway, _) = with_ledger(Options { cache: cache.clone(), ..chained(&fake, &["m"]) });
    gateway.complete(request("x")).await.unwrap_err();
    assert_eq!(gateway.complete(request("x")).await.unwrap().text, "one");
    let (gateway, _) = with_ledger(Options { cache, ..chained(&fake, &["n"]) });
    assert_eq!(gateway.complete(request("x")).await.unwrap().text, "two");
}

#[tokio::test]
async fn a_replay_asks_nobody_and_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let fake = Fake::start([answer("kept", "stop")]);
    let (gateway, _) =
        with_ledger(Options { cache: CacheMode::ReadWrite { folder: path.clone() }, ..chained(&fake, &["m"]) });
    gateway.complete(request("x")).await.unwrap();

    let (gateway, ledger) =
        with_ledger(Options { cache: CacheMode::Replay { folder: path.clone() }, ..chained(&fake, &["m"]) });
    assert_eq!(gateway.complete(request("x")).await.unwrap().text, "kept");
    let error = gateway.complete(request("y")).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.verdict(), Verdict::GiveUp);
    assert!(text.contains("the replay has no answer") && text.contains(&*path.to_string_lossy()), "{text}");
    assert!(text.ends_with(".json is missing"), "{text}");
    assert_eq!(fake.calls().len(), 1);
    let ends: Vec<_> = rows(&ledger).await.into_iter().map(|row| row.status).collect();
    assert_eq!(ends, [RunStatus::Cached, RunStatus::Error]);
}
