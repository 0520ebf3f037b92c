//! The site that needs no model: honest, general, and the last rung.
//!
//! A page of the scaffold is made anew in each round from all rounds' briefs and checks. A page
//! that somebody else wrote stays as it is; what it lacks is added before the end of its body.

use minijinja::{Value, context};
use ports::Site;

use super::html::{escape, href};
use super::wants::{self, Element, Shows, Wants};
use super::{Brief, put, render};
use crate::context::Error;

const PAGE: &str = include_str!("../../../../templates/site/index.html.jinja");
const ADDITION: &str = include_str!("../../../../templates/site/addition.html.jinja");
const ELEMENTS: &str = include_str!("../../../../templates/site/elements.html.jinja");
const SCRIPT: &str = include_str!("../../../../templates/site/page.js.jinja");

/// How a page of the scaffold is known again.
const GENERATOR: &str = "<meta name=\"generator\" content=\"Sitewright scaffold\">";

/// The page files.
pub(super) fn write(brief: &Brief) -> Result<Site, Error> {
    let wants = wants::read(brief);
    let mut site = Site::new();
    let page = match brief.base.text("index.html") {
        Some(page) if !page.contains(GENERATOR) => complete(page, wants)?,
        _ => whole(brief, &wants)?,
    };
    put(&mut site, "index.html", page);
    Ok(site)
}

fn whole(brief: &Brief, wants: &Wants) -> Result<String, Error> {
    let files: Vec<_> = brief.attached.iter().map(|(path, _)| path.as_str()).collect();
    let values = context! {
        title => escape(&wants.title),
        generator => GENERATOR,
        rounds => brief.prepared.briefs.iter().map(|brief| escape(brief.trim())).collect::<Vec<_>>(),
        styles => &wants.styles,
        scripts => &wants.scripts,
        files => files.iter().map(|file| context! { name => escape(file), href => href(file) }).collect::<Vec<_>>(),
        elements => elements(&wants.elements)?,
        script => script(wants)?,
    };
    render("index.html.jinja", PAGE, values)
}

fn complete(page: &str, mut wants: Wants) -> Result<String, Error> {
    wants.elements.retain(|element| {
        let id = &element.id;
        ![format!("id=\"{id}\""), format!("id='{id}'"), format!("id={id}")].iter().any(|mark| page.contains(mark))
    });
    if wants.elements.is_empty() {
        return Ok(page.to_owned());
    }
    let values = context! { elements => elements(&wants.elements)?, script => script(&wants)? };
    let addition = render("addition.html.jinja", ADDITION, values)?;
    Ok(match page.rfind("</body>") {
        Some(end) => format!("{}{addition}{}", &page[..end], &page[end..]),
        None => format!("{page}{addition}"),
    })
}

fn elements(elements: &[Element]) -> Result<String, Error> {
    let elements: Vec<_> = elements
        .iter()
        .map(|element| {
            let (by, column) = match &element.shows {
                Shows::Groups { by, column, .. } => (escape(by), escape(column)),
                _ => (String::new(), String::new()),
            };
            context! { id => &element.id, label => escape(&element.label), kind => kind(&element.shows), by, column }
        })
        .collect();
    render("elements.html.jinja", ELEMENTS, context! { elements })
}

/// The page's own script: only the parts that its elements need.
fn script(wants: &Wants) -> Result<String, Error> {
    let kinds: Vec<_> = wants.elements.iter().map(|element| kind(&element.shows)).collect();
    // `<` never stands literally in the data, so that no text can end the script element.
    let data = serde_json::to_string(&wants.elements).unwrap_or_default().replace('<', "\\u003c");
    render("page.js.jinja", SCRIPT, context! { kinds, elements => Value::from_safe_string(data) })
}

fn kind(shows: &Shows) -> &'static str {
    match shows {
        Shows::Sum { .. } => "sum",
        Shows::Groups { .. } => "groups",
        Shows::Rows { .. } => "rows",
        Shows::Picker { .. } => "picker",
        Shows::Picked { .. } => "picked",
        Shows::Markdown { .. } => "markdown",
        Shows::WordCount { .. } => "word_count",
        Shows::Source { .. } => "source",
        Shows::Picture { .. } => "picture",
        Shows::PictureSize { .. } => "picture_size",
        Shows::FileText { .. } => "file_text",
        Shows::Nothing => "nothing",
    }
}
