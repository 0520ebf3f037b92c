//! Tables: what attachments hold in rows and columns, and how it is written as CSV or JSON without a
//! value being typed again.
//!
//! The rules:
//! - A number that stands as text (CSV, JSON) keeps its digits. A number of a spreadsheet is written
//!   in the shortest form that reads back as the same number.
//! - A date is `2024-03-31`, with a time `2024-03-31T13:45:00`, a time alone `13:45:00`, a duration
//!   `26:30:00`; fractions of a second are written to the millisecond, and only when there are any.
//! - An empty cell is nothing in CSV and `null` in JSON.
//! - In JSON each row is an object by the first row's names. A column without a name is `column_3`, a
//!   name that comes again is `name_2`. A column of CSV holds numbers, or booleans, when all its values
//!   that are not empty do; `007` and `1,234` are texts.
//! - CSV is UTF-8 with commas, line feeds, and quotes only where they are needed. A nested JSON value
//!   stands in a cell as its JSON text.
//! - Empty rows and columns around a sheet's cells are left out, those between cells stay.

mod bounds;
mod csv;
mod json;
mod number;
mod schema;
mod sheet;

use std::fmt::Write as _;

use bytes::Bytes;

pub(crate) use self::bounds::Refused;
pub(super) use self::schema::describe;
pub(crate) use self::sheet::Workbook;

/// Bytes that a converted file may have: GitHub refuses files above 100 MB and warns at 50; a page
/// that loads more than this is of no use.
const MAX_WRITTEN: usize = 25 * 1024 * 1024;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Empty,
    Text(String),
    /// As JSON writes it.
    Number(String),
    Bool(bool),
    /// A date, a time, both, or a duration, as the rules above say.
    Moment(String),
    /// An array or object, as JSON.
    Nested(String),
}

/// Rows of cells; the first row names the columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// As it stands in CSV, before quoting.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Empty => "",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Text(text) | Self::Number(text) | Self::Moment(text) | Self::Nested(text) => text,
        }
    }

    fn json(&self) -> String {
        match self {
            Self::Empty => "null".to_owned(),
            Self::Bool(_) | Self::Number(_) | Self::Nested(_) => self.text().to_owned(),
            Self::Text(text) | Self::Moment(text) => serde_json::Value::from(text.as_str()).to_string(),
        }
    }
}

impl Table {
    /// The table in `text`, by its separators; values are texts until a column proves otherwise.
    pub(super) fn from_csv(bytes: &[u8]) -> Result<Self, Refused> {
        csv::read(bytes)
    }

    /// The table in an array of objects or of arrays.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, Refused> {
        json::read(bytes)
    }

    /// As CSV.
    pub(super) fn to_csv(&self) -> Result<Bytes, Refused> {
        csv::write(self)
    }

    /// As a JSON array, one object a line.
    pub(super) fn to_json(&self) -> Result<Bytes, Refused> {
        let names: Vec<_> =
            self.names().iter().map(|name| serde_json::Value::from(name.as_str()).to_string()).collect();
        let mut text = String::from("[");
        for (index, row) in self.rows.iter().skip(1).enumerate() {
            text.push_str(if index == 0 { "\n  {" } else { ",\n  {" });
            for (column, name) in names.iter().enumerate() {
                let value = row.get(column).map_or_else(|| "null".to_owned(), Cell::json);
                let comma = if column == 0 { "" } else { ", " };
                // Writing into a string cannot fail.
                let _ = write!(text, "{comma}{name}: {value}");
            }
            text.push('}');
            if text.len() > MAX_WRITTEN {
                return Err(Refused::Written);
            }
        }
        text.push_str(if self.rows.len() > 1 { "\n]\n" } else { "]\n" });
        Ok(Bytes::from(text))
    }

    /// A name for each column, each once.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.width());
        let mut taken = std::collections::HashSet::with_capacity(self.width());
        for column in 0..self.width() {
            let own = self.rows.first().and_then(|row| row.get(column)).map_or("", Cell::text).trim();
            let own = if own.is_empty() { format!("column_{}", column + 1) } else { own.to_owned() };
            let mut name = own.clone();
            let mut again = 2;
            while !taken.insert(name.clone()) {
                name = format!("{own}_{again}");
                again += 1;
            }
            names.push(name);
        }
        names
    }

    /// Columns of the widest row.
    pub(super) fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }
}

#[cfg(test)]
pub(super) mod tests;
