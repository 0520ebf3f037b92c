//! With a real browser. These fail with one clear line where there is none.

mod ends;
mod hostile;
mod libraries;
mod marked;
mod outside;
mod pool;
mod readings;
mod sights;

use std::time::{Duration, Instant};

use ports::{HealthPart, Target, Verifier};
use shared_types::http::PartState;
use shared_types::{BrowserRun, Phase, Verdict};
use verify::{Options, SiteVerifier};

use crate::world::{inspection, options, page, ran, results, site, verifier, verify};

const PASSED: Verdict = Verdict::Passed;
const FAILED: Verdict = Verdict::Failed;

/// The results of `checks` on a page with `body`, in a browser of their own.
async fn check(body: &str, checks: &[(&str, Verdict, &str)]) {
    let verifier = verifier();
    let texts: Vec<&str> = checks.iter().map(|(text, ..)| *text).collect();
    let seen = ran(verify(&verifier, page(body), &texts).await);
    for ((text, verdict, words), (seen, evidence)) in checks.iter().zip(results(&seen)) {
        assert_eq!(seen, *verdict, "{text}: {evidence}");
        assert!(evidence.contains(words), "{text}: {evidence}");
    }
    verifier.close().await;
}

#[tokio::test]
async fn a_page_reads_its_own_files() {
    let index = "<!DOCTYPE html><title>Sales Summary</title><link rel=stylesheet href='s.css'><p id=total></p>\
        <script>fetch('data.csv?v=1').then(r => r.text()).then(text => {\
            const sum = text.trim().split('\\n').slice(1).reduce((sum, line) => sum + Number(line.split(',')[1]), 0);\
            document.getElementById('total').textContent = sum.toFixed(2); });</script>\
        <script type=module src='m/m.mjs'></script>";
    let site = site(&[
        ("index.html", index),
        ("data.csv", "product,sales\nLamp,74.85\nDesk,189.00\n"),
        ("s.css", "#total { color: rgb(1, 2, 3) }"),
        ("m/m.mjs", "import { n } from './n.mjs'; document.body.dataset.n = n;"),
        ("m/n.mjs", "export const n = 7;"),
    ]);
    let verifier = verifier();
    let checks = [
        "js: document.title === 'Sales Summary'",
        "js: Math.abs(parseFloat(document.querySelector('#total').textContent) - 263.85) < 0.005",
        "getComputedStyle(document.querySelector('#total')).color === 'rgb(1, 2, 3)'",
        "js: document.body.dataset.n",
        "js: location.pathname === '/x/'",
        "(await (await fetch('data.csv')).text()).length === 37",
        "The page is pretty",
    ];
    let seen = ran(verify(&verifier, site, &checks).await);
    let verdicts: Vec<Verdict> = results(&seen).into_iter().map(|(verdict, _)| verdict).collect();
    assert_eq!(verdicts, [PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, Verdict::Unjudged], "{:?}", results(&seen));
    let strict: Vec<Option<bool>> = seen.report.checks.iter().map(|result| result.strict).collect();
    assert_eq!(strict[2..5], [Some(true), Some(false), Some(true)]);
    assert_eq!(seen.report.failed_requests, []);
    assert_eq!(seen.report.console_errors, Vec::<String>::new());
    assert_eq!(seen.report.phase, Phase::Candidate);
    assert!(seen.screenshot.is_some_and(|png| png.starts_with(b"\x89PNG")));
    verifier.close().await;
}

