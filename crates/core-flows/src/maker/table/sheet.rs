//! Spreadsheets become tables: xlsx cell by cell, so that a cell in the last corner of a sheet costs
//! nothing; ods and xls, which are read as a whole, after they were measured.

use std::io::Cursor;

use calamine::{Data, DataRef, ExcelDateTime, Ods, Reader as _, Xls, Xlsx};

use super::bounds::{self, MAX_CELLS, MAX_TEXT, Packed, Refused};
use super::{Cell, Table, number};

/// Sheets of a workbook that are read.
const MAX_SHEETS: usize = 50;

/// The sheets of a file, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Workbook {
    pub(crate) sheets: Vec<(String, Table)>,
}

/// What may still be read of a file.
struct Room {
    cells: usize,
    text: usize,
}

impl Workbook {
    /// Whether a file with this extension is read as a spreadsheet.
    pub(crate) fn is_named(extension: &str) -> bool {
        matches!(extension, "xlsx" | "xlsm" | "ods" | "xls")
    }

    /// Reads the file. Takes seconds of CPU at worst.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let mut room = Room { cells: MAX_CELLS, text: MAX_TEXT };
        if bytes.starts_with(b"PK") {
            match bounds::unpacked(bytes)? {
                Packed::OpenXml => xlsx(bytes, &mut room),
                Packed::OpenDocument => ods(bytes, &mut room),
            }
        } else {
            bounds::spanned(bytes)?;
            let mut book: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(Refused::spreadsheet)?;
            whole(&mut book, &mut room)
        }
    }
}

fn xlsx(bytes: &[u8], room: &mut Room) -> Result<Workbook, Refused> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(Refused::spreadsheet)?;
    let mut sheets = Vec::new();
    for name in worksheets(&book) {
        let mut cells = Vec::new();
        let mut reader = book.worksheet_cells_reader(&name).map_err(Refused::spreadsheet)?;
        while let Some(read) = reader.next_cell().map_err(Refused::spreadsheet)? {
            let value = match read.get_value() {
                // Shared texts are many times as large as the file once each use has its own.
                DataRef::SharedString(text) => text_cell(text),
                other => cell(&Data::from(other.clone())),
            };
            room.take(&value)?;
            if value != Cell::Empty {
                cells.push((read.get_position(), value));
            }
        }
        sheets.push((name, rectangle(cells, room)?));
    }
    Ok(Workbook { sheets })
}

fn ods(bytes: &[u8], room: &mut Room) -> Result<Workbook, Refused> {
    bounds::repeated(bytes)?;
    let mut book: Ods<_> = Ods::new(Cursor::new(bytes)).map_err(Refused::spreadsheet)?;
    whole(&mut book, room)
}

fn whole<'a, R>(book: &mut R, room: &mut Room) -> Result<Workbook, Refused>
where
    R: calamine::Reader<Cursor<&'a [u8]>>,
    R::Error: std::fmt::Display,
{
    let mut sheets = Vec::new();
    for name in worksheets(book) {
        let range = book.worksheet_range(&name).map_err(Refused::spreadsheet)?;
        let mut cells = Vec::new();
        for (row, column, value) in range.used_cells() {
            let value = cell(value);
            room.take(&value)?;
            cells.push(((row as u32, column as u32), value));
        }
        sheets.push((name, rectangle(cells, room)?));
    }
    Ok(Workbook { sheets })
}

fn worksheets<'a, R: calamine::Reader<Cursor<&'a [u8]>>>(book: &R) -> Vec<String> {
    let sheets = book.sheets_metadata().iter().filter(|sheet| sheet.typ == calamine::SheetType::WorkSheet);
    sheets.take(MAX_SHEETS).map(|sheet| sheet.name.clone()).collect()
}

/// The smallest table that holds all cells.
fn rectangle(cells: Vec<((u32, u32), Cell)>, room: &mut Room) -> Result<Table, Refused> {
    let cells: Vec<_> = cells.into_iter().filter(|(_, cell)| *cell != Cell::Empty).collect();
    let bounds = |side: fn(&(u32, u32)) -> u32| {
        let sides = cells.iter().map(|(place, _)| side(place));
        sides.clone().min().zip(sides.max())
    };
    let (Some((top, bottom)), Some((left, right))) = (bounds(|place| place.0), bounds(|place| place.1)) else {
        return Ok(Table::default());
    };
    let (height, width) = ((bottom - top) as usize + 1, (right - left) as usize + 1);
    room.cells = height.checked_mul(width).and_then(|area| room.cells.checked_sub(area)).ok_or(Refused::Cells)?;
    let mut rows = vec![vec![Cell::Empty; width]; height];
    for ((row, column), cell) in cells {
        rows[(row - top) as usize][(column - left) as usize] = cell;
    }
    Ok(Table { rows })
}

impl Room {
    fn take(&mut self, cell: &Cell) -> Result<(), Refused> {
        self.text = self.text.checked_sub(cell.text().len()).ok_or(Refused::Text)?;
        Ok(())
    }
}

fn text_cell(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

fn cell(value: &Data) -> Cell {
    match value {
        Data::Empty => Cell::Empty,
        Data::String(text) => text_cell(text),
        Data::Int(value) => Cell::Number(value.to_string()),
        Data::Float(value) => number::shortest(*value).map_or(Cell::Empty, Cell::Number),
        Data::Bool(value) => Cell::Bool(*value),
        Data::DateTime(moment) if moment.is_duration() => Cell::Moment(duration(moment.as_f64())),
        Data::DateTime(moment) => Cell::Moment(moment_text(moment)),
        Data::DateTimeIso(text) => Cell::Moment(text.strip_suffix("T00:00:00").unwrap_or(text).to_owned()),
        Data::DurationIso(text) => Cell::Moment(iso_duration(text).unwrap_or_else(|| text.clone())),
        Data::Error(error) => Cell::Text(error.to_string()),
    }
}

/// A serial number of days: its part before the point is a date, that behind it a time of day.
fn moment_text(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = format!("{hour:02}:{minute:02}:{second:02}{}", fraction(milli.into()));
    match (moment.as_f64() < 1.0, time.as_str()) {
        (true, _) => time,
        (false, "00:00:00") => date,
        (false, _) => format!("{date}T{time}"),
    }
}

fn duration(days: f64) -> String {
    const MILLIS_OF_A_DAY: f64 = 86_400_000.0;
    // Saturates, and takes what is no number for zero.
    let millis = (days.abs() * MILLIS_OF_A_DAY).round() as u64;
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    let sign = if days < 0.0 && millis > 0 { "-" } else { "" };
    format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(millis % 1000))
}

/// `PT26H30M00S` as `26:30:00`, as OpenDocument writes durations and times.
fn iso_duration(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, seconds) = rest.split_once('M')?;
    let (seconds, fraction) =
        seconds.strip_suffix('S')?.split_once(['.', ',']).unwrap_or((seconds.trim_end_matches('S'), ""));
    let (hours, minutes, seconds): (u64, u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?, seconds.parse().ok()?);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{hours:02}:{minutes:02}:{seconds:02}{point}{fraction}"))
}

fn fraction(millis: u64) -> String {
    if millis == 0 { String::new() } else { format!(".{millis:03}") }
}
