//! Attached files: where each goes in the site, and its bytes out of the data URI.
//!
//! A name that leads out of the site, that some file system cannot hold, or that comes twice is
//! refused. A name that belongs to Sitewright's own files (`LICENSE`, `README.md`, `.nojekyll`,
//! `index.html`) is kept below `attachments/`, since neither file may replace the other.

mod data_uri;
mod sniff;

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::Value;
use shared_types::SitePath;
use unicode_normalization::UnicodeNormalization as _;

use super::bounds::Limits;
use super::failures::{Came, Failures, Pointer, count};
use data_uri::Fault;

/// Files that Sitewright or the page itself writes.
const OURS: [&str; 4] = ["license", "readme.md", ".nojekyll", "index.html"];

/// One attached file, decoded.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: SitePath,
    /// As declared.
    pub(super) media_type: String,
    /// What the bytes look like, when that is certain.
    pub(super) sniffed_type: Option<String>,
    pub(super) bytes: Bytes,
}

/// All attached files; absent and null mean none.
pub(super) fn read(value: Option<&Value>, limits: &Limits, failures: &mut Failures<'_>) -> Option<Vec<File>> {
    let list_at = Pointer::root().member("attachments");
    let items = match value {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(Value::Array(items)) => items,
        other => {
            failures.invalid(list_at, format_args!("expected a list or null, got {}", Came(other)));
            return None;
        }
    };
    if items.len() > limits.attachments {
        let detail = format!("expected at most {}, got {}", count(limits.attachments, "attachment"), items.len());
        failures.invalid(list_at, detail);
        return None;
    }
    let mut taken = HashSet::new();
    let mut room = Room::of(limits);
    let mut files = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let item_at = list_at.item(index);
        if !item.is_object() {
            let detail = format!("expected an object with \"name\" and \"url\", got {}", Came(Some(item)));
            failures.invalid(item_at, detail);
            continue;
        }
        let path = path(item_at.member("name"), item.get("name"), &mut taken, failures);
        let content = content(item_at.member("url"), item.get("url"), &mut room, failures);
        if let (Some(path), Some((media_type, bytes))) = (path, content) {
            let sniffed_type = sniff::media_type(&bytes).map(str::to_owned);
            files.push(File { path, media_type, sniffed_type, bytes });
        }
    }
    if room.exceeded {
        let limit = count(limits.attachments_bytes, "byte");
        failures.too_large(list_at, format_args!("expected at most {limit} in all attachments together, got more"));
    }
    (files.len() == items.len()).then_some(files)
}

/// Bytes that attachments may still have.
struct Room {
    each: usize,
    all: usize,
    exceeded: bool,
}

impl Room {
    fn of(limits: &Limits) -> Self {
        Self { each: limits.attachment_bytes, all: limits.attachments_bytes, exceeded: false }
    }
}

fn path(
    pointer: Pointer,
    name: Option<&Value>,
    taken: &mut HashSet<String>,
    failures: &mut Failures<'_>,
) -> Option<SitePath> {
    let Some(name) = name.and_then(Value::as_str) else {
        failures.invalid(pointer, format_args!("expected a file name, got {}", Came(name)));
        return None;
    };
    let name = name.trim();
    let placed = if OURS.contains(&name.to_ascii_lowercase().as_str()) {
        format!("attachments/{name}")
    } else {
        name.to_owned()
    };
    match placed.parse::<SitePath>() {
        Ok(path) if is_free(&path, taken) => {
            taken.insert(folded(path.as_str()));
            Some(path)
        }
        Ok(_) => {
            let wrong = "one that is taken, or that is a folder where a file is";
            failures.invalid(pointer, format_args!("expected a name of its own, got {wrong}{}", failures.quote(name)));
            None
        }
        Err(fault) => {
            failures.invalid(pointer, format_args!("{fault}{}", failures.quote(name)));
            None
        }
    }
}

/// Whether no other file, ours included, has this path or lies below or above it.
fn is_free(path: &SitePath, taken: &HashSet<String>) -> bool {
    let path = folded(path.as_str());
    let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let clashes = |other: &str| path == other || within(&path, other) || within(other, &path);
    !taken.iter().map(String::as_str).chain(OURS).any(clashes)
}

/// Some file systems do not tell upper from lower case, or `é` from `e` with an accent: such names
/// are the same here too.
fn folded(path: &str) -> String {
    path.to_lowercase().nfc().collect()
}

/// The declared media type and the bytes.
fn content(
    pointer: Pointer,
    url: Option<&Value>,
    room: &mut Room,
    failures: &mut Failures<'_>,
) -> Option<(String, Bytes)> {
    let Some(url) = url.and_then(Value::as_str) else {
        failures.invalid(pointer, format_args!("expected a data URI, got {}", Came(url)));
        return None;
    };
    match data_uri::decode(url, room.each, room.all) {
        Ok(decoded) => {
            room.all = room.all.saturating_sub(decoded.bytes.len());
            return Some((decoded.media_type, decoded.bytes));
        }
        Err(Fault::BeyondEach) => {
            let limit = count(room.each, "byte");
            failures.too_large(pointer, format_args!("expected at most {limit} in one attachment, got more"));
        }
        Err(Fault::BeyondAll) => {
            (room.all, room.exceeded) = (0, true);
        }
        Err(Fault::OtherScheme(scheme)) => {
            let scheme = failures.scheme(&scheme, url);
            failures.invalid(pointer, format_args!("expected a data URI, got a URL with {scheme}"));
        }
        Err(fault) => failures.invalid(pointer, format_args!("expected a data URI, got {fault}")),
    }
    None
}
