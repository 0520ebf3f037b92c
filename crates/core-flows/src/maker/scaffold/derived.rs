//! Files that checks ask for and whose contents follow from the request: tables in another format,
//! JSON of figures, badges, short texts about the site, and the few files that every site may have.
//! What nothing tells is not made up: such a file is left out.

use ports::Site;
use serde_json::{Map, Value};
use shared_types::{JsonField, JsonRule, JsonType, SitePath};

use super::markup::capital;
use crate::maker::Brief;
use crate::maker::derive::{Derivation, Sheet as Which};
use crate::maker::html::escape;
use crate::maker::wants::{Data, Figure, Op, Sheet, Wants, is_named, same, words};

/// The files, without the page, its style sheet and its script.
pub(super) fn files(brief: &Brief, wants: &Wants) -> Site {
    let mut site = Site::new();
    for path in &wants.demands.files {
        let known = brief.attached.contains(path.as_str()) || brief.base.contains(path.as_str());
        let is_ours = matches!(path.as_str(), "index.html" | "README.md" | "LICENSE" | ".nojekyll");
        let derived = || derived(brief, wants, path);
        if let (false, Some(bytes)) = (is_ours || (known && !is_figures(wants, path)), derived())
            && !brief.attached.contains(path.as_str())
        {
            site.insert(path.clone(), bytes);
        }
    }
    site
}

/// Figures follow the data of the newest round.
fn is_figures(wants: &Wants, path: &SitePath) -> bool {
    wants.demands.fields.iter().any(|(file, _)| file == path)
}

/// A whole table is asked for.
fn is_list(wants: &Wants, path: &SitePath) -> bool {
    let mut fields = wants.demands.fields.iter().filter(|(file, _)| file == path).flat_map(|(_, fields)| fields);
    fields.any(|field| field.field.is_empty() && field.rule == JsonRule::Typed { json_type: JsonType::Array })
}

fn derived(brief: &Brief, wants: &Wants, path: &SitePath) -> Option<bytes::Bytes> {
    let extension = path.extension();
    let made = match (path.as_str(), extension.as_str()) {
        ("robots.txt", _) => "User-agent: *\nAllow: /\n".to_owned(),
        ("manifest.json" | "manifest.webmanifest" | "site.webmanifest", _) if !is_figures(wants, path) => {
            manifest(wants)
        }
        ("404.html", _) => not_found(wants),
        (_, "json") if is_figures(wants, path) && !is_list(wants, path) => figures(wants, path)?,
        (_, "csv" | "json") => return converted(brief, path),
        (_, "svg") => badge(brief, wants, path)?,
        (_, "md" | "txt") => about(brief, wants, path)?,
        _ => return None,
    };
    Some(made.into())
}

/// The attached table of the same name, or the only one, in this format.
fn converted(brief: &Brief, path: &SitePath) -> Option<bytes::Bytes> {
    let stem = |path: &SitePath| path.file_name().rsplit_once('.').map(|(stem, _)| stem.to_lowercase());
    let is_table = |path: &SitePath| matches!(path.extension().as_str(), "csv" | "json" | "xlsx" | "xls" | "ods");
    let tables: Vec<&SitePath> = brief.attached.iter().map(|(path, _)| path).filter(|path| is_table(path)).collect();
    let from = match tables.as_slice() {
        [only]
            if brief
                .prepared
                .briefs
                .iter()
                .any(|text| text.contains(path.as_str()) && text.contains(only.file_name())) =>
        {
            Some(*only)
        }
        all => all.iter().copied().find(|from| stem(from) == stem(path)),
    }?;
    let derivation = Derivation { to: path.clone(), from: from.clone(), sheet: Which::First };
    derivation.carry_out(brief.attached.get(from.as_str()), &brief.workbooks).ok()
}

