//! What every answer has, and the paths that are not about tasks.

use std::sync::Arc;

use ports::HealthPart;
use shared_types::http::PartState;

use crate::house::{House, TestPart};

#[tokio::test]
async fn every_answer_has_its_headers() {
    let house = House::open().await;
    for path in ["/", "/v1/healthz", "/nowhere", "/docs"] {
        let reply = house.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(reply.header("permissions-policy").contains("camera=()"));
        assert_eq!(reply.header("x-permitted-cross-domain-policies"), "none");
        assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        assert_eq!(reply.header("x-trace-id").len(), 32);
    }
    house.close().await;
}

#[tokio::test]
async fn a_wrong_path_or_method_is_told_where_to_look() {
    let house = House::open().await;
    let reply = house.get("/bild?secret=x").await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("Nothing is served at /bild. ") && detail.contains("POST /build"), "{detail}");
    for (line, allow) in [
        ("GET /build HTTP/1.1", "POST, OPTIONS"),
        ("HEAD /tasks HTTP/1.1", "POST, OPTIONS"),
        ("DELETE /v1/tasks HTTP/1.1", "GET, HEAD, OPTIONS"),
        ("PUT /v1/tasks/x HTTP/1.1", "GET, HEAD, OPTIONS"),
        ("POST /v1/tasks/x/stream HTTP/1.1", "GET, HEAD, OPTIONS"),
        ("BREW /docs HTTP/1.1", "GET, HEAD, OPTIONS"),
        ("TRACE /docs/errors HTTP/1.1", "GET, HEAD, OPTIONS"),
    ] {
        let reply = house.ask(&[line], b"").await;
        if line.starts_with("HEAD") {
            assert_eq!((reply.status, reply.body.len()), (405, 0), "{reply:?}");
            continue;
        }
        assert_eq!((reply.status, reply.code().as_str()), (405, "method_not_allowed"), "{line}");
        assert_eq!(reply.header("allow"), allow, "{line}");
    }
}

#[tokio::test]
async fn pages_for_people_are_served() {
    let house = House::open().await;
    for (path, kind, holds) in [
        ("/", "text/html; charset=utf-8", "href=\"/docs\""),
        ("/docs", "text/html; charset=utf-8", "/docs/swagger-ui-bundle.js"),
        ("/docs/", "text/html; charset=utf-8", "/docs/swagger-ui-bundle.js"),
        ("/docs/swagger-ui-bundle.js", "text/javascript", "SwaggerUIBundle"),
        ("/docs/swagger-ui-standalone-preset.js", "text/javascript", "SwaggerUIStandalonePreset"),
        ("/docs/swagger-initializer.js", "text/javascript", "/openapi.json"),
        ("/docs/swagger-ui.css", "text/css", ".swagger-ui"),
        ("/docs/index.css", "text/css", "box-sizing"),
        ("/docs/errors", "text/markdown; charset=utf-8", "## conflict"),
        ("/openapi.json", "application/json", "\"openapi\":\"3.1"),
        ("/metrics", "text/plain; version=0.0.4", "up 1"),
    ] {
        let reply = house.get(path).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{path}");
        assert!(reply.text().contains(holds), "{path}");
    }
}

#[tokio::test]
async fn every_documented_path_is_served() {
    let house = House::open().await;
    let document = serde_json::to_value(api::openapi()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let line = format!("{} {} HTTP/1.1", method.to_uppercase(), path.replace("{id}", "x"));
            let reply = house.ask(&[&line], b"").await;
            let documented = &document["paths"][path][method]["responses"][reply.status.to_string()];
            assert!(documented.is_object(), "{line}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn health_is_that_of_the_needed_parts() {
    use PartState::{Degraded, Down, Up};
    let is = |name, state, needed| Arc::new(TestPart::Is(name, state, needed)) as Arc<dyn HealthPart>;
    let hangs = Arc::new(TestPart::Hangs) as Arc<dyn HealthPart>;
    for (parts, status, states) in [
        (vec![], 200, ""),
        (vec![is("database", Up, true), is("browser", Down, false)], 200, "database up, browser down, "),
        (vec![is("database", Degraded, true)], 200, "database degraded, "),
        (vec![is("database", Down, true), is("bus", Up, true)], 503, "database down, bus up, "),
        (vec![is("bus", Up, true), hangs.clone(), hangs], 503, "bus up, part-2 down, part-3 down, "),
    ] {
        let house = House::with(|_| {}, parts).await;
        let reply = house.get("/health").await;
        let health = reply.json();
        let shown: String = health["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| format!("{} {}, ", part["name"].as_str().unwrap(), part["state"].as_str().unwrap()))
            .collect();
        assert_eq!((reply.status, &health["ok"], shown.as_str()), (status, &(status == 200).into(), states));
    }
    let house = House::open().await;
    let healthz = house.get("/v1/healthz").await.json();
    assert!(healthz["ok"] == true && healthz["ts"].as_str().unwrap().starts_with("2026-01-01T00:00:"), "{healthz}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let house = House::open().await;
    let taken = house.address;
    let ports = ports::Error::from(api::Error::Bind { address: taken, source: std::io::Error::other("in use") });
    assert_eq!(ports::ErrorChain(&ports).to_string(), format!("listen at {taken}: in use"));
}
