//! A browser that goes away in the middle of a run.

use std::path::PathBuf;
use std::time::Duration;

use ports::Verifier;
use shared_types::{BrowserRun, Verdict};
use verify::SiteVerifier;

use super::marked::Marked;
use crate::world::{inspection, page, ran, results, verify};

#[tokio::test]
async fn one_end_is_survived() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(marked.options());
    ran(verify(&verifier, page("<p>"), &["js: true"]).await);
    let slow = ["js: new Promise(done => setTimeout(() => done(true), 1500))"];
    let (seen, ()) = tokio::join!(verify(&verifier, page("<p>"), &slow), async {
        // Well inside the 1.5 s that the check takes; killed earlier or later, the outcome is the same.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(marked.kill());
    });
    assert_eq!(results(&ran(seen)), [(Verdict::Passed, "true")]);
    assert!(marked.pid_file().exists(), "another browser was started");
    verifier.close().await;
}

#[tokio::test]
async fn a_browser_that_keeps_ending_is_given_up() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(marked.options());
    let slow = inspection(&verifier, page("<p>"), &["js: new Promise(done => setTimeout(() => done(true), 3000))"]);
    let kill = async {
        loop {
            marked.kill();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let seen = tokio::select! {
        seen = verifier.verify(slow) => seen.unwrap(),
        () = kill => unreachable!("it never ends"),
    };
    assert!(matches!(&seen.report.browser, BrowserRun::NotRun { .. }));
    assert_eq!(results(&seen), [(Verdict::NotRun, "no browser ran")]);
    verifier.close().await;
}

#[tokio::test]
async fn nothing_outlives_a_dropped_verifier() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(marked.options());
    ran(verify(&verifier, page("<p>"), &["js: true"]).await);
    let pid = std::fs::read_to_string(marked.pid_file()).unwrap();
    let command = std::fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap();
    let command = String::from_utf8_lossy(&command).into_owned();
    let profile = command.split('\0').find_map(|arg| arg.strip_prefix("--user-data-dir=")).unwrap().to_owned();
    assert!(PathBuf::from(&profile).exists());
    drop(verifier);
    let gone = async {
        while PathBuf::from(&profile).exists() || PathBuf::from(format!("/proc/{}", pid.trim())).exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
}
