//! What a page must have, read from briefs, checks and attachments by general rules.
//!
//! Ids, titles and libraries are named literally in most requests. What an element shows is guessed
//! from the words of its id and the shape of the attached data: `total-sales` beside a CSV with a
//! numeric column `sales` is that column's sum. No task is known by name.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use shared_types::Oracle;

use super::Brief;

/// The page that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Wants {
    pub(super) title: String,
    pub(super) elements: Vec<Element>,
    pub(super) styles: Vec<String>,
    pub(super) scripts: Vec<String>,
}

/// An element with an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Element {
    pub(super) id: String,
    /// Its id in words, for a heading.
    pub(super) label: String,
    #[serde(flatten)]
    pub(super) shows: Shows,
}

/// What an element shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "shows", rename_all = "snake_case")]
pub(super) enum Shows {
    /// The sum of a column, two decimals.
    Sum { file: String, column: String },
    /// A table: sums of a column by the values of another.
    Groups { file: String, by: String, column: String },
    /// A table of all rows.
    Rows { file: String },
    /// A chooser among the keys of a JSON object of numbers, which scale the sums.
    Picker { file: String },
    /// The chosen key.
    Picked { picker: String },
    /// Markdown as HTML.
    Markdown { file: String },
    /// The number of words of the Markdown.
    WordCount { file: String },
    /// Which source is shown: the query's or the attachment.
    Source { file: String },
    /// A picture.
    Picture { file: String },
    /// Its width and height, as in `48x32`.
    PictureSize { file: String },
    /// The text of a file.
    FileText { file: String },
    /// Nothing is known.
    Nothing,
}

/// A table with a header line.
struct Table {
    file: String,
    numeric: Vec<String>,
    texts: Vec<String>,
}

/// Attached data by shape.
struct Data {
    tables: Vec<Table>,
    /// JSON files that hold an object of numbers.
    rates: Vec<String>,
    markdown: Option<String>,
    picture: Option<String>,
    texts: Vec<String>,
}

/// How an id is used by an expression or described by a brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Table,
    Picker,
    Plain,
}

/// A library that requests name, and where the CDNs keep it. The needle is what checks look for in
/// the address.
struct Library {
    needle: &'static str,
    style: Option<&'static str>,
    script: Option<&'static str>,
}

const LIBRARIES: [Library; 7] = [
    Library {
        needle: "bootstrap",
        style: Some("https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/css/bootstrap.min.css"),
        script: None,
    },
    Library { needle: "marked", style: None, script: Some("https://cdn.jsdelivr.net/npm/marked@12.0.2/marked.min.js") },
    Library {
        needle: "highlight.js",
        style: Some("https://cdnjs.cloudflare.com/ajax/libs/highlight.js/11.9.0/styles/github.min.css"),
        script: Some("https://cdnjs.cloudflare.com/ajax/libs/highlight.js/11.9.0/highlight.min.js"),
    },
    Library {
        needle: "chart.js",
        style: None,
        script: Some("https://cdn.jsdelivr.net/npm/chart.js@4.4.3/dist/chart.umd.js"),
    },
    Library {
        needle: "leaflet",
        style: Some("https://cdn.jsdelivr.net/npm/leaflet@1.9.4/dist/leaflet.css"),
        script: Some("https://cdn.jsdelivr.net/npm/leaflet@1.9.4/dist/leaflet.js"),
    },
    Library { needle: "d3", style: None, script: Some("https://cdn.jsdelivr.net/npm/d3@7.9.0/dist/d3.min.js") },
    Library {
        needle: "katex",
        style: Some("https://cdn.jsdelivr.net/npm/katex@0.16.10/dist/katex.min.css"),
        script: Some("https://cdn.jsdelivr.net/npm/katex@0.16.10/dist/katex.min.js"),
    },
];

/// Compiles a pattern of this file; the tests touch each one.
#[expect(clippy::expect_used, reason = "the patterns are constants and a test compiles them all")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

