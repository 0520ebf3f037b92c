//! Checks that rules decide from the files alone.

use ports::{Attachment, Site};
use shared_types::{Digest, SitePath, Verdict};
use url::Url;

use crate::{html, serve};

/// What a rule says, and what it saw.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub verdict: Verdict,
    pub evidence: String,
}

fn passed(evidence: impl Into<String>) -> Decision {
    Decision { verdict: Verdict::Passed, evidence: evidence.into() }
}

fn failed(evidence: impl Into<String>) -> Decision {
    Decision { verdict: Verdict::Failed, evidence: evidence.into() }
}

fn unjudged(evidence: impl Into<String>) -> Decision {
    Decision { verdict: Verdict::Unjudged, evidence: evidence.into() }
}

/// `LICENSE` in the root, recognised as graders do: by its grant and its name.
pub(crate) fn licence(site: &Site) -> Decision {
    match site.text("LICENSE") {
        None => failed("there is no readable file LICENSE in the root"),
        Some(text) if !text.contains("is hereby granted") => failed("LICENSE lacks the words \"is hereby granted\""),
        Some(text) if !text.contains("MIT") => failed("LICENSE does not name the MIT licence"),
        Some(_) => passed("LICENSE holds the MIT licence"),
    }
}

/// `README.md` with a summary and headings for setup, usage and licence.
pub(crate) fn readme(site: &Site) -> Decision {
    const SECTIONS: [(&str, &[&str]); 3] = [
        ("setup", &["setup", "set up", "install", "getting started", "quick start"]),
        ("usage", &["usage", "use", "using", "how to"]),
        ("licence", &["licence", "license"]),
    ];
    let Some(text) = site.text("README.md") else { return failed("there is no readable file README.md in the root") };
    let headings: Vec<String> = text.lines().filter_map(heading).collect();
    let has = |words: &[&str]| headings.iter().any(|heading| words.iter().any(|word| heading.contains(word)));
    let mut lacks: Vec<&str> = SECTIONS.iter().filter(|(_, words)| !has(words)).map(|(name, _)| *name).collect();
    if !has(&["summary", "overview", "about", "description"]) && !opens_with_text(text) {
        lacks.insert(0, "summary");
    }
    if lacks.is_empty() {
        passed("README.md has a summary and sections for setup, usage and licence")
    } else {
        failed(format!("README.md lacks: {}", lacks.join(", ")))
    }
}

/// Every one of `paths` is a file of the site.
pub(crate) fn files_exist(site: &Site, paths: &[SitePath]) -> Decision {
    let missing: Vec<&str> = paths.iter().map(SitePath::as_str).filter(|path| !site.contains(path)).collect();
    if missing.is_empty() {
        passed("all files are part of the site")
    } else {
        failed(format!("not part of the site: {}", missing.join(", ")))
    }
}

/// `index.html` links to `path` in its HTML. A link that only a script could add is not judged here.
pub(crate) fn file_linked(site: &Site, pages_url: &Url, path: &SitePath) -> Decision {
    let Some(text) = site.text("index.html") else { return failed("there is no readable index.html") };
    let page = html::read(text);
    let base = page.base.as_deref().and_then(|base| pages_url.join(base).ok()).unwrap_or_else(|| pages_url.clone());
    let reaches = |target: &str| {
        let url = base.join(target.trim()).ok()?;
        match serve::resolve(site, pages_url, &url)? {
            serve::Served::File { path: found, .. } => Some(found == *path),
            _ => None,
        }
    };
    if page.links.iter().any(|link| reaches(&link.target) == Some(true)) {
        return passed(format!("index.html links to {path}"));
    }
    if !site.contains(path.as_str()) {
        return failed(format!("{path} is not part of the site"));
    }
    let scripts = site.iter().filter(|(file, _)| matches!(file.extension().as_str(), "html" | "js" | "mjs"));
    let named = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(path.file_name());
    if scripts.into_iter().any(|(_, bytes)| named(bytes)) {
        unjudged(format!("index.html has no link to {path} in its HTML; a script may add it"))
    } else {
        failed(format!("index.html has no link to {path}"))
    }
}

