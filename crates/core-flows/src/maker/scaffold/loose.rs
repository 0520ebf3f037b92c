//! Elements without ids that checks ask for: those of the page's frame get their attributes there, what
//! the page has anyway needs nothing, and the rest becomes a section of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::markup;
use crate::maker::html::escape;
use crate::maker::wants::{Loose, Node, Shows, Wanted, Wants};

/// Where everything stands.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Attributes of the frame's elements, as HTML.
    pub(super) skeleton: BTreeMap<&'static str, String>,
    pub(super) heading: Option<String>,
    pub(super) metas: Vec<Meta>,
    /// Elements of the frame that have one of the asked ids.
    pub(super) placed: BTreeSet<String>,
    pub(super) sections: Vec<String>,
}

/// Escaped.
#[derive(Debug)]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) content: String,
}

/// Of each element of the frame its id and attributes.
type Frame = BTreeMap<&'static str, (Option<String>, Vec<(String, Option<String>)>)>;

const FRAME: [&str; 6] = ["html", "body", "header", "h1", "main", "footer"];

/// What every page of the scaffold has.
const ALWAYS: [&str; 13] =
    ["html", "head", "body", "title", "header", "h1", "main", "footer", "p", "a", "details", "summary", "meta"];

pub(super) fn place(wants: &Wants) -> Document {
    let mut document = Document::default();
    let mut frame = Frame::new();
    for element in &wants.elements {
        let free = |tag: &&'static str| {
            element.tag.as_deref() == Some(tag) && frame.get(*tag).is_none_or(|(id, _)| id.is_none())
        };
        if let Some(tag) = FRAME.iter().copied().find(|tag| free(tag)) {
            let slot = frame.entry(tag).or_default();
            slot.0 = Some(element.id.clone());
            slot.1.extend(element.attributes.iter().cloned());
            document.placed.insert(element.id.clone());
            if let (Shows::Text { text }, "h1") = (&element.shows, tag) {
                document.heading = Some(text.clone());
            }
        }
    }
    let tags = tags(wants);
    for loose in &wants.demands.loose {
        one(&mut document, &mut frame, loose, wants, &tags);
    }
    let lang = ("lang".to_owned(), Some("en".to_owned()));
    let html = frame.entry("html").or_default();
    if !html.1.iter().any(|(name, value)| name == "lang" && value.is_some()) {
        html.1.retain(|(name, _)| name != "lang");
        html.1.push(lang);
    }
    for tag in FRAME {
        let (id, attributes) = frame.remove(tag).unwrap_or_default();
        let mut classes = String::new();
        let mut own = markup::attributes(&attributes, &wants.title, &mut classes);
        if let Some(id) = id {
            own.push_str(&format!(" id=\"{}\"", escape(&id)));
        }
        if !classes.is_empty() {
            own.push_str(&format!(" class=\"{}\"", escape(classes.trim())));
        }
        document.skeleton.insert(tag, own);
    }
    document
}

fn one(document: &mut Document, frame: &mut Frame, loose: &Loose, wants: &Wants, tags: &BTreeSet<String>) {
    let text = match &loose.text {
        Some(Wanted::Is(text) | Wanted::Holds(text)) => Some(text),
        _ => None,
    };
    let [node] = loose.chain.as_slice() else {
        // What stands around it in the frame is there.
        let inner: Vec<Node> =
            loose.chain.iter().skip_while(|node| is_frame(node) && node.attributes.is_empty()).cloned().collect();
        return match inner.as_slice() {
            [] => {}
            [_] => one(document, frame, &Loose { chain: inner, text: loose.text.clone() }, wants, tags),
            inner => add(document, inner, text, wants, tags),
        };
    };
    match (node.tag.as_deref(), FRAME.iter().find(|tag| node.tag.as_deref() == Some(tag))) {
        (_, Some(tag)) => {
            frame.entry(tag).or_default().1.extend(node.attributes.iter().cloned());
            if let (Some(text), "h1") = (text, *tag) {
                document.heading.get_or_insert_with(|| text.clone());
            }
        }
        (Some("meta"), _) => meta(document, node, wants),
        (Some("script" | "link" | "style" | "head" | "title" | "base" | "iframe" | "object" | "embed"), _) => {}
        _ => add(document, &loose.chain, text, wants, tags),
    }
}

