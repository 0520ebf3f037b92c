//! `POST /build`, `/revise`, `/tasks`: what is let through, what is refused, and how.

use std::time::Duration;

use ports::Route;
use serde_json::json;

use crate::client::Exchange;
use crate::house::{House, MAX_BODY_BYTES};

/// Status, code and pointers of the answer to a body.
async fn check(house: &House, body: &[u8], expected: &str) {
    let reply = house.post("/tasks", body).await;
    let problem = reply.json();
    let pointers = problem["errors"].as_array().map_or(String::new(), |errors| {
        errors.iter().map(|error| format!(" {}", error["pointer"].as_str().unwrap())).collect()
    });
    let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
    let code = if reply.status == 200 { "ok".to_owned() } else { reply.code() };
    assert_eq!(format!("{} {code}{pointers}", reply.status), expected, "{shown}: {problem}");
}

#[tokio::test]
async fn each_refusal_has_its_problem() {
    let house = House::open().await;
    for (body, expected) in [
        (json!({}), "200 ok"),
        (json!([1, 2]), "200 ok"),
        (json!({"case": "invalid"}), "400 invalid_request /checks /attachments/0/url"),
        (json!({"case": "unauthorized"}), "401 wrong_secret"),
        (json!({"case": "large"}), "413 too_large /brief"),
        (json!({"case": "conflict"}), "409 conflict"),
        (json!({"case": "unsafe"}), "422 unsafe_brief"),
        (json!({"case": "unavailable"}), "503 unavailable"),
    ] {
        check(&house, body.to_string().as_bytes(), expected).await;
    }
    for (body, expected) in [
        (r#"{"case": "conflict", "case": "fine"}"#.as_bytes().to_vec(), "200 ok"),
        (b"".to_vec(), "400 malformed_json"),
        (b"{\"email\":".to_vec(), "400 malformed_json"),
        (b"{\"email\": \"\xff\xfe\"}".to_vec(), "400 malformed_json"),
        ("[".repeat(100_000).into_bytes(), "400 malformed_json"),
        (format!("[{}0]", "0,".repeat(400_000)).into_bytes(), "400 malformed_json"),
        (vec![b' '; MAX_BODY_BYTES + 1], "413 too_large"),
        (json!({"brief": "x".repeat(MAX_BODY_BYTES - 20)}).to_string().into_bytes(), "200 ok"),
    ] {
        check(&house, &body, expected).await;
    }
    house.close().await;
}

#[tokio::test]
async fn refusals_say_what_to_do_next() {
    let house = House::open().await;
    let conflict = house.post("/tasks", br#"{"case": "conflict"}"#).await.json();
    assert!(conflict["detail"].as_str().unwrap().contains("00000000070000000000000007"), "{conflict}");
    let malformed = house.post("/tasks", b"{\n \"secret\": hunter2}").await;
    assert!(malformed.text().contains("line 2, column 12"), "{malformed:?}");
    assert!(!malformed.text().contains("hunter2"), "{malformed:?}");
    for (case, seconds) in [("unavailable", "5"), ("later", "9")] {
        let reply = house.post("/tasks", json!({ "case": case }).to_string().as_bytes()).await;
        assert_eq!(reply.header("retry-after"), seconds);
        assert!(!reply.text().contains("disk"), "causes are for the log: {reply:?}");
    }
}

#[tokio::test]
async fn the_route_and_the_trace_reach_the_intake() {
    let house = House::open().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01");
    for (path, route) in [("/build", Route::Build), ("/revise", Route::Revise), ("/tasks", Route::Tasks)] {
        let line = format!("POST {path} HTTP/1.1");
        let reply = house.ask(&[&line, &parent, "Content-Length: 2"], b"{}").await;
        assert_eq!((reply.status, reply.header("x-trace-id")), (200, trace));
        assert!(reply.header("traceparent").starts_with(&format!("00-{trace}-")), "{reply:?}");
        assert_eq!(reply.json()["trace_id"], trace);
        let asked = house.intake.asked.lock().unwrap().pop().unwrap();
        assert_eq!((asked.0, asked.1.as_str()), (route, trace));
    }
    let reply = house.ask(&["POST /tasks HTTP/1.1", "traceparent: 00-0-0-0", "Content-Length: 2"], b"{}").await;
    assert_eq!(reply.header("x-trace-id").len(), 32);
}

#[tokio::test]
async fn only_what_is_declared_as_json_is_read() {
    let house = House::open().await;
    for (header, expected) in [
        ("Accept: */*", 200),
        ("Content-Type: application/json", 200),
        ("Content-Type: Application/JSON; charset=utf-8", 200),
        ("Content-Type: application/vnd.course+json", 200),
        ("Content-Type: text/plain", 415),
        ("Content-Type: application/x-www-form-urlencoded", 415),
        ("Content-Encoding: identity", 200),
        ("Content-Encoding: gzip", 415),
    ] {
        let reply = house.ask(&["POST /tasks HTTP/1.1", header, "Content-Length: 2"], b"{}").await;
        assert_eq!(reply.status, expected, "{header}: {reply:?}");
        if expected == 415 {
            assert_eq!(reply.code(), "unsupported_media_type");
        }
    }
}

#[tokio::test]
async fn a_chunked_body_is_bounded_though_it_declares_no_length() {
    let house = House::open().await;
    let head = ["POST /tasks HTTP/1.1", "Transfer-Encoding: chunked"];
    let small = house.ask(&head, b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n").await;
    assert_eq!(small.status, 200);

    let chunk = [format!("{:x}\r\n", MAX_BODY_BYTES / 4).as_bytes(), &vec![b' '; MAX_BODY_BYTES / 4], b"\r\n"].concat();
    let mut exchange = Exchange::send(house.address, &head, b"").await;
    for _ in 0..5 {
        exchange.write(&chunk).await;
    }
    // The last chunk never comes; the connection ends all the same.
    let reply = exchange.reply().await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "too_large"));
    assert!(house.intake.asked.lock().unwrap().len() == 1);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused_and_its_connection_closed() {
    let quick = Duration::from_millis(50);
    let house = House::with(|options| options.body_timeout = quick, Vec::new()).await;
    for (framing, beginning) in [("Content-Length: 100", "{\"email\""), ("Transfer-Encoding: chunked", "1\r\n{\r\n")] {
        let exchange = Exchange::send(house.address, &["POST /build HTTP/1.1", framing], beginning.as_bytes()).await;
        let reply = exchange.reply().await;
        assert_eq!((reply.status, reply.code().as_str()), (408, "body_timeout"), "{framing}");
    }
    // Nor does a body that nobody asked for keep its connection.
    let head = ["POST /nowhere HTTP/1.1", "Transfer-Encoding: chunked"];
    let reply = Exchange::send(house.address, &head, b"1\r\n{\r\n").await.reply().await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
    house.close().await;
}

#[tokio::test]
async fn broken_chunks_are_an_incomplete_body() {
    let house = House::open().await;
    let reply = house.ask(&["POST /tasks HTTP/1.1", "Transfer-Encoding: chunked"], b"zz\r\n").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "incomplete_body"));
}
