//! The page's own script: data, and only the parts that its elements need.

use serde_json::{Map, Value, json};

use crate::context::Error;
use crate::maker::wants::{Point, Shows, Wants};

/// A part of the script, and the kinds of elements that need it.
struct Part {
    needs: &'static [&'static str],
    code: &'static str,
}

macro_rules! part {
    ($name:literal, $needs:expr) => {
        Part { needs: $needs, code: include_str!(concat!("../../../../../templates/site/script/", $name, ".js")) }
    };
}

const TABLES: &[&str] = &["figure", "top", "groups", "chart", "rows", "list", "filter", "search"];

/// In the order in which they stand in the script.
const PARTS: [Part; 19] = [
    part!("base", &[]),
    part!("table", TABLES),
    part!("figure", &["figure"]),
    part!("top", &["top"]),
    part!("groups", &["groups"]),
    part!("chart", &["chart"]),
    part!("rows", &["rows"]),
    part!("list", &["list"]),
    part!("filter", &["filter", "search"]),
    part!("picker", &["picker"]),
    part!("json", &["json"]),
    part!("field", &["field"]),
    part!("markdown", &["markdown"]),
    part!("text", &["file_text", "text_count", "source"]),
    part!("picture", &["picture", "picture_size"]),
    part!("query", &["query"]),
    part!("tabs", &["tabs"]),
    part!("form", &["form", "command"]),
    part!("lookup", &["lookup"]),
];

const START: &str = include_str!("../../../../../templates/site/script/start.js");

pub(super) fn write(wants: &Wants) -> Result<String, Error> {
    let kinds: Vec<&str> = wants.elements.iter().map(|element| kind(&element.shows)).collect();
    if kinds.iter().all(|kind| matches!(*kind, "text" | "nothing")) {
        return Ok("(() => {\n  \"use strict\";\n})();".to_owned());
    }
    let parts = PARTS.iter().filter(|part| part.needs.is_empty() || part.needs.iter().any(|need| kinds.contains(need)));
    let code: String = parts.map(|part| part.code).chain(std::iter::once(START)).collect();
    // `<` never stands literally in the data, so that no text can end the script element.
    let data =
        data(wants).to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    let page = format!(
        "  // What each element shows and from which file, and how the tables are written.\n  const page = {data};"
    );
    Ok(format!("(() => {{\n  \"use strict\";\n{page}\n{code}}})();"))
}

fn data(wants: &Wants) -> Value {
    let shown = wants.elements.iter().filter(|element| !matches!(element.shows, Shows::Text { .. } | Shows::Nothing));
    let elements: Vec<Value> = shown.map(|element| json!(element)).collect();
    let mut tables = Map::new();
    for sheet in &wants.data.sheets {
        let mut form = Map::new();
        if let Some(separator) = sheet.separator {
            form.insert("separator".to_owned(), json!(separator));
        }
        if let Some(field) = &sheet.field {
            form.insert("field".to_owned(), json!(field));
        }
        let comma = sheet.columns.iter().filter(|column| column.point == Some(Point::Comma));
        let comma: Vec<&str> = comma.map(|column| column.name.as_str()).collect();
        if !comma.is_empty() {
            form.insert("comma".to_owned(), json!(comma));
        }
        tables.insert(sheet.file.clone(), Value::Object(form));
    }
    json!({ "source": wants.source_parameter, "elements": elements, "tables": tables })
}

pub(super) fn kind(shows: &Shows) -> &'static str {
    match shows {
        Shows::Figure(_) => "figure",
        Shows::Top { .. } => "top",
        Shows::Groups { .. } => "groups",
        Shows::Chart { .. } => "chart",
        Shows::Rows { .. } => "rows",
        Shows::List { .. } => "list",
        Shows::Filter { .. } => "filter",
        Shows::Search => "search",
        Shows::Picker { .. } => "picker",
        Shows::Picked { .. } => "picked",
        Shows::Json { .. } => "json",
        Shows::Field { .. } => "field",
        Shows::Markdown { .. } => "markdown",
        Shows::TextCount { .. } => "text_count",
        Shows::Source { .. } => "source",
        Shows::Tabs { .. } => "tabs",
        Shows::Picture { .. } => "picture",
        Shows::PictureSize { .. } => "picture_size",
        Shows::FileText { .. } => "file_text",
        Shows::Query { .. } => "query",
        Shows::Form => "form",
        Shows::Command { .. } => "command",
        Shows::Lookup(_) => "lookup",
        Shows::Answer { .. } => "answer",
        Shows::Status { .. } => "status",
        Shows::Text { .. } => "text",
        Shows::Nothing => "nothing",
    }
}
