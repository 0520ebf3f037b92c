//! Scripts: do they parse, and is what they use there?

use shared_types::{Finding, SitePath};

use super::scope::{self, SyntaxError};
use crate::markup::{Markup, Tag};
use crate::script::Flavour;
use crate::text::line_at;

/// How entities begin that stand in scripts.
const ENTITIES: [&str; 6] = ["&quot;", "&#", "&amp;", "&lt;", "&gt;", "&apos;"];

/// A `.js` file. Its name does not say how it is loaded, so it may be sound in either way.
pub(super) fn file(path: &SitePath, text: &str) -> Vec<Finding> {
    match fault(text, Flavour::Classic) {
        Some(fault) if self::fault(text, Flavour::Module).is_some() => vec![finding(path, fault.line, &fault)],
        _ => Vec::new(),
    }
}

/// An `.mjs` file.
pub(super) fn module(path: &SitePath, text: &str) -> Vec<Finding> {
    fault(text, Flavour::Module).map(|fault| finding(path, fault.line, &fault)).into_iter().collect()
}

/// The scripts and the event handlers inside a page, whose text is `text`.
pub(super) fn inline(path: &SitePath, text: &str, markup: &Markup) -> Vec<Finding> {
    let script = |tag: &Tag| {
        let fault = fault(text.get(tag.content.clone())?, tag.inline()?)?;
        let line = line_at(text, tag.content.start).saturating_add(fault.line - 1);
        Some(finding(path, line, &fault))
    };
    let scripts = markup.tags.iter().filter_map(script);
    let handlers = handlers(markup).filter_map(|(at, handler)| {
        let fault = fault(&handler, Flavour::Classic)?;
        Some(finding(path, line_at(text, at).saturating_add(fault.line - 1), &fault))
    });
    scripts.chain(handlers).collect()
}

/// The event handlers of a page, each as the function that a browser makes of it, with its place.
pub(super) fn handlers(markup: &Markup) -> impl Iterator<Item = (usize, String)> {
    let attributes = markup.tags.iter().flat_map(|tag| &tag.attributes);
    let handlers = attributes.filter(|attribute| attribute.name.starts_with("on"));
    handlers.filter_map(|attribute| {
        // What an entity stands for is not known here.
        let plain = !ENTITIES.iter().any(|entity| attribute.value.contains(entity));
        let at = attribute.at.as_ref().filter(|_| plain)?.start;
        Some((at, format!("(function (event) {{{}\n}})", attribute.value)))
    })
}

fn fault(text: &str, flavour: Flavour) -> Option<SyntaxError> {
    scope::read(text, flavour)?.err()
}

fn finding(path: &SitePath, line: u32, fault: &SyntaxError) -> Finding {
    super::error("js.syntax", path, Some(line), format!("the script does not run: {}", fault.message))
}
