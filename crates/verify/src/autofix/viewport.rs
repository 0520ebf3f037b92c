//! Without a viewport, telephones lay a page out for a desk and show it tiny.

use ports::Draft;

use super::{Change, edit, head, pages};

const VIEWPORT: &str = "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let is_viewport = |name: &str| name.trim().eq_ignore_ascii_case("viewport");
    let lacking = pages(draft).filter(|(_, _, markup)| {
        !markup.tags.iter().any(|tag| tag.name == "meta" && tag.value("name").is_some_and(is_viewport))
    });
    let change = |(path, text, markup)| {
        let edit = match head::charset(&markup) {
            Some(charset) => head::after(text, charset.span.end, VIEWPORT),
            None => head::first(text, &markup, VIEWPORT),
        };
        Change::new(path, edit::apply(text, vec![edit]), "added the viewport of small screens")
    };
    lacking.map(change).collect()
}
