//! What an element shows, guessed from the words of its id, from what briefs and checks say of it, and
//! from the shape of the attached data. What nothing tells shows nothing: no data is made up.

use serde::Serialize;
use serde_json::Value;

use super::code::{Count, Wanted};
use super::data::{Data, Object, Sheet};
use super::demand::Spot;
use super::figure::{self, Figure, Meant};
use super::lookup::Lookup;
use super::words::{has, is_named, words};

/// What an element shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "shows", rename_all = "snake_case")]
pub(in crate::maker) enum Shows {
    /// A figure of a table.
    Figure(Figure),
    /// The value of a column under which another one adds up to most.
    Top { file: String, by: String, column: String },
    /// A table: sums of a column by the values of another.
    Groups { file: String, by: String, column: String, places: usize },
    /// The same as bars.
    Chart { file: String, by: String, column: String },
    /// A table of the first rows.
    Rows { file: String, limit: usize },
    /// A list of all rows.
    List { file: String },
    /// A chooser among the values of a column; figures, tables and lists show the chosen rows.
    Filter { file: String, column: String },
    /// An input whose text the shown rows hold.
    Search,
    /// A chooser among the keys of a JSON object of numbers, which scale the sums.
    Picker { file: String },
    /// The chosen key.
    Picked { picker: String },
    /// A JSON file as a tree.
    Json { file: String },
    /// A value of a JSON file.
    Field { file: String, path: Vec<String> },
    /// Markdown as HTML.
    Markdown { file: String },
    /// How many words, lines, characters or headings a text has.
    TextCount { file: String, unit: &'static str, plain: bool },
    /// Which source is shown: the query's or the attachment.
    Source { file: String },
    /// Buttons that choose which of these elements is seen.
    Tabs { of: Vec<String> },
    /// A picture; without one that is attached, the one that a query names.
    Picture { file: String },
    /// Its width and height, as in `48x32`.
    PictureSize { file: String },
    /// The text of a file.
    FileText { file: String },
    /// The value of a query's parameter, in a text.
    Query { parameter: String, before: String, after: String },
    /// A form that shows what is typed into it.
    Form,
    /// A button that does one of a few things.
    Command { command: &'static str },
    /// A form that asks a public API.
    Lookup(Lookup),
    /// A value of its answer.
    Answer { form: String },
    /// What it does at the moment.
    Status { form: String },
    /// A text that the request gives.
    Text { text: String },
    /// Nothing is known.
    Nothing,
}

/// Rows that an element shows: more than a person reads, and no more than a browser bears.
const ROWS: usize = 10_000;

/// What there is to show.
pub(super) struct Ground<'a> {
    pub(super) data: &'a Data,
    /// Ids of the choosers among rates.
    pub(super) pickers: Vec<String>,
    /// The form that asks an API.
    pub(super) lookup: Option<(String, Lookup)>,
    /// The briefs, as one text.
    pub(super) briefs: &'a [&'a str],
}

/// Words for choosers.
const CHOOSERS: [&str; 6] = ["picker", "select", "selector", "chooser", "dropdown", "filter"];

/// What the element shows, and nothing where it is not known.
pub(super) fn shows(spot: &Spot, ground: &Ground<'_>) -> Shows {
    let data = ground.data;
    let id = words(&spot.id);
    let near = super::words::near(&spot.id, ground.briefs);
    let tag = spot.tag.as_deref().unwrap_or_default();
    picked(spot, &id, ground)
        .or_else(|| looked_up(spot, &id, ground))
        .or_else(|| command(&id, tag))
        .or_else(|| filter(spot, &id, &near, data))
        .or_else(|| tabled(spot, &id, &near, data))
        .or_else(|| {
            field(&id, data).filter(|_| matches!(tag, "" | "span" | "p" | "div" | "output" | "strong" | "td" | "time"))
        })
        .or_else(|| figure(spot, &id, &near, data))
        .or_else(|| text(spot, &id, &near, data))
        .or_else(|| picture(&id, tag, spot, data))
        .or_else(|| tree(&id, data))
        .or_else(|| (tag == "form").then_some(Shows::Form))
        .unwrap_or(Shows::Nothing)
}

