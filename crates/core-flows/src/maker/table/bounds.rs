//! What a table may cost to read. Spreadsheets are archives of XML, or folders in a file: small ones
//! can unfold into gigabytes, so that they are measured before they are read.

use std::io::{Cursor, Read as _};
use std::sync::LazyLock;

use regex::Regex;

/// Cells of one file: some 60 MB in memory.
pub(super) const MAX_CELLS: usize = 1_000_000;

/// Bytes of text in the cells of one file.
pub(super) const MAX_TEXT: usize = 64 * 1024 * 1024;

/// Bytes that a spreadsheet's archive may unfold to.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;

/// Why a file is not read as a table, or a table not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it holds more than {MAX_CELLS} cells")]
    Cells,
    #[error("it holds more than {} MB of text", MAX_TEXT / 1024 / 1024)]
    Text,
    #[error("it unfolds to more than {} MB", MAX_UNPACKED / 1024 / 1024)]
    Unpacked,
    #[error("the converted file has more than {} MB", super::MAX_WRITTEN / 1024 / 1024)]
    Written,
    #[error("it is not UTF-8 text")]
    Encoding,
    #[error("it is no table: {0}")]
    Form(String),
    #[error("it cannot be read as a spreadsheet: {0}")]
    Spreadsheet(String),
}

impl Refused {
    pub(super) fn spreadsheet(error: impl std::fmt::Display) -> Self {
        Self::Spreadsheet(error.to_string().chars().take(200).collect())
    }
}

/// What an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    OpenXml,
    OpenDocument,
}

/// Refuses an archive that unfolds to more than 64 MB. Sizes that it declares are not believed.
pub(super) fn unpacked(bytes: &[u8]) -> Result<Packed, Refused> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(Refused::spreadsheet)?;
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(Refused::spreadsheet)?;
        let unpacked = std::io::copy(&mut entry.take(left + 1), &mut std::io::sink()).map_err(Refused::spreadsheet)?;
        left = left.checked_sub(unpacked).ok_or(Refused::Unpacked)?;
    }
    let is_document = archive.index_for_name("content.xml").is_some();
    Ok(if is_document { Packed::OpenDocument } else { Packed::OpenXml })
}

