//! Which of two candidates is the better one.

use std::cmp::Reverse;

use ports::Site;
use shared_types::{CheckReport, Finding, Severity};

/// What a candidate is fit for; greater is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// It must not be published: it holds a secret.
    Blocked,
    /// It takes away what earlier rounds made: a person decides.
    Destructive,
    /// The page does not come up at all.
    Broken,
    /// Checks fail that should not.
    ChecksFailed,
    /// None does.
    AllPass,
}

/// The rules of findings that there is no page to speak of; as a notice they only wonder.
const BROKEN: [&str; 2] = ["page.blank", "page.dead"];

/// How good a candidate is; greater is better. The class comes first, then the checks, then what
/// lint found, then the size: of two pages that do the same, the smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score {
    pub(crate) class: Class,
    failed: Reverse<usize>,
    passed: usize,
    errors: Reverse<usize>,
    notices: Reverse<usize>,
    bytes: Reverse<u64>,
}

impl Score {
    /// The score of `site`, of which `report` speaks and which takes away `losses`.
    pub(crate) fn of(site: &Site, report: &CheckReport, losses: &[String]) -> Self {
        let failed = report.blocking().count();
        let of_severity = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
        let breaks = |finding: &Finding| BROKEN.contains(&finding.rule.as_str()) && finding.severity >= Severity::Error;
        let broken = report.findings.iter().any(breaks);
        let class = match (report.worst(), failed) {
            (Some(Severity::Blocker), _) => Class::Blocked,
            _ if !losses.is_empty() => Class::Destructive,
            _ if broken => Class::Broken,
            (_, 0) => Class::AllPass,
            _ => Class::ChecksFailed,
        };
        Self {
            class,
            failed: Reverse(failed),
            passed: report.passed(),
            errors: Reverse(of_severity(Severity::Error)),
            notices: Reverse(of_severity(Severity::Notice)),
            bytes: Reverse(site.total_bytes()),
        }
    }

    /// Whether there is nothing to mend.
    pub(crate) fn is_sound(self) -> bool {
        self.class == Class::AllPass && self.errors.0 == 0
    }

    /// Whether the scaffold's site may well be better. It knows no more than what the checks say, so
    /// a page that passes some of them is nearer to the brief, whatever the scaffold's would pass.
    pub(crate) fn is_hopeless(self) -> bool {
        self.class <= Class::Broken || (self.class == Class::ChecksFailed && self.passed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Failing, report, site};
    use super::*;

    fn score(page: &str, failing: &Failing<'_>, losses: &[&str]) -> Score {
        let losses: Vec<String> = losses.iter().map(|loss| (*loss).to_owned()).collect();
        Score::of(&site(page), &report(failing), &losses)
    }

    #[test]
    fn each_candidate_is_better_than_the_one_before() {
        let none = Failing::default();
        let candidates = [
            score("x", &Failing { findings: &[(Severity::Blocker, "secret.aws")], ..none }, &[]),
            score("x", &none, &["LICENSE is gone"]),
            score("x", &Failing { findings: &[(Severity::Error, "page.blank")], ..none }, &[]),
            score("x", &Failing { checks: &["a", "b"], ..none }, &[]),
            score("x", &Failing { checks: &["a"], findings: &[(Severity::Error, "js.syntax")], ..none }, &[]),
            score("x", &Failing { checks: &["a"], ..none }, &[]),
            score("x", &Failing { checks: &["a"], passing: &["b"], ..none }, &[]),
            score("x", &Failing { findings: &[(Severity::Error, "js.syntax")], ..none }, &[]),
            score("x", &Failing { findings: &[(Severity::Notice, "html.parse")], ..none }, &[]),
            score("longer", &none, &[]),
            score("x", &none, &[]),
        ];
        assert!(candidates.is_sorted_by(|worse, better| worse < better), "{candidates:#?}");
        let sound: Vec<bool> = candidates.iter().map(|score| score.is_sound()).collect();
        assert_eq!(sound, [false, false, false, false, false, false, false, false, true, true, true]);
        let hopeless: Vec<bool> = candidates.iter().map(|score| score.is_hopeless()).collect();
        assert_eq!(hopeless, [true, true, true, true, true, true, false, false, false, false, false]);
    }
}
