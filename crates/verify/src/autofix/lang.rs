//! Screen readers and translators need the page's language; a page of Latin letters is taken for English.

use ports::Draft;

use super::edit::{self, Edit};
use super::{Change, pages};
use crate::markup::Markup;

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let change = |(path, text, markup): (&shared_types::SitePath, &str, Markup)| {
        let edit = edit(text, &markup)?;
        Some(Change::new(path, edit::apply(text, vec![edit]), "added lang=\"en\""))
    };
    pages(draft).filter_map(change).collect()
}

fn edit(text: &str, markup: &Markup) -> Option<Edit> {
    if !is_latin(text) {
        return None;
    }
    let Some(html) = markup.first("html") else {
        let (at, line) = match &markup.doctype {
            Some(doctype) => (doctype.end, "\n<html lang=\"en\">"),
            None => (text.len() - text.trim_start_matches('\u{feff}').len(), "<html lang=\"en\">\n"),
        };
        // Words before the first tag belong into the body, which then has begun.
        let before = text.get(at..markup.tags.first()?.span.start)?;
        return before.trim().is_empty().then(|| Edit::insert(at, line));
    };
    match html.attribute("lang") {
        None => Some(Edit::insert(html.span.start + "<html".len(), " lang=\"en\"")),
        Some(lang) if lang.value.trim().is_empty() => Some(Edit::new(lang.span(text), "lang=\"en\"")),
        Some(_) => None,
    }
}

/// Whether most letters are Latin ones.
fn is_latin(text: &str) -> bool {
    let (latin, other) = text.chars().filter(|c| c.is_alphabetic()).fold((0usize, 0usize), |(latin, other), c| {
        if c < '\u{250}' { (latin + 1, other) } else { (latin, other + 1) }
    });
    // Tags are Latin on any page, so other letters need not be the greater part.
    other * 4 <= latin
}
