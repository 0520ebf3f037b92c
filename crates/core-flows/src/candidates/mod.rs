//! What the candidates for a site are worth, and what is said of them to whoever mends them.
//!
//! - [`score`]: which of two candidates is the better one.
//! - [`evidence`]: what failed, with what was seen, as a model is shown it.
//! - [`signature`]: whether two candidates fail in the same way.
//! - [`loss`]: what a later round takes away that nobody asked it to take.
//!
//! All of it is pure; `steps::repair` asks the questions.

mod evidence;
mod loss;
mod score;
mod signature;

pub(crate) use evidence::evidence;
pub(crate) use loss::{large_libraries, losses};
pub(crate) use score::Score;
pub(crate) use signature::signature;

#[cfg(test)]
mod testing {
    //! Reports and sites in a line.

    use ports::Site;
    use shared_types::{
        BrowserRun, Check, CheckReport, CheckResult, Earlier, Finding, Oracle, Phase, Round, Severity, Verdict,
    };

    /// What fails of a report, and what passes beside it.
    #[derive(Clone, Copy, Default)]
    pub(super) struct Failing<'a> {
        pub(super) passing: &'a [&'a str],
        pub(super) checks: &'a [&'a str],
        /// Checks that passed in an earlier round.
        pub(super) regressed: &'a [&'a str],
        /// Severity and rule.
        pub(super) findings: &'a [(Severity, &'a str)],
        pub(super) console: &'a [&'a str],
    }

    pub(super) fn report(failing: &Failing<'_>) -> CheckReport {
        let result = |(index, source): (usize, &&str), verdict, earlier| {
            let mut check = Check::new(Round::FIRST, index as u32, *source, Oracle::Judge);
            check.earlier = earlier;
            CheckResult { check, verdict, strict: None, evidence: None }
        };
        let passing = failing.passing.iter().enumerate().map(|check| result(check, Verdict::Passed, None));
        let checks = failing.checks.iter().enumerate().map(|check| result(check, Verdict::Failed, None));
        let regressed = failing.regressed.iter().enumerate();
        let regressed = regressed.map(|check| result(check, Verdict::Failed, Some(Earlier::Passed)));
        let finding = |(severity, rule): &(Severity, &str)| Finding {
            severity: *severity,
            rule: (*rule).to_owned(),
            path: "index.html".parse().unwrap(),
            line: None,
            message: "wrong".to_owned(),
        };
        CheckReport {
            phase: Phase::Candidate,
            browser: BrowserRun::Ran { browser: "fake".to_owned() },
            checks: passing.chain(checks).chain(regressed).collect(),
            findings: failing.findings.iter().map(finding).collect(),
            judgements: Vec::new(),
            console_errors: failing.console.iter().map(|error| (*error).to_owned()).collect(),
            failed_requests: Vec::new(),
            screenshot: None,
            phone_screenshot: None,
            duration_ms: 0,
        }
    }

    pub(super) fn site(page: &str) -> Site {
        let mut site = Site::new();
        site.insert("index.html".parse().unwrap(), page.to_owned());
        site
    }
}
