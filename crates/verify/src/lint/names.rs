//! Undeclared names: what a script of a page uses must come from somewhere.
//!
//! The classic scripts of a page share one scope, and its modules, its handlers and the ids of its elements see
//! it as well. A page with a script whose names are not known (a library nobody listed, one that brings in
//! others) is not judged: a wrong alarm costs a repair.

use std::collections::{BTreeMap, HashMap, HashSet};

use javascript_globals::GLOBALS;
use ports::Site;
use shared_types::{Finding, SitePath};
use url::Url;

use super::scope::{self, Names};
use super::scripts;
use crate::markup::{self, Markup};
use crate::references::encoded;
use crate::script::Flavour;
use crate::serve::{Served, resolve};
use crate::text::line_at;

/// What a library gives to the page, known by a part of its address. Their own documentation says so.
const LIBRARIES: [(&str, &[&str]); 34] = [
    ("bootstrap", &["bootstrap"]),
    ("marked", &["marked"]),
    ("highlight", &["hljs"]),
    ("jquery", &["$", "jQuery"]),
    ("chart.js", &["Chart"]),
    ("chart.umd", &["Chart"]),
    ("papaparse", &["Papa"]),
    ("leaflet", &["L"]),
    ("katex", &["katex", "renderMathInElement"]),
    ("auto-render", &["renderMathInElement"]),
    ("dompurify", &["DOMPurify"]),
    ("purify.min", &["DOMPurify"]),
    ("axios", &["axios"]),
    ("lodash", &["_"]),
    ("underscore", &["_"]),
    ("moment", &["moment"]),
    ("dayjs", &["dayjs"]),
    ("luxon", &["luxon"]),
    ("/d3@", &["d3"]),
    ("/d3/", &["d3"]),
    ("d3.v", &["d3"]),
    ("/npm/d3", &["d3"]),
    ("xlsx", &["XLSX"]),
    ("mermaid", &["mermaid"]),
    ("plotly", &["Plotly"]),
    ("echarts", &["echarts"]),
    ("/vue", &["Vue"]),
    ("react-dom", &["ReactDOM"]),
    ("/react", &["React"]),
    ("three.min", &["THREE"]),
    ("prism", &["Prism"]),
    ("showdown", &["showdown"]),
    ("jszip", &["JSZip"]),
    ("tailwindcss", &["tailwind"]),
];

/// What a handler sees of its element, its form and its document, beside the window: the methods that are called.
const OF_ELEMENTS: [&str; 14] = [
    "submit",
    "reset",
    "click",
    "remove",
    "select",
    "play",
    "load",
    "showModal",
    "closest",
    "checkValidity",
    "reportValidity",
    "getElementById",
    "querySelector",
    "write",
];

/// A script of a page.
struct Script<'t> {
    path: &'t SitePath,
    /// The text of its file, and where the script begins in it.
    file: &'t str,
    from: usize,
    names: Names,
}

/// Findings of all pages but those whose names are not known.
pub(super) fn check(site: &Site, pages_url: &Url, is_given: impl Fn(&SitePath) -> bool) -> Vec<Finding> {
    let mut loaded: HashMap<SitePath, usize> = HashMap::new();
    let mut missed: BTreeMap<(SitePath, usize, String), usize> = BTreeMap::new();
    for (path, text) in pages(site) {
        let Some(markup) = markup::read(text) else { continue };
        let Some((scripts, known)) = scripts_of(site, pages_url, path, text, &markup) else { continue };
        let files: HashSet<&SitePath> = scripts.iter().map(|script| script.path).collect();
        files.into_iter().for_each(|file| *loaded.entry(file.clone()).or_default() += 1);
        for script in &scripts {
            for (name, at) in &script.names.used {
                if !known.contains(name) && !is_global(name) {
                    *missed.entry((script.path.clone(), script.from + at, name.clone())).or_default() += 1;
                }
            }
        }
        for (at, name) in handled(&markup, &known) {
            *missed.entry((path.clone(), at, name)).or_default() += 1;
        }
    }
    let lasting = missed.into_iter().filter(|((path, ..), count)| {
        // A file that some page gives the name may be meant for that page.
        *count >= loaded.get(path).copied().unwrap_or(1) && !is_given(path)
    });
    lasting.map(|((path, at, name), _)| finding(site, &path, at, &name)).collect()
}

fn finding(site: &Site, path: &SitePath, at: usize, name: &str) -> Finding {
    let line = site.text(path.as_str()).map(|text| line_at(text, at));
    let message = format!(
        "{name} is used but nothing declares it: declare or import it, load the script that does, or make it global \
         when a handler in the HTML uses what a module declares"
    );
    super::error("js.undeclared", path, line, message)
}

