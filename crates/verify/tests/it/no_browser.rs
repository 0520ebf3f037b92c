//! Without a browser: what the files say is still said, and nothing is passed that was not seen.

use std::path::PathBuf;

use ports::{HealthPart, Verifier};
use shared_types::http::PartState;
use shared_types::{BrowserRun, Verdict};
use verify::{Options, Program, SiteVerifier};

use crate::world::{inspection, page, results};

async fn check_not_run(program: &str, words: &str) {
    let verifier = SiteVerifier::new(Options { program: Program::At(PathBuf::from(program)), ..Options::default() });
    let checks = ["js: true", "LICENSE exists", "The page is pretty"];
    let seen = verifier.verify(inspection(&verifier, page("<p>"), &checks)).await.unwrap();
    let BrowserRun::NotRun { reason } = &seen.report.browser else { panic!("a browser ran") };
    assert!(reason.contains(words), "{reason}");
    let verdicts: Vec<Verdict> = results(&seen).into_iter().map(|(verdict, _)| verdict).collect();
    assert_eq!(verdicts, [Verdict::NotRun, Verdict::Failed, Verdict::Unjudged]);
    assert!(seen.screenshot.is_none());
    let part = verifier.look().await;
    assert_eq!((part.name.as_str(), part.state, part.needed), ("browser", PartState::Degraded, false));
    assert!(part.detail.contains(words), "{}", part.detail);
}

#[tokio::test]
async fn a_missing_program_is_named() {
    check_not_run("/nowhere/chromium", "/nowhere/chromium is no file").await;
}

#[tokio::test]
async fn a_program_that_is_no_browser_is_quoted() {
    // Any program that says something and ends.
    check_not_run("/bin/ls", "start the browser /bin/ls").await;
}
