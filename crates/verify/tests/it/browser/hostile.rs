//! Pages that would rather not be looked at: each gets a verdict in its time, and leaves nothing behind.

use std::time::Duration;

use shared_types::Verdict;
use verify::{Options, SiteVerifier};

use super::marked::Marked;
use crate::world::{options, page, ran, results, verify};

const PASSED: Verdict = Verdict::Passed;
const FAILED: Verdict = Verdict::Failed;

/// What the page is asked: whether it answers at all.
const ALIVE: &str = "js: 1 + 1 === 2";

/// Looks at a page with `body`, then at a decent one with the same verifier, and ends it all.
/// `outcome` is what the first look says, in the words that its evidence holds.
async fn check(body: &str, checks: &[&str], outcome: (Verdict, &str)) {
    let marked = Marked::new();
    // Short enough for a test, and long enough for a decent page on a crowded machine.
    let bounds = Options {
        page_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(2),
        expression_timeout: Duration::from_secs(3),
        ..options()
    };
    let verifier = SiteVerifier::new(Options { browsers: 1, ..marked.with(bounds) });
    let bad = ran(verify(&verifier, page(body), checks).await);
    let (verdict, evidence) = results(&bad)[0];
    assert!(verdict == outcome.0 && evidence.contains(outcome.1), "{body}: {verdict:?} {evidence}");
    let good = ran(verify(&verifier, page("<p>x"), &[ALIVE]).await);
    assert_eq!(results(&good), [(PASSED, "true")], "after {body}");
    verifier.close().await;
    marked.all_gone().await;
}

#[tokio::test]
async fn loops() {
    check("<script>for (;;) {}</script>", &[ALIVE], (FAILED, "timed out")).await;
    check("<p>x<script>onload = () => setTimeout(() => { for (;;) {} }, 50)</script>", &[ALIVE], (FAILED, "timed out"))
        .await;
}

#[tokio::test]
async fn a_loop_in_a_worker_holds_up_nobody() {
    let body = "<p>x<script>new Worker(URL.createObjectURL(new Blob(['for (;;) {}'])))</script>";
    check(body, &[ALIVE], (PASSED, "true")).await;
}

#[tokio::test]
async fn storms_of_timers_and_words() {
    let timers = "<p>x<script>const storm = () => { setTimeout(storm); setTimeout(storm, 1);\
        if (storm.n++ > 20000) { storm.n = 0; } }; storm.n = 0; storm()</script>";
    // Each timer begins two: the page drowns, or does not; either way it ends.
    check(timers, &["js: new Promise(() => {})"], (FAILED, "timed out")).await;
    let words =
        "<p>x<script>setInterval(() => { for (let n = 0; n < 200; n++) console.error('x'.repeat(1000)) })</script>";
    check(words, &[ALIVE], (PASSED, "true")).await;
}

#[tokio::test]
async fn huge_allocations() {
    let heap = "<p>x<script>const kept = []; for (;;) kept.push(new Array(1e6).fill(kept.length))</script>";
    // Its process ends, unless the machine is so slow that time is up first.
    check(heap, &[ALIVE], (FAILED, "the page")).await;
    // Beside the script's heap: 1 GB at a time, each touched.
    let buffers = "<p>x<script>window.kept = []; try { for (let n = 0; n < 16; n++) {\
        kept.push(new Uint8Array(1e9).fill(1)); } } catch (error) { window.said = String(error); }</script>";
    check(buffers, &["js: kept.length >= 16"], (FAILED, "")).await;
}

#[tokio::test]
async fn dialogs() {
    let once = "<p>x<script>alert(1); window.yes = confirm(2); window.said = prompt(3)</script>";
    check(once, &["js: yes === false && said === null"], (PASSED, "true")).await;
    check("<script>for (;;) alert('again')</script>", &[ALIVE], (FAILED, "timed out")).await;
    // One that asks whether it may be left, having been used.
    let stays =
        "<button>x</button><script>onbeforeunload = event => { event.preventDefault(); return 'stay' }</script>";
    check(stays, &["js: document.querySelector('button').click() === undefined"], (PASSED, "true")).await;
    let leaves =
        "<p>x<script>onbeforeunload = () => 'stay'; onload = () => { location.hash = 'a'; location.reload() }</script>";
    check(leaves, &["js: document.title.length >= 0"], (PASSED, "true")).await;
    check("<p>x<script>print()</script>", &[ALIVE], (PASSED, "true")).await;
}

#[tokio::test]
async fn pop_ups_and_downloads() {
    let opens = "js: [1, 2, 3].map(() => window.open('about:blank')).length === 3";
    check("<p>x", &[opens], (PASSED, "true")).await;
    // A pop-up shares its opener's process, so a loop there is a loop here.
    check("<p>x", &["js: window.open('about:blank').eval('for (;;) {}')"], (FAILED, "")).await;
    let downloads = "<a download=a.txt href='data:text/plain,x'>x</a><a id=b download=b.txt href=index.html>y</a>";
    let clicks = "js: [...document.querySelectorAll('a')].every(a => a.click() === undefined)";
    check(downloads, &[clicks], (PASSED, "true")).await;
    check("<p>x<script>location = 'data:application/zip;base64,UEs='</script>", &[ALIVE], (PASSED, "true")).await;
}

#[tokio::test]
async fn pages_that_leave() {
    check("<p>x<script>onload = () => location.reload()</script>", &[ALIVE], (PASSED, "")).await;
    check("<p>x<script>onload = () => { location = 'chrome://crash' }</script>", &[ALIVE], (PASSED, "true")).await;
    check("<p>x<meta http-equiv=refresh content='0; url=about:blank'>", &[ALIVE], (PASSED, "true")).await;
    // Only what was opened by a script may close itself.
    check("<p>x<script>close()</script>", &[ALIVE], (PASSED, "true")).await;
    check("<p>x", &["js: open('about:blank', '_self').close() || new Promise(() => {})"], (FAILED, "")).await;
}
