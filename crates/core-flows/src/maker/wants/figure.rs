//! Figures of a table: which one an element shows, and what it comes to.
//!
//! The page computes every figure from the file that it fetches; what is computed here only chooses
//! among figures, and stands in the served HTML for readers that run no script.

use std::collections::HashSet;

use serde::Serialize;

use super::data::{Data, Sheet};
use super::words::{has, is_named, same};

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::maker) struct Figure {
    pub(in crate::maker) file: String,
    pub(in crate::maker) op: Op,
    /// None only for [`Op::Count`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::maker) column: Option<String>,
    /// Of the rows in which a column has this value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::maker) only: Option<Only>,
    /// Digits after the point.
    pub(in crate::maker) places: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::maker) struct Only {
    pub(in crate::maker) column: String,
    pub(in crate::maker) value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::maker) enum Op {
    Sum,
    Mean,
    Median,
    Min,
    Max,
    Count,
    /// Different values.
    Distinct,
}

const OPS: [(Op, &[&str]); 7] = [
    (Op::Mean, &["average", "avg", "mean"]),
    (Op::Median, &["median"]),
    (Op::Min, &["min", "minimum", "lowest", "smallest", "least", "cheapest"]),
    (Op::Max, &["max", "maximum", "highest", "largest", "greatest", "biggest", "peak"]),
    (Op::Distinct, &["distinct", "unique", "different"]),
    (Op::Count, &["count", "row", "number", "many", "record", "entry", "length"]),
    (Op::Sum, &["total", "sum", "add", "overall", "revenue"]),
];

/// Parts of a table that one id can mean.
const MAX_PARTS: usize = 20;

impl Op {
    /// The operation that `words` name.
    pub(in crate::maker) fn named(words: &[String]) -> Option<Self> {
        // A total of unique values is their number, so that the order matters.
        OPS.iter().find(|(_, names)| has(words, names)).map(|(op, _)| *op)
    }

    fn of(self, mut numbers: Vec<f64>) -> Option<f64> {
        let count = numbers.len() as f64;
        let sum: f64 = numbers.iter().sum();
        Some(match self {
            Self::Sum => sum,
            Self::Count | Self::Distinct => count,
            _ if numbers.is_empty() => return None,
            Self::Mean => sum / count,
            Self::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Median => {
                numbers.sort_by(f64::total_cmp);
                let middle = numbers.len() / 2;
                let upper = *numbers.get(middle)?;
                let lower = *numbers.get(middle.saturating_sub(usize::from(numbers.len().is_multiple_of(2))))?;
                f64::midpoint(lower, upper)
            }
        })
    }
}

impl Figure {
    /// What it comes to.
    pub(in crate::maker) fn value(&self, sheet: &Sheet) -> Option<f64> {
        let only = match &self.only {
            Some(only) => Some((sheet.column(&only.column)?, only.value.as_str())),
            None => None,
        };
        let is_kept = |row: &usize| only.is_none_or(|(column, value)| sheet.cell(*row, column) == value);
        let rows = (0..sheet.rows.len()).filter(is_kept);
        let Some(name) = &self.column else { return Some(rows.count() as f64) };
        let at = sheet.column(name)?;
        let column = sheet.columns.get(at)?;
        if self.op == Op::Distinct && only.is_none() {
            return Some(column.different as f64);
        }
        if self.op == Op::Distinct {
            let values: HashSet<&str> = rows.map(|row| sheet.cell(row, at)).filter(|value| !value.is_empty()).collect();
            return Some(values.len() as f64);
        }
        column.point?;
        self.op.of(rows.filter_map(|row| column.numbers.get(row).copied().flatten()).collect())
    }

    /// Its value as the page writes it.
    pub(in crate::maker) fn text(&self, sheet: &Sheet) -> Option<String> {
        self.value(sheet).map(|value| format!("{value:.*}", self.places))
    }
}

/// What is known of the figure that is meant.
#[derive(Debug, Default)]
pub(super) struct Meant<'a> {
    /// Of the element's id.
    pub(super) id: &'a [String],
    /// Of the sentences about it.
    pub(super) near: &'a [String],
    /// What a check expects, as decimal digits.
    pub(super) number: Option<&'a str>,
    /// A whole number is expected.
    pub(super) whole: bool,
}

/// The figure of the attached tables that is meant; none when nothing tells.
pub(super) fn choose(data: &Data, meant: &Meant<'_>) -> Option<Figure> {
    let mut best: Option<(i32, Figure)> = None;
    let ops = (Op::named(meant.id), Op::named(meant.near));
    for figure in data.sheets.iter().flat_map(|sheet| candidates(sheet, meant)) {
        let score = score(&figure, data, meant, ops)?;
        if score > 0 && best.as_ref().is_none_or(|(other, _)| score > *other) {
            best = Some((score, figure));
        }
    }
    best.map(|(_, figure)| figure)
}

/// Every figure of the table that may be meant.
fn candidates(sheet: &Sheet, meant: &Meant<'_>) -> Vec<Figure> {
    let figure = |op, column: Option<&str>, only: Option<&Only>| Figure {
        file: sheet.file.clone(),
        op,
        column: column.map(str::to_owned),
        only: only.cloned(),
        places: places(sheet, op, column, meant),
    };
    let mut figures = Vec::new();
    for only in std::iter::once(None).chain(parts(sheet, meant).iter().map(Some)) {
        figures.push(figure(Op::Count, None, only));
        // Of equals the first counts, and totals stand in the last column as a rule.
        for column in sheet.numeric().collect::<Vec<_>>().into_iter().rev() {
            let ops = [Op::Sum, Op::Mean, Op::Median, Op::Min, Op::Max];
            figures.extend(ops.map(|op| figure(op, Some(&column.name), only)));
        }
        figures.extend(
            sheet.numeric().chain(sheet.textual()).map(|column| figure(Op::Distinct, Some(&column.name), only)),
        );
    }
    figures
}

