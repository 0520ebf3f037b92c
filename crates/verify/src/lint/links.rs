//! Links: does what a page of the site points to exist below the site's URL?

use std::collections::HashSet;

use ports::Site;
use shared_types::{Finding, SitePath};
use url::Url;

use crate::html::Page;
use crate::serve::{Served, resolve};
use crate::text::{brief, line_of};

/// Longest link quoted in a finding, in characters.
const QUOTED_CHARS: usize = 120;

/// Links of the page at `path` that lead nowhere.
pub(super) fn check(site: &Site, pages_url: &Url, path: &SitePath, text: &str, page: &Page) -> Vec<Finding> {
    let Some(base) = base(pages_url, path, page) else { return Vec::new() };
    let mut told = HashSet::new();
    let mut findings = Vec::new();
    for link in &page.links {
        let target = link.target.trim();
        let Some(fault) = fault(site, pages_url, &base, target) else { continue };
        if told.insert(target) {
            let message =
                format!("<{} {}={:?}> {}", link.element, link.attribute, brief(target, QUOTED_CHARS), fault.words());
            findings.push(super::error(fault.rule(), path, line_of(text, target), message));
        }
    }
    findings
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Missing,
    Outside,
}

impl Fault {
    fn rule(self) -> &'static str {
        match self {
            Self::Missing => "link.broken",
            Self::Outside => "link.absolute",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Missing => "names no file of the site",
            Self::Outside => "begins at the root of the host, above this site: use a relative path",
        }
    }
}

fn fault(site: &Site, pages_url: &Url, base: &Url, target: &str) -> Option<Fault> {
    // A placeholder is filled in by a script, and a fragment stays on its page.
    if target.is_empty() || target.starts_with('#') || target.contains("${") || target.contains("{{") {
        return None;
    }
    let url = base.join(target).ok()?;
    match resolve(site, pages_url, &url) {
        Some(Served::Missing) => Some(Fault::Missing),
        Some(_) => None,
        None if url.origin() != pages_url.origin() => None,
        // The whole URL of a neighbour is meant; a path from the root or above is a slip.
        None => Url::parse(target).is_err().then_some(Fault::Outside),
    }
}

/// What relative links of the page start from; none when a `<base>` sends them to another host.
fn base(pages_url: &Url, path: &SitePath, page: &Page) -> Option<Url> {
    let own = pages_url.join(path.as_str()).ok()?;
    let base = match &page.base {
        Some(href) => own.join(href.trim()).ok()?,
        None => own,
    };
    (base.origin() == pages_url.origin()).then_some(base)
}