static TITLE_CHECK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"document\.title(?:\.trim\(\))?\s*(?:===?|\.includes\()\s*["'`]([^"'`]+)["'`]"#));
static TITLE_BRIEF: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)\btitle[d]?\b[^"“`.\n]{0,30}["“`]([^"”`\n]{1,120})["”`]"#));
static ID_CALL: LazyLock<Regex> = LazyLock::new(|| pattern(r#"getElementById\(\s*["'`]([A-Za-z][\w-]*)["'`]\s*\)"#));
static ID_HASH: LazyLock<Regex> = LazyLock::new(|| pattern(r"#([A-Za-z][\w-]*)"));
static ID_WORD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"\bid (?:of )?["'`]?([A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)+)"#));
static COLOUR: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"));
static LIBRARY_CHECK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(link|script)\[(?:href|src)\s*[*^$~]=\s*["'`]?([\w.@/:-]+)["'`]?\]"#));

/// Everything that `brief` asks for.
pub(super) fn read(brief: &Brief) -> Wants {
    let expressions: Vec<&str> = brief
        .prepared
        .checks
        .iter()
        .map(|check| match &check.oracle {
            Oracle::JavaScript { expression } => expression.as_str(),
            _ => check.source.as_str(),
        })
        .collect();
    let briefs: Vec<&str> = brief.prepared.briefs.iter().map(String::as_str).collect();
    let data = data(brief);
    let ids = ids(&expressions, &briefs);
    let pickers: Vec<String> =
        ids.iter().filter(|(id, used)| is_picker(id, *used, &data)).map(|(id, _)| id.clone()).collect();
    let elements = ids
        .iter()
        .map(|(id, used)| Element {
            id: id.clone(),
            label: words(id).join(" "),
            shows: shows(id, *used, &data, &pickers, &briefs),
        })
        .collect();
    let (styles, scripts) = libraries(&expressions, &briefs);
    Wants { title: title(&expressions, &briefs).unwrap_or_else(|| brief.title.clone()), elements, styles, scripts }
}

fn title(expressions: &[&str], briefs: &[&str]) -> Option<String> {
    // A later round may rename the page, and a check is more exact than a brief.
    let last = |pattern: &Regex, texts: &[&str]| {
        texts.iter().rev().find_map(|text| Some(pattern.captures(text)?[1].to_owned()))
    };
    last(&TITLE_CHECK, expressions).or_else(|| last(&TITLE_BRIEF, briefs))
}

/// Every id that is named, in order of appearance, with how it is used.
fn ids(expressions: &[&str], briefs: &[&str]) -> Vec<(String, Use)> {
    let mut found: Vec<(String, Use)> = Vec::new();
    let mut add = |id: &str, used: Use| match found.iter_mut().find(|(known, _)| known == id) {
        Some((_, known)) if *known == Use::Plain => *known = used,
        Some(_) => {}
        None => found.push((id.to_owned(), used)),
    };
    for text in briefs {
        let hashes = ID_HASH.captures_iter(text).chain(ID_WORD.captures_iter(text));
        hashes.filter(|found| !COLOUR.is_match(&found[1])).for_each(|found| add(&found[1], Use::Plain));
    }
    for text in expressions {
        ID_CALL.captures_iter(text).for_each(|found| add(&found[1], Use::Plain));
        for found in ID_HASH.captures_iter(text).filter(|found| !COLOUR.is_match(&found[1])) {
            let rest = found.get(0).map_or("", |whole| &text[whole.end()..]);
            add(
                &found[1],
                match rest.trim_start() {
                    rest if rest.starts_with("tbody") || rest.starts_with("tr") || rest.starts_with("> tbody") => {
                        Use::Table
                    }
                    rest if rest.starts_with("option") || rest.starts_with("> option") => Use::Picker,
                    _ => Use::Plain,
                },
            );
        }
    }
    found
}

fn libraries(expressions: &[&str], briefs: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut styles = BTreeSet::new();
    let mut scripts = BTreeSet::new();
    for found in expressions.iter().flat_map(|text| LIBRARY_CHECK.captures_iter(text)) {
        let (tag, needle) = (&found[1], found[2].to_lowercase());
        let known = LIBRARIES.iter().find(|library| {
            needle.contains(library.needle) || (needle.len() >= 4 && library.needle.starts_with(&needle))
        });
        match (tag, known) {
            ("link", Some(library)) => styles.extend(library.style.map(str::to_owned)),
            ("script", Some(library)) => scripts.extend(library.script.map(str::to_owned)),
            // A name with a dot or a slash is a file, more likely the site's own than a package.
            ("script", None) if !needle.contains(['/', '.']) => {
                scripts.insert(format!("https://cdn.jsdelivr.net/npm/{needle}"));
            }
            // A style sheet that nobody knows cannot be guessed.
            _ => {}
        }
    }
    let briefs: Vec<String> = briefs.iter().map(|brief| brief.to_lowercase()).collect();
    let named = |needle: &str| {
        briefs
            .iter()
            .flat_map(|brief| brief.split(|c: char| !(c.is_alphanumeric() || c == '.')))
            .any(|word| word.trim_end_matches('.') == needle)
    };
    for library in LIBRARIES.iter().filter(|library| named(library.needle)) {
        styles.extend(library.style.map(str::to_owned));
        scripts.extend(library.script.map(str::to_owned));
    }
    (styles.into_iter().collect(), scripts.into_iter().collect())
}

fn data(brief: &Brief) -> Data {
    let mut data = Data { tables: Vec::new(), rates: Vec::new(), markdown: None, picture: None, texts: Vec::new() };
    for (path, bytes) in brief.attached.iter() {
        let file = super::html::href(path.as_str());
        let text = std::str::from_utf8(bytes).ok();
        match (path.extension().as_str(), text) {
            ("csv", Some(text)) => data.tables.extend(table(file, text)),
            ("json", Some(text)) if has_rates(text) => data.rates.push(file),
            ("md" | "markdown", Some(_)) => data.markdown = data.markdown.or(Some(file)),
            ("png" | "jpg" | "jpeg" | "gif" | "webp" | "svg", _) => data.picture = data.picture.or(Some(file)),
            ("txt", Some(_)) => data.texts.push(file),
            _ => {}
        }
    }
    data
}

/// Columns by whether their values in the first lines are numbers. Quotes do not matter here: the
/// page itself reads the data with a real reader.
fn table(file: String, text: &str) -> Option<Table> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<String> = lines
        .next()?
        .trim_start_matches('\u{feff}')
        .split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .collect();
    let rows: Vec<Vec<&str>> = lines.take(20).map(|line| line.split(',').map(str::trim).collect()).collect();
    let is_number = |column: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(column)).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.trim_matches('"').parse::<f64>().is_ok())
    };
    let (numeric, texts) = (0..header.len()).partition::<Vec<usize>, _>(|column| is_number(*column));
    let named = |columns: Vec<usize>| columns.into_iter().filter_map(|column| header.get(column).cloned()).collect();
    Some(Table { file, numeric: named(numeric), texts: named(texts) })
}

fn has_rates(text: &str) -> bool {
    let is_numbers = |value: &serde_json::Value| {
        value.as_object().is_some_and(|object| !object.is_empty() && object.values().all(serde_json::Value::is_number))
    };
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => is_numbers(&value) || value.as_object().is_some_and(|object| object.values().any(is_numbers)),
        Err(_) => false,
    }
}