/// Parts of the table by the values that the id names.
fn parts(sheet: &Sheet, meant: &Meant<'_>) -> Vec<Only> {
    let mut parts = Vec::new();
    for column in sheet.textual() {
        let named = column.values.iter().filter(|value| is_named(value, meant.id));
        parts.extend(named.map(|value| Only { column: column.name.clone(), value: value.clone() }));
    }
    parts.truncate(MAX_PARTS);
    parts
}

fn places(sheet: &Sheet, op: Op, column: Option<&str>, meant: &Meant<'_>) -> usize {
    const MOST: usize = 6;
    if meant.whole || matches!(op, Op::Count | Op::Distinct) {
        return 0;
    }
    let said = meant.near.windows(2).find_map(|pair| match pair {
        [number, unit] if same(unit, "decimal") => ["zero", "one", "two", "three", "four"]
            .iter()
            .position(|word| number == word)
            .or_else(|| number.parse().ok()),
        _ => None,
    });
    if let Some(said) = said.filter(|said| *said <= MOST) {
        return said;
    }
    let digits = |text: &str| {
        text.rsplit_once(['.', ',']).map_or(0, |(_, digits)| digits.chars().filter(char::is_ascii_digit).count())
    };
    if let Some(digits) = meant.number.map(digits).filter(|digits| *digits > 0) {
        return digits.min(MOST);
    }
    let numbers =
        column.and_then(|name| sheet.columns.get(sheet.column(name)?)).map(|column| column.numbers.as_slice());
    let fraction = numbers.unwrap_or_default().iter().flatten().any(|value| value.fract() != 0.0);
    if fraction || matches!(op, Op::Mean | Op::Median) { 2 } else { 0 }
}

/// How well the figure fits, where the id and what is said of it name these operations; none ends the search, as the
/// words say that no figure is meant.
fn score(figure: &Figure, data: &Data, meant: &Meant<'_>, (in_id, in_near): (Option<Op>, Option<Op>)) -> Option<i32> {
    let sheet = data.sheets.iter().find(|sheet| sheet.file == figure.file)?;
    let expected = meant.number.and_then(|text| text.parse::<f64>().ok());
    let gives = expected.is_some_and(|expected| {
        let precision = 0.5 * 10_f64.powi(-(figure.places.min(15) as i32)) + 1e-9;
        figure.value(sheet).is_some_and(|value| (value - expected).abs() <= precision)
    });
    let mut score = 0;
    score += if gives { 40 } else { 0 };
    score += match (in_id, in_near) {
        (Some(op), _) if op == figure.op => 30,
        (Some(_), _) => -30,
        (None, Some(op)) if op == figure.op => 15,
        _ => 0,
    };
    if let Some(column) = &figure.column {
        score += if is_named(column, meant.id) { 20 } else { 0 };
        score += if is_named(column, meant.near) { 10 } else { 0 };
    }
    if let Some(only) = &figure.only {
        score += if is_named(&only.value, meant.id) { 25 } else { -25 };
    }
    // Without a word or a number for it nothing says that a figure is meant at all.
    let told = gives
        || in_id.is_some()
        || (in_near.is_some()
            && figure.column.as_ref().is_some_and(|column| is_named(column, meant.near) || is_named(column, meant.id)));
    Some(if told { score } else { 0 })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::words::words;
    use super::*;

    const CSV: &str = "region,product,quantity,sales\nnorth,Lamp,3,74.85\nsouth,Desk,1,189.00\nnorth,Chair,4,259.60\n";

    /// The figure that is chosen and its text, in one line.
    fn check(id: &str, brief: &str, number: Option<&str>, expected: &str) {
        let attached = [("data.csv".parse().unwrap(), Bytes::from_static(CSV.as_bytes()))].into_iter().collect();
        let data = super::super::data::read(&attached);
        let (id_words, near) = (words(id), words(brief));
        let meant = Meant { id: &id_words, near: &near, number, whole: false };
        let said = choose(&data, &meant).map_or_else(String::new, |figure| {
            let only = figure.only.as_ref().map(|only| format!(" of {}", only.value)).unwrap_or_default();
            let column = figure.column.as_deref().unwrap_or("rows");
            format!("{:?} {column}{only} = {}", figure.op, figure.text(&data.sheets[0]).unwrap())
        });
        assert_eq!(said, expected, "{id}: {brief}");
    }

    #[test]
    fn figures_by_words_and_by_numbers() {
        check("total-sales", "", None, "Sum sales = 523.45");
        check("total-quantity", "", None, "Sum quantity = 8");
        check("average_sales", "", None, "Mean sales = 174.48");
        check("maxQuantity", "", None, "Max quantity = 4");
        check("row-count", "", None, "Count rows = 3");
        check("unique-products", "", None, "Distinct product = 3");
        check("north-sales-total", "", None, "Sum sales of north = 334.45");
        check("result", "show the sum of the column quantity", None, "Sum quantity = 8");
        check("result", "show the mean of sales with one decimal", None, "Mean sales = 174.5");
        check("result", "", Some("523.45"), "Sum sales = 523.45");
        check("answer", "", Some("4"), "Max quantity = 4");
        check("greeting", "says hello", None, "");
        check("result", "", Some("99"), "");
    }
}
