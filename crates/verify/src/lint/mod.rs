//! Lint: what is wrong with the files of a site that no check asked about. Pure; a file a language.
//!
//! Only what breaks a page or is likely to: nothing here is about style. Each finding says what to do.

mod css;
mod html;
mod json;
mod links;
mod names;
mod scope;
mod scripts;
mod yaml;

use std::time::{Duration, Instant};

use ports::{Attachment, Leak, Site};
use shared_types::{Digest, Finding, Severity, SitePath};
use url::Url;

/// Most findings reported: a page that is wrong everywhere is not better known by more of them.
const MAX_FINDINGS: usize = 100;

/// Most findings of one file, so that it does not hide the others.
const MAX_PER_FILE: usize = 20;

/// Longest file whose language is checked; longer ones are data or bundles of others.
const MAX_LINTED_BYTES: usize = 2 * 1024 * 1024;

/// Time for all files together; what is left then goes unchecked. Real sites take milliseconds.
const LINT_TIMEOUT: Duration = Duration::from_secs(10);

/// GitHub refuses files above this, in bytes.
const MAX_FILE_BYTES: usize = 100 * 1024 * 1024;

/// A page that loads a file above this is slow for its visitors, in bytes.
const LARGE_FILE_BYTES: usize = 10 * 1024 * 1024;

/// GitHub's limit on published sites, in bytes:
/// <https://docs.github.com/en/pages/getting-started-with-github-pages/github-pages-limits>.
const MAX_SITE_BYTES: u64 = 1024 * 1024 * 1024;

/// A site above this is slow to publish, in bytes.
const LARGE_SITE_BYTES: u64 = 100 * 1024 * 1024;

/// All findings, leaks first, then by file. At most [`MAX_FINDINGS`].
pub(crate) fn lint(site: &Site, pages_url: &Url, attachments: &[Attachment], leaks: &[Leak]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = leaks.iter().map(leak).collect();
    findings.extend(missing(site));
    findings.extend(altered(site, attachments));
    findings.extend(whole(site.total_bytes()));
    let until = Instant::now() + LINT_TIMEOUT;
    for (path, bytes) in site.iter() {
        findings.extend(size(path, bytes.len()));
        if bytes.len() > MAX_LINTED_BYTES || Instant::now() > until {
            continue;
        }
        let mut found = language(site, pages_url, path, bytes);
        if is_attachment(attachments, path, bytes) {
            // What the instructor gave must stay as it is, so its faults are worth knowing and no more.
            found.iter_mut().for_each(|finding| finding.severity = Severity::Notice);
        }
        found.truncate(MAX_PER_FILE);
        findings.extend(found);
    }
    if Instant::now() < until {
        let is_given =
            |path: &SitePath| site.get(path.as_str()).is_some_and(|bytes| is_attachment(attachments, path, bytes));
        findings.extend(names::check(site, pages_url, is_given).into_iter().take(MAX_PER_FILE));
    }
    findings.truncate(MAX_FINDINGS);
    findings
}

fn language(site: &Site, pages_url: &Url, path: &SitePath, bytes: &[u8]) -> Vec<Finding> {
    let extension = path.extension();
    if !matches!(extension.as_str(), "html" | "htm" | "js" | "mjs" | "css" | "json" | "geojson" | "webmanifest")
        && !yaml::is_workflow(path)
    {
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![error("text.encoding", path, None, "the file is not UTF-8: save it as UTF-8")];
    };
    let mut findings = match extension.as_str() {
        "html" | "htm" => html::check(site, pages_url, path, text),
        "js" => scripts::file(path, text),
        "mjs" => scripts::module(path, text),
        "css" => css::check(path, text, 1),
        "yml" | "yaml" => yaml::check(path, text),
        _ => json::check(path, text),
    };
    if matches!(extension.as_str(), "js" | "mjs" | "css") {
        findings.extend(links::check(site, pages_url, path, text, None));
    }
    findings
}

fn leak(leak: &Leak) -> Finding {
    Finding {
        severity: Severity::Blocker,
        rule: format!("secret.{}", leak.kind),
        path: leak.path.clone(),
        line: leak.line,
        message: "a secret must not be published: remove it, and replace it where it was issued".to_owned(),
    }
}

/// Files that every published site has.
fn missing(site: &Site) -> Vec<Finding> {
    const EXPECTED: [(&str, Severity, &str); 4] = [
        ("index.html", Severity::Error, "the site has no front page: add index.html"),
        ("LICENSE", Severity::Error, "there is no LICENSE in the root: add it"),
        ("README.md", Severity::Error, "there is no README.md in the root: add it"),
        (".nojekyll", Severity::Notice, "the host may rewrite or hide files: add an empty .nojekyll"),
    ];
    let absent = EXPECTED.iter().filter(|(name, ..)| !site.contains(name));
    absent
        .filter_map(|(name, severity, text)| Some(finding(*severity, "site.missing", &name.parse().ok()?, None, *text)))
        .collect()
}

/// Attachments that are not in the site as they were given; the newest of a name counts.
fn altered(site: &Site, attachments: &[Attachment]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, attachment) in attachments.iter().enumerate() {
        let path = &attachment.path;
        if attachments.iter().skip(at + 1).any(|later| later.path == *path) {
            continue;
        }
        match site.get(path.as_str()) {
            None => findings.push(error(
                "attachment.missing",
                path,
                None,
                "the attachment is not part of the site: add it as it was given",
            )),
            Some(bytes) if Digest::of(bytes) != attachment.sha256 => {
                findings.push(error(
                    "attachment.altered",
                    path,
                    None,
                    "the file differs from the attachment: put its own bytes back",
                ));
            }
            Some(_) => {}
        }
    }
    findings
}

/// Whether the file is the newest attachment of its path, as it was given.
pub(crate) fn is_attachment(attachments: &[Attachment], path: &SitePath, bytes: &[u8]) -> bool {
    let newest = attachments.iter().rev().find(|attachment| attachment.path == *path);
    newest.is_some_and(|attachment| attachment.size == bytes.len() as u64 && Digest::of(bytes) == attachment.sha256)
}

fn size(path: &SitePath, bytes: usize) -> Option<Finding> {
    let mib = bytes / (1024 * 1024);
    if bytes > MAX_FILE_BYTES {
        Some(error(
            "file.size",
            path,
            None,
            format!("{mib} MiB: GitHub refuses files above 100 MiB, so make it smaller"),
        ))
    } else if bytes > LARGE_FILE_BYTES {
        Some(finding(Severity::Notice, "file.size", path, None, format!("{mib} MiB: slow to load, so make it smaller")))
    } else {
        None
    }
}

fn whole(bytes: u64) -> Option<Finding> {
    let path = "index.html".parse().ok()?;
    let mib = bytes / (1024 * 1024);
    if bytes > MAX_SITE_BYTES {
        Some(error("site.size", &path, None, format!("the site has {mib} MiB: GitHub publishes no more than 1024")))
    } else if bytes > LARGE_SITE_BYTES {
        Some(finding(Severity::Notice, "site.size", &path, None, format!("the site has {mib} MiB: slow to publish")))
    } else {
        None
    }
}

fn error(rule: &str, path: &SitePath, line: Option<u32>, message: impl Into<String>) -> Finding {
    finding(Severity::Error, rule, path, line, message)
}

fn finding(severity: Severity, rule: &str, path: &SitePath, line: Option<u32>, message: impl Into<String>) -> Finding {
    Finding { severity, rule: rule.to_owned(), path: path.clone(), line, message: message.into() }
}

#[cfg(test)]
mod tests;