/// Whether an element is a chooser among rates.
pub(super) fn is_picker(spot: &Spot, data: &Data) -> bool {
    let said = has(&words(&spot.id), &CHOOSERS[..5]) && !words(&spot.id).iter().any(|word| names_column(word, data));
    data.objects.iter().any(|object| object.has_rates)
        && (said || spot.tag.as_deref() == Some("select") || inside(spot, "option"))
}

fn names_column(word: &str, data: &Data) -> bool {
    let columns = data.sheets.iter().flat_map(|sheet| sheet.columns.iter());
    columns.take(1_000).any(|column| super::words::same(&column.name, word))
}

fn inside(spot: &Spot, tag: &str) -> bool {
    spot.inside.iter().flatten().any(|node| node.tag.as_deref() == Some(tag))
}

fn picked(spot: &Spot, id: &[String], ground: &Ground<'_>) -> Option<Shows> {
    let rates = ground.data.objects.iter().rev().find(|object| object.has_rates)?;
    if ground.pickers.contains(&spot.id) {
        return Some(Shows::Picker { file: rates.file.clone() });
    }
    let shares = |picker: &&String| {
        words(picker).iter().filter(|word| !has(&[(*word).clone()], &CHOOSERS)).any(|word| has(id, &[word]))
    };
    ground.pickers.iter().find(shares).map(|picker| Shows::Picked { picker: picker.clone() })
}

fn looked_up(spot: &Spot, id: &[String], ground: &Ground<'_>) -> Option<Shows> {
    let (form, lookup) = ground.lookup.as_ref()?;
    if *form == spot.id {
        return Some(Shows::Lookup(lookup.clone()));
    }
    let form = form.clone();
    let is_live = spot.attributes.iter().any(|(name, _)| name == "aria-live");
    if is_live || has(id, &["status", "message", "error"]) {
        return Some(Shows::Status { form });
    }
    matches!(spot.tag.as_deref(), None | Some("span" | "p" | "div" | "output" | "time" | "td" | "dd" | "strong"))
        .then_some(Shows::Answer { form })
}

/// What a button does, as far as its name says.
fn command(id: &[String], tag: &str) -> Option<Shows> {
    const COMMANDS: [(&str, &[&str]); 3] = [
        ("reload", &["reload", "refresh", "update", "load", "render", "calculate", "recalculate"]),
        ("theme", &["theme", "dark", "mode"]),
        ("print", &["print"]),
    ];
    let is_button = tag == "button" || (tag.is_empty() && has(id, &["button", "btn", "toggle"]));
    let command = COMMANDS.iter().find(|(_, names)| has(id, names)).map(|(command, _)| *command);
    command.filter(|_| is_button).map(|command| Shows::Command { command })
}

/// A chooser of rows by a column, or an input that searches them.
fn filter(spot: &Spot, id: &[String], near: &[String], data: &Data) -> Option<Shows> {
    let sheet = data.sheets.first()?;
    let tag = spot.tag.as_deref();
    if matches!(tag, Some("select")) || inside(spot, "option") || (tag.is_none() && has(id, &CHOOSERS)) {
        let by = |words: &[String]| {
            data.sheets
                .iter()
                .find_map(|sheet| Some((sheet, sheet.textual().find(|column| is_named(&column.name, words))?)))
        };
        let (sheet, column) = by(id).or_else(|| by(near)).or_else(|| Some((sheet, sheet.textual().last()?)))?;
        return Some(Shows::Filter { file: sheet.file.clone(), column: column.name.clone() });
    }
    let searches = has(id, &["search", "filter", "query", "find"]);
    (searches && (tag == Some("input") || tag.is_none())).then_some(Shows::Search)
}