/// A JSON object with every field that is asked for; none when one of them is not known.
fn figures(wants: &Wants, path: &SitePath) -> Option<String> {
    let asked: Vec<&JsonField> =
        wants.demands.fields.iter().filter(|(file, _)| file == path).flat_map(|(_, fields)| fields).collect();
    let mut document = Value::Object(Map::new());
    for field in asked {
        let value = match &field.rule {
            JsonRule::Typed { json_type: JsonType::Object } if field.field.is_empty() => continue,
            JsonRule::Equals { value } if is_borne_out(value, &wants.data) => value.clone(),
            JsonRule::Equals { .. } => return None,
            JsonRule::Typed { json_type } => {
                computed(&field.field, &wants.data).filter(|value| fits(value, *json_type))?
            }
            JsonRule::Present => computed(&field.field, &wants.data)?,
        };
        put(&mut document, &field.field, value)?;
    }
    serde_json::to_string_pretty(&document).ok().map(|text| format!("{text}\n"))
}

fn put(document: &mut Value, field: &str, value: Value) -> Option<()> {
    let mut place = document;
    for name in field.split('.') {
        place = place.as_object_mut()?.entry(name).or_insert_with(|| Value::Object(Map::new()));
    }
    *place = value;
    Some(())
}

fn fits(value: &Value, kind: JsonType) -> bool {
    match kind {
        JsonType::Integer => value.is_i64() || value.is_u64(),
        JsonType::Number => value.is_number(),
        JsonType::String => value.is_string(),
        _ => false,
    }
}

/// Whether the attached tables say so too: a number is one of their figures or values, a text one of
/// their values. Without tables there is nothing that says otherwise.
fn is_borne_out(value: &Value, data: &Data) -> bool {
    if data.sheets.is_empty() {
        return !value.is_number();
    }
    let Some(wanted) = value.as_f64() else {
        let Some(text) = value.as_str() else { return false };
        return data.sheets.iter().any(|sheet| sheet.rows.iter().flatten().any(|cell| cell == text));
    };
    let near = |found: f64| (found - wanted).abs() <= 0.005 + wanted.abs() * 1e-12;
    data.sheets.iter().any(|sheet| {
        let values = sheet.numeric().flat_map(|column| column.numbers.iter().copied().flatten());
        every_figure(sheet).filter_map(|figure| figure.value(sheet)).chain(values).any(near)
    })
}

fn every_figure(sheet: &Sheet) -> impl Iterator<Item = Figure> + '_ {
    let figure = |op, column: Option<&str>| Figure {
        file: sheet.file.clone(),
        op,
        column: column.map(str::to_owned),
        only: None,
        places: 2,
    };
    let of_columns = sheet.numeric().chain(sheet.textual()).flat_map(move |column| {
        [Op::Sum, Op::Mean, Op::Median, Op::Min, Op::Max, Op::Distinct].map(|op| figure(op, Some(&column.name)))
    });
    std::iter::once(figure(Op::Count, None)).chain(of_columns)
}

/// The value that a field's name asks for: `total_sales`, `max.pm25`, `max.city`, `stations` (how many
/// of them), `rows`.
fn computed(field: &str, data: &Data) -> Option<Value> {
    let words = words(field);
    let sheet = data.sheets.first()?;
    let op = Op::named(&words);
    let column = sheet.columns.iter().find(|column| is_named(&column.name, &words));
    let extreme = |op: Op| {
        let measure = sheet.numeric().last()?;
        let rows = measure.numbers.iter().enumerate().filter_map(|(row, number)| Some((row, (*number)?)));
        let best = if op == Op::Max {
            rows.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
        } else {
            rows.min_by(|a, b| a.1.total_cmp(&b.1))
        };
        best.map(|(row, _)| row)
    };
    let value = match (op, column) {
        (Some(op @ (Op::Min | Op::Max)), Some(column)) if column.point.is_none() => {
            return Some(Value::from(sheet.cell(extreme(op)?, sheet.column(&column.name)?)));
        }
        (Some(op), Some(column)) if op != Op::Count => {
            Figure { file: sheet.file.clone(), op, column: Some(column.name.clone()), only: None, places: 2 }
                .value(sheet)?
        }
        (Some(Op::Count), Some(column)) | (None, Some(column)) if column.point.is_none() => column.different as f64,
        (Some(Op::Count), _) => sheet.rows.len() as f64,
        _ => return None,
    };
    Some(json_number(value))
}

/// A whole number is written as one; others are rounded to the cent, which sums of cents need.
fn json_number(value: f64) -> Value {
    let rounded = (value * 100.0).round() / 100.0;
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 { Value::from(rounded as i64) } else { Value::from(rounded) }
}

