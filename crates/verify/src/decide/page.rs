//! Questions to a page: as an expression for a browser, and answered from the served HTML.
//!
//! Both answers have the same form (see [`weigh`]), so one function decides over both.

use serde_json::{Value, json};
use shared_types::{AttributeQuery, ElementQuery, Matching, Oracle, Presence};
use url::Url;

use super::{files, form, query};
use crate::browser::Outcome;
use crate::outline::{Element, Outline};
use crate::text::brief;

/// Of a text, this much is shown as evidence, in characters.
const TEXT_CHARS: usize = 200;

/// Of a page's text, this much is looked at, in characters.
const PAGE_CHARS: usize = 200_000;

/// An expression whose value is the answer as JSON; none where the page is not asked.
pub(super) fn expression(oracle: &Oracle, pages_url: &Url) -> Option<String> {
    let answer = match oracle {
        Oracle::Title { .. } => "document.title".to_owned(),
        Oracle::Elements { elements, .. } => {
            let selectors: Vec<String> = elements.iter().map(selector).collect();
            format!("{}.map(s => document.querySelectorAll(s).length)", json!(selectors))
        }
        Oracle::ElementText { id, .. } => text_of(Some(id)),
        Oracle::PageText { .. } => text_of(None),
        Oracle::FilesServed { paths } => {
            let urls: Vec<String> = paths.iter().map(|path| files::address(pages_url, path).to_string()).collect();
            let fetches = "fetch(u, {cache: 'no-store'}).then(r => r.status, () => 0)";
            return Some(format!("Promise.all({}.map(u => {fetches})).then(s => JSON.stringify(s))", json!(urls)));
        }
        _ => return None,
    };
    Some(format!("JSON.stringify({answer})"))
}

/// The text of an element, null without one; of what the page shows without an id.
pub(super) fn text_of(id: Option<&str>) -> String {
    match id {
        Some(id) => format!(
            "(e => e && (e.textContent || e.value || '').slice(0, {PAGE_CHARS}))(document.getElementById({}))",
            json!(id)
        ),
        None => format!("(document.body ? document.body.innerText : '').slice(0, {PAGE_CHARS})"),
    }
}

/// The answer that the HTML gives as it is served.
pub(super) fn seen(oracle: &Oracle, page: &Outline) -> Option<Value> {
    Some(match oracle {
        Oracle::Title { .. } => json!(page.title.as_deref().unwrap_or_default()),
        Oracle::Elements { elements, .. } => {
            let count = |query: &ElementQuery| page.elements.iter().filter(|element| fits(element, query)).count();
            json!(elements.iter().map(count).collect::<Vec<_>>())
        }
        Oracle::ElementText { id, .. } => {
            let element = page.elements.iter().find(|element| element.attribute("id") == Some(id));
            json!(element.and_then(|element| page.text.get(element.text.clone())))
        }
        Oracle::PageText { .. } => json!(page.text),
        _ => return None,
    })
}

/// Decides over an answer: a text for titles and texts (null for an element that is not there), a
/// list of counts for elements, a list of statuses for files.
pub(crate) fn weigh(oracle: &Oracle, answer: &Value) -> Outcome {
    let text = answer.as_str().unwrap_or_default();
    match oracle {
        Oracle::Title { text: wanted, matching } => title(text, wanted, *matching),
        Oracle::Elements { elements, presence } => self::elements(elements, &numbers(answer), *presence),
        Oracle::ElementText { id, .. } if answer.is_null() => Outcome::failed(format!("no element has the id {id}")),
        Oracle::ElementText { form, .. } => form::weigh(form, text),
        Oracle::PageText { texts, presence } => shown(text, texts, *presence),
        Oracle::FilesServed { paths } => {
            let statuses = paths.iter().zip(numbers(answer));
            let wrong: Vec<String> = statuses
                .filter(|(_, status)| *status != 200)
                .map(|(path, status)| {
                    format!("{path}: {}", if status == 0 { "no answer".to_owned() } else { status.to_string() })
                })
                .collect();
            Outcome::told(wrong.is_empty(), if wrong.is_empty() { "200".to_owned() } else { wrong.join(", ") })
        }
        Oracle::Query { parameter, value, effect } => query::weigh(parameter, value.as_deref(), effect, answer),
        _ => Outcome::failed("nothing was asked"),
    }
}