fn is_picker(id: &str, used: Use, data: &Data) -> bool {
    let said =
        words(id).iter().any(|word| matches!(word.as_str(), "picker" | "select" | "selector" | "chooser" | "dropdown"));
    !data.rates.is_empty() && (used == Use::Picker || said)
}

fn shows(id: &str, used: Use, data: &Data, pickers: &[String], briefs: &[&str]) -> Shows {
    let words = words(id);
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    if pickers.iter().any(|picker| picker == id) {
        return Shows::Picker { file: data.rates.last().cloned().unwrap_or_default() };
    }
    if let Some(picker) = pickers.iter().find(|picker| shares_word(picker, &words)) {
        return Shows::Picked { picker: picker.clone() };
    }
    for table in &data.tables {
        let column = column(&table.numeric, &words, briefs);
        let by = table.texts.iter().find(|name| words.iter().any(|word| same_word(word, name)));
        match (column, by) {
            (Some(column), Some(by)) if used == Use::Table || !has(&["total", "sum"]) => {
                return Shows::Groups { file: table.file.clone(), by: by.clone(), column };
            }
            _ if used == Use::Table || has(&["table", "rows"]) => return Shows::Rows { file: table.file.clone() },
            (Some(column), _) if has(&["total", "sum"]) => return Shows::Sum { file: table.file.clone(), column },
            _ => {}
        }
    }
    if let Some(file) = data.markdown.clone() {
        if has(&["count"]) {
            return Shows::WordCount { file };
        }
        if has(&["label", "source"]) {
            return Shows::Source { file };
        }
        if has(&["markdown", "output", "content", "html", "preview"]) {
            return Shows::Markdown { file };
        }
    }
    if let Some(file) = data.picture.clone() {
        if has(&["size", "dimensions", "resolution"]) {
            return Shows::PictureSize { file };
        }
        if has(&["photo", "image", "picture", "img", "preview"]) {
            return Shows::Picture { file };
        }
    }
    match data.texts.first() {
        Some(file) if data.texts.len() == 1 && has(&["text", "content", "output"]) => {
            Shows::FileText { file: file.clone() }
        }
        _ => Shows::Nothing,
    }
}

