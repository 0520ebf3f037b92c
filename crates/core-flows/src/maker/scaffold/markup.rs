//! The HTML of elements: the tags that checks ask for, else those that fit what is shown. Texts and
//! attributes are escaped; attributes that run code, and addresses of other kinds than files and
//! `https:`, are left out.

use std::fmt::Write as _;

use crate::maker::html::escape;
use crate::maker::wants::{Element, Node, Shows, Wants, value_at, words};

/// Elements without content.
const VOID: [&str; 6] = ["br", "hr", "img", "input", "wbr", "meter"];

/// Elements that the scaffold makes when it is asked for them by name.
const MADE: [&str; 62] = [
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "audio",
    "b",
    "blockquote",
    "br",
    "button",
    "canvas",
    "code",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "em",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "input",
    "label",
    "li",
    "mark",
    "meter",
    "nav",
    "ol",
    "option",
    "output",
    "p",
    "pre",
    "progress",
    "section",
    "select",
    "small",
    "span",
    "strong",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "textarea",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
];

/// Whether the scaffold makes elements of this name.
pub(super) fn is_made(tag: &str) -> bool {
    MADE.contains(&tag)
        || (tag.contains('-') && tag.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
}

/// A section with the element.
pub(super) fn element(element: &Element, wants: &Wants) -> String {
    let label = escape(&capital(&element.label));
    let class = match element.shows {
        Shows::Rows { .. }
        | Shows::Groups { .. }
        | Shows::Markdown { .. }
        | Shows::Json { .. }
        | Shows::FileText { .. } => "",
        _ => " class=\"figure\"",
    };
    format!("<section{class}>\n<h2>{label}</h2>\n{}\n</section>", content(element, wants))
}

fn content(element: &Element, wants: &Wants) -> String {
    let asked = element.tag.as_deref().filter(|tag| is_made(tag));
    let tag = asked.unwrap_or(default_tag(&element.shows));
    let names = names(element, tag);
    let inside = match (&element.shows, tag) {
        (Shows::Groups { by, column, .. }, "table") => {
            format!(
                "<thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody></tbody>",
                escape(by),
                escape(column)
            )
        }
        (Shows::Rows { .. }, "table") => "<thead></thead><tbody></tbody>".to_owned(),
        (Shows::Picture { file }, tag) if tag != "img" && !file.is_empty() => {
            format!("<img src=\"{0}\" alt=\"{0}\">", escape(file))
        }
        (Shows::Lookup(_), _) => form_fields(element, "Look up"),
        (Shows::Form, _) => format!("{} <output></output>", form_fields(element, "Show")),
        (Shows::Command { .. }, tag) if tag != "button" => {
            format!("<button type=\"button\">{}</button>", escape(&capital(&element.label)))
        }
        (Shows::Command { .. }, _) => escape(&capital(&element.label)),
        (Shows::Tabs { of }, _) => tabs(element, of),
        (Shows::Text { text }, _) => escape(text),
        (Shows::Nothing, "button") => escape(&capital(&element.label)),
        (Shows::Nothing | Shows::Query { .. }, _) if !element.inside.is_empty() => children(element),
        (Shows::Nothing, "input" | "textarea" | "select" | "canvas" | "table" | "ul" | "ol" | "svg" | "progress") => {
            String::new()
        }
        (shows, _) if is_value(shows) => initial(element, wants).map_or_else(|| "–".to_owned(), |text| escape(&text)),
        _ => String::new(),
    };
    let whole = wrap(tag, &format!("<{tag} id=\"{}\"{names}>", escape(&element.id)), &inside);
    if tag == "table" { format!("<div class=\"scroll\">{whole}</div>") } else { whole }
}

/// `open` with `inside` and its end; rows, cells, items and options stand in what they need around them.
fn wrap(tag: &str, open: &str, inside: &str) -> String {
    let whole = if VOID.contains(&tag) { open.to_owned() } else { format!("{open}{inside}</{tag}>") };
    match tag {
        "li" => format!("<ul>{whole}</ul>"),
        "option" => format!("<select aria-label=\"Choice\">{whole}</select>"),
        "dt" | "dd" => format!("<dl>{whole}</dl>"),
        "tbody" | "thead" => format!("<table class=\"table\">{whole}</table>"),
        "tr" => format!("<table class=\"table\"><tbody>{whole}</tbody></table>"),
        "td" | "th" => format!("<table class=\"table\"><tbody><tr>{whole}</tr></tbody></table>"),
        _ => whole,
    }
}

fn default_tag(shows: &Shows) -> &'static str {
    match shows {
        Shows::Groups { .. } | Shows::Rows { .. } => "table",
        Shows::List { .. } => "ul",
        Shows::Chart { .. } => "canvas",
        Shows::Filter { .. } | Shows::Picker { .. } => "select",
        Shows::Search => "input",
        Shows::FileText { .. } => "pre",
        Shows::Lookup(_) | Shows::Form => "form",
        Shows::Command { .. } => "button",
        Shows::Json { .. } | Shows::Markdown { .. } | Shows::Picture { .. } | Shows::Tabs { .. } => "div",
        Shows::Nothing => "div",
        _ => "span",
    }
}

