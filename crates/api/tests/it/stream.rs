//! `/v1/tasks/{id}/stream`: replay, live, and the end.

use crate::client::Exchange;
use crate::house::{House, Tale, finished, started};

async fn open(house: &House, tale: &Tale, header: &str) -> Exchange {
    let line = format!("GET /v1/tasks/{}/stream HTTP/1.1", tale.id());
    Exchange::send(house.address, &[&line, header], b"").await
}

/// The ids and kinds of a stream's events.
fn told(text: &str) -> String {
    let field = |name: &str, event: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let events = text.split("\n\n").filter_map(|event| {
        let data: serde_json::Value = serde_json::from_str(&field("data: ", event)?).unwrap();
        let id = field("id: ", event)?;
        assert_eq!(data["seq"].to_string(), id);
        Some(format!("{id} {}", field("event: ", event)?))
    });
    events.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_stream_replays_goes_on_live_and_ends_with_the_task() {
    let house = House::open().await;
    let tale = house.task("todo").await;
    house.append(&tale, started("generate")).await;

    let mut exchange = open(&house, &tale, "Accept: text/event-stream").await;
    exchange.read_until("event: step_started").await;
    house.append(&tale, finished("generate")).await;
    house.wake(&tale).await;
    exchange.read_until("event: step_finished").await;
    house.finish(&tale).await;
    house.wake(&tale).await;

    let reply = exchange.reply().await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/event-stream"));
    assert!(reply.text().starts_with("retry: 3000\n\n"));
    assert_eq!(told(reply.text()), "1 task_accepted, 2 step_started, 3 step_finished, 4 task_finished");
    house.close().await;
}

#[tokio::test]
async fn a_lost_wake_up_delays_and_loses_nothing() {
    let house = House::open().await;
    let tale = house.task("todo").await;
    let mut exchange = open(&house, &tale, "Accept: */*").await;
    exchange.read_until("event: task_accepted").await;
    house.finish(&tale).await;
    assert_eq!(told(exchange.reply().await.text()), "1 task_accepted, 2 task_finished");
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_seen() {
    let house = House::open().await;
    let tale = house.task("todo").await;
    house.append(&tale, started("generate")).await;
    house.finish(&tale).await;
    for (header, status, expected) in [
        ("Last-Event-ID: 0", 200, "1 task_accepted, 2 step_started, 3 task_finished"),
        ("Last-Event-ID:", 200, "1 task_accepted, 2 step_started, 3 task_finished"),
        ("Last-Event-ID: 2", 200, "3 task_finished"),
        ("Last-Event-ID: 3", 204, ""),
        ("Last-Event-ID: 99", 204, ""),
    ] {
        let reply = open(&house, &tale, header).await.reply().await;
        assert_eq!((reply.status, told(reply.text()).as_str()), (status, expected), "{header}");
    }
    let by_query = house.get(&format!("/v1/tasks/{}/stream?after=2", tale.id())).await;
    assert_eq!(told(by_query.text()), "3 task_finished");
    let reply = open(&house, &tale, "Last-Event-ID: newest").await.reply().await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_query"));
    let unknown = house.get("/v1/tasks/00000000070000000000000007/stream").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "task_not_found"));
}

#[tokio::test]
async fn what_another_task_does_is_not_told() {
    let house = House::open().await;
    let (ours, other) = (house.task("ours").await, house.task("other").await);
    let mut exchange = open(&house, &ours, "Accept: */*").await;
    exchange.read_until("event: task_accepted").await;
    house.append(&other, started("generate")).await;
    house.wake(&other).await;
    house.finish(&ours).await;
    house.wake(&ours).await;
    assert_eq!(told(exchange.reply().await.text()), "1 task_accepted, 4 task_finished");
}

#[tokio::test]
async fn a_stop_ends_open_streams_at_once() {
    let house = House::open().await;
    let tale = house.task("todo").await;
    let mut exchange = open(&house, &tale, "Accept: */*").await;
    exchange.read_until("event: task_accepted").await;
    house.begin_stop();
    assert_eq!(told(exchange.reply().await.text()), "1 task_accepted");
    house.close().await;
}
