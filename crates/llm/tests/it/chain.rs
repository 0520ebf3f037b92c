//! Who stands in for a model that does not answer.

use std::sync::Mutex;
use std::time::Duration;

use llm::{BreakerOptions, Options};
use ports::{CompletionRequest, Model as _, Objection, Progress, Verdict, Watch};
use shared_types::http::RunStatus;

use crate::fake::{self, Fake, Reply, answer, refusal};
use crate::{chained, request, rows, with_ledger};

const QUOTA: &str = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;

/// Asks `models`, which share one service; what came of it, and each row.
async fn check(replies: &[Reply], models: &[&str], expected: &str) {
    let fake = Fake::start(replies.to_vec());
    let (gateway, ledger) = with_ledger(chained(&fake, models));
    let outcome = match gateway.complete(request("x")).await {
        Ok(completion) => format!("{} by {}", completion.text, completion.model),
        Err(error) => format!("{:?}", error.verdict()),
    };
    let rows = rows(&ledger).await;
    let rows: Vec<_> = rows.iter().map(|row| format!("{} {}", row.model, row.status.as_str())).collect();
    assert_eq!(format!("{outcome}; {}", rows.join(", ")), expected);
    assert_eq!(fake.calls().len(), rows.len());
}

#[tokio::test]
async fn the_next_model_stands_in_whatever_the_matter() {
    let good = || answer("text", "stop");
    for fault in [refusal(429, "{}"), refusal(429, QUOTA), refusal(401, "{}"), refusal(503, "{}"), answer("", "stop")] {
        check(&[fault, good()], &["a", "b"], "text by b; a error, b ok").await;
    }
    check(&[good()], &["a", "b"], "text by a; a ok").await;
    check(&[refusal(500, ""), refusal(500, ""), good()], &["a", "b", "c"], "text by c; a error, b error, c ok").await;
}

#[tokio::test]
async fn the_mildest_error_says_when_to_try_again() {
    let (busy, broke, down) = (refusal(429, "{}"), refusal(429, QUOTA), refusal(503, "{}"));
    check(&[broke.clone(), down.clone()], &["a", "b"], "RetryWithBackoff; a error, b error").await;
    check(&[busy.clone(), broke.clone()], &["a", "b"], "RetryAfter(7s); a error, b error").await;
    check(&[busy, down], &["a", "b"], "RetryWithBackoff; a error, b error").await;
    check(&[broke.clone(), broke], &["a", "b"], "GiveUp; a error, b error").await;
}

#[tokio::test]
async fn what_the_service_declines_is_asked_of_nobody_else() {
    check(&[answer("never", "content_filter")], &["a", "b"], "GiveUp; a refused").await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_passed_over() {
    let fake = Fake::start([refusal(503, "{}"), refusal(503, "{}"), answer("text", "stop")]);
    let breaker = BreakerOptions { failures: 2, open_for: Duration::from_secs(600) };
    let (gateway, ledger) = with_ledger(Options { breaker, ..chained(&fake, &["one/a", "one/b"]) });
    gateway.complete(request("x")).await.unwrap_err();
    let error = gateway.complete(request("x")).await.unwrap_err();
    assert!(matches!(error.verdict(), Verdict::RetryAfter(wait) if wait <= breaker.open_for), "{error}");
    assert!(error.to_string().starts_with("ask app-generator: one failed several times in a row"), "{error}");
    assert_eq!((fake.calls().len(), rows(&ledger).await.len()), (2, 2));
}

#[tokio::test]
async fn a_silent_model_is_raced_and_the_slower_is_cancelled() {
    let fake = Fake::start([fake::stall(), answer("text", "stop")]);
    let (gateway, ledger) = with_ledger(Options { hedge_after: Some(0.01), ..chained(&fake, &["a", "b", "c"]) });
    let completion = gateway.complete(request("x")).await.unwrap();
    assert_eq!((completion.text.as_str(), completion.model.as_str()), ("text", "b"));
    let settled = async {
        while rows(&ledger).await[0].status == RunStatus::Running {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::PATIENCE, settled).await.unwrap();
    let rows = rows(&ledger).await;
    let ends: Vec<_> = rows.iter().map(|row| (row.model.as_str(), row.status)).collect();
    assert_eq!(ends, [("a", RunStatus::Cancelled), ("b", RunStatus::Ok)]);
}

#[tokio::test]
async fn a_model_that_has_begun_is_not_raced() {
    let fake = Fake::start([fake::begins("A beginning"), answer("text", "stop")]);
    let options = Options { hedge_after: Some(0.5), ..chained(&fake, &["a", "b"]) };
    let (gateway, ledger) = with_ledger(options);
    let call = CompletionRequest { timeout: Duration::from_millis(600), ..request("x") };
    gateway.complete(call).await.unwrap_err();
    assert_eq!(rows(&ledger).await[0].status, RunStatus::Timeout);
    assert!(rows(&ledger).await[0].first_token_ms.is_some());
}

/// Notes what it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<Progress>>);

impl Watch for Heard {
    fn progressed(&self, progress: Progress) {
        self.0.lock().unwrap().push(progress);
    }

    fn refused(&self, _: Objection) {}
}

#[tokio::test]
async fn whoever_waits_hears_how_far_the_answer_has_come() {
    let fake = Fake::start([fake::begins(&"x".repeat(400))]);
    let (gateway, _) = with_ledger(chained(&fake, &["a"]));
    let heard = Heard::default();
    let call = CompletionRequest { timeout: Duration::from_millis(300), ..request("x") };
    gateway.complete_watched(call, &heard).await.unwrap_err();
    assert_eq!(*heard.0.lock().unwrap(), [Progress { model: "a".to_owned(), output_tokens: 100 }]);
}