/// Whether the element holds one short text.
fn is_value(shows: &Shows) -> bool {
    matches!(
        shows,
        Shows::Figure(_)
            | Shows::Top { .. }
            | Shows::Field { .. }
            | Shows::TextCount { .. }
            | Shows::PictureSize { .. }
            | Shows::Picked { .. }
            | Shows::Query { .. }
            | Shows::Answer { .. }
            | Shows::Source { .. }
            | Shows::Nothing
    )
}

/// What the page's script will find, for those who read the HTML without running it.
fn initial(element: &Element, wants: &Wants) -> Option<String> {
    if !element.served {
        return None;
    }
    let data = &wants.data;
    match &element.shows {
        Shows::Figure(figure) => figure.text(data.sheets.iter().find(|sheet| sheet.file == figure.file)?),
        Shows::Field { file, path } => value_at(data.objects.iter().find(|object| object.file == *file)?, path),
        Shows::TextCount { file, unit: "word", plain: true } => {
            Some(data.texts.iter().find(|text| text.file == *file)?.text.split_whitespace().count().to_string())
        }
        Shows::PictureSize { file } => {
            let (width, height) = data.pictures.iter().find(|picture| picture.file == *file)?.size?;
            Some(format!("{width}x{height}"))
        }
        Shows::Source { file } => Some(file.clone()),
        _ => None,
    }
}

/// Classes, labels and the attributes that checks ask for.
fn names(element: &Element, tag: &str) -> String {
    let mut classes = match (&element.shows, tag) {
        (_, "table") => "table".to_owned(),
        (_, "select") => "form-select".to_owned(),
        (Shows::Search, "input") => "form-control".to_owned(),
        (shows, "span" | "p" | "div" | "output" | "strong") if is_value(shows) => "value".to_owned(),
        _ => String::new(),
    };
    let mut names = String::new();
    if matches!(tag, "select" | "input" | "textarea" | "canvas" | "progress" | "meter")
        && element.attribute("aria-label").is_none()
    {
        // Writing into a string cannot fail.
        let _ = write!(names, " aria-label=\"{}\"", escape(&capital(&element.label)));
    }
    let mut own: Vec<(&str, &str)> = match (&element.shows, tag) {
        (Shows::Search, "input") => vec![("type", "search")],
        (Shows::Status { .. }, _) => vec![("role", "status"), ("aria-live", "polite")],
        (Shows::Command { .. }, "button") => vec![("type", "button")],
        (Shows::Nothing, "button") => {
            vec![("type", "button"), ("disabled", ""), ("title", "Nothing is known of what it does")]
        }
        (Shows::Picture { file }, "img") => vec![("src", file), ("alt", file)],
        _ => Vec::new(),
    };
    own.retain(|(name, _)| element.attribute(name).is_none());
    for (name, value) in own {
        let _ = write!(names, " {name}=\"{}\"", escape(value));
    }
    names.push_str(&attributes(&element.attributes, &element.label, &mut classes));
    if !classes.is_empty() {
        let _ = write!(names, " class=\"{}\"", escape(classes.trim()));
    }
    names
}

/// Attributes as HTML; classes are put together in `classes`.
pub(super) fn attributes(asked: &[(String, Option<String>)], label: &str, classes: &mut String) -> String {
    let mut html = String::new();
    let mut known: Vec<&str> = Vec::new();
    for (name, value) in asked.iter().rev() {
        if name == "class" {
            let _ = write!(classes, " {}", value.as_deref().unwrap_or_default());
            continue;
        }
        if known.contains(&name.as_str()) || !is_sound(name, value.as_deref()) {
            continue;
        }
        known.push(name);
        let value = match (name.as_str(), value) {
            (_, Some(value)) => value.clone(),
            ("alt" | "title" | "placeholder" | "aria-label" | "name" | "label", None) => capital(label),
            ("href", None) => "#".to_owned(),
            _ => String::new(),
        };
        let _ = write!(html, " {name}=\"{}\"", escape(&value));
    }
    html
}

