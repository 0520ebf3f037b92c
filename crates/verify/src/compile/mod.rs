//! Gives each item of a request's `checks` a reading. Pure: the same items, the same readings.
//!
//! JavaScript is recognised by itself. A sentence goes through the families of [`FAMILIES`] in
//! order; each is a table of rules, and the first that covers the whole sentence decides. To read
//! one more way to say something, add a rule to its family and a line to that family's tests.

mod element;
mod element_text;
mod files;
mod json;
mod licence;
mod query;
mod readme;
mod rule;
mod sentence;
#[cfg(test)]
mod tests;
mod text;
mod title;
mod vocabulary;

use std::sync::LazyLock;

use rule::{Ready, Rule};
use sentence::Sentence;
use shared_types::http::CheckBody;
use shared_types::{Check, Confidence, Oracle, Round};

use crate::script;

/// The special ones come first: what a family reads no later one sees.
const FAMILIES: [&[Rule]; 9] = [
    licence::RULES,
    readme::RULES,
    title::RULES,
    query::RULES,
    json::RULES,
    element_text::RULES,
    files::RULES,
    element::RULES,
    text::RULES,
];

/// Longer sentences are not searched: they say more than one thing.
const LONGEST: usize = 600;

static RULES: LazyLock<Vec<Ready>> =
    LazyLock::new(|| FAMILIES.iter().flat_map(|family| family.iter()).filter_map(Ready::new).collect());

/// One check an item, in the order of the list.
pub(crate) fn compile(round: Round, items: &[CheckBody]) -> Vec<Check> {
    let check = |(index, item): (usize, &CheckBody)| {
        let (source, (oracle, confidence)) = match item {
            CheckBody::JavaScript { js } => (js.clone(), expression(strip_js(js).unwrap_or(js))),
            CheckBody::Text(text) => (text.clone(), read(text)),
        };
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Check { confidence, ..Check::new(round, index, source, oracle) }
    };
    items.iter().enumerate().map(check).collect()
}

fn read(text: &str) -> (Oracle, Confidence) {
    if let Some(code) = strip_js(text) {
        return expression(code);
    }
    let bare = unfenced(text);
    if script::is_bare_expression(bare) {
        return expression(bare);
    }
    // Nothing is claimed of what nobody read.
    english(text).unwrap_or((Oracle::Judge, Confidence::Certain))
}

/// The reading of a sentence that a rule covers; none for all others.
fn english(text: &str) -> Option<(Oracle, Confidence)> {
    if text.len() > LONGEST {
        return None;
    }
    let sentence = Sentence::read(text);
    RULES.iter().find_map(|rule| rule.read(&sentence))
}

fn expression(code: &str) -> (Oracle, Confidence) {
    (Oracle::JavaScript { expression: unfenced(code).to_owned() }, Confidence::Certain)
}

/// What follows `js:` or `javascript:`, in any case and with blanks around it.
fn strip_js(text: &str) -> Option<&str> {
    let (prefix, code) = text.split_once(':')?;
    ["js", "javascript"].iter().any(|name| prefix.trim().eq_ignore_ascii_case(name)).then_some(code)
}

/// Code without the backticks that Markdown puts around it, where they are around all of it.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    if let Some(inside) = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) {
        let language = inside.find('\n').filter(|end| inside[..*end].chars().all(char::is_alphanumeric));
        return language.map_or(inside, |end| &inside[end..]).trim();
    }
    match text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        Some(inside) if !inside.contains('`') => inside.trim(),
        _ => text,
    }
}
