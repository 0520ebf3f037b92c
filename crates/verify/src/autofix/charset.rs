//! A page opened from somewhere else than its host shows wrong letters unless it says that it is UTF-8.

use ports::Draft;

use super::{Change, edit, head, pages};

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let lacking = pages(draft).filter(|(_, _, markup)| head::charset(markup).is_none());
    let change = |(path, text, markup)| {
        let edit = head::first(text, &markup, "<meta charset=\"utf-8\">");
        Change::new(path, edit::apply(text, vec![edit]), "added <meta charset=\"utf-8\">")
    };
    lacking.map(change).collect()
}
