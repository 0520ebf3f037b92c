//! What HTTP asks of every server, and what odd clients send.

use crate::client::Exchange;
use crate::house::{House, Tale};

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Status and code of the answer to this head, as one text; the code is that of a whole problem document.
async fn asked(house: &House, head: &[&str]) -> String {
    let reply = house.ask(head, b"").await;
    let code = if reply.status < 400 || reply.body.is_empty() { String::new() } else { format!(" {}", reply.code()) };
    format!("{}{code}", reply.status)
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_what_is_served_is_told_so() {
    let house = House::open().await;
    for (line, accept, expected) in [
        ("GET /health HTTP/1.1", "Accept: */*", "200"),
        ("GET /health HTTP/1.1", "Accept: application/json", "200"),
        ("GET /health HTTP/1.1", BROWSER, "200"),
        ("GET /health HTTP/1.1", "Accept: text/html", "406 not_acceptable"),
        ("GET /health HTTP/1.1", "Accept: application/json;q=0, */*", "406 not_acceptable"),
        ("HEAD /health HTTP/1.1", "Accept: text/html", "406"),
        ("GET /metrics HTTP/1.1", "Accept: application/openmetrics-text;q=0.5,text/plain;version=0.0.4;q=0.4", "200"),
        ("GET /metrics HTTP/1.1", "Accept: application/json", "406 not_acceptable"),
        ("GET / HTTP/1.1", "Accept: application/json", "406 not_acceptable"),
        ("GET /v1/tasks HTTP/1.1", "Accept: application/problem+json", "406 not_acceptable"),
        // An error is told whatever the client takes, and before what it takes.
        ("GET /nowhere HTTP/1.1", "Accept: image/png", "404 not_found"),
        ("DELETE /health HTTP/1.1", "Accept: image/png", "405 method_not_allowed"),
        ("OPTIONS /health HTTP/1.1", "Accept: image/png", "204"),
    ] {
        assert_eq!(asked(&house, &[line, accept]).await, expected, "{line} {accept}");
    }
    let head = ["POST /build HTTP/1.1", "Accept: text/html", "Content-Length: 2"];
    let reply = house.ask(&head, b"{}").await;
    assert_eq!((reply.status, reply.code().as_str()), (406, "not_acceptable"));
    assert!(reply.text().contains("application/json"), "it says what there is: {}", reply.text());
    assert!(house.intake.asked.lock().unwrap().is_empty(), "nothing may be stored");
}

#[tokio::test]
async fn the_list_of_problems_is_a_page_for_browsers() {
    let house = House::open().await;
    for (accept, kind, holds) in [
        ("Accept: */*", "text/markdown; charset=utf-8", "\n## conflict\n"),
        ("Accept: text/markdown", "text/markdown; charset=utf-8", "\n## conflict\n"),
        (BROWSER, "text/html; charset=utf-8", "<section id=\"conflict\">"),
    ] {
        let reply = house.ask(&["GET /docs/errors HTTP/1.1", accept], b"").await;
        assert_eq!((reply.status, reply.header("content-type"), reply.header("vary")), (200, kind, "accept"));
        assert!(reply.text().contains(holds), "{}", reply.text());
    }
    assert_eq!(asked(&house, &["GET /docs/errors HTTP/1.1", "Accept: image/png"]).await, "406 not_acceptable");
}

#[tokio::test]
async fn every_path_tells_its_methods_and_answers_head_like_get() {
    let house = House::open().await;
    let tale: Tale = house.task("todo").await;
    house.finish(&tale).await;
    let (task, stream) = (format!("/v1/tasks/{}", tale.id()), format!("/v1/tasks/{}/stream", tale.id()));
    let read = [
        "/",
        "/docs",
        "/docs/",
        "/docs/errors",
        "/docs/swagger-ui.css",
        "/openapi.json",
        "/health",
        "/v1/healthz",
        "/metrics",
        "/v1/tasks",
        &task,
        &stream,
    ];
    for path in read {
        let head = house.ask(&[&format!("HEAD {path} HTTP/1.1")], b"").await;
        let get = house.get(path).await;
        assert_eq!((get.status, head.status, head.body.len()), (200, 200, 0), "{path}: {head:?}");
        for name in ["content-type", "cache-control", "content-length"] {
            // What tells the time or counts requests has another length each time it is asked.
            if name != "content-length" || path.starts_with("/docs") {
                assert_eq!(head.header(name), get.header(name), "{name} of {path}");
            }
        }
    }
    for (paths, allow) in [(&read[..], "GET, HEAD, OPTIONS"), (&["/build", "/revise", "/tasks"], "POST, OPTIONS")] {
        for path in paths {
            let reply = house.ask(&[&format!("OPTIONS {path} HTTP/1.1")], b"").await;
            assert_eq!((reply.status, reply.header("allow"), reply.body.len()), (204, allow, 0), "{path}");
        }
    }
    assert_eq!(asked(&house, &["OPTIONS /nowhere HTTP/1.1"]).await, "404 not_found");
    house.close().await;
}

#[tokio::test]
async fn a_request_keeps_its_own_id() {
    let house = House::open().await;
    let reply = house.ask(&["GET /nowhere HTTP/1.1", "X-Request-Id: req-7f3a9"], b"").await;
    assert_eq!((reply.status, reply.header("x-request-id")), (404, "req-7f3a9"));
    for unsound in ["X-Request-Id: two words", "X-Request-Id:", "X-Request-Id: a\r\nX-Request-Id: b"] {
        let reply = house.ask(&["GET /health HTTP/1.1", unsound], b"").await;
        let id = reply.header("x-request-id");
        assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{unsound:?}: {reply:?}");
    }
}

#[tokio::test]
async fn odd_targets_are_refused_or_found_and_never_a_failure() {
    let house = House::open().await;
    let long = |bytes: usize| format!("GET /v1/tasks?before={} HTTP/1.1", "x".repeat(bytes));
    for (line, expected) in [
        ("GET /v1/tasks/%ff HTTP/1.1", "404 task_not_found"),
        ("GET /v1/tasks/%00 HTTP/1.1", "404 task_not_found"),
        ("GET /v1/tasks/a%2Fb HTTP/1.1", "404 task_not_found"),
        ("GET /v1/tasks/%2e%2e%2fsecret HTTP/1.1", "404 task_not_found"),
        ("GET /v1/tasks/../../health HTTP/1.1", "404 not_found"),
        ("GET /docs/%2e%2e%2fsecret HTTP/1.1", "404 not_found"),
        ("GET /docs/errors/ HTTP/1.1", "404 not_found"),
        ("GET //health HTTP/1.1", "404 not_found"),
        ("GET /v1 HTTP/1.1", "404 not_found"),
        ("GET /build/ HTTP/1.1", "404 not_found"),
        ("GET /v1/tasks/%zz HTTP/1.1", "400 bad_request"),
        ("GET /% HTTP/1.1", "400 bad_request"),
        ("GET /v1/tasks?limit=%zz HTTP/1.1", "400 invalid_query"),
        ("GET /v1/tasks?limit=1&limit=x HTTP/1.1", "400 invalid_query"),
        ("GET /v1/tasks?&&= HTTP/1.1", "200"),
        (&long(8000), "400 invalid_query"),
        (&long(8200), "414 uri_too_long"),
        (&long(60_000), "414 uri_too_long"),
        (&format!("GET /{} HTTP/1.1", "x/".repeat(4096)), "414 uri_too_long"),
        ("OPTIONS * HTTP/1.1", "404 not_found"),
        ("CONNECT example.com:443 HTTP/1.1", "404 not_found"),
        ("GET http://localhost/v1/healthz HTTP/1.1", "200"),
        ("GET http://localhost/nowhere HTTP/1.1", "404 not_found"),
    ] {
        let head = &line[..line.len().min(60)];
        assert_eq!(asked(&house, &[line]).await, expected, "{head}");
    }
}

#[tokio::test]
async fn the_host_is_named_once_and_decides_who_is_local() {
    let house = House::open().await;
    for (head, expected) in [
        ("GET /v1/tasks HTTP/1.1\r\nHost: localhost", "200"),
        ("GET /v1/tasks HTTP/1.1\r\nHost: rebound.example.com", "401 admin_token_needed"),
        ("GET http://localhost/v1/tasks HTTP/1.1\r\nHost: rebound.example.com", "200"),
        ("GET http://rebound.example.com/v1/tasks HTTP/1.1\r\nHost: localhost", "401 admin_token_needed"),
        ("GET http://x@localhost/v1/tasks HTTP/1.1\r\nHost: localhost", "200"),
        ("GET http://localhost:1@example.com/v1/tasks HTTP/1.1\r\nHost: localhost", "401 admin_token_needed"),
        // These two the HTTP layer refuses by itself.
        ("GET /v1/healthz HTTP/1.1", "400"),
        ("GET /v1/healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost", "400"),
        ("GET /v1/healthz HTTP/1.1\r\nHost: x@localhost", "400 bad_request"),
        ("GET /v1/healthz HTTP/1.0", "200"),
        ("GET /v1/tasks HTTP/1.0", "401 admin_token_needed"),
    ] {
        let reply =
            Exchange::send_as_is(house.address, &format!("{head}\r\nConnection: close\r\n\r\n")).await.reply().await;
        let bare = reply.status < 400 || reply.body.is_empty();
        let code = if bare { String::new() } else { format!(" {}", reply.code()) };
        assert_eq!(format!("{}{code}", reply.status), expected, "{head}");
    }
}

#[tokio::test]
async fn what_is_no_http_gets_a_bare_refusal_and_the_service_goes_on() {
    let house = House::open().await;
    let many = format!("GET /health HTTP/1.1\r\n{}\r\n", "X-Filler: x\r\n".repeat(200));
    let huge = format!("GET /health HTTP/1.1\r\nX-Filler: {}\r\n\r\n", "x".repeat(140_000));
    for (text, status) in [
        ("GARBAGE\r\n\r\n", 400),
        ("GET /health HTTP/9.9\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        ("POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        ("POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (&many, 431),
        (&huge, 431),
    ] {
        let shown = &text[..text.len().min(60)];
        let reply = Exchange::send_as_is(house.address, text).await.reply().await;
        assert_eq!(reply.status, status, "{shown}: {reply:?}");
    }
    assert_eq!(house.get("/v1/healthz").await.status, 200);
    house.close().await;
}

#[tokio::test]
async fn a_stream_reaches_a_client_of_http_1_0() {
    let house = House::open().await;
    let tale = house.task("todo").await;
    house.finish(&tale).await;
    let head = format!("GET /v1/tasks/{}/stream HTTP/1.0\r\nHost: localhost\r\n\r\n", tale.id());
    let reply = Exchange::send_as_is(house.address, &head).await.reply().await;
    assert_eq!((reply.status, reply.header("transfer-encoding")), (200, ""));
    assert!(reply.text().contains("event: task_finished"), "{}", reply.text());
}
