//! Pages: structure, and the scripts, styles and links inside.

use std::collections::HashSet;

use ports::Site;
use shared_types::{Finding, Severity, SitePath};
use url::Url;

use super::{css, finding, links, scripts};
use crate::html::{Page, read};
use crate::text::line_of;

/// All findings of one page.
pub(super) fn check(site: &Site, pages_url: &Url, path: &SitePath, text: &str) -> Vec<Finding> {
    let page = read(text);
    let mut findings = structure(path, text, &page);
    findings.extend(scripts::inline(path, text, &page.scripts));
    for style in &page.styles {
        let first = line_of(text, style).unwrap_or(1);
        findings.extend(css::check(path, style, first));
    }
    findings.extend(links::check(site, pages_url, path, text, &page));
    findings
}

fn structure(path: &SitePath, text: &str, page: &Page) -> Vec<Finding> {
    let notice = |rule, message: String| finding(Severity::Notice, rule, path, None, message);
    let mut findings = Vec::new();
    if !page.doctype {
        findings.push(notice("html.doctype", "there is no <!DOCTYPE html>: the browser uses quirks mode".to_owned()));
    }
    if page.title.as_deref().is_none_or(|title| title.trim().is_empty()) {
        findings.push(notice("html.title", "there is no <title>".to_owned()));
    }
    if let Some(first) = page.errors.first() {
        let count = page.errors.len();
        findings.push(notice("html.parse", format!("elements are misplaced or not closed ({count}): {first}")));
    }
    let mut seen = HashSet::new();
    let mut told = HashSet::new();
    for id in &page.ids {
        if !seen.insert(id) && told.insert(id) {
            let line = line_of(text, &format!("id=\"{id}\"")).or_else(|| line_of(text, id));
            findings.push(super::error("html.duplicate_id", path, line, format!("the id {id:?} is given twice")));
        }
    }
    findings
}
