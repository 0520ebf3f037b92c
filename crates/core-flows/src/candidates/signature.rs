//! Whether two candidates fail in the same way.

use shared_types::{CheckReport, Severity};

/// Characters of one failure that count; what follows tends to be a stack.
const COUNTED: usize = 160;

/// How a candidate fails, without what differs from run to run (numbers, white space, order). Two
/// equal signatures mean that what was done between them did not help.
pub(crate) fn signature(report: &CheckReport) -> String {
    let checks = report.blocking().map(|result| {
        let check = &result.check;
        let seen = normal(result.evidence.as_deref().unwrap_or_default());
        format!("check {}.{} {seen}", check.round, check.index)
    });
    let findings = report.findings.iter().filter(|finding| finding.severity >= Severity::Error);
    let findings = findings.map(|finding| format!("{} {} {}", finding.rule, finding.path, normal(&finding.message)));
    let errors = report.console_errors.iter().map(|error| format!("console {}", normal(error)));
    let mut lines: Vec<String> = checks.chain(findings).chain(errors).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.join("\n")
}

/// Runs of digits become `#`, runs of white space one space.
fn normal(text: &str) -> String {
    let mut normal = String::new();
    for c in text.chars() {
        let c = match c {
            c if c.is_ascii_digit() => '#',
            c if c.is_whitespace() => ' ',
            c => c,
        };
        if !(normal.ends_with(c) && matches!(c, '#' | ' ')) {
            normal.push(c);
        }
    }
    normal.trim().chars().take(COUNTED).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Failing, report};
    use super::*;

    /// Whether a report with these findings and console errors fails like one without evidence.
    #[track_caller]
    fn check(console: [&[&str]; 2], same: bool) {
        let [one, other] = console.map(|console| report(&Failing { checks: &["a"], console, ..Failing::default() }));
        assert_eq!(signature(&one) == signature(&other), same, "{console:?}");
    }

    #[test]
    fn what_differs_from_run_to_run_does_not_count() {
        check([&["at line 12"], &["at line 7"]], true);
        check([&["a  b", "c"], &["c", "a b"]], true);
        check([&["x is not defined"], &["y is not defined"]], false);
        check([&["x"], &[]], false);
    }

    #[test]
    fn what_is_no_failure_does_not_count() {
        let notice = Failing { findings: &[(Severity::Notice, "html.parse")], ..Failing::default() };
        assert_eq!(signature(&report(&notice)), "");
    }
}
