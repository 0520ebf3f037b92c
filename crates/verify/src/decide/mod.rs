//! Decides checks: from the files, from what a browser saw, or from both.
//!
//! - [`files`], [`readme`], [`json`], [`source`] read files, and what they say is final.
//! - [`page`] and [`query`] ask the page a question; [`page`] also answers it from the served HTML.
//! - [`settle`] puts both together, and says how much a guess weighs.

mod files;
mod form;
mod json;
mod page;
mod query;
mod readme;
mod source;

use ports::{Inspection, Target};
use shared_types::{Check, Confidence, Oracle, Verdict};

use crate::browser::{Outcome, Question};
use crate::outline::Outline;
use crate::script;

pub(crate) use page::weigh;
pub(crate) use query::{Visit, visits};

/// What a rule says, and what it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub verdict: Verdict,
    /// See [`shared_types::CheckResult::strict`].
    pub strict: Option<bool>,
    pub evidence: String,
}

impl Decision {
    fn new(verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self { verdict, strict: None, evidence: evidence.into() }
    }

    fn passed(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, evidence)
    }

    fn failed(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, evidence)
    }

    fn unjudged(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Unjudged, evidence)
    }

    fn unsatisfiable(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Unsatisfiable, evidence)
    }

    fn of(outcome: Outcome) -> Self {
        let verdict = if outcome.passed { Verdict::Passed } else { Verdict::Failed };
        Self { verdict, strict: Some(outcome.strict), evidence: outcome.evidence }
    }
}

/// What files alone say of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ground {
    /// All there is to say.
    Final(Decision),
    /// What the served HTML holds, and whether scripts may change that.
    Served { outcome: Outcome, scripted: bool },
    /// Nothing.
    Silent,
}

/// What the files say of `check`; `page` is the outline of `index.html`.
pub(crate) fn by_files(inspection: &Inspection, page: Option<&Outline>, check: &Check) -> Ground {
    let Inspection { site, pages_url, attachments, .. } = inspection;
    let decision = match &check.oracle {
        Oracle::Licence => files::licence(site),
        Oracle::Readme => readme::readme(site),
        Oracle::ReadmeSections { sections } => readme::sections(site, sections),
        Oracle::FilesExist { paths } => files::files_exist(site, paths),
        Oracle::FilesServed { paths } => files::served(site, pages_url, paths),
        Oracle::FileLinked { path } => files::file_linked(site, pages_url, path),
        Oracle::FileEqualsAttachment { path } => files::equals_attachment(site, attachments, path),
        Oracle::FileIsJson { path } => json::parses(site, path),
        Oracle::JsonFields { path, fields } => json::fields(site, path, fields),
        Oracle::SourceText { path, texts, presence } => source::text(site, path, texts, *presence),
        Oracle::Title { .. } | Oracle::Elements { .. } | Oracle::ElementText { .. } | Oracle::PageText { .. } => {
            return match page {
                None => Ground::Final(Decision::failed("there is no readable index.html")),
                Some(page) => served(&check.oracle, page),
            };
        }
        Oracle::JavaScript { .. } | Oracle::Query { .. } | Oracle::Judge => return Ground::Silent,
    };
    Ground::Final(if decision.verdict == Verdict::Failed {
        blamed(inspection, &check.oracle, decision)
    } else {
        decision
    })
}

/// Attachments are served as they are, so what is wrong with one no site can mend.
fn blamed(inspection: &Inspection, oracle: &Oracle, decision: Decision) -> Decision {
    let (Oracle::FileIsJson { path } | Oracle::JsonFields { path, .. } | Oracle::SourceText { path, .. }) = oracle
    else {
        return decision;
    };
    match files::equals_attachment(&inspection.site, &inspection.attachments, path).verdict {
        Verdict::Passed => Decision::unsatisfiable(format!("the attachment says otherwise: {}", decision.evidence)),
        _ => decision,
    }
}

fn served(oracle: &Oracle, page: &Outline) -> Ground {
    match page::seen(oracle, page) {
        Some(seen) => Ground::Served { outcome: weigh(oracle, &seen), scripted: page.scripted },
        None => Ground::Silent,
    }
}

/// What to ask the page about `check`, when it takes a browser.
pub(crate) fn question(inspection: &Inspection, check: &Check) -> Option<Question> {
    match &check.oracle {
        Oracle::JavaScript { expression } => Some(Question::truth(script::runnable(expression))),
        Oracle::FilesServed { .. } if inspection.target == Target::Files => None,
        oracle => Some(Question::about(oracle.clone(), page::expression(oracle, &inspection.pages_url)?)),
    }
}

/// The verdict of `check`; `outcome` is what a browser saw, when one was asked.
pub(crate) fn settle(check: &Check, ground: Ground, outcome: Option<Outcome>) -> Decision {
    if let Some(reason) = &check.unsatisfiable {
        return Decision::unsatisfiable(reason.as_str());
    }
    let decision = match (ground, outcome) {
        (Ground::Served { outcome: served, .. }, Some(seen)) => both(&check.oracle, &served, seen),
        (_, Some(seen)) => Decision::of(seen),
        (Ground::Final(decision), None) => decision,
        (Ground::Served { outcome, scripted }, None) => unseen(&check.oracle, outcome, scripted),
        (Ground::Silent, None) if check.oracle == Oracle::Judge => Decision::unjudged(""),
        (Ground::Silent, None) => Decision::new(Verdict::NotRun, "no browser ran"),
    };
    weighed(check.confidence, decision)
}

/// A browser's word counts; the strictest graders also read the HTML without running it.
fn both(oracle: &Oracle, served: &Outcome, seen: Outcome) -> Decision {
    if !is_read_statically(oracle) || !seen.passed || served.passed {
        let strict = seen.strict && (served.strict || !is_read_statically(oracle));
        return Decision { strict: Some(strict), ..Decision::of(seen) };
    }
    let evidence = format!("{}; but the HTML as served does not say so: {}", seen.evidence, served.evidence);
    Decision { strict: Some(false), evidence, ..Decision::of(seen) }
}

/// Without a browser, what the HTML says is final where no script can change it, or where scripts
/// rarely take away what the HTML has.
fn unseen(oracle: &Oracle, served: Outcome, scripted: bool) -> Decision {
    if !scripted || (served.passed && is_read_statically(oracle)) {
        let evidence = format!("in the HTML as served: {}", served.evidence);
        return Decision { evidence, ..Decision::of(served) };
    }
    Decision::new(Verdict::NotRun, "no browser ran, and a script may change what the HTML says")
}

/// Titles and elements, where they must be there.
fn is_read_statically(oracle: &Oracle) -> bool {
    match oracle {
        Oracle::Title { .. } => true,
        Oracle::Elements { presence, .. } => *presence == shared_types::Presence::Present,
        _ => false,
    }
}

/// A guess at what a check means fails nobody.
fn weighed(confidence: Confidence, decision: Decision) -> Decision {
    if confidence > Confidence::Guess || decision.verdict != Verdict::Failed {
        return decision;
    }
    let evidence = format!("does not count, as its reading is a guess; by that it fails: {}", decision.evidence);
    Decision { evidence, ..Decision::unjudged("") }
}

#[cfg(test)]
mod tests;
