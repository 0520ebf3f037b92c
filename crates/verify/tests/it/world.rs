//! Sites, inspections and verifiers for the tests.

use std::time::Duration;

use bytes::Bytes;
use ports::{Inspection, Site, Target, Verification, Verifier};
use shared_types::http::CheckBody;
use shared_types::{BrowserRun, Phase, Round, Verdict};
use verify::{Options, SiteVerifier};

/// Where the tests' sites seem to live. Nothing answers there: `.example` has no addresses.
pub(crate) const PAGES: &str = "https://student.example/x/";

/// A verifier with bounds that a crowded machine keeps.
pub(crate) fn verifier() -> SiteVerifier {
    SiteVerifier::new(options())
}

pub(crate) fn options() -> Options {
    Options { page_timeout: Duration::from_secs(60), ..Options::default() }
}

pub(crate) fn site(files: &[(&str, &str)]) -> Site {
    files.iter().map(|(path, text)| (path.parse().unwrap(), Bytes::from(text.to_string()))).collect()
}

/// A page with `body`, and nothing else.
pub(crate) fn page(body: &str) -> Site {
    site(&[("index.html", &format!("<!DOCTYPE html><meta charset=utf-8><title>T</title>{body}"))])
}

pub(crate) fn inspection(verifier: &SiteVerifier, site: Site, checks: &[&str]) -> Inspection {
    let items: Vec<CheckBody> = checks.iter().map(|text| CheckBody::Text((*text).to_owned())).collect();
    Inspection {
        site,
        pages_url: PAGES.parse().unwrap(),
        target: Target::Files,
        phase: Phase::Candidate,
        checks: verifier.compile(Round::FIRST, &items),
        attachments: Vec::new(),
        leaks: Vec::new(),
    }
}

pub(crate) async fn verify(verifier: &SiteVerifier, site: Site, checks: &[&str]) -> Verification {
    verifier.verify(inspection(verifier, site, checks)).await.unwrap()
}

/// The verification, from a browser: says plainly when there was none.
pub(crate) fn ran(verification: Verification) -> Verification {
    if let BrowserRun::NotRun { reason } = &verification.report.browser {
        panic!("these tests need Chromium (Debian: apt-get install chromium): {reason}");
    }
    verification
}

/// Verdict and evidence of each check.
pub(crate) fn results(verification: &Verification) -> Vec<(Verdict, &str)> {
    let checks = verification.report.checks.iter();
    checks.map(|result| (result.verdict, result.evidence.as_deref().unwrap_or_default())).collect()
}
