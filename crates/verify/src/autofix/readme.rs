//! A README has a summary and sections for setup, usage, code and licence, and those that a check names: what it
//! lacks is taken from the one that was made for the task.

use ports::{Draft, Inspection, Site, Target};
use shared_types::{Check, Oracle, Phase, Round, SitePath, Verdict};

use super::Change;
use crate::decide::{self, Ground};

/// Sections of any README.
const SECTIONS: [&str; 4] = ["setup", "usage", "code", "licence"];

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let Ok(path) = "README.md".parse::<SitePath>() else { return Vec::new() };
    let given = draft.readme.as_str();
    if given.trim().is_empty() || draft.attached.contains("README.md") {
        return Vec::new();
    }
    let Some(text) = draft.site.text("README.md").filter(|text| !text.trim().is_empty()) else {
        return vec![Change::new(&path, given.to_owned(), "added the README, which was missing")];
    };
    let mut readme = text.to_owned();
    let mut added = Vec::new();
    for name in wanted(draft) {
        if has(draft, &readme, &name) {
            continue;
        }
        if let Some(section) = sections(given).into_iter().find(|section| has(draft, section, &name)) {
            readme = format!("{}\n\n{}\n", readme.trim_end(), section.trim_end());
            added.push(name);
        }
    }
    if !holds(draft, &readme, Oracle::Readme) && holds(draft, &with_opening(&readme, given), Oracle::Readme) {
        readme = with_opening(&readme, given);
        added.insert(0, "summary".to_owned());
    }
    if added.is_empty() {
        return Vec::new();
    }
    vec![Change::new(&path, readme, format!("added what was missing: {}", added.join(", ")))]
}

fn wanted(draft: &Draft) -> Vec<String> {
    let named = draft.checks.iter().filter(|check| check.unsatisfiable.is_none()).filter_map(|check| {
        if let Oracle::ReadmeSections { sections } = &check.oracle { Some(sections) } else { None }
    });
    SECTIONS.iter().map(ToString::to_string).chain(named.flatten().cloned()).collect()
}

fn has(draft: &Draft, readme: &str, section: &str) -> bool {
    holds(draft, readme, Oracle::ReadmeSections { sections: vec![section.to_owned()] })
}

/// What the verifier would say of a site with this README.
fn holds(draft: &Draft, readme: &str, oracle: Oracle) -> bool {
    let mut site = Site::new();
    if let Ok(path) = "README.md".parse() {
        site.insert(path, readme.to_owned());
    }
    let inspection = Inspection {
        site,
        pages_url: draft.pages_url.clone(),
        target: Target::Files,
        phase: Phase::Candidate,
        checks: Vec::new(),
        attachments: Vec::new(),
        leaks: Vec::new(),
    };
    let check = Check::new(Round::FIRST, 0, "", oracle);
    matches!(decide::by_files(&inspection, None, &check), Ground::Final(decision) if decision.verdict == Verdict::Passed)
}

/// Each section of the second level with its heading.
fn sections(readme: &str) -> Vec<&str> {
    let starts: Vec<usize> =
        readme.match_indices("## ").map(|(at, _)| at).filter(|at| *at == 0 || readme[..*at].ends_with('\n')).collect();
    let ends = starts.iter().skip(1).copied().chain([readme.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| readme.get(*start..end)).collect()
}

/// `readme` with the paragraphs before the first section of `given` after its own title.
fn with_opening(readme: &str, given: &str) -> String {
    let opening = given.split("\n## ").next().unwrap_or_default();
    let words = opening.strip_prefix("# ").and_then(|rest| rest.split_once('\n')).map_or(opening, |(_, words)| words);
    let (title, rest) = match readme.strip_prefix("# ").and_then(|rest| rest.find('\n')) {
        Some(end) => readme.split_at(end + 3),
        None => ("", readme),
    };
    format!("{title}\n{}\n\n{}", words.trim(), rest.trim_start())
}
