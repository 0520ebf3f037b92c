//! Attached data by shape: tables, other JSON, texts, pictures.

use std::sync::LazyLock;

use ports::Site;
use regex::Regex;
use serde_json::Value;

use super::words::pattern;
use crate::maker::html::href;
use crate::maker::table::Table;

/// Everything attached that a page can show. Addresses are relative links.
#[derive(Debug, Default)]
pub(in crate::maker) struct Data {
    pub(in crate::maker) sheets: Vec<Sheet>,
    /// JSON that is no table.
    pub(in crate::maker) objects: Vec<Object>,
    pub(in crate::maker) texts: Vec<Text>,
    pub(in crate::maker) pictures: Vec<Picture>,
}

/// A table with a header.
#[derive(Debug)]
pub(in crate::maker) struct Sheet {
    pub(in crate::maker) file: String,
    /// Between the cells of a line; none for JSON.
    pub(in crate::maker) separator: Option<char>,
    /// The field of a JSON object that holds the rows.
    pub(in crate::maker) field: Option<String>,
    pub(in crate::maker) columns: Vec<Column>,
    /// As texts; without the header.
    pub(in crate::maker) rows: Vec<Vec<String>>,
}

#[derive(Debug)]
pub(in crate::maker) struct Column {
    pub(in crate::maker) name: String,
    /// None for texts.
    pub(in crate::maker) point: Option<Point>,
    /// One a row, none for an empty cell; empty for texts.
    pub(in crate::maker) numbers: Vec<Option<f64>>,
    /// The first [`MAX_VALUES`] different values, in order of appearance.
    pub(in crate::maker) values: Vec<String>,
    /// How many different values there are, empty ones aside.
    pub(in crate::maker) different: usize,
}

/// How a column writes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::maker) enum Point {
    /// `1,234.5`
    Dot,
    /// `1.234,5`
    Comma,
}

#[derive(Debug)]
pub(in crate::maker) struct Object {
    pub(in crate::maker) file: String,
    pub(in crate::maker) value: Value,
    /// It holds names with numbers, as exchange rates are written.
    pub(in crate::maker) has_rates: bool,
}

#[derive(Debug)]
pub(in crate::maker) struct Text {
    pub(in crate::maker) file: String,
    pub(in crate::maker) markdown: bool,
    pub(in crate::maker) text: String,
}

#[derive(Debug)]
pub(in crate::maker) struct Picture {
    pub(in crate::maker) file: String,
    /// Width and height in pixels, where the file's head says so.
    pub(in crate::maker) size: Option<(u32, u32)>,
}

/// A table of more cells is offered as a file and not shown: a page has to stay usable.
const MAX_CELLS: usize = 200_000;

/// Columns of a table among which one is looked for; a table of more is a matrix.
const MAX_COLUMNS: usize = 60;

/// Different values of a column by which rows can be told apart.
const MAX_VALUES: usize = 1_000;

/// Longer texts are offered as files, in bytes.
const MAX_TEXT: usize = 2 * 1024 * 1024;

pub(in crate::maker) fn read(attached: &Site) -> Data {
    let mut data = Data::default();
    for (path, bytes) in attached.iter() {
        let file = href(path.as_str());
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_TEXT);
        match (path.extension().as_str(), text) {
            (extension @ ("csv" | "tsv"), Some(text)) => {
                let separator = if extension == "tsv" { '\t' } else { separator(text) };
                data.sheets.extend(Table::from_csv(bytes).ok().and_then(|table| sheet(file, &table, Some(separator))));
            }
            ("json", Some(text)) => json(&mut data, file, text),
            (extension @ ("md" | "markdown" | "txt"), Some(text)) => {
                data.texts.push(Text { file, markdown: extension != "txt", text: text.to_owned() });
            }
            ("png" | "jpg" | "jpeg" | "gif" | "webp" | "svg" | "avif", _) => {
                data.pictures.push(Picture { file, size: size(bytes) });
            }
            _ => {}
        }
    }
    data
}