fn tabled(spot: &Spot, id: &[String], near: &[String], data: &Data) -> Option<Shows> {
    let tag = spot.tag.as_deref();
    let is_chart = tag == Some("canvas") || (tag.is_none() && has(id, &["chart", "graph", "plot"]));
    let rows_inside = ["tbody", "tr", "td", "thead", "th", "table"].iter().any(|tag| inside(spot, tag));
    let is_list = matches!(tag, Some("ul" | "ol")) || inside(spot, "li") || has(id, &["list"]);
    let is_table = tag == Some("table") || rows_inside || has(id, &["table", "row", "grid"]);
    let many = id.iter().chain(near).any(|word| has(std::slice::from_ref(word), &["best", "top", "most", "leading"]));
    for sheet in &data.sheets {
        let column = column(sheet, id, near);
        let exact = match spot.count {
            Some(Count::Exactly(count)) if !inside(spot, "td") => Some(count),
            _ => None,
        };
        let by = group(sheet, id, near, exact);
        let file = sheet.file.clone();
        match (column, by) {
            (Some(column), Some(by)) if is_chart => return Some(Shows::Chart { file, by, column }),
            (Some(column), Some(by)) if many && !is_table && !is_list && has(id, &[by.as_str()]) => {
                return Some(Shows::Top { file, by, column });
            }
            (Some(column), Some(by))
                if (is_table || (has(id, &[by.as_str()]) && figure::Op::named(id).is_none() && tag.is_none()))
                    && !is_list
                    && exact != Some(sheet.rows.len()) =>
            {
                return Some(Shows::Groups { places: places(sheet, &column), file, by, column });
            }
            _ if is_table => return Some(Shows::Rows { file, limit: ROWS }),
            _ if is_list => return Some(Shows::List { file }),
            _ => {}
        }
    }
    None
}

/// The column of numbers that is meant, else the last.
fn column(sheet: &Sheet, id: &[String], near: &[String]) -> Option<String> {
    let named = |words: &[String]| {
        sheet.numeric().find(|column| is_named(&column.name, words)).map(|column| column.name.clone())
    };
    named(id).or_else(|| named(near)).or_else(|| sheet.numeric().last().map(|column| column.name.clone()))
}

/// The column of texts by which rows are put together; where a check counts the groups, one with so
/// many values.
fn group(sheet: &Sheet, id: &[String], near: &[String], exact: Option<usize>) -> Option<String> {
    let fits = |name: &str| {
        let column = sheet.column(name).and_then(|at| sheet.columns.get(at));
        exact.is_none() || exact == column.map(|column| column.different)
    };
    let named = |words: &[String]| sheet.textual().find(|column| is_named(&column.name, words) && fits(&column.name));
    let counted = || {
        exact.filter(|count| *count < sheet.rows.len()).and_then(|_| sheet.textual().find(|column| fits(&column.name)))
    };
    let sums = has(near, &["by", "per", "each", "every", "group"]) || figure::Op::named(near).is_some();
    named(id).or_else(|| named(near).filter(|_| sums)).or_else(counted).map(|column| column.name.clone())
}

fn places(sheet: &Sheet, column: &str) -> usize {
    let column = sheet.column(column).and_then(|at| sheet.columns.get(at));
    let fraction = column.is_some_and(|column| column.numbers.iter().flatten().any(|value| value.fract() != 0.0));
    if fraction { 2 } else { 0 }
}

fn figure(spot: &Spot, id: &[String], near: &[String], data: &Data) -> Option<Shows> {
    let number = match &spot.text {
        Some(Wanted::Number(number)) => Some(number.as_str()),
        _ => None,
    };
    let texts = !data.texts.is_empty() && has(id, &["word", "line", "character", "char", "heading"]);
    let taken = texts
        || !spot.inside.is_empty()
        || matches!(spot.tag.as_deref(), Some("form" | "button" | "input" | "img" | "select"));
    let whole = spot.text == Some(Wanted::Whole);
    (!taken).then(|| figure::choose(data, &Meant { id, near, number, whole })).flatten().map(Shows::Figure)
}

