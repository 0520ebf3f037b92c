//! What a model is shown of a table: its columns with a guessed type each, and sample rows.

use std::fmt::Write as _;

use super::{Cell, Table};

/// Columns that are named; a table that has more is a matrix, and its first columns tell.
const COLUMNS: usize = 60;

/// Characters of a cell that are shown.
const CELL_WIDTH: usize = 120;

/// The columns of `table` and at most `samples` of its rows: half of them the first ones, half spread
/// over the rest. Also says how many rows there are and were shown.
pub(in crate::maker) fn describe(table: &Table, samples: usize) -> (String, usize, usize) {
    let rows = table.rows.len().saturating_sub(1);
    let names = table.names();
    let mut text = String::from("columns: ");
    for (column, name) in names.iter().enumerate().take(COLUMNS) {
        let comma = if column == 0 { "" } else { ", " };
        // Writing into a string cannot fail.
        let _ = write!(text, "{comma}{} ({})", cut(name), kind(table, column));
    }
    if names.len() > COLUMNS {
        let _ = write!(text, " and {} more", names.len() - COLUMNS);
    }
    let shown = spread(rows, samples);
    for row in &shown {
        let cells = table.rows[row + 1].iter().take(COLUMNS).map(|cell| cut(cell.text()));
        let _ = write!(text, "\nrow {}: {}", row + 1, cells.collect::<Vec<_>>().join(" | "));
    }
    (text, rows, shown.len())
}

/// `count` of the numbers below `rows`, in order, each once.
fn spread(rows: usize, count: usize) -> Vec<usize> {
    if rows <= count {
        return (0..rows).collect();
    }
    let head = count.div_ceil(2);
    let rest = count - head;
    // The last row is among them: totals and notes stand there.
    let spread = (1..=rest).map(|step| head - 1 + step * (rows - head) / rest);
    (0..head).chain(spread).collect()
}

/// What the values of a column are, as far as they say.
fn kind(table: &Table, column: usize) -> &'static str {
    let mut kinds = table.rows.iter().skip(1).filter_map(|row| row.get(column)).filter_map(|cell| match cell {
        Cell::Empty => None,
        Cell::Number(text) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => Some("integer"),
        Cell::Number(_) => Some("number"),
        Cell::Bool(_) => Some("boolean"),
        Cell::Moment(_) => Some("date or time"),
        Cell::Nested(_) => Some("nested"),
        Cell::Text(_) => Some("text"),
    });
    let Some(first) = kinds.next() else { return "empty" };
    kinds.fold(first, |all, kind| match (all, kind) {
        _ if all == kind => all,
        ("integer" | "number", "integer" | "number") => "number",
        _ => "mixed",
    })
}

fn cut(text: &str) -> String {
    let line: String = text.chars().take(CELL_WIDTH).collect();
    let line = line.replace(['\r', '\n'], " ");
    if text.chars().nth(CELL_WIDTH).is_some() { line + "..." } else { line }
}
