//! Some checks look for a library by a part of its URL: where the page has that very library from an address
//! without the part, the address becomes one with it.
//!
//! Only for checks that say the part literally in a selector (`script[src*='highlight.js']`) or give the whole
//! URL, only between the published addresses of one file, and only in the version that the page asks for.

use std::sync::LazyLock;

use ports::Draft;
use regex::Regex;
use shared_types::{Oracle, Presence, SitePath};

use super::edit::{self, Edit};
use super::{Change, expressions, pages};
use crate::markup::{Markup, Tag};

/// The addresses of one file of one library; `{v}` is the version. Where they come from:
/// <https://www.jsdelivr.com>, <https://unpkg.com>, <https://cdnjs.com/api>.
const FILES: [&[&str]; 12] = [
    &[
        "https://cdn.jsdelivr.net/npm/bootstrap@{v}/dist/css/bootstrap.min.css",
        "https://cdnjs.cloudflare.com/ajax/libs/bootstrap/{v}/css/bootstrap.min.css",
        "https://unpkg.com/bootstrap@{v}/dist/css/bootstrap.min.css",
        "https://stackpath.bootstrapcdn.com/bootstrap/{v}/css/bootstrap.min.css",
        "https://maxcdn.bootstrapcdn.com/bootstrap/{v}/css/bootstrap.min.css",
    ],
    &[
        "https://cdn.jsdelivr.net/npm/bootstrap@{v}/dist/js/bootstrap.bundle.min.js",
        "https://cdnjs.cloudflare.com/ajax/libs/bootstrap/{v}/js/bootstrap.bundle.min.js",
        "https://unpkg.com/bootstrap@{v}/dist/js/bootstrap.bundle.min.js",
    ],
    &[
        "https://cdn.jsdelivr.net/npm/marked@{v}/marked.min.js",
        "https://cdnjs.cloudflare.com/ajax/libs/marked/{v}/marked.min.js",
        "https://unpkg.com/marked@{v}/marked.min.js",
    ],
    &[
        "https://cdnjs.cloudflare.com/ajax/libs/highlight.js/{v}/highlight.min.js",
        "https://cdn.jsdelivr.net/gh/highlightjs/cdn-release@{v}/build/highlight.min.js",
        "https://cdn.jsdelivr.net/npm/@highlightjs/cdn-assets@{v}/highlight.min.js",
        "https://unpkg.com/@highlightjs/cdn-assets@{v}/highlight.min.js",
    ],
    &[
        "https://cdnjs.cloudflare.com/ajax/libs/highlight.js/{v}/styles/github.min.css",
        "https://cdn.jsdelivr.net/gh/highlightjs/cdn-release@{v}/build/styles/github.min.css",
        "https://cdn.jsdelivr.net/npm/@highlightjs/cdn-assets@{v}/styles/github.min.css",
        "https://unpkg.com/@highlightjs/cdn-assets@{v}/styles/github.min.css",
    ],
    &[
        "https://cdnjs.cloudflare.com/ajax/libs/highlight.js/{v}/styles/default.min.css",
        "https://cdn.jsdelivr.net/gh/highlightjs/cdn-release@{v}/build/styles/default.min.css",
        "https://cdn.jsdelivr.net/npm/@highlightjs/cdn-assets@{v}/styles/default.min.css",
        "https://unpkg.com/@highlightjs/cdn-assets@{v}/styles/default.min.css",
    ],
    &[
        "https://cdn.jsdelivr.net/npm/jquery@{v}/dist/jquery.min.js",
        "https://cdnjs.cloudflare.com/ajax/libs/jquery/{v}/jquery.min.js",
        "https://unpkg.com/jquery@{v}/dist/jquery.min.js",
        "https://code.jquery.com/jquery-{v}.min.js",
        "https://ajax.googleapis.com/ajax/libs/jquery/{v}/jquery.min.js",
    ],
    &[
        "https://cdn.jsdelivr.net/npm/d3@{v}/dist/d3.min.js",
        "https://cdnjs.cloudflare.com/ajax/libs/d3/{v}/d3.min.js",
        "https://unpkg.com/d3@{v}/dist/d3.min.js",
    ],
    &[
        "https://cdn.jsdelivr.net/npm/papaparse@{v}/papaparse.min.js",
        "https://cdnjs.cloudflare.com/ajax/libs/PapaParse/{v}/papaparse.min.js",
        "https://unpkg.com/papaparse@{v}/papaparse.min.js",
    ],
    &[
        "https://cdn.jsdelivr.net/npm/leaflet@{v}/dist/leaflet.css",
        "https://cdnjs.cloudflare.com/ajax/libs/leaflet/{v}/leaflet.css",
        "https://unpkg.com/leaflet@{v}/dist/leaflet.css",
    ],
    &[
        "https://cdn.jsdelivr.net/npm/leaflet@{v}/dist/leaflet.js",
        "https://cdnjs.cloudflare.com/ajax/libs/leaflet/{v}/leaflet.js",
        "https://unpkg.com/leaflet@{v}/dist/leaflet.js",
    ],
    &[
        "https://cdn.jsdelivr.net/npm/dompurify@{v}/dist/purify.min.js",
        "https://cdnjs.cloudflare.com/ajax/libs/dompurify/{v}/purify.min.js",
        "https://unpkg.com/dompurify@{v}/dist/purify.min.js",
    ],
];