fn pages(site: &Site) -> impl Iterator<Item = (&SitePath, &str)> {
    let pages = site.iter().filter(|(path, bytes)| {
        matches!(path.extension().as_str(), "html" | "htm") && bytes.len() <= super::MAX_LINTED_BYTES
    });
    pages.filter_map(|(path, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)))
}

/// The scripts of a page and all names that they find there; none when that cannot be known.
fn scripts_of<'s>(
    site: &'s Site,
    pages_url: &Url,
    page: &'s SitePath,
    text: &'s str,
    markup: &Markup,
) -> Option<(Vec<Script<'s>>, HashSet<String>)> {
    let own = pages_url.join(&encoded(page)).ok()?;
    let base = match markup.first("base").and_then(|tag| tag.value("href")) {
        Some(href) => own.join(href.trim()).ok()?,
        None => own,
    };
    let mut known: HashSet<String> = markup
        .tags
        .iter()
        .flat_map(|tag| [tag.value("id"), tag.value("name")])
        .flatten()
        .map(ToOwned::to_owned)
        .collect();
    let mut scripts = Vec::new();
    for tag in &markup.tags {
        let (path, file, from, source, flavour) = if let Some(flavour) = tag.inline() {
            (page, text, tag.content.start, text.get(tag.content.clone())?, flavour)
        } else if let Some((flavour, src)) = tag.external() {
            let url = base.join(src.trim()).ok()?;
            match resolve(site, pages_url, &url) {
                None if flavour == Flavour::Module => continue,
                None => {
                    known.extend(given_by(src)?.iter().map(ToString::to_string));
                    continue;
                }
                Some(Served::File { path, .. }) => {
                    let (path, bytes) = site.iter().find(|(other, _)| **other == path)?;
                    let file = std::str::from_utf8(bytes).ok()?;
                    (path, file, 0, file, flavour)
                }
                Some(_) => return None,
            }
        } else {
            continue;
        };
        let names = scope::read(source, flavour)?.ok()?;
        if names.loads_others || is_library(source) {
            return None;
        }
        if flavour == Flavour::Classic {
            known.extend(names.declared.iter().cloned());
        }
        known.extend(names.given.iter().cloned());
        scripts.push(Script { path, file, from, names });
    }
    let whole = scripts.iter().all(|script| script.from <= script.file.len());
    whole.then_some((scripts, known))
}

/// What the library at `src` gives; none for one that is not known.
fn given_by(src: &str) -> Option<Vec<&'static str>> {
    let src = src.to_ascii_lowercase();
    let names: Vec<&str> =
        LIBRARIES.iter().filter(|(part, _)| src.contains(part)).flat_map(|(_, names)| names.iter().copied()).collect();
    (!names.is_empty()).then_some(names)
}

/// A bundle, or a script that looks where it is before it says what it gives.
fn is_library(source: &str) -> bool {
    /// Minified code has lines of thousands of characters; code by hand stays below 200.
    const MINIFIED_LINE: usize = 1_000;
    source.lines().any(|line| line.len() > MINIFIED_LINE && !line.contains("data:"))
        || ["typeof exports", "typeof define", "typeof module"].iter().any(|sign| source.contains(sign))
}

/// Functions that handlers call and that nobody declares.
fn handled(markup: &Markup, known: &HashSet<String>) -> Vec<(usize, String)> {
    let mut missed = Vec::new();
    for (at, handler) in scripts::handlers(markup) {
        let Some(Ok(names)) = scope::read(&handler, Flavour::Classic) else { continue };
        let called = |name: &str, from: usize| {
            handler.get(from + name.len()..).is_some_and(|rest| rest.trim_start().starts_with('('))
        };
        missed.extend(
            names
                .used
                .iter()
                .filter(|(name, from)| called(name, *from) && !known.contains(name) && !names.given.contains(name))
                .filter(|(name, _)| !is_global(name) && !OF_ELEMENTS.contains(&name.as_str()))
                .map(|(name, _)| (at, name.clone())),
        );
    }
    missed
}

fn is_global(name: &str) -> bool {
    const ALWAYS: [&str; 2] = ["arguments", "undefined"];
    let environments = ["builtin", "browser", "worker", "serviceworker"];
    ALWAYS.contains(&name)
        || environments.iter().any(|names| GLOBALS.get(names).is_some_and(|globals| globals.contains_key(name)))
}
