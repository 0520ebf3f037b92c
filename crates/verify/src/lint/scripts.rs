//! Scripts: do they parse?

use shared_types::{Finding, SitePath};

use crate::html::Script;
use crate::script::{Flavour, syntax_error};
use crate::text::line_at;

/// A `.js` file. Its name does not say how it is loaded, so it may be sound in either way.
pub(super) fn file(path: &SitePath, text: &str) -> Vec<Finding> {
    match syntax_error(text, Flavour::Classic) {
        Some(fault) if syntax_error(text, Flavour::Module).is_some() => {
            vec![super::error("js.syntax", path, Some(fault.line), fault.message)]
        }
        _ => Vec::new(),
    }
}

/// An `.mjs` file.
pub(super) fn module(path: &SitePath, text: &str) -> Vec<Finding> {
    let fault = syntax_error(text, Flavour::Module);
    fault.map(|fault| super::error("js.syntax", path, Some(fault.line), fault.message)).into_iter().collect()
}

/// The inline scripts of a page, whose text is `text`.
pub(super) fn inline(path: &SitePath, text: &str, scripts: &[Script]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut from = 0;
    for script in scripts {
        // A script's text stands in the page as it is, so its place can be found by searching on.
        let at = text.get(from..).and_then(|rest| rest.find(&script.text)).map_or(from, |offset| from + offset);
        from = at + script.text.len().min(text.len().saturating_sub(at));
        if let Some(fault) = script.flavour.and_then(|flavour| syntax_error(&script.text, flavour)) {
            let line = line_at(text, at).saturating_add(fault.line - 1);
            findings.push(super::error("js.syntax", path, Some(line), fault.message));
        }
    }
    findings
}