/// The numeric column that the id names, else one that a brief names, else the last.
fn column(numeric: &[String], words: &[String], briefs: &[&str]) -> Option<String> {
    let in_id = numeric.iter().find(|name| words.iter().any(|word| same_word(word, name)));
    let in_brief = || numeric.iter().find(|name| briefs.iter().any(|brief| brief.contains(&format!("`{name}`"))));
    in_id.or_else(in_brief).or(numeric.last()).cloned()
}

fn shares_word(picker: &str, id_words: &[String]) -> bool {
    const ROLES: [&str; 5] = ["picker", "select", "selector", "chooser", "dropdown"];
    words(picker).iter().filter(|word| !ROLES.contains(&word.as_str())).any(|word| id_words.contains(word))
}

/// `Products` is `product`.
fn same_word(left: &str, right: &str) -> bool {
    let stem = |word: &str| word.to_lowercase().trim_end_matches('s').to_owned();
    !stem(left).is_empty() && stem(left) == stem(right)
}

/// `total-sales`, `total_sales` and `totalSales` are the words `total` and `sales`.
fn words(id: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in id.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&TITLE_CHECK, &TITLE_BRIEF, &ID_CALL, &ID_HASH, &ID_WORD, &COLOUR, &LIBRARY_CHECK] {
            assert!(!pattern.as_str().is_empty());
        }
    }

    #[test]
    fn ids_are_taken_literally_and_colours_are_not_ids() {
        let found = ids(
            &["document.querySelectorAll('#prices tbody tr').length", "document.getElementById(\"sum\").textContent"],
            &["Show #sum on #ff8800, a table with the id prices-2 and a select with the id of unit-picker."],
        );
        let expected =
            [("sum", Use::Plain), ("prices-2", Use::Plain), ("unit-picker", Use::Plain), ("prices", Use::Table)];
        assert_eq!(found, expected.map(|(id, used)| (id.to_owned(), used)));
    }

    #[test]
    fn titles_come_from_checks_before_briefs() {
        let brief = "A page titled \"Old\".";
        assert_eq!(title(&["document.title === 'New'"], &[brief]).as_deref(), Some("New"));
        assert_eq!(title(&["document.title.includes(`Part`)"], &[]).as_deref(), Some("Part"));
        assert_eq!(title(&[], &[brief]).as_deref(), Some("Old"));
        assert_eq!(title(&[], &["Just a page."]), None);
    }

    #[test]
    fn libraries_are_loaded_from_where_checks_look_for_them() {
        let (styles, scripts) = libraries(
            &[
                "document.querySelector(\"link[href*='bootstrap']\")",
                "document.querySelector('script[src*=\"dayjs\"]')",
            ],
            &["Highlight code with highlight.js. Marked? No."],
        );
        assert_eq!(styles.len(), 2, "{styles:?}");
        assert!(scripts.contains(&"https://cdn.jsdelivr.net/npm/dayjs".to_owned()), "{scripts:?}");
        assert!(scripts.iter().any(|script| script.contains("highlight.js")), "{scripts:?}");
    }

    #[test]
    fn columns_are_numeric_when_all_their_values_are() {
        let table = table("x.csv".to_owned(), "day,\"amount\",note\n2025-01-01,1.5,a\n2025-01-02,-2,3\n").unwrap();
        assert_eq!(table.numeric, ["amount"]);
        assert_eq!(table.texts, ["day", "note"]);
    }
}