static ODS_PARTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"<(/table:table\b|table:table-row\b|table:(?:covered-)?table-cell\b|text:s\b)((?:[^>"']|"[^"]*"|'[^']*')*)>"#,
    )
});
static REPEATED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?:table:number-(?:columns|rows)-repeated|text:c)\s*=\s*["'](\d+)["']"#));

/// Refuses an OpenDocument spreadsheet whose repeated cells, rows and spaces come to more than a table
/// may have. Counts too much rather than too little.
pub(super) fn repeated(bytes: &[u8]) -> Result<(), Refused> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(Refused::spreadsheet)?;
    let mut entry = archive.by_name("content.xml").map_err(Refused::spreadsheet)?;
    let mut content = String::new();
    entry.by_ref().take(MAX_UNPACKED).read_to_string(&mut content).map_err(Refused::spreadsheet)?;

    // Of the rows so far, and of the row that is read.
    let (mut cells, mut text, mut empty_rows) = (0_u64, 0_u64, 0_u64);
    let (mut rows, mut row, mut row_text, mut empty_cells, mut widest) = (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
    let mut parts = ODS_PARTS.captures_iter(&content).peekable();
    while let Some(part) = parts.next() {
        let (whole, tag, attributes) = (part.get_match(), &part[1], &part[2]);
        let times = REPEATED.captures(attributes).map_or(1, |found| found[1].parse().unwrap_or(u64::MAX));
        let span = parts.peek().map_or(content.len(), |next| next.get_match().start()) - whole.start();
        let ends_row = !tag.contains("cell") && tag != "text:s";
        if ends_row {
            if row == 0 {
                empty_rows = empty_rows.saturating_add(rows);
            } else {
                widest = widest.max(row);
                cells = cells.saturating_add(rows.saturating_add(empty_rows).saturating_mul(widest));
                text = text.saturating_add(rows.saturating_mul(row_text));
                empty_rows = 0;
            }
            (row, row_text, empty_cells) = (0, 0, 0);
            rows = if tag.starts_with('/') { 0 } else { times };
            if tag.starts_with('/') {
                (empty_rows, widest) = (0, 0);
            }
        } else if tag == "text:s" {
            text = text.saturating_add(times.saturating_mul(rows.max(1)));
        } else if attributes.ends_with('/') && !attributes.contains("value") && !attributes.contains("formula") {
            empty_cells = empty_cells.saturating_add(times);
        } else {
            row = row.saturating_add(empty_cells).saturating_add(times);
            row_text = row_text.saturating_add(times.saturating_mul(span as u64));
            empty_cells = 0;
        }
        if cells.max(row) > MAX_CELLS as u64 {
            return Err(Refused::Cells);
        }
        if text.max(row_text) > MAX_TEXT as u64 {
            return Err(Refused::Text);
        }
    }
    Ok(())
}

/// Refuses a spreadsheet in the old binary format whose cells span more than a table may have, or
/// whose shared texts come to more. Records are read as
/// <https://learn.microsoft.com/en-us/openspecs/office_file_formats/ms-xls> says: type, length, data.
pub(super) fn spanned(bytes: &[u8]) -> Result<(), Refused> {
    let mut file = cfb::CompoundFile::open(Cursor::new(bytes)).map_err(Refused::spreadsheet)?;
    let name = if file.exists("/Workbook") { "/Workbook" } else { "/Book" };
    let mut records = Vec::new();
    let stream = file.open_stream(name).map_err(Refused::spreadsheet)?;
    stream.take(MAX_UNPACKED).read_to_end(&mut records).map_err(Refused::spreadsheet)?;

    let (mut cells, mut shared_bytes, mut shared_uses, mut in_shared) = (0_u64, 0_u64, 0_u64, false);
    let mut sheet = Span::default();
    let mut rest = records.as_slice();
    while let Some((&[t0, t1, l0, l1], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let (data, next) = after.split_at(length.min(after.len()));
        rest = next;
        let kind = u16::from_le_bytes([t0, t1]);
        in_shared = kind == record::SHARED_TEXTS || (in_shared && kind == record::CONTINUED);
        match kind {
            record::BEGIN => cells += std::mem::take(&mut sheet).area(),
            _ if in_shared => shared_bytes += data.len() as u64,
            _ if record::CELLS.contains(&kind) => sheet.hold(data, kind),
            _ => {}
        }
        shared_uses += u64::from(kind == record::SHARED_TEXT);
        if cells + sheet.area() > MAX_CELLS as u64 {
            return Err(Refused::Cells);
        }
    }
    // Each use copies a text; none is longer than 65,535 characters or than all of them.
    if shared_uses.saturating_mul(shared_bytes.min(LONGEST_SHARED)) > MAX_COPIED {
        return Err(Refused::Text);
    }
    Ok(())
}

/// Bytes of the longest shared text of the old binary format.
const LONGEST_SHARED: u64 = 2 * 65_535;

/// Bytes that copies of shared texts may come to at worst; a table of ten thousand labels out of 50 KB
/// of different texts stays below.
const MAX_COPIED: u64 = 512 * 1024 * 1024;

/// Numbers of the records that matter here.
mod record {
    pub(super) const BEGIN: u16 = 0x0809;
    pub(super) const SHARED_TEXTS: u16 = 0x00FC;
    pub(super) const CONTINUED: u16 = 0x003C;
    pub(super) const SHARED_TEXT: u16 = 0x00FD;
    pub(super) const SEVERAL_NUMBERS: u16 = 0x00BD;
    /// Formula, several numbers, shared text, number, text, boolean or error, packed number.
    pub(super) const CELLS: [u16; 8] = [0x0006, SEVERAL_NUMBERS, SHARED_TEXT, 0x0203, 0x0204, 0x0205, 0x027E, 0x00D6];
}

/// The rectangle of a sheet's cells.
#[derive(Debug, Default)]
struct Span(Option<[u16; 4]>);

impl Span {
    fn hold(&mut self, data: &[u8], kind: u16) {
        let Some(&[r0, r1, c0, c1]) = data.first_chunk() else { return };
        let (row, first) = (u16::from_le_bytes([r0, r1]), u16::from_le_bytes([c0, c1]));
        let last = match data.last_chunk() {
            Some(end) if kind == record::SEVERAL_NUMBERS => u16::from_le_bytes(*end),
            _ => first,
        };
        let [top, left, bottom, right] = self.0.unwrap_or([row, first, row, last]);
        self.0 = Some([top.min(row), left.min(first), bottom.max(row), right.max(last)]);
    }

    fn area(&self) -> u64 {
        let sides = |from: u16, to: u16| u64::from(to.saturating_sub(from)) + 1;
        self.0.map_or(0, |[top, left, bottom, right]| sides(top, bottom) * sides(left, right))
    }
}

#[expect(clippy::expect_used, reason = "the patterns are constants and a test compiles them all")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}
