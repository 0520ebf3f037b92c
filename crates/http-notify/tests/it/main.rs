//! The notifier through its port, against a server on this machine.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod canary;
mod names;
mod proxy;
mod server;
mod vectors;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_notify::{AllowPrivate, HttpNotifier, Options};
use ports::{Answer, Delivery, ErrorChain, Notifier as _, Verdict};
use server::Server;
use url::Url;

/// More than an answer from this machine ever takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn notifier(allow_private: AllowPrivate) -> HttpNotifier {
    HttpNotifier::new(Options { allow_private, ..Options::default() }).unwrap()
}

fn delivery(url: Url, timeout: Duration) -> Delivery {
    Delivery { url, id: "01JD3T0M4QZ8V5W9R2K7XH1C6N".into(), body: Bytes::from_static(b"{\"round\":1}"), timeout }
}

async fn deliver(server: &Server, path: &str) -> Answer {
    notifier(AllowPrivate::Loopback).deliver(&delivery(server.url(path), PATIENCE)).await.unwrap()
}

#[tokio::test]
async fn a_delivery_arrives_as_it_was_given() {
    let server = Server::start();
    let answer = deliver(&server, "/echo").await;
    assert_eq!(answer.status, 200);
    let seen: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(seen["content-type"], "application/json");
    assert_eq!(seen["webhook-id"], "01JD3T0M4QZ8V5W9R2K7XH1C6N");
    assert!(seen["webhook-timestamp"].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000);
    assert!(seen["user-agent"].as_str().unwrap().starts_with("sitewright/"));
    assert_eq!(seen["body"], "{\"round\":1}");
}

#[tokio::test]
async fn every_status_is_an_answer() {
    let server = Server::start();
    for status in [200, 201, 302, 400, 404, 429, 500, 503] {
        let answer = deliver(&server, &format!("/status/{status}")).await;
        assert_eq!((answer.status, answer.retry_after), (status, None));
    }
}

#[tokio::test]
async fn retry_after_is_read_in_seconds_only() {
    let server = Server::start();
    for (value, expected) in
        [("7", Some(7)), (" 120 ", Some(120)), ("-1", None), ("soon", None), ("Fri, 31 Dec 1999 23:59:59 GMT", None)]
    {
        let answer = deliver(&server, &format!("/retry-after?{value}")).await;
        assert_eq!(answer.retry_after, expected.map(Duration::from_secs), "{value}");
    }
}

#[tokio::test]
async fn a_body_is_cut_at_the_cap_however_long_it_goes_on() {
    let server = Server::start();
    let answer = notifier(AllowPrivate::Loopback).probe(&server.url("/endless"), PATIENCE).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 64 * 1024));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start();
    let answer = deliver(&server, "/redirect").await;
    assert_eq!(answer.status, 302);
    assert_eq!(server.canary.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_silent_server_costs_the_time_out_and_is_tried_again() {
    let server = Server::start();
    let began = Instant::now();
    let short = Duration::from_millis(200);
    let error =
        notifier(AllowPrivate::Loopback).deliver(&delivery(server.url("/silent?token=x"), short)).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff);
    assert!(began.elapsed() >= short && began.elapsed() < PATIENCE);
    assert!(!ErrorChain(&error).to_string().contains("token"), "{}", ErrorChain(&error));
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_undo_an_acceptance_but_is_no_page() {
    let server = Server::start();
    // Long enough for the headers to arrive on a busy machine.
    let (notifier, short) = (notifier(AllowPrivate::Loopback), Duration::from_secs(2));
    let answer = notifier.deliver(&delivery(server.url("/stalls"), short)).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"begun"[..]));

    let error = notifier.probe(&server.url("/stalls"), short).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff);
}

#[tokio::test]
async fn a_closed_port_is_tried_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap()).parse().unwrap();
    drop(free);
    let error = notifier(AllowPrivate::Loopback).probe(&url, PATIENCE).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{error:?}");
}

#[tokio::test]
async fn the_guard_lets_nothing_reach_this_machine() {
    let server = Server::start();
    let notifier = notifier(AllowPrivate::None);
    // http is refused before any address; the others reach the literal check and the resolver.
    let port = server.url("/").port().unwrap();
    for url in ["http://127.0.0.1", "https://127.0.0.1", "https://[::1]", "https://2130706433", "https://localhost"] {
        let url: Url = format!("{url}:{port}/canary").parse().unwrap();
        let error = notifier.deliver(&delivery(url.clone(), PATIENCE)).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::GiveUp, "{url}: {}", ErrorChain(&error));
        let error = notifier.probe(&url, PATIENCE).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::GiveUp, "{url}: {}", ErrorChain(&error));
    }
    assert_eq!(server.canary.load(Ordering::SeqCst), 0);
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_allowed_when_all_its_addresses_are() {
    let server = Server::start();
    let mut url = server.url("/canary");
    url.set_host(Some("localhost")).unwrap();
    let answer = notifier(AllowPrivate::Loopback).probe(&url, PATIENCE).await.unwrap();
    assert_eq!((answer.status, server.canary.load(Ordering::SeqCst)), (200, 1));
}

#[tokio::test]
async fn an_id_that_is_no_header_is_never_sent() {
    let server = Server::start();
    let bad = Delivery { id: "a\r\nb".into(), ..delivery(server.url("/canary"), PATIENCE) };
    let error = notifier(AllowPrivate::Loopback).deliver(&bad).await.unwrap_err();
    assert_eq!((error.verdict(), server.canary.load(Ordering::SeqCst)), (Verdict::GiveUp, 0));
}
