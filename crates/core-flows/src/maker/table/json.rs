//! Tables in JSON: an array of objects, or of arrays whose first one names the columns.
//!
//! Values are taken out of the text as they stand, since a parser would turn `1.10` and
//! `12345678901234567890` into the nearest numbers that it has.

use std::collections::HashMap;

use serde::de::IgnoredAny;

use super::bounds::{MAX_CELLS, Refused};
use super::{Cell, Table};

pub(super) fn read(bytes: &[u8]) -> Result<Table, Refused> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| Refused::Form(error.to_string()))?;
    if !text.starts_with('[') {
        return Err(Refused::Form("expected an array of objects or of arrays".to_owned()));
    }
    let items = items(text);
    let all = |start| items.iter().all(|item| item.starts_with(start));
    let table = match () {
        () if items.is_empty() || all('{') => objects(&items)?,
        () if all('[') => arrays(&items),
        () => return Err(Refused::Form("expected objects only, or arrays only".to_owned())),
    };
    if table.rows.iter().map(Vec::len).sum::<usize>() > MAX_CELLS { Err(Refused::Cells) } else { Ok(table) }
}

fn arrays(items: &[&str]) -> Table {
    Table { rows: items.iter().map(|item| self::items(item).into_iter().map(cell).collect()).collect() }
}

/// Columns in the order in which their names first occur; of a name that an object has twice, the
/// last value counts, as in JavaScript.
fn objects(items: &[&str]) -> Result<Table, Refused> {
    let mut columns: HashMap<String, usize> = HashMap::new();
    let (mut header, mut rows, mut cells) = (Vec::new(), Vec::with_capacity(items.len()), 0);
    for item in items {
        let mut row = Vec::new();
        for member in self::items(item) {
            let end = string_end(member);
            let (name, value) =
                (string(&member[..end]), member[end..].trim_start().trim_start_matches(':').trim_start());
            let column = *columns.entry(name.clone()).or_insert_with(|| {
                header.push(Cell::Text(name));
                header.len() - 1
            });
            if row.len() <= column {
                row.resize(column + 1, Cell::Empty);
            }
            row[column] = cell(value);
        }
        cells += row.len();
        if cells > MAX_CELLS {
            return Err(Refused::Cells);
        }
        rows.push(row);
    }
    rows.insert(0, header);
    Ok(Table { rows })
}

fn cell(value: &str) -> Cell {
    match value.as_bytes().first() {
        Some(b'"') => Cell::Text(string(value)),
        Some(b'{' | b'[') => Cell::Nested(value.to_owned()),
        Some(b't') => Cell::Bool(true),
        Some(b'f') => Cell::Bool(false),
        Some(b'-' | b'0'..=b'9') => Cell::Number(value.to_owned()),
        _ => Cell::Empty,
    }
}

/// The members of a valid array or object, as text.
fn items(container: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut depth, mut start, mut at) = (0_usize, 1, 0);
    let bytes = container.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += string_end(&container[at..]) - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = depth == 0 || (depth == 1 && *byte == b',');
        if ends {
            items.push(container[start..at].trim());
            start = at + 1;
        }
        at += 1;
    }
    // `[]` has no member, and no valid container has an empty one.
    items.retain(|item| !item.is_empty());
    items
}

/// Where the valid string that `text` begins with ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The text of a valid string. Half of a surrogate pair has none: it stays escaped.
fn string(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_else(|_| json.trim_matches('"').to_owned())
}
