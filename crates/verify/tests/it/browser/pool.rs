//! The pool: how many browsers there are, and until when.

use std::time::Duration;

use shared_types::Verdict;
use verify::{Options, SiteVerifier};

use super::marked::Marked;
use crate::world::{page, ran, results, verify};

const ALIVE: [&str; 1] = ["js: true"];

#[tokio::test]
async fn browsers_are_lent_and_given_back() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(Options { browsers: 2, ..marked.options() });
    for seen in futures::future::join_all((0..8).map(|_| verify(&verifier, page("<p>x"), &ALIVE))).await {
        assert_eq!(results(&ran(seen)), [(Verdict::Passed, "true")]);
    }
    assert_eq!(marked.started(), 2, "two browsers served eight pages");
    let memory = verifier.browser_memory().await;
    assert!(memory.is_none_or(|bytes| bytes > 20_000_000), "{memory:?}");
    verifier.close().await;
    marked.all_gone().await;
}

#[tokio::test]
async fn a_browser_that_nobody_needs_ends() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(Options { keep_warm: Duration::from_millis(200), ..marked.options() });
    ran(verify(&verifier, page("<p>x"), &ALIVE).await);
    marked.all_gone().await;
    ran(verify(&verifier, page("<p>x"), &ALIVE).await);
    assert_eq!(marked.started(), 2);
    verifier.close().await;
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_leaves_nothing() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(marked.options());
    let forever = ["js: new Promise(() => {})"];
    let began = async {
        while !marked.pid_file().exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        _ = verify(&verifier, page("<p>x"), &forever) => {}
        () = began => {}
    }
    marked.all_gone().await;
    ran(verify(&verifier, page("<p>x"), &ALIVE).await);
    verifier.close().await;
}
