//! Checks that a page may fail for want of somebody else's answer.
//!
//! A page that loads a library from a host which is down cannot show what it would do with it. Such a
//! failure says nothing about the page, so the check is `not_run` and names the host; repairing the
//! page would be in vain. It is no excuse for what the page's own site lacks.

use shared_types::{Check, Oracle, Verdict};

use crate::browser::{Part, Unanswered, Why};
use crate::decide::Decision;

/// Hosts that are named.
const MAX_NAMED: usize = 3;

/// `decision`, which a browser's look gave, or that there is none for want of an answer.
pub(crate) fn weighed(check: &Check, decision: Decision, unanswered: &[Unanswered]) -> Decision {
    let missed: Vec<&Unanswered> =
        unanswered.iter().filter(|unanswered| depends(&check.oracle, unanswered.part)).collect();
    if decision.verdict != Verdict::Failed || missed.is_empty() {
        return decision;
    }
    let evidence = format!("{}; as the page stood: {}", told(missed), decision.evidence);
    Decision { verdict: Verdict::NotRun, strict: None, evidence }
}

/// `x.example did not answer, y.example answered 503`.
pub(crate) fn told<'a>(unanswered: impl IntoIterator<Item = &'a Unanswered>) -> String {
    let mut sentences: Vec<String> = Vec::new();
    for Unanswered { host, why, .. } in unanswered {
        let sentence = match why {
            Why::Silent => format!("host {host} did not answer"),
            Why::Busy(status) => format!("host {host} answered {status}"),
            Why::Kept => format!("host {host} was not asked (VERIFY_EGRESS)"),
        };
        if sentences.len() < MAX_NAMED && !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences.join(", ")
}

/// What an expression says that asks how the page looks, which style sheets decide.
const LOOKS: [&str; 8] = [
    "computedstyle",
    "boundingclientrect",
    "clientrects",
    "offset",
    "stylesheets",
    "visib",
    "clientwidth",
    "clientheight",
];

/// Whether the outcome may hang on that part of the page: what is there and what it says comes from
/// scripts and data, how it looks from style sheets as well.
fn depends(oracle: &Oracle, part: Part) -> bool {
    match oracle {
        Oracle::JavaScript { expression } => {
            let expression = expression.to_ascii_lowercase();
            part == Part::Behaviour || LOOKS.iter().any(|word| expression.contains(word))
        }
        Oracle::Title { .. }
        | Oracle::Elements { .. }
        | Oracle::ElementText { .. }
        | Oracle::PageText { .. }
        | Oracle::Query { .. } => part == Part::Behaviour,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use shared_types::Round;

    use super::*;

    fn unanswered(host: &str, why: Why, part: Part) -> Unanswered {
        Unanswered { host: host.to_owned(), why, part }
    }

    fn check(oracle: Oracle, verdict: Verdict, missed: &[Unanswered], expected: Verdict, words: &str) {
        let decision = Decision { verdict, strict: Some(false), evidence: "false".to_owned() };
        let check = Check::new(Round::FIRST, 0, "x", oracle);
        let seen = weighed(&check, decision, missed);
        assert_eq!((seen.verdict, seen.evidence.as_str()), (expected, words));
    }

    #[test]
    fn only_failures_for_want_of_an_answer_are_excused() {
        let js = || Oracle::JavaScript { expression: "window.marked".to_owned() };
        let look = || Oracle::JavaScript { expression: "getComputedStyle(x).color === 'red'".to_owned() };
        let text = || Oracle::PageText { texts: Vec::new(), presence: shared_types::Presence::Present };
        let script = || unanswered("a.example", Why::Silent, Part::Behaviour);
        let style = || unanswered("b.example", Why::Kept, Part::Look);
        let said = "host a.example did not answer; as the page stood: false";
        check(js(), Verdict::Failed, &[script(), script()], Verdict::NotRun, said);
        check(text(), Verdict::Failed, &[script(), style()], Verdict::NotRun, said);
        check(text(), Verdict::Failed, &[style()], Verdict::Failed, "false");
        check(Oracle::Licence, Verdict::Failed, &[script()], Verdict::Failed, "false");
        check(js(), Verdict::Failed, &[], Verdict::Failed, "false");
        check(js(), Verdict::Passed, &[script()], Verdict::Passed, "false");
        let both =
            "host b.example was not asked (VERIFY_EGRESS), host c.example answered 503; as the page stood: false";
        let busy = unanswered("c.example", Why::Busy(503), Part::Behaviour);
        check(look(), Verdict::Failed, &[style(), busy], Verdict::NotRun, both);
        check(js(), Verdict::Failed, &[style()], Verdict::Failed, "false");
    }
}
