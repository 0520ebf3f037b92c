//! Where something new goes into the head of a page.

use super::edit::Edit;
use crate::markup::{Markup, Tag};

/// `line` as the first thing in the head, on a line of its own where the head has lines. Of a page without a head
/// or even without `<html>` it begins what the browser takes for them.
pub(super) fn first(text: &str, markup: &Markup, line: &str) -> Edit {
    let opening = markup.first("head").or_else(|| markup.first("html"));
    match opening.map(|tag| tag.span.end).or_else(|| markup.doctype.as_ref().map(|doctype| doctype.end)) {
        Some(at) => after(text, at, line),
        None => Edit::insert(text.len() - text.trim_start_matches('\u{feff}').len(), format!("{line}\n")),
    }
}

/// `line` after the place, on a line of its own when the place ends one.
pub(super) fn after(text: &str, at: usize, line: &str) -> Edit {
    let rest = &text[at..];
    let ends_line = rest.starts_with('\n') || rest.starts_with("\r\n");
    if !ends_line {
        return Edit::insert(at, line);
    }
    let next = rest.trim_start_matches(['\r', '\n']);
    let indent: String = next.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    Edit::insert(at, format!("\n{indent}{line}"))
}

/// The tag that gives the page's encoding.
pub(super) fn charset(markup: &Markup) -> Option<&Tag> {
    markup.tags.iter().find(|tag| {
        let by_content = tag.value("http-equiv").is_some_and(|name| name.trim().eq_ignore_ascii_case("content-type"));
        tag.name == "meta" && (tag.attribute("charset").is_some() || by_content)
    })
}
