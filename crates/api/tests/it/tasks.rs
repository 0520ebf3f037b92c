//! `/v1/tasks`: who may read, and what is shown.

use bytes::Bytes;
use ports::{Blobs, TaskUpdate};
use shared_types::events::NotificationAttempted;
use shared_types::{BrowserRun, CheckReport, Payload, Phase};

use crate::house::{House, epoch, started};

#[tokio::test]
async fn operators_only() {
    let token = ["let", "me", "in"].concat();
    let house = House::with_token(&token).await;
    let right = format!("Authorization: Bearer {token}");
    for (path, header, status) in [
        ("/v1/tasks", "Accept: */*", 401),
        ("/v1/tasks", "Authorization: Bearer letmeout", 401),
        ("/v1/tasks", right.as_str(), 200),
        ("/v1/tasks/x", "Accept: */*", 401),
        ("/v1/tasks/x/stream", "Accept: */*", 401),
        ("/v1/tasks/x/screenshot", "Accept: */*", 401),
        ("/v1/tasks/x", right.as_str(), 404),
        ("/v1/healthz", "Accept: */*", 200),
        ("/health", "Accept: */*", 200),
        ("/metrics", "Accept: */*", 200),
    ] {
        let reply = house.ask(&[&format!("GET {path} HTTP/1.1"), header], b"").await;
        assert_eq!(reply.status, status, "{path} {header}");
        if status == 401 {
            assert_eq!((reply.code().as_str(), reply.header("www-authenticate")), ("admin_token_needed", "Bearer"));
        }
    }
    let house = House::open().await;
    assert_eq!(house.get("/v1/tasks").await.status, 200);
    let passed_on = house.ask(&["GET /v1/tasks HTTP/1.1", "X-Forwarded-For: 203.0.113.7"], b"").await;
    assert_eq!((passed_on.status, passed_on.code().as_str()), (401, "admin_token_needed"));
}

#[tokio::test]
async fn the_list_is_read_page_by_page() {
    let house = House::open().await;
    for name in ["one", "two", "three"] {
        house.task(name).await;
    }
    let (mut pages, mut next) = (Vec::new(), "/v1/tasks?limit=2".to_owned());
    loop {
        let page = house.get(&next).await.json();
        let names = page["tasks"].as_array().unwrap().iter().map(|task| task["task"].as_str().unwrap().to_owned());
        pages.push(names.collect::<Vec<_>>());
        let Some(before) = page["next_before"].as_str() else { break };
        next = format!("/v1/tasks?limit=2&before={before}");
    }
    assert_eq!(pages, [vec!["three", "two"], vec!["one"]]);
    assert_eq!(house.get("/v1/tasks?limit=3").await.json()["next_before"], serde_json::Value::Null);
    let reply = house.get("/v1/tasks?limit=many").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_query"));
    assert_eq!(reply.json()["errors"][0]["pointer"], "/limit");
}

#[tokio::test]
async fn a_task_is_shown_whole_with_its_address_masked() {
    let house = House::open().await;
    let tale = house.task("todo").await;
    house.append(&tale, started("generate")).await;
    let update = TaskUpdate {
        pages_url: Some("https://pages.example.com/todo/".parse().unwrap()),
        notes: vec!["scaffolded".to_owned()],
        ..TaskUpdate::default()
    };
    house.record(&tale, "generate", update).await;
    house.append(&tale, started("verify")).await;
    let made = NotificationAttempted { attempt: 1, verdict: "again".to_owned(), latency_ms: 3, ..Default::default() };
    house.append(&tale, Payload::NotificationAttempted(made)).await;

    let reply = house.get(&format!("/v1/tasks/{}", tale.id())).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"));
    let task = reply.json();
    for (pointer, expected) in [
        ("/task", "todo"),
        ("/state", "running"),
        ("/email", "s***@example.com"),
        ("/pages_url", "https://pages.example.com/todo/"),
        ("/steps/0/step", "generate"),
        ("/steps/0/state", "done"),
        ("/steps/0/summary", "done"),
        ("/steps/0/finished_at", &epoch().to_string()),
        ("/steps/1/step", "verify"),
        ("/steps/1/state", "running"),
        ("/notifications/0/verdict", "again"),
        ("/notes/0", "scaffolded"),
    ] {
        assert_eq!(task.pointer(pointer).and_then(|value| value.as_str()), Some(expected), "{pointer} of {task}");
    }
    assert!(!reply.text().contains("student@"));

    for id in ["nonsense", "00000000070000000000000007"] {
        let reply = house.get(&format!("/v1/tasks/{id}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "task_not_found"), "{id}");
    }
}

#[tokio::test]
async fn the_screenshot_is_that_of_the_latest_report() {
    let house = House::open().await;
    let tale = house.task("todo").await;
    let path = format!("/v1/tasks/{}/screenshot", tale.id());
    let reply = house.get(&path).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "screenshot_not_found"));

    let png = Bytes::from_static(b"\x89PNG\r\n\x1a\n");
    let report = CheckReport {
        phase: Phase::Live,
        browser: BrowserRun::Ran { browser: "Test/1".to_owned() },
        checks: Vec::new(),
        findings: Vec::new(),
        judgements: Vec::new(),
        console_errors: Vec::new(),
        failed_requests: Vec::new(),
        screenshot: Some(house.blobs.put(png.clone()).await.unwrap()),
        phone_screenshot: None,
        duration_ms: 1,
    };
    house.record(&tale, "verify", TaskUpdate { report: Some(report), ..TaskUpdate::default() }).await;
    let reply = house.get(&path).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "image/png"));
    assert_eq!(reply.body, png);
}