#[tokio::test]
async fn values_are_weighed_as_graders_do() {
    check(
        "<p id=a class=c>x</p>",
        &[
            ("js: 1", PASSED, "1"),
            ("js: 'text'", PASSED, "\"text\""),
            ("js: ({a: [1]})", PASSED, "{\"a\":[1]}"),
            ("js: document.querySelector('#a')", PASSED, "<p id=\"a\""),
            ("js: Promise.resolve(true)", PASSED, "true"),
            ("js: () => document.title === 'T'", PASSED, "true"),
            ("js: 5n", PASSED, "5n"),
            ("js: 0", FAILED, "0"),
            ("js: ''", FAILED, "\"\""),
            ("js: NaN", FAILED, "NaN"),
            ("js: null", FAILED, "null"),
            ("js: undefined", FAILED, "undefined"),
            ("js: document.title === 'U'", FAILED, "false: document.title is \"T\""),
            ("js: nowhere.x", FAILED, "ReferenceError: nowhere is not defined"),
            ("js: this is no code", FAILED, "SyntaxError"),
            ("js: Promise.reject(new Error('no'))", FAILED, "Error: no"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_comes_late_is_waited_for() {
    let late =
        "<p id=a></p><script>setTimeout(() => { document.querySelector('#a').textContent = 'now'; }, 300);</script>";
    check(late, &[("js: document.querySelector('#a').textContent === 'now'", PASSED, "true")]).await;
}

#[tokio::test]
async fn workers_and_frames_come_to_rest() {
    let index = "<!DOCTYPE html><title>T</title><iframe src='d.txt'></iframe>\
        <script>new Worker('w.js').onmessage = e => { document.body.dataset.got = e.data; };\
        new Worker(URL.createObjectURL(new Blob(['postMessage(1)'])));</script>";
    let worker = "fetch('d.txt').then(r => r.text()).then(postMessage)";
    let verifier = SiteVerifier::new(Options { idle_timeout: Duration::from_secs(40), ..options() });
    let site = site(&[("index.html", index), ("w.js", worker), ("d.txt", "hello")]);
    let seen = ran(verify(&verifier, site, &["js: document.body.dataset.got === 'hello'"]).await);
    assert_eq!(results(&seen), [(PASSED, "true")]);
    assert!(seen.report.duration_ms < 40_000, "it did not come to rest");
    verifier.close().await;
}

#[tokio::test]
async fn an_acting_check_is_evaluated_once() {
    let counter = "<button onclick='this.value++' value=0></button>";
    check(
        counter,
        &[(
            "js: document.querySelector('button').click() || document.querySelector('button').value === '2'",
            FAILED,
            "false",
        )],
    )
    .await;
}

#[tokio::test]
async fn errors_and_failed_requests_are_reported() {
    let body = "<img src='none.png?secret=1'><script>console.error('first', {a: 1});</script>\
        <script>\nboom();</script><script>alert('hello'); confirm('?'); prompt('?');</script>\
        <script>Promise.reject(new TypeError('late'))</script>\
        <script>window.open('about:blank'); document.body.dataset.done = 1;</script>";
    let verifier = verifier();
    let seen = ran(verify(&verifier, page(body), &["js: document.body.dataset.done === '1'"]).await);
    assert_eq!(results(&seen), [(PASSED, "true")]);
    let errors = seen.report.console_errors.join("\n");
    for words in ["first", "ReferenceError: boom is not defined", "TypeError: late"] {
        assert!(errors.contains(words), "{errors}");
    }
    let failed: Vec<(&str, &str)> =
        seen.report.failed_requests.iter().map(|request| (request.url.as_str(), request.reason.as_str())).collect();
    assert_eq!(failed, [("https://student.example/x/none.png", "404")]);
    verifier.close().await;
}

#[tokio::test]
async fn a_page_that_never_ends_is_left() {
    let short = Options { page_timeout: Duration::from_secs(8), idle_timeout: Duration::from_secs(2), ..options() };
    let verifier = SiteVerifier::new(short);
    let seen = ran(verify(&verifier, page("<script>for (;;) {}</script>"), &["js: true", "js: 1 > 0"]).await);
    for (verdict, evidence) in results(&seen) {
        assert_eq!(verdict, FAILED);
        assert!(evidence.contains("timed out"), "{evidence}");
    }
    assert!(seen.report.findings.iter().any(|finding| finding.rule == "page.dead"), "{:?}", seen.report.findings);
    // Another browser takes over.
    let after = ran(verify(&verifier, page("<p>"), &["js: document.title === 'T'"]).await);
    assert_eq!(results(&after), [(PASSED, "true")]);
    verifier.close().await;
}

#[tokio::test]
async fn a_check_that_never_ends_is_left() {
    check(
        "<p>",
        &[
            ("js: new Promise(() => {})", FAILED, "timed out after 5 s"),
            ("js: (() => { for (;;) {} })()", FAILED, ""),
            ("js: document.title === 'T'", PASSED, "true"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_page_that_is_not_there_fails_its_checks() {
    let verifier = verifier();
    let absent =
        ran(verify(&verifier, site(&[("a.txt", "x")]), &["js: document.querySelectorAll('x').length === 0"]).await);
    assert_eq!(results(&absent), [(FAILED, "the page was answered with 404")]);

    // A port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut live = inspection(&verifier, page("<p>"), &["js: true"]);
    live.pages_url = format!("http://127.0.0.1:{free}/x/").parse().unwrap();
    live.target = Target::Network;
    live.phase = Phase::Live;
    let live = ran(verifier.verify(live).await.unwrap());
    let (verdict, evidence) = results(&live)[0];
    assert!(verdict == FAILED && evidence.contains("ERR_CONNECTION_REFUSED"), "{evidence}");
    verifier.close().await;
}

#[tokio::test]
async fn pages_share_nothing() {
    let verifier = verifier();
    let body = "<script>localStorage.n = Number(localStorage.n || 0) + 1; document.cookie = 'a=1';</script>";
    let runs = (0..4).map(|_| verify(&verifier, page(body), &["js: localStorage.n === '1'"]));
    for seen in futures::future::join_all(runs).await {
        assert_eq!(results(&ran(seen)), [(PASSED, "true")]);
    }
    verifier.close().await;
}

#[tokio::test]
async fn a_browser_that_was_closed_is_started_again() {
    let verifier = verifier();
    assert_eq!(verifier.look().await.state, PartState::Up);
    let first = ran(verify(&verifier, page("<p>"), &["js: true"]).await);
    let BrowserRun::Ran { browser } = &first.report.browser else { panic!("no browser ran") };
    assert_eq!(verifier.look().await.detail, *browser);
    verifier.close().await;
    let again = ran(verify(&verifier, page("<p>"), &["js: true"]).await);
    assert_eq!(results(&again), [(PASSED, "true")]);
    verifier.close().await;
}

#[tokio::test]
async fn a_warm_run_is_quick() {
    let verifier = verifier();
    ran(verify(&verifier, page("<p>"), &["js: true"]).await);
    let began = Instant::now();
    ran(verify(&verifier, page("<p>"), &["js: true"]).await);
    let took = began.elapsed();
    // A few hundred milliseconds on an idle machine; the bound is for a crowded one.
    assert!(took < Duration::from_secs(10), "{took:?}");
    verifier.close().await;
}
