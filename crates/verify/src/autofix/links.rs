//! A link from the root of the host leaves the site, which lives in a folder: it becomes relative.
//!
//! Only where the file that was meant is part of the site, and where the link does not already reach it. Addresses
//! of other hosts, `//host/...` and `data:` among them, are never touched.

use ports::Draft;
use shared_types::SitePath;
use url::Url;

use super::edit::{self, Edit};
use super::{Change, texts};
use crate::references::{self, Kind, Reference, Start, is_served, rooted};

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let change = |(path, text): (&SitePath, &str)| {
        let found = references::of(path, text);
        if !found.iter().any(|reference| rooted(reference.target.trim()).is_some()) {
            return None;
        }
        let start = Start::of(&draft.site, &draft.pages_url, path)?;
        let edits: Vec<Edit> = found.iter().filter_map(|reference| edit(draft, &start, reference)).collect();
        let what = match edits.len() {
            0 => return None,
            1 => "made 1 link from the root of the host relative".to_owned(),
            count => format!("made {count} links from the root of the host relative"),
        };
        Some(Change::new(path, edit::apply(text, edits), what))
    };
    texts(draft).filter_map(change).collect()
}

fn edit(draft: &Draft, start: &Start, reference: &Reference) -> Option<Edit> {
    let Draft { site, pages_url, .. } = draft;
    let rest = rooted(reference.target.trim())?;
    let base = start.url(reference.kind)?;
    let now = base.join(reference.target.trim()).ok()?;
    if is_served(site, pages_url, &now) {
        return None;
    }
    let named = within(pages_url, rest).into_iter().find(|rest| {
        let url = pages_url.join(&format!("./{rest}"));
        url.is_ok_and(|url| names_a_file(draft, reference.kind, rest, &url))
    })?;
    let up = "../".repeat(depth(pages_url, base)?);
    let with = match (up.is_empty(), reference.kind) {
        (true, Kind::Import | Kind::Fetch) => format!("./{named}"),
        (true, _) if named.is_empty() || named.starts_with(['?', '#']) => format!("./{named}"),
        _ => format!("{up}{named}"),
    };
    let blank = reference.target.len() - reference.target.trim_start().len();
    let at = reference.at.start + blank;
    Some(Edit::new(at..at + reference.target.trim().len(), with))
}

/// What a path from the root may mean below the site: itself, or what follows the repository's own name or the
/// owner's and the repository's.
fn within<'r>(pages_url: &Url, rest: &'r str) -> Vec<&'r str> {
    let own: Vec<&str> = pages_url.path().split('/').filter(|segment| !segment.is_empty()).collect();
    let prefixes = (0..own.len()).map(|from| format!("{}/", own[from..].join("/")));
    std::iter::once(rest).chain(prefixes.filter_map(|prefix| rest.strip_prefix(&prefix))).collect()
}

/// A page's links may lead to folders; a text of a script must name a file to be taken for a path.
fn names_a_file(draft: &Draft, kind: Kind, rest: &str, url: &Url) -> bool {
    match kind {
        Kind::Link | Kind::Base => is_served(&draft.site, &draft.pages_url, url),
        Kind::Fetch | Kind::Import | Kind::Text => {
            let path = rest.split(['?', '#']).next().unwrap_or_default();
            draft.site.contains(&percent_encoding::percent_decode_str(path).decode_utf8_lossy())
        }
    }
}

/// How many folders below the site's own `base` stands.
fn depth(pages_url: &Url, base: &Url) -> Option<usize> {
    Some(base.path().strip_prefix(pages_url.path())?.matches('/').count())
}
