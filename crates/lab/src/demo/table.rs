//! The table that ends the demo, and what needs saying below it.

use shared_types::{CheckReport, Verdict};

use super::round::Row;

/// As `git log --abbrev-commit` shows it.
const SHORT_SHA: usize = 7;
/// More lines than these are for the API, not for the end of a demo.
const MAX_FAILED_LINES: usize = 12;
/// A check and its evidence fit two lines of a usual terminal.
const MAX_TEXT_CHARS: usize = 120;
const NOTHING: &str = "-";
const HEAD: [&str; 5] = ["round", "checks", "commit", "pages", "POST to callback"];

/// The whole table, then failed checks, then rounds that were not confirmed.
pub(super) fn lines(rows: &[Row]) -> Vec<String> {
    let mut cells = vec![HEAD.map(str::to_owned)];
    cells.extend(rows.iter().map(row_cells));
    let mut lines = align(&cells);
    lines.extend(failed(rows));
    lines.extend(rows.iter().flat_map(Row::reasons).map(|reason| format!("not confirmed: {reason}")));
    lines
}

fn row_cells(row: &Row) -> [String; 5] {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    [
        row.round.to_string(),
        or_nothing(row.report.as_ref().map(checks)),
        or_nothing(row.commit.as_ref().map(|commit| commit.as_str().chars().take(SHORT_SHA).collect())),
        or_nothing(row.pages_url.clone()),
        or_nothing(row.seconds.map(|seconds| format!("{seconds:.1} s"))),
    ]
}

/// `3/3`, or `2/7 (4 unjudged, 1 not run)`: what nobody decided is never counted as passed.
fn checks(report: &CheckReport) -> String {
    let parts: Vec<String> =
        [(Verdict::Unjudged, "unjudged"), (Verdict::NotRun, "not run"), (Verdict::Unsatisfiable, "unsatisfiable")]
            .into_iter()
            .map(|(verdict, name)| (report.count(verdict), name))
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
    let aside = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("{}/{}{aside}", report.passed(), report.total())
}

fn align(cells: &[[String; 5]]) -> Vec<String> {
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

fn failed(rows: &[Row]) -> Vec<String> {
    let mut lines: Vec<String> = rows
        .iter()
        .flat_map(|row| {
            let results = row.report.iter().flat_map(|report| &report.checks);
            results.filter(|result| result.verdict == Verdict::Failed).map(move |result| {
                let evidence = result.evidence.as_deref().unwrap_or("no evidence");
                format!("round {} failed: {} -> {}", row.round, short(&result.check.source), short(evidence))
            })
        })
        .collect();
    let more = lines.len().saturating_sub(MAX_FAILED_LINES);
    lines.truncate(MAX_FAILED_LINES);
    if more > 0 {
        lines.push(format!("... and {more} more failed checks; the API's /v1/tasks shows them"));
    }
    lines
}

/// `text` on one line and not too long.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_TEXT_CHARS) {
        None => line,
        Some((end, _)) => format!("{}...", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use shared_types::{BrowserRun, Check, CheckResult, Oracle, Phase, Round};

    use super::*;
    use crate::demo::Standing;

    fn report(verdicts: &[Verdict]) -> CheckReport {
        let result = |(index, verdict): (usize, &Verdict)| CheckResult {
            check: Check::new(Round::FIRST, index as u32, format!("check\n{index}"), Oracle::Judge),
            verdict: *verdict,
            strict: None,
            evidence: None,
        };
        CheckReport {
            phase: Phase::Live,
            browser: BrowserRun::Ran { browser: "Chromium".into() },
            checks: verdicts.iter().enumerate().map(result).collect(),
            findings: Vec::new(),
            judgements: Vec::new(),
            console_errors: Vec::new(),
            failed_requests: Vec::new(),
            screenshot: None,
            phone_screenshot: None,
            duration_ms: 1,
        }
    }

    fn check(rows: &[Row], expected: &Expect) {
        expected.assert_eq(&lines(rows).join("\n"));
    }

    #[test]
    fn undecided_checks_are_counted_apart() {
        use Verdict::{Failed, NotRun, Passed, Unjudged};
        for (verdicts, expected) in [
            (vec![Passed, Passed], "2/2"),
            (vec![Passed, Failed], "1/2"),
            (vec![Passed, Unjudged, Unjudged, NotRun], "1/4 (2 unjudged, 1 not run)"),
            (vec![NotRun], "0/1 (1 not run)"),
            (vec![], "0/0"),
        ] {
            assert_eq!(checks(&report(&verdicts)), expected);
        }
    }

    #[test]
    fn a_table_says_what_came_out_and_what_did_not() {
        let good = Row {
            round: 1,
            standing: Standing::Confirmed,
            report: Some(report(&[Verdict::Passed, Verdict::Failed])),
            commit: Some("0123456789abcdef0123456789abcdef01234567".parse().unwrap()),
            pages_url: Some("http://127.0.0.1:8081/o/r/".into()),
            repo_url: None,
            seconds: Some(1.25),
        };
        let bad = Row {
            round: 2,
            standing: Standing::Unconfirmed(vec!["the task ended failed".into()]),
            report: None,
            commit: None,
            pages_url: None,
            repo_url: None,
            seconds: None,
        };
        check(
            &[good, bad],
            &expect![[r#"
                round  checks  commit   pages                       POST to callback
                1      1/2     0123456  http://127.0.0.1:8081/o/r/  1.2 s
                2      -       -        -                           -
                round 1 failed: check 1 -> no evidence
                not confirmed: round 2: the task ended failed"#]],
        );
    }
}