/// Whether an attribute may stand on a page: it runs no code and loads nothing but files and `https:`.
fn is_sound(name: &str, value: Option<&str>) -> bool {
    let is_name = !name.is_empty()
        && name.len() <= 60
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_name
        || name.starts_with("on")
        || matches!(name, "id" | "style" | "srcdoc" | "src" | "srcset" | "ping" | "formaction" | "http-equiv")
    {
        return false;
    }
    if !matches!(name, "href" | "action" | "data" | "poster" | "cite" | "background") {
        return true;
    }
    value.is_none_or(|value| {
        value.starts_with("https://")
            || value.starts_with('#')
            || (!value.contains([':', '\\']) && !value.starts_with('/') && !value.chars().any(char::is_control))
    })
}

/// A form's input and button, with what checks say of them.
fn form_fields(element: &Element, verb: &str) -> String {
    let of = |tag: &str| {
        element
            .inside
            .iter()
            .filter_map(|chain| chain.last())
            .filter(move |node| node.tag.as_deref() == Some(tag))
            .collect::<Vec<_>>()
    };
    let mut html = String::new();
    let mut inputs = of("input");
    inputs.retain(|node| {
        !node
            .attributes
            .iter()
            .any(|(name, value)| name == "type" && matches!(value.as_deref(), Some("submit" | "button" | "image")))
    });
    let plain = Node { tag: Some("input".to_owned()), ..Node::default() };
    if inputs.is_empty() {
        inputs.push(&plain);
    }
    for (at, node) in inputs.iter().enumerate() {
        let value =
            |wanted: &str| node.attributes.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.clone());
        let label = value("name")
            .or_else(|| value("type"))
            .map_or_else(|| "Name".to_owned(), |name| capital(&words(&name).join(" ")));
        let mut classes = "form-control".to_owned();
        let mut own = attributes(&node.attributes, &label, &mut classes);
        if value("name").is_none() {
            let number = if at == 0 { String::new() } else { (at + 1).to_string() };
            let _ = write!(own, " name=\"{}{number}\"", escape(&label.to_lowercase().replace(' ', "-")));
        }
        let id = node.id.as_ref().map(|id| format!(" id=\"{}\"", escape(id))).unwrap_or_default();
        let _ = writeln!(html, "<label>{} <input{id}{own} class=\"{}\"></label>", escape(&label), escape(&classes));
    }
    for tag in ["textarea", "select"] {
        for node in of(tag) {
            let mut classes = "form-control".to_owned();
            let own = attributes(&node.attributes, tag, &mut classes);
            let _ =
                writeln!(html, "<label>{} <{tag}{own} class=\"{}\"></{tag}></label>", capital(tag), escape(&classes));
        }
    }
    let _ = write!(html, "<button type=\"submit\" class=\"btn btn-primary\">{verb}</button>");
    html
}

fn tabs(element: &Element, of: &[String]) -> String {
    if of.len() < element.times && !element.inside.is_empty() {
        return children(element);
    }
    let button = |id: &String| {
        format!(
            "<button type=\"button\" data-view=\"{}\">{}</button>",
            escape(id),
            escape(&capital(&words(id).join(" ")))
        )
    };
    of.iter().map(button).collect::<Vec<_>>().join("\n")
}

/// What checks look for inside of an element that shows nothing by itself.
fn children(element: &Element) -> String {
    let times = element.times;
    element
        .inside
        .iter()
        .map(|chain| (0..times).map(|_| nested(chain, &element.label, "")).collect::<String>())
        .collect()
}

