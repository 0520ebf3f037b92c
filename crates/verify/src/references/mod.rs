//! What the files of a site refer to: every URL that is written in a page, a style sheet or a script, with its place.

mod css;
mod html;
mod js;

use std::ops::Range;

use ports::Site;
use shared_types::SitePath;
use url::Url;

use crate::markup::{self, Markup};
use crate::serve::{Served, resolve};

/// A URL in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Where its text stands, without quotes.
    pub at: Range<usize>,
    pub target: String,
    pub kind: Kind,
}

/// How sure it is that the text is a URL, and what it starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An attribute or a style sheet: the browser follows it, from the page or the sheet.
    Link,
    /// `<base href>`, which starts from the page and moves the others.
    Base,
    /// `fetch` and its like, from the page.
    Fetch,
    /// An import of a module, from the file that it stands in, as links do.
    Import,
    /// Another text of a script that may be a path, from the page if it is one.
    Text,
}

/// Longest file that is searched; longer ones are data or bundles of others.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// The references of a file, in order; none of a file that holds none or is too long.
pub(crate) fn of(path: &SitePath, text: &str) -> Vec<Reference> {
    if text.len() > MAX_BYTES {
        return Vec::new();
    }
    let mut found = match path.extension().as_str() {
        "html" | "htm" => markup::read(text).map(|markup| html::references(text, &markup)).unwrap_or_default(),
        "css" => css::references(text),
        "js" | "mjs" => js::references(text, js::flavour(text)),
        _ => Vec::new(),
    };
    found.sort_by_key(|reference| reference.at.start);
    found
}

/// Where the references of one file start from.
#[derive(Debug)]
pub(crate) struct Start {
    /// For what the browser resolves against the page; none when `<base>` leads away from the site, or when pages
    /// of several folders share a script.
    page: Option<Url>,
    /// The file itself.
    file: Url,
    /// What its imports start from: a page's from where its links do.
    imports: Option<Url>,
}

impl Start {
    /// For the references of the file at `path`.
    pub(crate) fn of(site: &Site, pages_url: &Url, path: &SitePath) -> Option<Self> {
        let file = pages_url.join(&encoded(path)).ok()?;
        let (page, imports) = match path.extension().as_str() {
            "html" | "htm" => {
                let base = page_base(site, pages_url, &file, path);
                (base.clone(), base)
            }
            "js" | "mjs" => (shared_base(site, pages_url, path), Some(file.clone())),
            _ => (Some(file.clone()), None),
        };
        Some(Self { page, file, imports })
    }

    /// What a reference of this kind is resolved against.
    pub(crate) fn url(&self, kind: Kind) -> Option<&Url> {
        match kind {
            Kind::Base => Some(&self.file),
            Kind::Import => self.imports.as_ref(),
            Kind::Link | Kind::Fetch | Kind::Text => self.page.as_ref(),
        }
    }
}

/// The path as it stands in a URL.
pub(crate) fn encoded(path: &SitePath) -> String {
    path.as_str().split('/').map(encoded_segment).collect::<Vec<_>>().join("/")
}

/// A file's name as it stands in a URL.
pub(crate) fn encoded_segment(segment: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');
    utf8_percent_encode(segment, UNSAFE).to_string()
}

/// Whether `url` gets a file of the site, at once or after a redirect to a folder.
pub(crate) fn is_served(site: &Site, pages_url: &Url, url: &Url) -> bool {
    matches!(resolve(site, pages_url, url), Some(Served::File { .. } | Served::Redirect(_)))
}

/// `target` as a path from the root of its host: not of another host (`//`), nor a comment.
pub(crate) fn rooted(target: &str) -> Option<&str> {
    let rest = target.strip_prefix('/')?;
    (!rest.starts_with(['/', '\\', '*'])).then_some(rest)
}

/// The one file that a missing one differs from in case only.
pub(crate) fn namesake(site: &Site, pages_url: &Url, url: &Url) -> Option<SitePath> {
    if resolve(site, pages_url, url) != Some(Served::Missing) {
        return None;
    }
    let below = url.path().strip_prefix(pages_url.path())?;
    let wanted = percent_encoding::percent_decode_str(below).decode_utf8().ok()?.to_lowercase();
    let mut same = site.iter().map(|(path, _)| path).filter(|path| path.as_str().to_lowercase() == wanted);
    let only = same.next()?;
    same.next().is_none().then(|| only.clone())
}

