//! Figures of the attachments that a check's claim can be held against.

use ports::Site;

/// Columns of numbers by table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) file: String,
    pub(super) name: String,
    numbers: Vec<f64>,
    /// Sums by the values of each other column: one may ask for a part only.
    parts: Vec<f64>,
}

/// Rows of one table that are read; sums over more are left alone.
const MAX_ROWS: usize = 200_000;

impl Column {
    pub(super) fn sum(&self) -> f64 {
        self.numbers.iter().sum()
    }

    /// Whether `number` is a figure that one can honestly get from the column, perhaps scaled by one of
    /// `rates`.
    pub(super) fn can_give(&self, number: f64, rates: &[f64]) -> bool {
        let count = self.numbers.len() as f64;
        let least = self.numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = self.numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum = self.sum();
        let plain = [sum, count, sum / count, least, greatest];
        let scaled = rates.iter().flat_map(|rate| [sum * rate, sum / rate]);
        plain.into_iter().chain(self.parts.iter().copied()).chain(scaled).any(|figure| is_near(figure, number))
    }
}

/// Rounded to cents, or to the whole, they are the same.
fn is_near(figure: f64, number: f64) -> bool {
    let precision = if number.fract() == 0.0 { 0.51 } else { 0.0051 };
    (figure - number).abs() < precision
}

/// The columns of numbers in the attached CSV files.
pub(super) fn columns(attached: &Site) -> Vec<Column> {
    let tables = attached.iter().filter(|(path, _)| path.extension() == "csv");
    tables.flat_map(|(path, bytes)| table(path.as_str(), bytes).unwrap_or_default()).collect()
}

fn table(file: &str, bytes: &[u8]) -> Option<Vec<Column>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().ok()?.clone();
    let rows: Vec<csv::StringRecord> = reader.records().take(MAX_ROWS + 1).collect::<Result<_, _>>().ok()?;
    if rows.is_empty() || rows.len() > MAX_ROWS {
        return None;
    }
    let numbers = |at: usize| -> Option<Vec<f64>> { rows.iter().map(|row| row.get(at)?.parse().ok()).collect() };
    let column = |(at, name): (usize, &str)| {
        let numbers = numbers(at)?;
        let others = (0..header.len()).filter(|other| *other != at);
        let parts = others.flat_map(|other| parts(&rows, other, &numbers)).collect();
        Some(Column { file: file.to_owned(), name: name.to_owned(), numbers, parts })
    };
    Some(header.iter().enumerate().filter_map(column).collect())
}

fn parts(rows: &[csv::StringRecord], by: usize, numbers: &[f64]) -> Vec<f64> {
    let mut sums = std::collections::BTreeMap::<&str, f64>::new();
    for (row, number) in rows.iter().zip(numbers) {
        *sums.entry(row.get(by).unwrap_or_default()).or_default() += number;
    }
    sums.into_values().collect()
}

/// Every number in the attached JSON files, as rates that a sum may be multiplied with.
pub(super) fn rates(attached: &Site) -> Vec<f64> {
    const MOST: usize = 1_000;
    let mut rates = Vec::new();
    for (_, bytes) in attached.iter().filter(|(path, _)| path.extension() == "json") {
        let mut rest: Vec<serde_json::Value> = serde_json::from_slice(bytes).ok().into_iter().collect();
        while let (Some(value), true) = (rest.pop(), rates.len() < MOST) {
            match value {
                serde_json::Value::Number(number) => rates.extend(number.as_f64().filter(|rate| *rate != 0.0)),
                serde_json::Value::Array(items) => rest.extend(items),
                serde_json::Value::Object(fields) => rest.extend(fields.into_iter().map(|(_, value)| value)),
                _ => {}
            }
        }
    }
    rates
}

/// Words of the longest attached text: what a counter of words can reach at most.
pub(super) fn most_words(attached: &Site) -> Option<(String, usize)> {
    let texts = attached.iter().filter(|(path, _)| matches!(path.extension().as_str(), "md" | "markdown" | "txt"));
    let counted = texts.filter_map(|(path, bytes)| {
        Some((path.to_string(), std::str::from_utf8(bytes).ok()?.split_whitespace().count()))
    });
    counted.max_by_key(|(_, words)| *words)
}