/// What the address of some script or style must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    tag: String,
    matching: Matching,
    part: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matching {
    Contains,
    Begins,
    Ends,
    Equals,
}

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let wishes = wishes(draft);
    if wishes.is_empty() {
        return Vec::new();
    }
    let change = |(path, text, markup): (&SitePath, &str, Markup)| {
        let open = wishes.iter().filter(|wish| !markup.tags.iter().any(|tag| wish.is_met_by(tag)));
        let mut edits: Vec<Edit> = Vec::new();
        for wish in open {
            edits.extend(markup.tags.iter().find_map(|tag| moved(text, tag, wish, &wishes)).unwrap_or_default());
        }
        edits.dedup();
        let what = "changed the address of a library to one that the check looks for";
        (!edits.is_empty()).then(|| Change::new(path, edit::apply(text, edits), what))
    };
    pages(draft).filter_map(change).collect()
}

impl Wish {
    fn is_met_by(&self, tag: &Tag) -> bool {
        tag.name == self.tag && address(tag).is_some_and(|url| self.holds(url))
    }

    fn holds(&self, url: &str) -> bool {
        match self.matching {
            Matching::Contains => url.contains(&self.part),
            Matching::Begins => url.starts_with(&self.part),
            Matching::Ends => url.ends_with(&self.part),
            Matching::Equals => url == self.part,
        }
    }
}

/// The edits that give `tag` an address of the same file that meets `wish`, and all others that it met before.
fn moved(text: &str, tag: &Tag, wish: &Wish, all: &[Wish]) -> Option<Vec<Edit>> {
    let url = address(tag).filter(|_| tag.name == wish.tag)?;
    let version_in = |form: &str| {
        let (before, after) = form.split_once("{v}")?;
        let version = url.strip_prefix(before)?.strip_suffix(after)?;
        (!version.is_empty() && !version.contains('/')).then_some(version)
    };
    let (forms, version) =
        FILES.iter().find_map(|forms| Some((forms, forms.iter().find_map(|form| version_in(form))?)))?;
    let kept: Vec<&Wish> = all.iter().filter(|other| other.tag == tag.name && other.holds(url)).collect();
    let urls = forms.iter().map(|form| form.replace("{v}", version));
    let chosen = urls.into_iter().find(|url| wish.holds(url) && kept.iter().all(|other| other.holds(url)))?;
    let name = if tag.name == "link" { "href" } else { "src" };
    let mut edits = vec![Edit::new(tag.attribute(name)?.at.clone()?, chosen)];
    // The digest is that of the other host's copy, which may differ in a comment.
    if let Some(integrity) = tag.attribute("integrity") {
        let span = integrity.span(text);
        let blanks = text[..span.start].len() - text[..span.start].trim_end().len();
        edits.push(Edit::new(span.start - blanks..span.end, ""));
    }
    Some(edits)
}

fn address(tag: &Tag) -> Option<&str> {
    match tag.name.as_str() {
        "script" => tag.value("src"),
        "link" => tag.value("href"),
        _ => None,
    }
}

static SELECTOR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\b(script|link)\s*(?:\[\s*rel\s*[~*^$|]?=\s*\\?["']?\w+\\?["']?\s*\])?\s*\[\s*(?:src|href)\s*([*^$]?)=\s*\\?["']?([^"'\]\\]+)\\?["']?\s*\]"#).ok()
});

fn wishes(draft: &Draft) -> Vec<Wish> {
    let mut wishes: Vec<Wish> = Vec::new();
    for expression in expressions(draft).filter(|expression| !denies(expression)) {
        for found in SELECTOR.iter().flat_map(|selector| selector.captures_iter(expression)) {
            let matching = match &found[2] {
                "*" => Matching::Contains,
                "^" => Matching::Begins,
                "$" => Matching::Ends,
                _ => Matching::Equals,
            };
            wishes.push(Wish { tag: found[1].to_owned(), matching, part: found[3].to_owned() });
        }
    }
    for check in draft.checks.iter().filter(|check| check.unsatisfiable.is_none()) {
        let Oracle::Elements { elements, presence: Presence::Present } = &check.oracle else { continue };
        for element in elements {
            let attribute =
                element.attribute.as_ref().filter(|attribute| matches!(attribute.name.as_str(), "src" | "href"));
            if let (Some(tag), Some(part)) = (&element.tag, attribute.and_then(|attribute| attribute.value.clone())) {
                wishes.push(Wish { tag: tag.clone(), matching: Matching::Equals, part });
            }
        }
    }
    wishes
}

/// Whether the expression asks that there be none.
fn denies(expression: &str) -> bool {
    let compact: String = expression.split_whitespace().collect();
    let negated = compact.starts_with('!') && !compact.starts_with("!!");
    negated || ["===null", "==null", "length===0", "length==0", "length<1"].iter().any(|none| compact.contains(none))
}
