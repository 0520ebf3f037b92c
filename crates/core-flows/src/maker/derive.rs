//! Data in another format, carried out exactly as a model names it: `data.csv from data.xlsx sheet 1`.
//! The model never types a value; see [`super::table`] for how values are written.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use ports::Site;
use shared_types::SitePath;

use super::table::{Refused, Table, Workbook};

/// A conversion of a file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Derivation {
    /// A `.csv` or `.json`.
    pub(crate) to: SitePath,
    /// A spreadsheet, `.csv` or `.json`.
    pub(crate) from: SitePath,
    pub(crate) sheet: Sheet,
}

/// Which sheet of a spreadsheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sheet {
    First,
    /// From 1.
    Number(usize),
    Named(String),
}

/// The spreadsheets among the attachments, read or refused.
pub(crate) type Workbooks = BTreeMap<SitePath, Result<Workbook, Refused>>;

/// Reads those of `attached`. Takes seconds of CPU at worst, so it does not belong on a thread that
/// serves others.
pub(crate) fn workbooks(attached: &Site) -> Workbooks {
    let spreadsheets = attached.iter().filter(|(path, _)| Workbook::is_named(&path.extension()));
    spreadsheets.map(|(path, bytes)| (path.clone(), Workbook::read(bytes))).collect()
}

impl Derivation {
    /// The bytes of the new file; `source` is what the site has at `from`.
    ///
    /// # Errors
    /// What does not fit, in words for the model.
    pub(crate) fn carry_out(&self, source: Option<&Bytes>, workbooks: &Workbooks) -> Result<Bytes, String> {
        let refused = |refused: Refused| format!("{}: {refused}", self.from);
        let source = source.ok_or_else(|| format!("there is no file {}", self.from))?;
        let read;
        let table = match (self.from.extension().as_str(), workbooks.get(&self.from)) {
            (_, Some(workbook)) => self.sheet_of(workbook.as_ref().map_err(|error| refused(error.clone()))?)?,
            ("csv", None) => {
                read = Table::from_csv(source).map_err(refused)?;
                &read
            }
            ("json", None) => {
                read = Table::from_json(source).map_err(refused)?;
                &read
            }
            _ => return Err(format!("{} is not an attached spreadsheet", self.from)),
        };
        if self.to.extension() == "csv" { table.to_csv() } else { table.to_json() }.map_err(refused)
    }

    fn sheet_of<'a>(&self, workbook: &'a Workbook) -> Result<&'a Table, String> {
        let found = match &self.sheet {
            Sheet::First => workbook.sheets.first(),
            Sheet::Number(number) => number.checked_sub(1).and_then(|place| workbook.sheets.get(place)),
            Sheet::Named(wanted) => workbook.sheets.iter().find(|(name, _)| name == wanted),
        };
        found.map(|(_, table)| table).ok_or_else(|| {
            let names: Vec<_> = workbook.sheets.iter().map(|(name, _)| format!("{name:?}")).collect();
            format!("{} has no such sheet; its sheets are {}", self.from, names.join(", "))
        })
    }
}

impl FromStr for Derivation {
    /// What is wrong, in words for the model.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (files, sheet) = split_sheet(text.trim());
        // A path may hold the word too: the first reading in which both sides are data files counts.
        let readings = files.match_indices(" from ").map(|(at, word)| (&files[..at], &files[at + word.len()..]));
        let named = readings.filter_map(|(to, from)| {
            Some((to.trim().parse::<SitePath>().ok()?, from.trim().parse::<SitePath>().ok()?))
        });
        let mut fitting = named.filter(|(to, from)| {
            let extension = from.extension();
            let source = Workbook::is_named(&extension) || matches!(extension.as_str(), "csv" | "json");
            source && matches!(to.extension().as_str(), "csv" | "json")
        });
        let (to, from) = fitting.next().ok_or(
            "expected `TO from SOURCE` or `TO from SOURCE sheet 1`, where TO is a .csv or .json file of the site and \
             SOURCE an .xlsx, .xls, .ods, .csv or .json file of it",
        )?;
        Ok(Self { to, from, sheet })
    }
}

/// `data.xlsx sheet 2` and `data.xlsx sheet "Sales 2024"`.
fn split_sheet(text: &str) -> (&str, Sheet) {
    let named = text.rsplit_once(" sheet ").and_then(|(files, sheet)| {
        let sheet = sheet.trim();
        let quoted = sheet.strip_prefix('"').and_then(|sheet| sheet.strip_suffix('"'));
        let sheet = match quoted {
            Some(name) => Sheet::Named(name.to_owned()),
            None => Sheet::Number(sheet.parse().ok()?),
        };
        Some((files, sheet))
    });
    named.unwrap_or((text, Sheet::First))
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.to, self.from)?;
        match &self.sheet {
            Sheet::First => Ok(()),
            Sheet::Number(number) => write!(f, " sheet {number}"),
            Sheet::Named(name) => write!(f, " sheet \"{name}\""),
        }
    }
}

#[cfg(test)]
mod tests;
