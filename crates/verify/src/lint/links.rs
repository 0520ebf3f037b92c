//! Links: does what a page, a style sheet or a script of the site points to exist below the site's URL?

use std::collections::HashSet;

use ports::Site;
use shared_types::{Finding, Severity, SitePath};
use url::Url;

use crate::html::Page;
use crate::markup;
use crate::references::{self, Kind, Reference, Start, namesake};
use crate::serve::{Served, resolve};
use crate::text::{brief, line_at};

/// Longest link quoted in a finding, in characters.
const QUOTED_CHARS: usize = 120;

/// Links of the file at `path` that lead nowhere; `page` is what its HTML says, when it is a page.
pub(super) fn check(site: &Site, pages_url: &Url, path: &SitePath, text: &str, page: Option<&Page>) -> Vec<Finding> {
    let Some(start) = Start::of(site, pages_url, path) else { return Vec::new() };
    let mut told = HashSet::new();
    let mut findings = Vec::new();
    for reference in references::of(path, text) {
        let base = match page {
            Some(page) => base(pages_url, path, page),
            None => start.url(reference.kind).cloned(),
        };
        let target = reference.target.trim();
        let Some(fault) = base.and_then(|base| fault(site, pages_url, &base, target, &reference)) else { continue };
        if told.insert(target.to_owned()) {
            let message = format!("{:?} {}", brief(target, QUOTED_CHARS), fault.words());
            let line = Some(line_at(text, reference.at.start));
            findings.push(super::finding(fault.severity(reference.kind), fault.rule(), path, line, message));
        }
    }
    findings
}

#[derive(Debug, Clone)]
enum Fault {
    Missing,
    Outside,
    Case(SitePath),
    Fragment,
}

impl Fault {
    fn rule(&self) -> &'static str {
        match self {
            Self::Missing => "link.broken",
            Self::Outside => "link.absolute",
            Self::Case(_) => "link.case",
            Self::Fragment => "link.fragment",
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Missing => "names no file of the site: add the file or remove the link".to_owned(),
            Self::Outside => "begins at the root of the host, above this site: use a relative path".to_owned(),
            Self::Case(path) => format!("differs from {path} in case: spell it as the file is"),
            Self::Fragment => "names no id of the page: add the id or remove the fragment".to_owned(),
        }
    }

    /// A script may expect that a file is not there, and add an id of its own.
    fn severity(&self, kind: Kind) -> Severity {
        match self {
            Self::Fragment => Severity::Notice,
            Self::Missing if kind == Kind::Fetch => Severity::Notice,
            _ => Severity::Error,
        }
    }
}

fn fault(site: &Site, pages_url: &Url, base: &Url, target: &str, reference: &Reference) -> Option<Fault> {
    // A placeholder is filled in by a script, and a bare name is looked up by an import map.
    if target.is_empty() || target.contains("${") || target.contains("{{") {
        return None;
    }
    match reference.kind {
        Kind::Text | Kind::Base => return None,
        Kind::Import if !target.starts_with(['.', '/']) => return None,
        _ => {}
    }
    let url = base.join(target).ok()?;
    match resolve(site, pages_url, &url) {
        Some(Served::Missing) => Some(namesake(site, pages_url, &url).map_or(Fault::Missing, Fault::Case)),
        Some(Served::File { path, .. }) => lacks_fragment(site, &path, &url).then_some(Fault::Fragment),
        Some(Served::Redirect(_)) => None,
        None if url.origin() != pages_url.origin() => None,
        // The whole URL of a neighbour is meant; a path from the root or above is a slip.
        None => Url::parse(target).is_err().then_some(Fault::Outside),
    }
}

/// Whether the page has no such place, and no script that could make it one.
fn lacks_fragment(site: &Site, path: &SitePath, url: &Url) -> bool {
    let Some(wanted) =
        url.fragment().map(|fragment| percent_encoding::percent_decode_str(fragment).decode_utf8_lossy())
    else {
        return false;
    };
    if !matches!(path.extension().as_str(), "html" | "htm") {
        return false;
    }
    // `#top` is the page's begin; other signs belong to routers and to text fragments.
    let plain = wanted.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !plain || wanted.is_empty() || wanted.eq_ignore_ascii_case("top") {
        return false;
    }
    let Some(markup) = site.text(path.as_str()).and_then(markup::read) else { return false };
    let is_there = markup.tags.iter().any(|tag| [tag.value("id"), tag.value("name")].contains(&Some(&*wanted)));
    !is_there && !markup.tags.iter().any(|tag| tag.name == "script")
}

/// What relative links of the page start from; none when a `<base>` sends them to another host.
fn base(pages_url: &Url, path: &SitePath, page: &Page) -> Option<Url> {
    let own = pages_url.join(&references::encoded(path)).ok()?;
    let base = match &page.base {
        Some(href) => own.join(href.trim()).ok()?,
        None => own,
    };
    (base.origin() == pages_url.origin()).then_some(base)
}