/// Elements inside of each other, from the outermost; the innermost holds `text`.
pub(super) fn nested(chain: &[Node], label: &str, text: &str) -> String {
    chain.iter().rev().fold(text.to_owned(), |inside, node| {
        let tag = node.tag.as_deref().unwrap_or("div");
        if !is_made(tag) {
            return inside;
        }
        let mut classes = String::new();
        let mut own = attributes(&node.attributes, label, &mut classes);
        if !classes.is_empty() {
            let _ = write!(own, " class=\"{}\"", escape(classes.trim()));
        }
        let needs_label =
            matches!(tag, "input" | "select" | "textarea" | "progress" | "meter") && !own.contains("aria-label=");
        if needs_label {
            let _ = write!(own, " aria-label=\"{}\"", escape(&capital(label)));
        }
        let inside = match (tag, inside.is_empty()) {
            ("option", true) => escape(
                node.attributes
                    .iter()
                    .find(|(name, _)| name == "value")
                    .and_then(|(_, value)| value.as_deref())
                    .unwrap_or("–"),
            ),
            ("a", true) => escape(
                node.attributes
                    .iter()
                    .find(|(name, _)| name == "href")
                    .and_then(|(_, value)| value.as_deref())
                    .unwrap_or(label),
            ),
            ("button" | "summary" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "legend" | "label", true) => {
                escape(&capital(label))
            }
            _ => inside,
        };
        if tag == "button" && !own.contains("type=") {
            own.push_str(" type=\"button\" disabled title=\"Nothing is known of what it does\"");
        }
        if VOID.contains(&tag) { format!("<{tag}{own}>") } else { format!("<{tag}{own}>{inside}</{tag}>") }
    })
}

/// `total sales` is `Total sales`.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What an element shows, as the rest of a sentence that begins with it.
pub(super) fn explain(shows: &Shows) -> Option<String> {
    use crate::maker::wants::Op;
    Some(match shows {
        Shows::Figure(figure) => {
            let what = match figure.op {
                Op::Sum => "the sum",
                Op::Mean => "the mean",
                Op::Median => "the median",
                Op::Min => "the least value",
                Op::Max => "the greatest value",
                Op::Count => "the number of rows",
                Op::Distinct => "the number of different values",
            };
            let column = figure.column.as_ref().map(|column| format!(" of the column `{column}`")).unwrap_or_default();
            let only = figure
                .only
                .as_ref()
                .map(|only| format!(" where `{}` is `{}`", only.column, only.value))
                .unwrap_or_default();
            format!("shows {what}{column}{only} in `{}`, computed in the page.", figure.file)
        }
        Shows::Top { file, by, column } => format!("shows the `{by}` with the greatest sum of `{column}` in `{file}`."),
        Shows::Groups { file, by, column, .. } => format!("lists the sums of `{column}` by `{by}` in `{file}`."),
        Shows::Chart { file, by, column } => format!("draws the sums of `{column}` by `{by}` in `{file}`."),
        Shows::Rows { file, .. } => format!("shows `{file}` as a table; a click on a column's name sorts it."),
        Shows::List { file } => format!("lists the rows of `{file}`."),
        Shows::Filter { file, column } => format!("chooses rows of `{file}` by `{column}`."),
        Shows::Search => "searches the shown rows.".to_owned(),
        Shows::Picker { file } => format!("chooses a rate of `{file}`, which the sums are multiplied with."),
        Shows::Picked { picker } => format!("shows what is chosen in `#{picker}`."),
        Shows::Json { file } => format!("shows `{file}` as a tree."),
        Shows::Field { file, path } => format!("shows `{}` of `{file}`.", path.join(".")),
        Shows::Markdown { file } => format!("shows `{file}` as HTML."),
        Shows::TextCount { file, unit, .. } => format!("counts the {unit}s of `{file}`."),
        Shows::Source { file } => format!("says what is shown: `{file}`, or the address that the query names."),
        Shows::Tabs { .. } => "chooses which view is seen.".to_owned(),
        Shows::Picture { file } if file.is_empty() => "shows the picture that the query names.".to_owned(),
        Shows::Picture { file } => format!("shows `{file}`, or the picture that the query names."),
        Shows::PictureSize { .. } => "shows the picture's width and height.".to_owned(),
        Shows::FileText { file } => format!("shows the text of `{file}`."),
        Shows::Query { parameter, .. } => format!("shows the value of `?{parameter}=`."),
        Shows::Form => "shows what is typed into it; nothing is sent.".to_owned(),
        Shows::Command { command } => format!("is a button: {command}."),
        Shows::Lookup(lookup) => format!("asks {} for what is typed into it.", lookup.api),
        Shows::Answer { .. } => "shows a value of the answer.".to_owned(),
        Shows::Status { .. } => "says how the request is getting on.".to_owned(),
        Shows::Text { .. } => "shows a text that the task gives.".to_owned(),
        Shows::Nothing => return None,
    })
}
