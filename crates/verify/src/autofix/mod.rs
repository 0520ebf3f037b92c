//! Autofix: what is wrong with a site that needs no model to be mended.
//!
//! Each rule is one file: it reads the site and what is known of it, and says which files to replace. A rule
//! changes a text at the places that are wrong and nowhere else ([`edit`]), and never an attachment. Pure, and
//! bounded: by [`FIX_TIMEOUT`], by [`MAX_TEXT_BYTES`], and by [`MAX_FIXES`].
//!
//! Invariant: what a rule has mended it finds nothing wrong with, so mending twice changes nothing more.

mod around;
mod attachments;
mod case;
mod charset;
mod edit;
mod fence;
mod first_script;
mod head;
mod lang;
mod library;
mod licence;
mod links;
mod nojekyll;
mod readme;
mod viewport;

use std::time::{Duration, Instant};

use bytes::Bytes;
use ports::{Draft, Fix, Fixed};
use shared_types::SitePath;

use crate::markup::{self, Markup};

/// Longest text that is mended; longer ones are data or bundles of others.
const MAX_TEXT_BYTES: usize = 2 * 1024 * 1024;

/// Time for all rules together; those that are left then do not run. Real sites take milliseconds.
const FIX_TIMEOUT: Duration = Duration::from_secs(5);

/// Most fixes that are made of one site; one that needs more is not mended by rules.
const MAX_FIXES: usize = 200;

/// A rule.
struct Rule {
    /// Its name in fixes.
    name: &'static str,
    find: fn(&Draft) -> Vec<Change>,
}

/// A file that a rule wants replaced.
#[derive(Debug)]
struct Change {
    path: SitePath,
    bytes: Bytes,
    /// See [`Fix::what`].
    what: String,
}

/// In the order in which they run: first the files are whole, then what they say is mended.
const RULES: [Rule; 13] = [
    Rule { name: "attachment.restored", find: attachments::find },
    Rule { name: "text.fence", find: fence::find },
    Rule { name: "html.around", find: around::find },
    Rule { name: "html.charset", find: charset::find },
    Rule { name: "html.viewport", find: viewport::find },
    Rule { name: "html.lang", find: lang::find },
    Rule { name: "link.absolute", find: links::find },
    Rule { name: "link.case", find: case::find },
    Rule { name: "library.url", find: library::find },
    Rule { name: "script.first", find: first_script::find },
    Rule { name: "site.licence", find: licence::find },
    Rule { name: "site.nojekyll", find: nojekyll::find },
    Rule { name: "site.readme", find: readme::find },
];

/// Mends a site: every rule once, each on what the rules before it have left.
#[must_use]
pub fn autofix(draft: Draft) -> Fixed {
    within(FIX_TIMEOUT, draft)
}

fn within(time: Duration, mut draft: Draft) -> Fixed {
    let until = Instant::now() + time;
    let mut fixes = Vec::new();
    for rule in RULES {
        if Instant::now() > until || fixes.len() >= MAX_FIXES {
            break;
        }
        for change in (rule.find)(&draft) {
            draft.site.insert(change.path.clone(), change.bytes);
            fixes.push(Fix { rule: rule.name.to_owned(), path: change.path, what: change.what });
        }
    }
    Fixed { site: draft.site, fixes }
}

impl Change {
    fn new(path: &SitePath, bytes: impl Into<Bytes>, what: impl Into<String>) -> Self {
        Self { path: path.clone(), bytes: bytes.into(), what: what.into() }
    }
}

/// The texts of a site that may be changed: no attachments, nothing too long.
fn texts(draft: &Draft) -> impl Iterator<Item = (&SitePath, &str)> {
    let own = draft
        .site
        .iter()
        .filter(|(path, bytes)| draft.attached.get(path.as_str()).is_none() && bytes.len() <= MAX_TEXT_BYTES);
    own.filter_map(|(path, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)))
}

/// The pages among them, as they are written. A piece of a page that a script puts into another is none.
fn pages(draft: &Draft) -> impl Iterator<Item = (&SitePath, &str, Markup)> {
    let pages = texts(draft).filter(|(path, _)| matches!(path.extension().as_str(), "html" | "htm"));
    pages.filter_map(|(path, text)| {
        let markup = markup::read(text)?;
        (path.as_str() == "index.html" || markup.is_document()).then_some((path, text, markup))
    })
}

/// The expressions among the checks that can hold.
fn expressions(draft: &Draft) -> impl Iterator<Item = &str> {
    let possible = draft.checks.iter().filter(|check| check.unsatisfiable.is_none());
    possible.filter_map(|check| match &check.oracle {
        shared_types::Oracle::JavaScript { expression } => Some(expression.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
