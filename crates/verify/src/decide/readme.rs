//! `README.md`: that it is complete, or has the sections that a check names.

use ports::Site;

use super::Decision;

/// `README.md` with a summary and headings for setup, usage and licence.
pub(crate) fn readme(site: &Site) -> Decision {
    const SECTIONS: [(&str, &[&str]); 3] = [
        ("setup", &["setup", "set up", "install", "getting started", "quick start"]),
        ("usage", &["usage", "use", "using", "how to"]),
        ("licence", &["licence", "license"]),
    ];
    let Some(text) = site.text("README.md") else {
        return Decision::failed("there is no readable file README.md in the root");
    };
    let headings = headings(text);
    let has = |words: &[&str]| headings.iter().any(|heading| words.iter().any(|word| heading.contains(word)));
    let mut lacks: Vec<&str> = SECTIONS.iter().filter(|(_, words)| !has(words)).map(|(name, _)| *name).collect();
    if !has(&["summary", "overview", "about", "description"]) && !opens_with_text(text) {
        lacks.insert(0, "summary");
    }
    if lacks.is_empty() {
        Decision::passed("README.md has a summary and sections for setup, usage and licence")
    } else {
        Decision::failed(format!("README.md lacks: {}", lacks.join(", ")))
    }
}

/// `README.md` with a heading for each of `sections`.
pub(crate) fn sections(site: &Site, sections: &[String]) -> Decision {
    /// Words under which one section goes by several names.
    const SAME: [&[&str]; 5] = [
        &["setup", "set up", "install", "getting started", "quick start"],
        &["usage", "using", "how to use"],
        &["licence", "license"],
        &["summary", "overview", "about", "description", "introduction"],
        &["code explanation", "how it works", "code", "explanation", "implementation"],
    ];
    let Some(text) = site.text("README.md") else {
        return Decision::failed("there is no readable file README.md in the root");
    };
    let headings = headings(text);
    let is_there = |section: &&String| {
        let section = section.to_lowercase();
        let names = SAME.iter().find(|names| names.contains(&section.as_str()));
        let has = |name: &str| headings.iter().any(|heading| heading.contains(name));
        has(&section) || names.is_some_and(|names| names.iter().any(|name| has(name)))
    };
    let missing: Vec<&str> = sections.iter().filter(|section| !is_there(section)).map(String::as_str).collect();
    if missing.is_empty() {
        Decision::passed("README.md has every section")
    } else {
        Decision::failed(format!("README.md has no heading for: {}", missing.join(", ")))
    }
}

/// Headings in lower case, those of code blocks left out.
fn headings(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut headings = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            headings.extend(heading(line));
        }
    }
    headings
}

fn heading(line: &str) -> Option<String> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    ((1..=6).contains(&level) && text.starts_with(' ')).then(|| text.trim().to_lowercase())
}

/// Whether a paragraph stands before the first section: what most READMEs call no summary but mean
/// as one. Shorter than [`SUMMARY_CHARS`] it is a slogan.
fn opens_with_text(text: &str) -> bool {
    const SUMMARY_CHARS: usize = 30;
    let opening = text.lines().skip_while(|line| line.starts_with("# ")).take_while(|line| !line.starts_with("##"));
    let opening = opening.filter(|line| !line.starts_with("# "));
    opening.map(|line| line.trim().chars().count()).sum::<usize>() >= SUMMARY_CHARS
}

#[cfg(test)]
mod tests {
    use shared_types::Verdict;

    use super::*;

    fn site(files: &[(&str, &str)]) -> Site {
        files.iter().map(|(path, text)| (path.parse().unwrap(), bytes::Bytes::from(text.to_string()))).collect()
    }

    #[test]
    fn a_readme_has_its_sections() {
        let check = |text: &str, evidence: &str| {
            assert!(readme(&site(&[("README.md", text)])).evidence.contains(evidence), "{text}");
        };
        let summary = "# X\n\nShows the sum of all the sales of a file.\n";
        check(&format!("{summary}## Setup\n## Usage\n## Licence\n"), "README.md has");
        check(&format!("{summary}## Getting Started\n## How to use\n## License\n"), "README.md has");
        check("# X\n## Overview\n## Setup\n## Usage\n## Licence\n", "README.md has");
        check("# X\n## Setup\n## Licence\n", "lacks: summary, usage");
        check("", "lacks: summary, setup, usage, licence");
        assert_eq!(readme(&site(&[])).verdict, Verdict::Failed);
    }

    #[test]
    fn sections_are_headings() {
        let check = |text: &str, names: &[&str], verdict| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(sections(&site(&[("README.md", text)]), &names).verdict, verdict, "{text}");
        };
        check("# X\n## Setup\n### Usage of it\n## Licence", &["setup", "Usage", "license"], Verdict::Passed);
        check("# X\n## Getting started", &["setup"], Verdict::Passed);
        check("# X\n## Setup", &["setup", "usage"], Verdict::Failed);
        check("# X\nSetup and usage", &["setup"], Verdict::Failed);
        check("```\n# Setup\n```", &["setup"], Verdict::Failed);
        assert_eq!(sections(&Site::new(), &["setup".to_owned()]).verdict, Verdict::Failed);
    }
}