fn manifest(wants: &Wants) -> String {
    let value =
        serde_json::json!({ "name": wants.title, "short_name": wants.title, "start_url": ".", "display": "browser" });
    format!("{value:#}\n")
}

fn not_found(wants: &Wants) -> String {
    let title = escape(&wants.title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Not found - {title}</title>\n</head>\n<body>\n<main>\n<h1>Not found</h1>\n<p>There is no such page here. <a href=\"./\">{title}</a></p>\n</main>\n</body>\n</html>\n"
    )
}

/// The words that a brief says of a file, up to where it speaks of the next one.
fn said_of(brief: &Brief, path: &SitePath) -> Vec<String> {
    let name = path.file_name();
    let mut said = Vec::new();
    for text in brief.prepared.briefs.iter().chain(brief.prepared.checks.iter().map(|check| &check.source)) {
        for (at, _) in text.match_indices(name) {
            let rest = &text[at + name.len()..];
            let end = rest.find([';', '\n']).or_else(|| rest.find(". ")).unwrap_or(rest.len());
            said.extend(words(super::head(&rest[..end], 300)));
        }
    }
    said
}

/// An SVG with the figure that the brief asks it to show; the site's name for a logo or an icon.
fn badge(brief: &Brief, wants: &Wants, path: &SitePath) -> Option<String> {
    let said = said_of(brief, path);
    let figure = Op::named(&said).and_then(|op| {
        wants.data.sheets.iter().find_map(|sheet| {
            let column = sheet.numeric().find(|column| is_named(&column.name, &said)).map(|column| column.name.clone());
            let column = if op == Op::Count { None } else { Some(column?) };
            let figure = Figure { file: sheet.file.clone(), op, column, only: None, places: 0 };
            let value = json_number(figure.value(sheet)?).to_string();
            Some((figure.column.unwrap_or_else(|| "rows".to_owned()), value))
        })
    });
    let is_name = words(path.file_name())
        .iter()
        .any(|word| ["logo", "icon", "favicon", "badge"].iter().any(|name| same(word, name)));
    let (label, value) = match figure {
        Some((label, value)) => (capital(&label), value),
        None if is_name && said.is_empty() => (super::head(&wants.title, 40).to_owned(), String::new()),
        None => return None,
    };
    let text = format!("{label} {value}").trim().to_owned();
    let width = text.chars().count() * 9 + 24;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"32\" viewBox=\"0 0 {width} 32\" role=\"img\" aria-label=\"{0}\">\n  <title>{0}</title>\n  <rect width=\"{width}\" height=\"32\" rx=\"6\" fill=\"#2457b8\"/>\n  <text x=\"12\" y=\"21\" fill=\"#fff\" font-family=\"sans-serif\" font-size=\"15\">{0}</text>\n</svg>\n",
        escape(&text)
    ))
}

/// A text about the site, of as many words as are asked for.
fn about(brief: &Brief, wants: &Wants, path: &SitePath) -> Option<String> {
    const NUMBERS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    // True of every page of the scaffold, and a sentence at each of these lengths.
    const TEXTS: [&str; 12] = [
        "Website",
        "Static website",
        "A static website",
        "A small static website",
        "This is a static website",
        "This is a small static website",
        "This is a website without a server",
        "This is a small website without a server",
        "This is a small static website without a server",
        "This is a small static website without its own server",
        "This is a small static website that needs no own server",
        "This is a small static website that needs no server at all",
    ];
    let said = said_of(brief, path);
    let asked = said.windows(2).find_map(|pair| match pair {
        [count, unit] if same(unit, "word") => {
            NUMBERS.iter().position(|name| name == count).or_else(|| count.parse().ok())
        }
        _ => None,
    });
    if !words(path.file_name()).iter().any(|word| matches!(word.as_str(), "about" | "summary" | "description" | "info"))
    {
        return None;
    }
    match asked {
        Some(count) => TEXTS.get(count.checked_sub(1)?).map(|text| format!("{text}\n")),
        None => {
            let first = brief.prepared.briefs.first()?;
            Some(format!(
                "# About {}\n\nThis site was made from this brief:\n\n> {}\n",
                wants.title,
                super::head(first, 2_000).split_whitespace().collect::<Vec<_>>().join(" ")
            ))
        }
    }
}
