//! Serves the live commits at `/{owner}/{repo}/...`, the way GitHub Pages does, and those with a custom domain there.
//!
//! Without `.nojekyll` in the source folder, what Jekyll leaves out is not served. Jekyll itself,
//! with its themes and templates, is not imitated.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::answer::Answer;
use super::state::{Domain, Repository, World};

/// GitHub lets caches keep a page for ten minutes, a missing one too.
const CACHE_CONTROL: &str = "max-age=600";

/// Caches in front of the sites: they keep what they answered once, by the whole address.
#[derive(Debug, Default)]
pub(super) struct Caches {
    /// So many addresses, each new, still show what was there before the last deployment.
    pub(super) stale: u32,
    kept: BTreeSet<String>,
}

/// What of a site is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Live,
    Before,
}

impl Caches {
    /// What an address shows. More addresses than any test asks for are not remembered.
    pub(super) fn view(&mut self, address: &str) -> View {
        const KEPT_MAX: usize = 10_000;
        if self.kept.contains(address) {
            return View::Before;
        }
        if self.stale == 0 || self.kept.len() == KEPT_MAX {
            return View::Live;
        }
        self.stale -= 1;
        self.kept.insert(address.to_owned());
        View::Before
    }
}

/// Answers a GET at `host` for `path` (percent-encoded, begins with `/`).
pub(super) fn serve(w: &World, host: &str, path: &str, view: View) -> Answer {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let decoded = match w.domains.iter().find(|(_, domain)| domain.host == host) {
        Some((owner, Domain { of: Some(name), .. })) => format!("/{owner}/{name}{decoded}"),
        Some((owner, Domain { of: None, .. })) => format!("/{owner}{decoded}"),
        None => decoded.into_owned(),
    };
    let mut parts = decoded.trim_start_matches('/').splitn(3, '/');
    let (Some(owner), Some(name)) = (parts.next(), parts.next()) else { return no_site() };
    let Some(files) = w.repo(owner, name).and_then(|repo| files_of(repo, view)) else { return no_site() };
    let Some(file) = parts.next() else { return moved(&format!("{path}/")) };

    let file_named = |name: &str| files.get_key_value(name).map(|(name, bytes)| page(200, name, bytes.clone()));
    if file.is_empty() || file.ends_with('/') {
        return file_named(&format!("{file}index.html")).unwrap_or_else(|| missing(&files));
    }
    if let Some(answer) = file_named(file).or_else(|| file_named(&format!("{file}.html"))) {
        return answer;
    }
    match files.contains_key(&format!("{file}/index.html")) {
        true => moved(&format!("{path}/")),
        false => missing(&files),
    }
}

/// The files of the shown commit below the source folder; nothing before the first build.
fn files_of(repo: &Repository, view: View) -> Option<BTreeMap<String, Bytes>> {
    let pages = repo.pages.as_ref()?;
    let all = repo.files(match view {
        View::Live => pages.live?,
        View::Before => pages.before?,
    });
    let prefix = match pages.source.path.as_str() {
        "/" => "",
        _ => "docs/",
    };
    let below = all.into_iter().filter_map(|(path, bytes)| Some((path.strip_prefix(prefix)?.to_owned(), bytes)));
    let mut files: BTreeMap<String, Bytes> = below.collect();
    let goes_through_jekyll = !files.contains_key(".nojekyll");
    let is_left_out = |path: &str| path.starts_with(".github/") || goes_through_jekyll && jekyll_leaves_out(path);
    files.retain(|path, _| !is_left_out(path));
    Some(files)
}

fn jekyll_leaves_out(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with(['_', '.', '#']) || part.ends_with('~') || part == "node_modules")
}

fn page(status: u16, name: &str, bytes: Bytes) -> Answer {
    Answer::raw(status, bytes, content_type(name))
        .with_header("cache-control", CACHE_CONTROL)
        .with_header("access-control-allow-origin", "*")
}

fn missing(files: &BTreeMap<String, Bytes>) -> Answer {
    match files.get("404.html") {
        Some(bytes) => page(404, "404.html", bytes.clone()),
        None => no_site(),
    }
}

fn no_site() -> Answer {
    const TEXT: &str = "<!DOCTYPE html><html><head><title>Site not found &middot; GitHub Pages</title></head>\
        <body><h1>404</h1><p>There isn't a GitHub Pages site here.</p></body></html>";
    page(404, "404.html", Bytes::from_static(TEXT.as_bytes()))
}

fn moved(to: &str) -> Answer {
    Answer::raw(301, "", "text/html; charset=utf-8").with_header("location", to)
}

fn content_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "application/javascript; charset=utf-8",
        Some("json" | "map") => "application/json; charset=utf-8",
        Some("csv") => "text/csv; charset=utf-8",
        Some("md") => "text/markdown; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("xml") => "application/xml",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("ico") => "image/vnd.microsoft.icon",
        Some("pdf") => "application/pdf",
        Some("wasm") => "application/wasm",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