fn page_base(site: &Site, pages_url: &Url, own: &Url, path: &SitePath) -> Option<Url> {
    let base = site.text(path.as_str()).and_then(markup::read).and_then(|markup| base_href(&markup));
    let Some(href) = base else { return Some(own.clone()) };
    let url = match rooted(&href).map(|rest| pages_url.join(&format!("./{rest}"))) {
        // A base at the root of the host is meant as the root of the site.
        Some(Ok(within)) if !below(pages_url, &own.join(&href).ok()?) => within,
        _ => own.join(&href).ok()?,
    };
    below(pages_url, &url).then_some(url)
}

fn base_href(markup: &Markup) -> Option<String> {
    markup.tags.iter().find(|tag| tag.name == "base" && tag.attribute("href").is_some()).and_then(|tag| {
        let href = tag.value("href")?.trim();
        (!href.is_empty()).then(|| href.to_owned())
    })
}

/// The folder of the pages that load a script: of those that name it, else of all pages.
fn shared_base(site: &Site, pages_url: &Url, script: &SitePath) -> Option<Url> {
    let pages: Vec<(&SitePath, &str)> = site
        .iter()
        .filter(|(path, _)| matches!(path.extension().as_str(), "html" | "htm"))
        .filter_map(|(path, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)))
        .collect();
    let naming: Vec<_> = pages.iter().filter(|(_, text)| text.contains(script.file_name())).collect();
    let chosen: Vec<_> = if naming.is_empty() { pages.iter().collect() } else { naming };
    let mut folders = chosen.into_iter().map(|(path, _)| {
        let own = pages_url.join(&encoded(path)).ok()?;
        page_base(site, pages_url, &own, path)?.join(".").ok()
    });
    let first = folders.next()??;
    folders.all(|folder| folder.as_ref() == Some(&first)).then_some(first)
}

fn below(pages_url: &Url, url: &Url) -> bool {
    url.origin() == pages_url.origin() && url.path().starts_with(pages_url.path())
}

/// The references of a part of a file that begins at `from`.
fn shifted(references: Vec<Reference>, from: usize) -> impl Iterator<Item = Reference> {
    references.into_iter().map(move |mut reference| {
        reference.at = reference.at.start + from..reference.at.end + from;
        reference
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Vec<String> {
        let found = of(&path.parse().unwrap(), text);
        assert!(found.iter().all(|reference| text[reference.at.clone()] == reference.target), "{found:?}");
        found.iter().map(|reference| format!("{:?} {}", reference.kind, reference.target)).collect()
    }

    #[test]
    fn references_of_a_page() {
        let page = "<base href=\"b/\"><a href=\"/x.html\">x</a><img src='i.png' srcset=\"/a.png 1x, b.png 2x\">\
                    <p style=\"background: url('/p.png')\"></p><style>p { background: url(/q.png) }</style>\
                    <script>fetch(\"/d.json\")</script><script type=\"module\">import x from \"/m.js\"</script>\
                    <a href=\"data:text/plain,x\">d</a><a href=\"?a=1&amp;b=2\">q</a><!-- <a href='/no'> -->";
        assert_eq!(
            said("index.html", page),
            [
                "Base b/",
                "Link /x.html",
                "Link i.png",
                "Link /a.png",
                "Link b.png",
                "Link /p.png",
                "Link /q.png",
                "Fetch /d.json",
                "Import /m.js",
                "Link data:text/plain,x",
            ]
        );
    }

    #[test]
    fn references_of_style_sheets_and_scripts() {
        assert_eq!(
            said(
                "s.css",
                "@import '/a.css'; @import url(\"b.css\"); p { background: URL( /c.png ) } /* url(/no.png) */"
            ),
            ["Link /a.css", "Link b.css", "Link /c.png"]
        );
        assert_eq!(
            said(
                "a.js",
                "import '/m.js'; export * from './n.js'; import('/o.js'); fetch(`/d.json`); const p = '/q.png';\
                 if (location.pathname === '/no.html') x('it\\'s'); w = new Worker('/w.js'); s.replace(/'\\/y'/, '')"
            ),
            ["Import /m.js", "Import ./n.js", "Import /o.js", "Fetch /d.json", "Text /q.png", "Fetch /w.js", "Text "]
        );
        assert_eq!(said("a.js", "let = '/x.js"), [""; 0]);
    }
}
