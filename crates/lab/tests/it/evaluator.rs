use std::time::Duration;

use lab::evaluator::Answer;
use serde_json::{Value, json};

use crate::harness::{PATIENCE, evaluator};

fn notification() -> Value {
    json!({
        "email": "student@example.com", "task": "sales-7f3a9", "round": 1, "nonce": "n-1",
        "repo_url": "http://127.0.0.1:1/o/r", "commit_sha": "a".repeat(40), "pages_url": "http://127.0.0.1:1/o/r/",
    })
}

async fn post(url: &url::Url, body: &Value) -> (u16, Value) {
    let response = lab::client().unwrap().post(url.clone()).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_script_is_played_in_order_and_then_all_is_accepted() {
    let running = evaluator();
    let url = running.handle.url();
    running.handle.script([500, 500, 200]);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(post(&url, &notification()).await.0);
    }
    assert_eq!(statuses, [500, 500, 200, 200]);

    let received = running.handle.wait_for(4, PATIENCE).await.unwrap();
    assert_eq!(received.iter().map(|one| one.status).collect::<Vec<_>>(), statuses);
    assert_eq!(received.iter().filter(|one| one.accepted().is_some()).count(), 2);
    assert_eq!(received[0].body, notification().to_string());
    assert_eq!(received[0].header("Content-Type"), Some("application/json"));
    assert!(received.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[tokio::test]
async fn a_wrong_body_is_refused_with_every_reason_and_uses_no_answer() {
    let running = evaluator();
    running.handle.script([503]);
    let mut body = notification();
    body["secret"] = json!("x");
    body["round"] = json!("1");
    let (status, answer) = post(&running.handle.url(), &body).await;
    assert_eq!(status, 400);
    assert_eq!(answer["reasons"], json!(["secret: no such field", "round: expected an integer, got a string"]));
    assert_eq!(post(&running.handle.url(), &notification()).await.0, 503);
    assert_eq!(running.handle.received().len(), 2);
}

#[tokio::test]
async fn an_answer_can_be_late_and_carry_headers() {
    let running = evaluator();
    let url = running.handle.url();
    running.handle.script([
        Answer::from(429).header("retry-after", "2"),
        // Longer than the test may take: the caller below gives up first.
        Answer::after(200, PATIENCE * 6),
    ]);
    let client = lab::client().unwrap();
    let first = client.post(url.clone()).json(&notification()).send().await.unwrap();
    assert_eq!((first.status().as_u16(), first.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    let late = client.post(url).json(&notification()).timeout(Duration::from_millis(200)).send().await;
    assert!(late.unwrap_err().is_timeout());
    assert_eq!(running.handle.wait_for(2, PATIENCE).await.unwrap().len(), 2, "it came, although no answer went back");
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let running = evaluator();
    post(&running.handle.url(), &notification()).await;
    drop(running.stop);
    tokio::time::timeout(PATIENCE, running.task).await.unwrap().unwrap().unwrap();
    let late = lab::client().unwrap().post(running.handle.url()).json(&notification()).send().await;
    assert!(late.unwrap_err().is_connect());
}
