//! A Markdown fence around a whole file belongs to the answer it came in, not to the file.

use ports::Draft;
use shared_types::SitePath;

use super::{Change, texts};

/// Files in which three backticks never begin the text.
const LANGUAGES: [&str; 13] =
    ["html", "htm", "css", "js", "mjs", "json", "svg", "xml", "csv", "py", "yml", "yaml", "webmanifest"];

/// Fences inside fences that are removed; more of them are no accident.
const MAX_FENCES: usize = 8;

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let files = texts(draft).filter(|(path, _)| LANGUAGES.contains(&path.extension().as_str()));
    let change = |(path, text): (&SitePath, &str)| {
        let inner = inside(text).filter(|inner| inside(inner).is_none())?;
        Some(Change::new(path, inner.to_owned(), "removed the Markdown fence around the file"))
    };
    files.filter_map(change).collect()
}

/// What stands inside all fences; none when there is none.
fn inside(text: &str) -> Option<&str> {
    let mut inner = without_fence(text)?;
    for _ in 1..MAX_FENCES {
        match without_fence(inner) {
            Some(further) => inner = further,
            None => break,
        }
    }
    Some(inner)
}

/// Without the line that opens a fence, and the line that closes it if that is the last one.
fn without_fence(text: &str) -> Option<&str> {
    let (opening, rest) = text.trim_start().split_once('\n')?;
    let info = opening.trim_end().strip_prefix("```")?;
    if info.contains([' ', '`']) {
        return None;
    }
    let body = rest.trim_end();
    let last = body.rfind('\n').map_or(0, |end| end + 1);
    if body[last..].trim() == "```" { rest.get(..last) } else { Some(rest) }
}
