//! Words before `<!DOCTYPE html>` or after `</html>` are a model's remarks and would show on the page.

use ports::Draft;

use super::edit::{self, Edit};
use super::{Change, pages};
use crate::markup::Markup;

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let change = |(path, text, markup): (&shared_types::SitePath, &str, Markup)| {
        let (before, after) = (before(text, &markup), after(text, &markup));
        let what = match (before.is_some(), after.is_some()) {
            (true, true) => "removed text before the doctype and after </html>",
            (true, false) => "removed text before the doctype",
            (false, true) => "removed text after </html>",
            (false, false) => return None,
        };
        Some(Change::new(path, edit::apply(text, before.into_iter().chain(after).collect()), what))
    };
    pages(draft).filter_map(change).collect()
}

/// Text that holds neither a tag nor a comment.
fn before(text: &str, markup: &Markup) -> Option<Edit> {
    let doctype = markup.doctype.as_ref()?.start;
    let words = text.get(..doctype)?.trim_start_matches('\u{feff}');
    let plain = markup.tags.iter().all(|tag| tag.span.start > doctype)
        && markup.opaque.iter().all(|range| range.start > doctype);
    (plain && !words.trim().is_empty()).then(|| Edit::new(0..doctype, ""))
}

fn after(text: &str, markup: &Markup) -> Option<Edit> {
    let end = markup.last_end(text, "html")?;
    let words = text.get(end..)?;
    // A browser reads tags there as part of the body, and a comment shows nowhere.
    let plain =
        markup.tags.iter().all(|tag| tag.span.start < end) && markup.opaque.iter().all(|range| range.start < end);
    (plain && !words.trim().is_empty()).then(|| Edit::new(end..text.len(), "\n"))
}
