//! Lint: what is wrong with the files of a site that no check asked about. Pure; a file a language.

mod css;
mod html;
mod json;
mod links;
mod scripts;

use std::time::{Duration, Instant};

use ports::{Attachment, Leak, Site};
use shared_types::{Digest, Finding, Severity, SitePath};
use url::Url;

/// Most findings reported: a page that is wrong everywhere is not better known by more of them.
const MAX_FINDINGS: usize = 100;

/// Longest file whose language is checked; longer ones are data or bundles of others.
const MAX_LINTED_BYTES: usize = 2 * 1024 * 1024;

/// Time for all files together; what is left then goes unchecked. Real sites take milliseconds.
const LINT_TIMEOUT: Duration = Duration::from_secs(10);

/// GitHub refuses files above this, in bytes.
const MAX_FILE_BYTES: usize = 100 * 1024 * 1024;

/// A page that loads a file above this is slow for its visitors, in bytes.
const LARGE_FILE_BYTES: usize = 10 * 1024 * 1024;

/// All findings, leaks first, then by file. At most [`MAX_FINDINGS`].
pub(crate) fn lint(site: &Site, pages_url: &Url, attachments: &[Attachment], leaks: &[Leak]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = leaks.iter().map(leak).collect();
    findings.extend(missing(site));
    findings.extend(altered(site, attachments));
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
        findings.extend(found);
    }
    findings.truncate(MAX_FINDINGS);
    findings
}

fn language(site: &Site, pages_url: &Url, path: &SitePath, bytes: &[u8]) -> Vec<Finding> {
    let extension = path.extension();
    if !matches!(extension.as_str(), "html" | "htm" | "js" | "mjs" | "css" | "json") {
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![error("text.encoding", path, None, "the file is not UTF-8")];
    };
    match extension.as_str() {
        "js" => scripts::file(path, text),
        "mjs" => scripts::module(path, text),
        "css" => css::check(path, text, 1),
        "json" => json::check(path, text),
        _ => html::check(site, pages_url, path, text),
    }
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
        ("index.html", Severity::Error, "there is no index.html: the site has no front page"),
        ("LICENSE", Severity::Error, "there is no LICENSE in the root"),
        ("README.md", Severity::Error, "there is no README.md in the root"),
        (".nojekyll", Severity::Notice, "there is no .nojekyll: the host may rewrite or hide files"),
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
            None => findings.push(error("attachment.missing", path, None, "the attachment is not part of the site")),
            Some(bytes) if Digest::of(bytes) != attachment.sha256 => {
                findings.push(error("attachment.altered", path, None, "the file differs from the attachment"));
            }
            Some(_) => {}
        }
    }
    findings
}

fn is_attachment(attachments: &[Attachment], path: &SitePath, bytes: &[u8]) -> bool {
    let newest = attachments.iter().rev().find(|attachment| attachment.path == *path);
    newest.is_some_and(|attachment| attachment.size == bytes.len() as u64 && Digest::of(bytes) == attachment.sha256)
}

fn size(path: &SitePath, bytes: usize) -> Option<Finding> {
    let mib = bytes / (1024 * 1024);
    if bytes > MAX_FILE_BYTES {
        Some(error("file.size", path, None, format!("{mib} MiB: GitHub refuses files above 100 MiB")))
    } else if bytes > LARGE_FILE_BYTES {
        Some(finding(Severity::Notice, "file.size", path, None, format!("{mib} MiB: slow to load")))
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
