//! The site that needs no model: honest, general, and the last rung.
//!
//! A page of the scaffold is made anew in each round from all rounds' briefs and checks. A page
//! that somebody else wrote stays as it is; what it lacks is added before the end of its body.
//! Everything that comes from a request is escaped on its way into the page, and no address that runs
//! code is taken over.

mod derived;
mod loose;
mod markup;
mod script;
mod views;

use minijinja::{Value, context};
use ports::Site;
use shared_types::SitePath;

use self::loose::Document;
use super::html::{escape, href};
use super::wants::{self, Shows, Wants};
use super::{Brief, head, put, render};
use crate::context::Error;

const PAGE: &str = include_str!("../../../../templates/site/index.html.jinja");
const ADDITION: &str = include_str!("../../../../templates/site/addition.html.jinja");
const STYLE: &str = include_str!("../../../../templates/site/style.css");

/// How a page of the scaffold is known again.
const GENERATOR: &str = "<meta name=\"generator\" content=\"Sitewright scaffold\">";

/// Characters of a brief that a page shows.
const BRIEF_CHARS: usize = 4_000;

/// Links to files on the page; a site of more has a list of its own somewhere.
const MOST_LINKS: usize = 200;

/// Whether the page is one of the scaffold's.
pub(super) fn is_ours(page: &str) -> bool {
    page.contains(GENERATOR)
}

/// The page files.
pub(super) fn write(brief: &Brief) -> Result<Site, Error> {
    let mut wants = wants::read(brief);
    let mut site = derived::files(brief, &wants);
    if let Some(page) = brief.base.text("index.html").filter(|page| !is_ours(page)) {
        let page = complete(brief, page, wants, &site)?;
        put(&mut site, "index.html", page);
        return Ok(site);
    }
    views::add(&mut wants, brief);
    whole(brief, &wants, &mut site)?;
    Ok(site)
}

/// A page from nothing, and the style sheet and script that a check wants as files.
fn whole(brief: &Brief, wants: &Wants, site: &mut Site) -> Result<(), Error> {
    let document = loose::place(wants);
    let style_file = asked_file(wants, brief, "css");
    let script_file = asked_file(wants, brief, "js").filter(|_| !wants.wants_inline_script());
    let script = script::write(wants)?;
    let mut files = links(brief, site);
    files.extend(style_file.iter().chain(&script_file).map(|path| link(path.as_str())));
    let page = |notes: &[String]| {
        let values = context! {
            generator => GENERATOR,
            title => escape(&wants.title),
            heading => escape(document.heading.as_deref().unwrap_or(&wants.title)),
            description => escape(&description(brief, wants)),
            metas => document.metas.iter().map(|meta| context! { name => &meta.name, content => &meta.content }).collect::<Vec<_>>(),
            attributes => Value::from_pairs(document.skeleton.iter().map(|(tag, own)| (*tag, own.as_str()))),
            notes => notes.iter().map(|note| escape(note)).collect::<Vec<_>>(),
            rounds => briefs(brief, wants),
            styles => wants.libraries.styles.iter().map(|address| escape(address)).collect::<Vec<_>>(),
            scripts => wants.libraries.scripts.iter().map(|address| escape(address)).collect::<Vec<_>>(),
            style_file => style_file.as_ref().map(|path| href(path.as_str())),
            script_file => script_file.as_ref().map(|path| href(path.as_str())),
            files => &files,
            elements => elements(wants, &document),
            style => STYLE.trim_end(),
            script => &script,
        };
        render("index.html.jinja", PAGE, values)
    };
    let draft = page(&[])?;
    put(site, "index.html", page(&notes(wants, &draft))?);
    if let Some(path) = style_file {
        site.insert(path, STYLE.to_owned());
    }
    if let Some(path) = script_file {
        site.insert(path, format!("{script}\n"));
    }
    Ok(())
}

/// Somebody else's page with what it lacks.
fn complete(brief: &Brief, page: &str, mut wants: Wants, made: &Site) -> Result<String, Error> {
    let has_id = |id: &str| {
        [format!("id=\"{id}\""), format!("id='{id}'"), format!("id={id}")].iter().any(|mark| page.contains(mark))
    };
    wants.elements.retain(|element| !has_id(&element.id));
    wants.libraries.styles.retain(|address| !page.contains(address.as_str()) && !loads(page, "link", address));
    wants.libraries.scripts.retain(|address| !page.contains(address.as_str()) && !loads(page, "script", address));
    let files: Vec<Value> = links(brief, made).into_iter().filter(|file| !page.contains(&said(file, "href"))).collect();
    let notes = notes(&wants, page);
    let lacks_nothing = wants.elements.is_empty() && files.is_empty() && notes.is_empty();
    if lacks_nothing && wants.libraries.styles.is_empty() && wants.libraries.scripts.is_empty() {
        return Ok(page.to_owned());
    }
    let values = context! {
        styles => wants.libraries.styles.iter().map(|address| escape(address)).collect::<Vec<_>>(),
        scripts => wants.libraries.scripts.iter().map(|address| escape(address)).collect::<Vec<_>>(),
        elements => elements(&wants, &Document::default()),
        notes => notes.iter().map(|note| escape(note)).collect::<Vec<_>>(),
        files,
        script => script::write(&wants)?,
    };
    let addition = render("addition.html.jinja", ADDITION, values)?;
    Ok(match page.rfind("</body>") {
        Some(end) => format!("{}{addition}{}", &page[..end], &page[end..]),
        None => format!("{page}{addition}"),
    })
}

