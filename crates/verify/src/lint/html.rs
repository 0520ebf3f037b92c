//! Pages: structure, and the scripts, styles and links inside.

use std::collections::HashSet;

use ports::Site;
use shared_types::{Finding, Severity, SitePath};
use url::Url;

use super::{css, finding, links, scripts};
use crate::html::{Page, ParseError, read};
use crate::markup::{self, Markup};
use crate::text::line_at;

/// The parser's remarks that matter, by how they begin, since its words are their only name: those that mean that
/// the tree is not what its author meant. All others are of no consequence: a slash in `<br/>`, a missing doctype.
const REMARKS: [(&str, Severity, &str); 20] = [
    ("Saw EOF in state", Severity::Error, "the page ends inside a tag, a comment or a script: close it"),
    ("Unexpected EOF", Severity::Error, "the page ends inside a tag, a comment or a script: close it"),
    ("Duplicate attribute", Severity::Notice, "an attribute is given twice and the second is lost: join them"),
    ("nested forms", Severity::Error, "a form inside a form is lost: close the outer one first"),
    ("nested buttons", Severity::Notice, "a button cannot hold a button: close the outer one first"),
    ("nested heading tags", Severity::Notice, "a heading cannot hold a heading: close the outer one first"),
    ("Non-space table text", Severity::Notice, "text directly inside a table moves before it: put it into a cell"),
    (
        "Unexpected characters in table",
        Severity::Notice,
        "text directly inside a table moves before it: put it into a cell",
    ),
    ("expected to close <td>", Severity::Notice, "a cell is not closed"),
    ("Closing wrong heading tag", Severity::Notice, "a heading is closed by the tag of another level"),
    ("No heading tag to close", Severity::Notice, "an end tag closes no heading: remove it"),
    ("No matching tag to close", Severity::Notice, "an end tag closes nothing: remove it, or open its element"),
    ("No <p> tag to close", Severity::Notice, "</p> closes nothing: a paragraph ends where a block begins"),
    ("Formatting element not", Severity::Notice, "elements overlap: close them in the order in which they opened"),
    ("Bad open element on </form>", Severity::Notice, "a form ends while elements in it are open: close them first"),
    ("Form element not in scope", Severity::Notice, "</form> closes nothing: remove it"),
    ("Null form element pointer", Severity::Notice, "</form> closes nothing: remove it"),
    ("Found special tag while closing", Severity::Notice, "an end tag comes while others are open: close them first"),
    ("Unexpected open element", Severity::Notice, "elements are open at the end: close them"),
    ("Unexpected token", Severity::Notice, "an element stands where it may not, and the browser moves or drops it"),
];

/// All findings of one page.
pub(super) fn check(site: &Site, pages_url: &Url, path: &SitePath, text: &str) -> Vec<Finding> {
    let page = read(text);
    let markup = markup::read(text).unwrap_or_default();
    let mut findings = structure(path, text, &page, &markup);
    findings.extend(scripts::inline(path, text, &markup));
    for style in markup.tags.iter().filter(|tag| tag.name == "style") {
        let css = text.get(style.content.clone()).unwrap_or_default();
        findings.extend(css::check(path, css, line_at(text, style.content.start)));
    }
    findings.extend(links::check(site, pages_url, path, text, Some(&page)));
    findings
}

fn structure(path: &SitePath, text: &str, page: &Page, markup: &Markup) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A piece that a script puts into a page has no head, and what may stand in it depends on where it is put.
    if path.as_str() == "index.html" || markup.is_document() {
        findings.extend(head(path, page));
        findings.extend(remarks(path, &page.errors));
    }
    findings.extend(open_scripts(path, text, markup));
    findings.extend(duplicate_ids(path, text, page, markup));
    findings
}

fn head(path: &SitePath, page: &Page) -> Vec<Finding> {
    let notice = |rule, message: &str| finding(Severity::Notice, rule, path, None, message);
    let mut findings = Vec::new();
    if !page.doctype {
        findings.push(notice("html.doctype", "there is no <!DOCTYPE html>, so the browser uses quirks mode: add it"));
    }
    if page.title.as_deref().is_none_or(|title| title.trim().is_empty()) {
        findings.push(notice("html.title", "there is no <title>: add one"));
    }
    findings
}

/// One finding a kind of remark: where it begins, the rest follows from it as a rule.
fn remarks(path: &SitePath, errors: &[ParseError]) -> Vec<Finding> {
    let mut told = HashSet::new();
    let mut findings = Vec::new();
    for error in errors {
        let Some((start, severity, words)) = REMARKS.iter().find(|(start, ..)| error.words.starts_with(start)) else {
            continue;
        };
        if told.insert(start) {
            findings.push(finding(*severity, "html.parse", path, Some(error.line), *words));
        }
    }
    findings
}

/// Scripts and styles without an end swallow the rest of the page.
fn open_scripts(path: &SitePath, text: &str, markup: &Markup) -> Option<Finding> {
    let raw = markup.tags.iter().filter(|tag| matches!(tag.name.as_str(), "script" | "style"));
    let open = raw.into_iter().find(|tag| tag.content.end >= text.len())?;
    let message = format!("<{0}> takes the rest of the page with it: close it with </{0}>", open.name);
    Some(super::error("html.unclosed", path, Some(line_at(text, open.span.start)), message))
}

fn duplicate_ids(path: &SitePath, text: &str, page: &Page, markup: &Markup) -> Vec<Finding> {
    let (mut seen, mut told) = (HashSet::new(), HashSet::new());
    let again = page.ids.iter().filter(|id| !seen.insert(*id) && told.insert(*id));
    let report = |id: &String| {
        let ids = markup.tags.iter().filter_map(|tag| tag.attribute("id"));
        let line = ids.filter(|other| other.value == *id).nth(1).map(|id| line_at(text, id.name_at.start));
        let message = format!("the id {id:?} is given twice, and scripts find the first only: rename one");
        super::error("html.duplicate_id", path, line, message)
    };
    again.map(report).collect()
}