fn title(title: &str, wanted: &str, matching: Matching) -> Outcome {
    let (title, wanted) = (blanks(title), blanks(wanted));
    let passed = match matching {
        Matching::Equals => title == wanted,
        Matching::Contains => title.contains(&wanted),
    };
    // Graders that say "contains" were seen to compare.
    Outcome { passed, strict: title == wanted, evidence: format!("the title is \"{}\"", brief(&title, TEXT_CHARS)) }
}

fn elements(queries: &[ElementQuery], counts: &[u64], presence: Presence) -> Outcome {
    let found = |(_, count): &(&ElementQuery, &u64)| **count > 0;
    let (there, missing): (Vec<_>, Vec<_>) = queries.iter().zip(counts).partition(found);
    let named = |list: Vec<(&ElementQuery, &u64)>| {
        list.into_iter().map(|(query, _)| selector(query)).collect::<Vec<_>>().join(", ")
    };
    match presence {
        Presence::Present if missing.is_empty() => Outcome::told(true, format!("there is {}", named(there))),
        Presence::Present => Outcome::failed(format!("there is no {}", named(missing))),
        Presence::Absent if there.is_empty() => Outcome::told(true, format!("there is no {}", named(missing))),
        Presence::Absent => Outcome::failed(format!("there is {}", named(there))),
    }
}

/// CSS may change the case of what is shown, so case decides only what the strictest think.
fn shown(page: &str, texts: &[String], presence: Presence) -> Outcome {
    let page = blanks(page);
    let lower = page.to_lowercase();
    let (there, missing): (Vec<&String>, Vec<&String>) =
        texts.iter().partition(|text| lower.contains(&blanks(text).to_lowercase()));
    let named = |texts: &[&String]| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ");
    match presence {
        Presence::Present if missing.is_empty() => Outcome {
            strict: texts.iter().all(|text| page.contains(&blanks(text))),
            ..Outcome::told(true, format!("the page shows {}", named(&there)))
        },
        Presence::Present => Outcome::failed(format!("the page does not show {}", named(&missing))),
        Presence::Absent if there.is_empty() => Outcome::told(true, "the page does not show it"),
        Presence::Absent => Outcome::failed(format!("the page shows {}", named(&there))),
    }
}

fn numbers(answer: &Value) -> Vec<u64> {
    answer.as_array().into_iter().flatten().map(|number| number.as_u64().unwrap_or(0)).collect()
}

pub(super) fn blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fits(element: &Element, query: &ElementQuery) -> bool {
    let attribute = |wanted: &AttributeQuery| match (&wanted.value, element.attribute(&wanted.name)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(wanted), Some(value)) => wanted == value,
    };
    query.tag.as_ref().is_none_or(|tag| *tag == element.tag)
        && query.id.as_ref().is_none_or(|id| element.attribute("id") == Some(id))
        && query.attribute.as_ref().is_none_or(attribute)
}

/// The query as a CSS selector.
fn selector(query: &ElementQuery) -> String {
    let equals = |name: &str, value: &str| format!("[{name}=\"{}\"]", escaped(value));
    let id = query.id.as_ref().map(|id| match id.as_str() {
        plain if plain.starts_with(|c: char| c.is_ascii_alphabetic()) && plain.chars().all(is_plain) => {
            format!("#{id}")
        }
        _ => equals("id", id),
    });
    let attribute = query.attribute.as_ref().map(|attribute| match &attribute.value {
        Some(value) => equals(&attribute.name, value),
        None => format!("[{}]", attribute.name),
    });
    format!("{}{}{}", query.tag.as_deref().unwrap_or_default(), id.unwrap_or_default(), attribute.unwrap_or_default())
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Inside a CSS string.
fn escaped(value: &str) -> String {
    value
        .chars()
        .flat_map(|c| (matches!(c, '"' | '\\')).then_some('\\').into_iter().chain([c]))
        .collect::<String>()
        .replace('\n', "\\a ")
}
