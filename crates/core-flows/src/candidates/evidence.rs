//! What failed, with what was seen, as a model is shown it.

use std::sync::LazyLock;

use ports::Site;
use regex::Regex;
use shared_types::{CheckReport, CheckResult, Opinion, Severity};

use crate::maker::head;

/// Characters in all. Failures come first, so that what is cut is worth the least.
const LONGEST: usize = 4_000;

/// Characters of one line of the page.
const LINE: usize = 160;

/// Lines shown before and after the one that a check is about.
const AROUND: usize = 2;

/// Ids that a check speaks of: `#id`, `getElementById('id')`, "an element with id `id`".
static IDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r##"(?:#|getElementById\(\s*["'`]|\bid\s*=?\s*["'`]?)([A-Za-z][\w-]{0,63})"##;
    Regex::new(pattern).ok()
});

/// The evidence against `site`, worst first, in at most 4,000 characters. Each entry stands whole
/// or not at all; how many did not fit is said.
pub(crate) fn evidence(site: &Site, report: &CheckReport, losses: &[String]) -> String {
    let mut entries: Vec<String> = report.blocking().map(|result| failed_check(site, result)).collect();
    entries.extend(losses.iter().map(|loss| format!("TAKEN AWAY: {loss}")));
    entries.extend(findings(report, |severity| severity >= Severity::Error));
    entries.extend(report.console_errors.iter().map(|error| format!("CONSOLE: {}", head(error, 2 * LINE))));
    entries.extend(report.failed_requests.iter().map(|request| format!("REQUEST: {} {}", request.url, request.reason)));
    entries.extend(findings(report, |severity| severity < Severity::Error));
    let failed = report.judgements.iter().filter(|judged| judged.opinion == Opinion::Fail);
    entries.extend(failed.map(|judged| format!("A GRADER SAYS OF \"{}\": {}", judged.item, judged.reason)));
    fit(entries)
}

fn failed_check(site: &Site, result: &CheckResult) -> String {
    let title = if result.is_regression() { "FAILED, AND PASSED BEFORE" } else { "FAILED CHECK" };
    let seen = result.evidence.as_deref().unwrap_or("no value");
    let mut entry = format!("{title}: {}\n  saw: {seen}", result.check.source);
    for id in ids(&result.check.source).into_iter().take(2) {
        entry.push_str(&place(site, id));
    }
    entry
}

fn ids(source: &str) -> Vec<&str> {
    let Some(pattern) = IDS.as_ref() else { return Vec::new() };
    let mut ids = Vec::new();
    for found in pattern.captures_iter(source).filter_map(|captures| captures.get(1)) {
        if !ids.contains(&found.as_str()) {
            ids.push(found.as_str());
        }
    }
    ids
}

/// The lines of the page around the element with the id.
fn place(site: &Site, id: &str) -> String {
    let page = site.text("index.html").unwrap_or_default();
    let marks = [format!("id=\"{id}\""), format!("id='{id}'"), format!("id={id}")];
    let lines: Vec<&str> = page.lines().collect();
    let Some(at) = lines.iter().position(|line| marks.iter().any(|mark| line.contains(mark.as_str()))) else {
        return format!("\n  the source of index.html has no element with id {id}");
    };
    let shown = &lines[at.saturating_sub(AROUND)..lines.len().min(at + AROUND + 1)];
    let shown: Vec<String> = shown.iter().map(|line| format!("    {}", head(line.trim_end(), LINE))).collect();
    format!("\n  index.html, around line {}:\n{}", at + 1, shown.join("\n"))
}

fn findings(report: &CheckReport, of: impl Fn(Severity) -> bool) -> impl Iterator<Item = String> {
    report.findings.iter().filter(move |finding| of(finding.severity)).map(|finding| {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}: {}{line}: {}", finding.rule, finding.path, finding.message)
    })
}

fn fit(entries: Vec<String>) -> String {
    let mut text = String::new();
    let mut left = LONGEST;
    let mut missing = 0;
    for entry in entries {
        let size = entry.chars().count() + 1;
        if size <= left {
            left -= size;
            text.push_str(&entry);
            text.push('\n');
        } else {
            missing += 1;
        }
    }
    if missing > 0 {
        text.push_str(&format!("({missing} more, not shown)\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::testing::{Failing, report, site};
    use super::*;

    #[test]
    fn failures_come_first_with_the_place_in_the_page() {
        let page = "<main>\n<h1>Sales</h1>\n<p id=\"total\">0</p>\n</main>\n";
        let failing = Failing {
            passing: &[],
            checks: &["document.getElementById('total').textContent === '5'", "An element with id `chart` exists"],
            regressed: &["document.title"],
            findings: &[(Severity::Notice, "html.parse"), (Severity::Error, "js.syntax")],
            console: &["ReferenceError: x is not defined"],
        };
        let losses = ["LICENSE is gone".to_owned()];
        expect![[r#"
            FAILED CHECK: document.getElementById('total').textContent === '5'
              saw: no value
              index.html, around line 3:
                <main>
                <h1>Sales</h1>
                <p id="total">0</p>
                </main>
            FAILED CHECK: An element with id `chart` exists
              saw: no value
              the source of index.html has no element with id chart
            FAILED, AND PASSED BEFORE: document.title
              saw: no value
            TAKEN AWAY: LICENSE is gone
            js.syntax: index.html: wrong
            CONSOLE: ReferenceError: x is not defined
            html.parse: index.html: wrong
        "#]]
        .assert_eq(&evidence(&site(page), &report(&failing), &losses));
    }

    #[test]
    fn it_is_bounded_and_says_what_is_missing() {
        let long = "x".repeat(3_000);
        let failing = Failing { checks: &[&long, &long, "short"], ..Failing::default() };
        let text = evidence(&site(""), &report(&failing), &[]);
        assert!(text.chars().count() <= LONGEST + 30, "{}", text.len());
        assert!(text.contains("short") && text.ends_with("(1 more, not shown)\n"), "{text}");
    }
}