/// The file at `path` has the digest of the newest attachment of that name.
pub(crate) fn equals_attachment(site: &Site, attachments: &[Attachment], path: &SitePath) -> Decision {
    let Some(attachment) = attachments.iter().rev().find(|attachment| attachment.path == *path) else {
        return unjudged(format!("no attachment is named {path}"));
    };
    match site.get(path.as_str()) {
        None => failed(format!("{path} is not part of the site")),
        Some(bytes) if Digest::of(bytes) == attachment.sha256 => passed(format!("{path} equals the attachment")),
        Some(bytes) => failed(format!(
            "{path} differs from the attachment ({} bytes, the attachment has {})",
            bytes.len(),
            attachment.size
        )),
    }
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
    use super::*;

    fn site(files: &[(&str, &str)]) -> Site {
        files.iter().map(|(path, text)| (path.parse().unwrap(), bytes::Bytes::from(text.to_string()))).collect()
    }

    #[test]
    fn the_licence_is_known_by_its_grant() {
        let check = |text: &str, verdict| assert_eq!(licence(&site(&[("LICENSE", text)])).verdict, verdict, "{text}");
        check("MIT License\n\nPermission is hereby granted, free of charge", Verdict::Passed);
        check("MIT", Verdict::Failed);
        check("Permission is hereby granted", Verdict::Failed);
        assert_eq!(licence(&site(&[("LICENSE.md", "MIT is hereby granted")])).verdict, Verdict::Failed);
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
    fn a_link_is_one_that_the_html_has() {
        let pages: Url = "https://s.example/x/".parse().unwrap();
        let check = |page: &str, verdict| {
            let site = site(&[("index.html", page), ("uid.txt", "1")]);
            assert_eq!(file_linked(&site, &pages, &"uid.txt".parse().unwrap()).verdict, verdict, "{page}");
        };
        check("<a href='uid.txt'>u</a>", Verdict::Passed);
        check("<a href='./uid.txt?x#y'>u</a>", Verdict::Passed);
        check("<a href='https://s.example/x/uid.txt'>u</a>", Verdict::Passed);
        check("<a href='/uid.txt'>u</a>", Verdict::Unjudged);
        check("<!-- <a href='uid.txt'> -->", Verdict::Unjudged);
        check("<script>link('uid.txt')</script>", Verdict::Unjudged);
        check("<p>hello</p>", Verdict::Failed);
        let none = file_linked(&site(&[("index.html", "<a href=uid.txt>")]), &pages, &"uid.txt".parse().unwrap());
        assert_eq!(none.verdict, Verdict::Failed);
    }

    #[test]
    fn the_newest_attachment_of_a_name_counts() {
        let attachment = |text: &str| Attachment {
            path: "a.txt".parse().unwrap(),
            media_type: "text/plain".to_owned(),
            sniffed_type: None,
            size: text.len() as u64,
            sha256: Digest::of(text.as_bytes()),
        };
        let both = [attachment("old"), attachment("new")];
        let path: SitePath = "a.txt".parse().unwrap();
        assert_eq!(equals_attachment(&site(&[("a.txt", "new")]), &both, &path).verdict, Verdict::Passed);
        assert_eq!(equals_attachment(&site(&[("a.txt", "old")]), &both, &path).verdict, Verdict::Failed);
        assert_eq!(equals_attachment(&site(&[]), &both, &path).verdict, Verdict::Failed);
        assert_eq!(equals_attachment(&site(&[("a.txt", "x")]), &[], &path).verdict, Verdict::Unjudged);
    }

    #[test]
    fn missing_files_are_named() {
        let paths = ["a.txt".parse().unwrap(), "b.txt".parse().unwrap()];
        assert_eq!(files_exist(&site(&[("a.txt", "")]), &paths), failed("not part of the site: b.txt"));
        assert_eq!(files_exist(&site(&[("a.txt", ""), ("b.txt", "")]), &paths).verdict, Verdict::Passed);
    }
}