/// A value of a JSON object whose names the id has.
fn field(id: &[String], data: &Data) -> Option<Shows> {
    data.objects.iter().filter(|object| !object.has_rates).find_map(|object| {
        let path = path(&object.value, id)?;
        Some(Shows::Field { file: object.file.clone(), path })
    })
}

/// The way to the value that `id` names best: to most of its words.
fn path(value: &Value, id: &[String]) -> Option<Vec<String>> {
    const DEEP: usize = 4;
    const MOST: usize = 500;
    let mut rest = vec![(value, Vec::new())];
    let mut best: Option<(usize, Vec<String>)> = None;
    let mut seen = 0;
    while let (Some((value, path)), true) = (rest.pop(), seen < MOST) {
        seen += 1;
        match value {
            Value::Object(fields) if path.len() < DEEP => {
                rest.extend(fields.iter().map(|(name, value)| (value, [path.clone(), vec![name.clone()]].concat())));
            }
            Value::Object(_) | Value::Array(_) => {}
            _ => {
                let named = path.last().is_some_and(|name: &String| is_named(name, id));
                let score = path.iter().filter(|name| is_named(name, id)).map(|name| words(name).len()).sum();
                if named && best.as_ref().is_none_or(|(known, _)| score > *known) {
                    best = Some((score, path));
                }
            }
        }
    }
    best.map(|(_, path)| path)
}

fn text(spot: &Spot, id: &[String], near: &[String], data: &Data) -> Option<Shows> {
    let text = data.texts.iter().find(|text| text.markdown).or(data.texts.first().filter(|_| data.texts.len() == 1))?;
    let file = text.file.clone();
    const UNITS: [&str; 4] = ["word", "line", "heading", "character"];
    if has(id, &["count", "total", "number", "length"]) || (has(id, &["words", "lines"]) && spot.inside.is_empty()) {
        let unit = |words: &[String]| UNITS.into_iter().find(|unit| has(words, &[unit, &unit[..unit.len().min(4)]]));
        let plain = matches!(spot.text, Some(Wanted::Whole | Wanted::Number(_)));
        return Some(Shows::TextCount { file, unit: unit(id).or_else(|| unit(near)).unwrap_or("word"), plain });
    }
    if has(id, &["tab"]) {
        return Some(Shows::Tabs { of: Vec::new() });
    }
    if has(id, &["label"]) || (has(id, &["source"]) && !text.markdown) {
        return Some(Shows::Source { file });
    }
    if has(id, &["source", "raw", "plain"]) {
        return Some(Shows::FileText { file });
    }
    let is_place = has(
        id,
        &[
            "markdown", "output", "content", "html", "preview", "article", "text", "rendered", "document", "body",
            "result", "view", "viewer",
        ],
    );
    if text.markdown && (is_place || matches!(spot.tag.as_deref(), Some("article"))) {
        return Some(Shows::Markdown { file });
    }
    let is_file = is_named(file.split('.').next().unwrap_or_default(), id);
    (!text.markdown && (is_place || is_file)).then_some(Shows::FileText { file })
}

fn picture(id: &[String], tag: &str, spot: &Spot, data: &Data) -> Option<Shows> {
    let file = data.pictures.first().map(|picture| picture.file.clone());
    if has(id, &["size", "dimension", "resolution"]) {
        return file.map(|file| Shows::PictureSize { file });
    }
    let is_place = has(id, &["photo", "image", "picture", "img", "preview", "captcha", "logo"]);
    (tag == "img" || inside(spot, "img") || (is_place && matches!(tag, "" | "div" | "figure" | "section")))
        .then(|| Shows::Picture { file: file.unwrap_or_default() })
}

fn tree(id: &[String], data: &Data) -> Option<Shows> {
    let object = data.objects.first().filter(|_| has(id, &["json", "tree", "config", "data", "output", "viewer"]))?;
    Some(Shows::Json { file: object.file.clone() })
}

/// The value that a field of this path has, as the page writes it.
pub(in crate::maker) fn value_at(object: &Object, path: &[String]) -> Option<String> {
    let value = path.iter().try_fold(&object.value, |value, name| value.get(name))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}
