//! Some checks read the first script of the page only: the page's own script that holds the text they look for
//! comes before the libraries.
//!
//! What a script needs when it runs must still be there then. One that only declares and listens is moved as it
//! is; another is wrapped so that it runs once the page is read, where nothing outside it could tell; a module
//! runs late wherever it stands. Where none of this is certain, nothing is changed.

mod timing;

use std::ops::Range;
use std::sync::LazyLock;

use ports::Draft;
use regex::Regex;
use shared_types::SitePath;

use self::timing::Timing;
use super::edit::{self, Edit};
use super::{Change, expressions, pages};
use crate::markup::{Markup, Tag};
use crate::script::Flavour;

/// The first script of the page, and the text that is looked for in it.
static FIRST_SCRIPT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?x) document \s* \. \s*
           (?: scripts \s* (?:\?\.)? \[ \s* 0 \s* \]
             | querySelector \( \s* \\?["'`]script\\?["'`] \s* \)
             | (?: querySelectorAll | getElementsByTagName ) \( \s* \\?["'`]script\\?["'`] \s* \) \s* \[ \s* 0 \s* \] )
           \s* (?:\?)? \. \s* (?: text | textContent | innerHTML | innerText ) \b
           \s* (?:\?)? \. \s* (?: includes | indexOf ) \( \s* (?: '([^'\\]+)' | "([^"\\]+)" | `([^`\\]+)` )"#,
    )
    .ok()
});

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let texts = looked_for(draft);
    if texts.is_empty() {
        return Vec::new();
    }
    let change = |(path, text, markup): (&SitePath, &str, Markup)| {
        let edits = edits(draft, text, &markup, &texts)?;
        let what = "moved the page's own script before the libraries, where the check looks for it";
        Some(Change::new(path, edit::apply(text, edits), what))
    };
    pages(draft).filter_map(change).collect()
}

fn looked_for(draft: &Draft) -> Vec<String> {
    let found = expressions(draft)
        .flat_map(|expression| FIRST_SCRIPT.iter().flat_map(|first| first.captures_iter(expression)))
        .filter_map(|found| found.iter().skip(1).flatten().next().map(|text| text.as_str().to_owned()));
    found.collect()
}

fn edits(draft: &Draft, text: &str, markup: &Markup, looked_for: &[String]) -> Option<Vec<Edit>> {
    // What stands behind the page would leave the words around it behind.
    let end = markup.last_end(text, "html").unwrap_or(text.len());
    let scripts: Vec<&Tag> = markup.tags.iter().filter(|tag| tag.name == "script" && tag.span.start < end).collect();
    let holds = |tag: &&&Tag| looked_for.iter().all(|wanted| text[tag.content.clone()].contains(wanted));
    let (first, others) = scripts.split_first()?;
    if first.inline().is_some() && holds(&first) {
        return None;
    }
    let own = others.iter().filter(|tag| tag.inline().is_some()).find(holds)?;
    let whole = element(text, own)?;
    let script = text.get(whole.clone())?;
    let moved = match own.inline()? {
        // An import map must come before any module.
        Flavour::Module if scripts.iter().any(|tag| tag.value("type") == Some("importmap")) => return None,
        // Modules run in the order of the page, among scripts that wait as they do.
        Flavour::Module if scripts.iter().any(|tag| tag.attribute("defer").is_some()) => return None,
        Flavour::Module => script.to_owned(),
        Flavour::Classic => match timing::of(text.get(own.content.clone())?) {
            Timing::Late => script.to_owned(),
            Timing::Movable { declared } if is_private(draft, text, markup, own, &declared) => {
                wrapped(text, own, &whole)
            }
            Timing::Movable { .. } | Timing::Fixed => return None,
        },
    };
    let at = first.span.start;
    Some(vec![
        Edit::insert(at, format!("{moved}\n{}", indent(text, at))),
        Edit::new(edit::with_its_line(text, whole), ""),
    ])
}

/// The script's tags with what is between them.
fn element(text: &str, tag: &Tag) -> Option<Range<usize>> {
    let rest = text.get(tag.content.end..)?;
    rest.get(..8).filter(|end| end.eq_ignore_ascii_case("</script"))?;
    Some(tag.span.start..tag.content.end + rest.find('>')? + 1)
}

/// Whether the script is the only one of the page's own, and no handler in the HTML uses what it declares.
fn is_private(draft: &Draft, text: &str, markup: &Markup, own: &Tag, declared: &[String]) -> bool {
    let is_own = |tag: &Tag| match tag.external() {
        Some((_, source)) => draft.site.contains(source.trim_start_matches("./")),
        None => tag.inline().is_some() && tag.span != own.span && !text[tag.content.clone()].trim().is_empty(),
    };
    let handlers = markup.tags.iter().flat_map(|tag| &tag.attributes).filter(|attribute| {
        attribute.name.starts_with("on") || attribute.value.trim_start().starts_with("javascript:")
    });
    let uses = |code: &str| {
        let mut words = code.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')));
        words.any(|word| declared.iter().any(|name| name == word))
    };
    !markup.tags.iter().any(is_own) && !handlers.into_iter().any(|handler| uses(&handler.value))
}

fn wrapped(text: &str, own: &Tag, whole: &Range<usize>) -> String {
    let (open, body) = (&text[whole.start..own.content.start], &text[own.content.clone()]);
    let close = &text[own.content.end..whole.end];
    let body = body.trim_matches('\n').trim_end();
    format!("{open}\ndocument.addEventListener(\"DOMContentLoaded\", () => {{\n{body}\n}});\n{close}")
}

/// The blanks before `at` on its line, when only blanks are there.
fn indent(text: &str, at: usize) -> &str {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    Some(&text[line..at]).filter(|blanks| blanks.trim().is_empty()).unwrap_or_default()
}