/// Whether the page has the library already, perhaps from elsewhere.
fn loads(page: &str, tag: &str, address: &str) -> bool {
    let package = address.rsplit("/npm/").next().unwrap_or(address);
    let name = package.split(['@', '/']).find(|part| !part.is_empty()).unwrap_or(package);
    page.split(&format!("<{tag}"))
        .skip(1)
        .any(|rest| rest.split('>').next().is_some_and(|inside| inside.contains(name)))
}

fn said(value: &Value, name: &str) -> String {
    value.get_attr(name).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn elements(wants: &Wants, document: &Document) -> String {
    let mut html: Vec<String> = wants
        .elements
        .iter()
        .filter(|element| !document.placed.contains(&element.id))
        .map(|element| markup::element(element, wants))
        .collect();
    html.extend(document.sections.iter().cloned());
    html.join("\n")
}

/// Every file that is worth a visit: those attached and those made of them.
fn links(brief: &Brief, made: &Site) -> Vec<Value> {
    let paths = brief.attached.iter().chain(made.iter()).chain(brief.base.iter()).map(|(path, _)| path.as_str());
    let mut named: Vec<&str> = Vec::new();
    for path in
        paths.filter(|path| !matches!(*path, "index.html" | "LICENSE" | ".nojekyll") && !path.starts_with(".github/"))
    {
        if !named.contains(&path) && named.len() < MOST_LINKS {
            named.push(path);
        }
    }
    named.into_iter().map(link).collect()
}

fn link(path: &str) -> Value {
    context! { name => escape(path), href => href(path) }
}

/// The first style sheet or script that a check wants as a file of its own.
fn asked_file(wants: &Wants, brief: &Brief, extension: &str) -> Option<SitePath> {
    let asked = wants.demands.files.iter().filter(|path| path.extension() == extension);
    asked.filter(|path| !brief.attached.contains(path.as_str())).find(|path| !path.as_str().starts_with('.')).cloned()
}

/// The briefs, but for one with a text that the page must not hold.
fn briefs(brief: &Brief, wants: &Wants) -> Vec<String> {
    let may_stand = |text: &&str| {
        let lower = text.to_lowercase();
        !wants.demands.never.iter().any(|never| lower.contains(never.as_str()))
    };
    let texts = brief.prepared.briefs.iter().map(|text| head(text.trim(), BRIEF_CHARS));
    texts.filter(|text| !text.is_empty()).filter(may_stand).map(escape).collect()
}

fn description(brief: &Brief, wants: &Wants) -> String {
    const CHARS: usize = 160;
    let first = brief.prepared.briefs.first().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let lower = first.as_deref().unwrap_or_default().to_lowercase();
    let may_stand = !wants.demands.never.iter().any(|never| lower.contains(never.as_str()));
    first.filter(|_| may_stand).map_or_else(|| wants.title.clone(), |text| head(&text, CHARS).to_owned())
}

/// Texts that checks look for and that the page does not have by itself. Code is not among them: a
/// page that names a function does not call it.
fn notes(wants: &Wants, draft: &str) -> Vec<String> {
    let is_prose = |text: &str| {
        let code = text.contains(['<', '>', '{', '}', ';', '=', '(', ')'])
            || text
                .split_whitespace()
                .any(|word| word.trim_end_matches(['.', '…']).contains('.') && word.chars().any(char::is_uppercase));
        !code && text.chars().any(char::is_alphanumeric)
    };
    let visible = |text: &str| {
        wants.title.contains(text)
            || wants
                .elements
                .iter()
                .any(|element| matches!(&element.shows, Shows::Text { text: shown } if shown.contains(text)))
    };
    let mut notes: Vec<String> = Vec::new();
    let shown = wants.demands.shown.iter().filter(|text| !visible(text));
    let source = wants.demands.source.iter().filter(|text| !draft.contains(text.as_str()));
    for text in shown.chain(source).filter(|text| is_prose(text)).take(50) {
        if !notes.contains(text) {
            notes.push(text.clone());
        }
    }
    notes
}

/// What the page does, a sentence for each part of it; for the README.
pub(super) fn explain(brief: &Brief) -> Vec<String> {
    let wants = wants::read(brief);
    let sentence = |element: &wants::Element| Some(format!("`#{}` {}", element.id, markup::explain(&element.shows)?));
    let libraries = wants.libraries.styles.iter().chain(&wants.libraries.scripts);
    let loads = libraries.map(|address| format!("It loads {address}."));
    wants.elements.iter().filter_map(sentence).chain(loads).collect()
}

/// Sections and texts that checks want in the README, and texts that they do not want there.
pub(super) fn readme_demands(brief: &Brief) -> (Vec<String>, Vec<String>, Vec<String>) {
    let demands = wants::demands(brief);
    (demands.readme_sections, demands.readme_texts, demands.readme_never)
}

#[cfg(test)]
mod tests;