impl Sheet {
    pub(in crate::maker) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub(in crate::maker) fn numeric(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().take(MAX_COLUMNS).filter(|column| column.point.is_some())
    }

    pub(in crate::maker) fn textual(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().take(MAX_COLUMNS).filter(|column| column.point.is_none())
    }

    pub(in crate::maker) fn cell(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|row| row.get(column)).map_or("", String::as_str)
    }
}

/// The number that `text` is, as the page's script reads it too: grouping and a unit before or
/// after it do not matter.
pub(in crate::maker) fn number(text: &str, point: Point) -> Option<f64> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^\s*([+-]?)\s*(?:[$€£¥₹]|[A-Z]{3})?\s*([+-]?)(\d[\d.,'\x{a0}\x{202f} ]*(?:[eE][+-]?\d{1,3})?|[.,]\d+)\s*(?:[$€£¥₹%]|[A-Z]{3})?\s*$",
        )
    });
    static DOT: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:\d{1,3}(?:[,'\x{a0}\x{202f} ]\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?$"));
    static COMMA: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:\d{1,3}(?:[.'\x{a0}\x{202f} ]\d{3})+|\d+)?(?:,\d*)?$"));
    let found = NUMBER.captures(text)?;
    let digits = found[3].trim();
    let fits = match point {
        Point::Dot => DOT.is_match(digits),
        Point::Comma => COMMA.is_match(digits),
    };
    let plain: String = match point {
        Point::Dot => digits.chars().filter(|c| c.is_ascii_alphanumeric() || "+-.".contains(*c)).collect(),
        Point::Comma => {
            digits.chars().filter(|c| c.is_ascii_digit() || *c == ',').collect::<String>().replace(',', ".")
        }
    };
    let signed_twice = !found[1].is_empty() && !found[2].is_empty();
    let sign = if found[1].contains('-') || found[2].contains('-') { -1.0 } else { 1.0 };
    let value = plain.parse::<f64>().ok().filter(|value| fits && !signed_twice && value.is_finite())?;
    Some(sign * value)
}

/// The separator that stands most often in the first line, outside of quotes.
fn separator(text: &str) -> char {
    let line = text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').next().unwrap_or_default();
    let mut quoted = false;
    let plain: Vec<char> = line
        .chars()
        .filter(|c| {
            quoted ^= *c == '"';
            !quoted
        })
        .collect();
    let count = |separator: char| plain.iter().filter(|c| **c == separator).count();
    // The first of equals wins, and a line without any is one of commas.
    [',', ';', '\t', '|'].into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(',')
}

fn json(data: &mut Data, file: String, text: &str) {
    if let Some(sheet) = Table::from_json(text.as_bytes()).ok().and_then(|table| sheet(file.clone(), &table, None)) {
        data.sheets.push(sheet);
        return;
    }
    let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else { return };
    // `{"items": [{...}, ...]}`
    let lists = value.as_object().into_iter().flatten().filter(|(_, value)| value.is_array());
    if let [(field, list)] = lists.collect::<Vec<_>>().as_slice()
        && let Some(mut sheet) =
            Table::from_json(list.to_string().as_bytes()).ok().and_then(|table| sheet(file.clone(), &table, None))
    {
        sheet.field = Some((*field).clone());
        data.sheets.push(sheet);
    }
    let is_rates = |value: &Value| {
        value.as_object().is_some_and(|object| !object.is_empty() && object.values().all(Value::is_number))
    };
    let has_rates = is_rates(&value) || value.as_object().is_some_and(|object| object.values().any(is_rates));
    data.objects.push(Object { file, value, has_rates });
}

fn sheet(file: String, table: &Table, separator: Option<char>) -> Option<Sheet> {
    let names = table.names();
    let texts =
        |row: &Vec<_>| row.iter().map(|cell: &crate::maker::table::Cell| cell.text().trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .skip(1)
        .map(texts)
        .filter(|row: &Vec<String>| row.iter().any(|cell| !cell.is_empty()))
        .collect();
    if names.is_empty() || rows.is_empty() || names.len().saturating_mul(rows.len()) > MAX_CELLS {
        return None;
    }
    let columns = names.into_iter().enumerate().map(|(at, name)| column(&rows, at, name, separator)).collect();
    Some(Sheet { file, separator, field: None, columns, rows })
}

fn column(rows: &[Vec<String>], at: usize, name: String, separator: Option<char>) -> Column {
    let cells = || rows.iter().map(|row| row.get(at).map_or("", String::as_str));
    let point = point(rows, at, separator);
    let numbers = point.map_or_else(Vec::new, |point| cells().map(|cell| number(cell, point)).collect());
    let (mut known, mut values) = (std::collections::HashSet::new(), Vec::new());
    for cell in cells().filter(|cell| !cell.is_empty()) {
        if known.insert(cell) && values.len() < MAX_VALUES {
            values.push(cell.to_owned());
        }
    }
    Column { name, point, numbers, values, different: known.len() }
}

/// A column holds numbers when all its values that are not empty do.
fn point(rows: &[Vec<String>], column: usize, separator: Option<char>) -> Option<Point> {
    let all = |point| {
        let mut cells = rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(|cell| number(cell, point).is_some())
    };
    let (first, second) = if separator == Some(';') { (Point::Comma, Point::Dot) } else { (Point::Dot, Point::Comma) };
    [first, second].into_iter().find(|point| all(*point))
}

/// Of a PNG or GIF.
fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let side = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..at + 4)?.first_chunk()?));
        return Some((side(16)?, side(20)?));
    }
    let side = |at: usize| Some(u32::from(u16::from_le_bytes(*bytes.get(at..at + 2)?.first_chunk()?)));
    if bytes.starts_with(b"GIF8") { Some((side(6)?, side(8)?)) } else { None }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        let check = |text: &str, dot: Option<f64>, comma: Option<f64>| {
            assert_eq!((number(text, Point::Dot), number(text, Point::Comma)), (dot, comma), "{text:?}");
        };
        check("5", Some(5.0), Some(5.0));
        check("-12.5", Some(-12.5), None);
        check("1,234.50", Some(1234.5), None);
        check("1.234,50", None, Some(1234.5));
        check("1,234", Some(1234.0), Some(1.234));
        check("$1,234.5", Some(1234.5), None);
        check("12,5 €", None, Some(12.5));
        check("1 234", Some(1234.0), Some(1234.0));
        check("45%", Some(45.0), Some(45.0));
        check("1e3", Some(1000.0), None);
        check(".5", Some(0.5), None);
        for text in ["", "-", "2025-01-04", "1.2.3", "12:30", "five", "1,2,3", "--1", "."] {
            check(text, None, None);
        }
    }

    #[test]
    fn attachments_by_shape() {
        let files = [
            ("a.csv", "day;\"amount\";note\n2025-01-01;1,5;a\n2025-01-02;-2,25;3\n;;\n"),
            ("b.json", "{\"items\": [{\"n\": 1}, {\"n\": 2}]}"),
            ("c.json", "{\"base\": \"USD\", \"rates\": {\"EUR\": 0.9}}"),
            ("d.json", "{ broken"),
            ("e f.md", "# E"),
            ("g.csv", ""),
        ];
        let attached: Site =
            files.iter().map(|(path, text)| (path.parse().unwrap(), Bytes::from_static(text.as_bytes()))).collect();
        let data = read(&attached);
        let sheets: Vec<_> =
            data.sheets.iter().map(|sheet| (sheet.file.as_str(), sheet.rows.len(), sheet.field.as_deref())).collect();
        assert_eq!(sheets, [("a.csv", 2, None), ("b.json", 2, Some("items"))]);
        let points: Vec<_> = data.sheets[0].columns.iter().map(|column| column.point).collect();
        assert_eq!(points, [None, Some(Point::Comma), None]);
        assert_eq!(data.objects.iter().map(|object| object.has_rates).collect::<Vec<_>>(), [false, true]);
        assert_eq!(data.texts[0].file, "e%20f.md");
    }
}