fn is_frame(node: &Node) -> bool {
    node.tag.as_deref().is_some_and(|tag| FRAME.contains(&tag))
}

/// A section for what the page does not have by itself.
fn add(document: &mut Document, chain: &[Node], text: Option<&String>, wants: &Wants, tags: &BTreeSet<String>) {
    let is_there = |node: &Node| {
        node.tag.as_ref().is_some_and(|tag| tags.contains(tag))
            && node.attributes.iter().all(|attribute| is_given(node, attribute, wants))
    };
    if chain.iter().all(is_there) && text.is_none() {
        return;
    }
    let Some(last) = chain.last() else { return };
    // A picture or a link to a file cannot be made of nothing.
    let tag = last.tag.as_deref().unwrap_or("div");
    if !markup::is_made(tag) || tag == "img" {
        return;
    }
    let label = last
        .attributes
        .iter()
        .find_map(|(name, value)| (name != "type").then(|| value.clone()).flatten())
        .unwrap_or_else(|| tag.to_owned());
    let label = crate::maker::wants::words(&label).join(" ");
    let html = markup::nested(chain, &label, &text.map(|text| escape(text)).unwrap_or_default());
    if !html.is_empty() && !document.sections.iter().any(|known| known.contains(&html)) {
        document.sections.push(format!("<div class=\"wide\">{html}</div>"));
    }
}

/// Whether the page gives an element of this tag the attribute anyway.
fn is_given(node: &Node, (name, value): &(String, Option<String>), wants: &Wants) -> bool {
    let files = || wants.data.pictures.iter().map(|picture| &picture.file);
    match (node.tag.as_deref(), name.as_str()) {
        (Some("img"), "alt") => value.is_none(),
        (Some("img"), "src") => value.as_ref().is_none_or(|value| files().any(|file| file.contains(value.as_str()))),
        (Some("a"), "href") => value.as_ref().is_none_or(|value| !value.starts_with("http")),
        (Some("th"), "scope") => true,
        (Some("table"), "class") => value.as_deref() == Some("table"),
        _ => false,
    }
}

fn meta(document: &mut Document, node: &Node, wants: &Wants) {
    let value =
        |wanted: &str| node.attributes.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.clone());
    let Some(name) = value("name") else { return };
    let is_known = matches!(name.as_str(), "viewport" | "description" | "generator")
        || document.metas.iter().any(|meta| meta.name == escape(&name));
    if !is_known {
        let content = value("content").unwrap_or_else(|| match name.as_str() {
            "theme-color" => "#2457b8".to_owned(),
            "color-scheme" => "light dark".to_owned(),
            _ => wants.title.clone(),
        });
        document.metas.push(Meta { name: escape(&name), content: escape(&content) });
    }
}

/// Names of the elements that the page has without further ado.
fn tags(wants: &Wants) -> BTreeSet<String> {
    let mut tags: BTreeSet<String> = ALWAYS.iter().map(ToString::to_string).collect();
    if !wants.elements.is_empty() {
        tags.extend(["section", "h2"].map(str::to_owned));
    }
    for element in &wants.elements {
        tags.extend(element.tag.clone());
        let of: &[&str] = match &element.shows {
            Shows::Rows { .. } | Shows::Groups { .. } => &["table", "thead", "tbody", "tr", "th", "td"],
            Shows::List { .. } => &["ul", "li"],
            Shows::Picture { file } if !file.is_empty() => &["img"],
            Shows::Filter { .. } | Shows::Picker { .. } => &["select", "option"],
            Shows::Search => &["input"],
            Shows::Lookup(_) | Shows::Form => &["form", "input", "button", "label"],
            Shows::Command { .. } | Shows::Tabs { .. } => &["button"],
            Shows::Chart { .. } => &["canvas"],
            Shows::FileText { .. } => &["pre"],
            _ => &[],
        };
        tags.extend(of.iter().map(ToString::to_string));
    }
    tags
}
