//! CSV: RFC 4180, with the separator that the first line uses.

use bytes::Bytes;

use super::bounds::{MAX_CELLS, Refused};
use super::{Cell, MAX_WRITTEN, Table, number};

/// Separators in use; the first wins a tie.
const SEPARATORS: [u8; 4] = *b",;\t|";

pub(super) fn read(bytes: &[u8]) -> Result<Table, Refused> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator(text))
        .from_reader(text.as_bytes());
    let (mut table, mut cells) = (Table::default(), 0);
    for record in reader.records() {
        let record = record.map_err(|error| Refused::Form(error.to_string()))?;
        cells += record.len();
        if cells > MAX_CELLS {
            return Err(Refused::Cells);
        }
        table.rows.push(record.iter().map(text_cell).collect());
    }
    type_columns(&mut table);
    Ok(table)
}

pub(super) fn write(table: &Table) -> Result<Bytes, Refused> {
    let width = table.width();
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut written = 0;
    for row in &table.rows {
        let cells = (0..width).map(|column| row.get(column).map_or("", Cell::text));
        written += cells.clone().map(|cell| cell.len() + 1).sum::<usize>();
        if written > MAX_WRITTEN {
            return Err(Refused::Written);
        }
        writer.write_record(cells).map_err(|error| Refused::Form(error.to_string()))?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| Refused::Form(error.to_string()))
}

fn text_cell(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

/// The separator that stands most often in the first line, outside of quotes.
fn separator(text: &str) -> u8 {
    let line = text.bytes().scan(false, |quoted, byte| {
        *quoted ^= byte == b'"';
        (*quoted || byte != b'\n').then_some((*quoted, byte))
    });
    let mut counts = [0_usize; SEPARATORS.len()];
    for (_, byte) in line.filter(|(quoted, _)| !quoted) {
        if let Some(place) = SEPARATORS.iter().position(|separator| *separator == byte) {
            counts[place] += 1;
        }
    }
    let best = (0..SEPARATORS.len()).max_by_key(|place| (counts[*place], std::cmp::Reverse(*place)));
    best.map_or(b',', |place| SEPARATORS[place])
}

/// A column whose values are all numbers, or all booleans, holds such values; the header is a text.
fn type_columns(table: &mut Table) {
    for column in 0..table.width() {
        let all = |fits: fn(&str) -> bool| {
            let mut values =
                table.rows.iter().skip(1).filter_map(|row| row.get(column)).filter(|cell| **cell != Cell::Empty);
            values.all(|cell| fits(cell.text()))
        };
        let typed: fn(String) -> Cell = if all(number::is_json) {
            Cell::Number
        } else if all(|text| matches!(text, "true" | "false")) {
            |text| Cell::Bool(text == "true")
        } else {
            continue;
        };
        for cell in table.rows.iter_mut().skip(1).filter_map(|row| row.get_mut(column)) {
            if let Cell::Text(text) = cell {
                *cell = typed(std::mem::take(text));
            }
        }
    }
}
