//! What a model is shown of attachments and repository files (requirement C-072).
//!
//! All of them share one budget. Small files are shown whole. A long table is shown as its columns with
//! guessed types and sample rows, and so is every spreadsheet; any other file above its share as its
//! outline and its head. Each piece says how it was cut. Binary files are named, never shown.

mod outline;

use ports::Site;
use shared_types::SitePath;

use super::budget;
use super::derive::Workbooks;
use super::table::{Table, describe};

/// Characters above which a table is shown as columns and rows: its rows are alike, and the page reads
/// them at run time.
const LONG_TABLE: usize = 4_000;

/// Rows that are shown of a table.
const SAMPLE_ROWS: usize = 20;

/// Bytes of a text that are looked at for its outline.
const OUTLINED: usize = 2 * 1024 * 1024;

/// What is shown of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// Empty for a binary file.
    pub(super) text: String,
    /// How it was cut; empty when it is whole.
    pub(super) shown: String,
    /// Lines of the whole file; 0 when it is binary.
    pub(super) lines: usize,
}

/// A piece for each of `files`, within `tokens` all together.
pub(super) fn pieces<'a>(
    files: impl Iterator<Item = (&'a SitePath, &'a [u8])>,
    workbooks: &Workbooks,
    tokens: usize,
) -> Vec<Piece> {
    let files: Vec<_> = files.map(|(path, bytes)| (path, whole(path, bytes, workbooks))).collect();
    let wants: Vec<_> = files.iter().map(|(_, piece)| piece.text.chars().count()).collect();
    let shares = budget::shares(&wants, budget::chars(tokens));
    let fitted = files.into_iter().zip(wants.into_iter().zip(shares));
    fitted.map(|((path, piece), (want, share))| if want > share { cut(path, &piece, share) } else { piece }).collect()
}

/// The text files of `site` that are not in `without`.
pub(super) fn texts<'a>(site: &'a Site, without: &Site) -> Vec<(&'a SitePath, &'a [u8])> {
    let others = site.iter().filter(|(path, _)| without.get(path.as_str()).is_none());
    others.filter(|(_, bytes)| std::str::from_utf8(bytes).is_ok()).map(|(path, bytes)| (path, bytes.as_ref())).collect()
}

fn whole(path: &SitePath, bytes: &[u8], workbooks: &Workbooks) -> Piece {
    match (workbooks.get(path), std::str::from_utf8(bytes)) {
        (Some(Ok(workbook)), _) => {
            let sheets = workbook.sheets.iter().enumerate().map(|(index, (name, table))| {
                let (text, rows, _) = describe(table, SAMPLE_ROWS);
                format!("sheet {} {name:?}: {rows} rows below the names\n{text}", index + 1)
            });
            let text = sheets.collect::<Vec<_>>().join("\n\n");
            Piece { text, shown: "a spreadsheet; columns and sample rows of each sheet".to_owned(), lines: 0 }
        }
        (Some(Err(refused)), _) => Piece { shown: format!("not readable: {refused}"), ..Piece::default() },
        (None, Err(_)) => Piece { shown: "a binary file, not shown".to_owned(), ..Piece::default() },
        (None, Ok(text)) => {
            let lines = text.lines().count();
            let whole = || Piece { text: text.to_owned(), shown: String::new(), lines };
            let long = text.len() > LONG_TABLE;
            long.then(|| columns(path, bytes)).flatten().map_or_else(whole, |piece| Piece { lines, ..piece })
        }
    }
}

/// A CSV or JSON file that is a table, as columns and sample rows.
fn columns(path: &SitePath, bytes: &[u8]) -> Option<Piece> {
    let table = match path.extension().as_str() {
        "csv" | "tsv" => Table::from_csv(bytes).ok()?,
        "json" => Table::from_json(bytes).ok()?,
        _ => return None,
    };
    let (text, rows, shown) = describe(&table, SAMPLE_ROWS);
    (rows > shown).then(|| Piece { text, shown: format!("cut: columns and {shown} sample rows of {rows}"), lines: 0 })
}

/// `piece` in `share` characters: at most half for the outline, the rest for the head in whole lines.
fn cut(path: &SitePath, piece: &Piece, share: usize) -> Piece {
    let head_of = |text: &str, limit: usize| {
        let limit = text.char_indices().nth(limit).map_or(text.len(), |(end, _)| end);
        // A single line that is too long is cut inside.
        let end = text[..limit].rfind('\n').map_or(limit, |end| end + 1);
        text[..end].to_owned()
    };
    let searched = head_of(&piece.text, OUTLINED);
    let outline = outline::of(&path.extension(), &searched, share / 2);
    let head = head_of(&piece.text, share.saturating_sub(outline.chars().count()));
    let lines = head.lines().count();
    let shown = match (piece.shown.is_empty(), outline.is_empty()) {
        (false, _) => format!("{}, cut", piece.shown),
        (true, true) => format!("cut: the first {lines} of {} lines", piece.lines),
        (true, false) => format!("cut: an outline, then the first {lines} of {} lines", piece.lines),
    };
    let text = if outline.is_empty() { head } else { format!("{outline}\n{head}") };
    Piece { text, shown, lines: piece.lines }
}

#[cfg(test)]
mod tests;
