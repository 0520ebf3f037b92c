//! Attached files: where each goes in the site, and its bytes out of the data URI.
//!
//! A name that leads out of the site, that some file system cannot hold, or that comes twice is
//! refused. A name that belongs to Sitewright's own files (`LICENSE`, `README.md`, `.nojekyll`,
//! `index.html`) is kept below `attachments/`, since neither file may replace the other.

use std::collections::HashSet;

use bytes::Bytes;
use data_url::DataUrl;
use serde_json::Value;
use shared_types::SitePath;

use super::bounds::Limits;
use super::failures::{Failures, kind};

/// Files that Sitewright or the page itself writes.
const OURS: [&str; 4] = ["license", "readme.md", ".nojekyll", "index.html"];

/// One attached file, decoded.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: SitePath,
    pub(super) media_type: String,
    pub(super) bytes: Bytes,
}

/// All attached files; absent and null mean none.
pub(super) fn read(value: Option<&Value>, limits: &Limits, failures: &mut Failures) -> Option<Vec<File>> {
    let items = match value {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => {
            failures.invalid("/attachments", format_args!("expected a list or null, got {}", kind(other)));
            return None;
        }
    };
    if items.len() > limits.attachments {
        let detail = format!("expected at most {} attachments, got {}", limits.attachments, items.len());
        failures.invalid("/attachments", detail);
        return None;
    }
    let mut taken = HashSet::new();
    let mut left = limits.attachments_bytes;
    let mut files = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = path(index, item, &mut taken, failures);
        let content = content(index, item, limits, &mut left, failures);
        if let (Some(path), Some((media_type, bytes))) = (path, content) {
            files.push(File { path, media_type, bytes });
        }
    }
    (files.len() == items.len()).then_some(files)
}

fn path(index: usize, item: &Value, taken: &mut HashSet<String>, failures: &mut Failures) -> Option<SitePath> {
    let pointer = format!("/attachments/{index}/name");
    let Some(name) = item.get("name").and_then(Value::as_str) else {
        failures.invalid(pointer, format_args!("expected a file name, got {}", missing_or_kind(item, "name")));
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
            taken.insert(folded(&path));
            Some(path)
        }
        Ok(_) => {
            let detail = "expected a name of its own, got one that is taken, or that is a folder where a file is";
            failures.invalid(pointer, detail);
            None
        }
        Err(expected) => {
            failures.invalid(pointer, format_args!("expected {expected}, got a name that is not"));
            None
        }
    }
}

/// Whether no other file, ours included, has this path or lies below or above it.
fn is_free(path: &SitePath, taken: &HashSet<String>) -> bool {
    let path = folded(path);
    let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let clashes = |other: &str| path == other || within(&path, other) || within(other, &path);
    !taken.iter().map(String::as_str).chain(OURS).any(clashes)
}

/// Some file systems do not tell upper from lower case: such names are the same here too.
fn folded(path: &SitePath) -> String {
    path.as_str().to_lowercase()
}

fn content(
    index: usize,
    item: &Value,
    limits: &Limits,
    left: &mut usize,
    failures: &mut Failures,
) -> Option<(String, Bytes)> {
    let pointer = format!("/attachments/{index}/url");
    let Some(url) = item.get("url").and_then(Value::as_str) else {
        failures.invalid(pointer, format_args!("expected a data URI, got {}", missing_or_kind(item, "url")));
        return None;
    };
    // Decoding never makes a text longer than three quarters of base64 or a third of
    // percent-encoding; the length of the text bounds both before memory is spent.
    if url.len() > limits.attachment_bytes.saturating_mul(3).saturating_add(1024) {
        failures.too_large(pointer, limits.attachment_bytes, "bytes in one attachment");
        return None;
    }
    let uri = match DataUrl::process(url.trim()) {
        Ok(uri) => uri,
        Err(_) => {
            let got = match url.split_once(':') {
                Some((scheme, _)) if is_scheme(scheme) && !scheme.eq_ignore_ascii_case("data") => {
                    format!("a URL with the scheme {scheme}")
                }
                _ => "a text that is none (a data URI is `data:<type>[;base64],<data>`)".to_owned(),
            };
            failures.invalid(pointer, format_args!("expected a data URI, got {got}"));
            return None;
        }
    };
    let Ok((bytes, _fragment)) = uri.decode_to_vec() else {
        failures.invalid(pointer, "expected a data URI, got one whose base64 is broken");
        return None;
    };
    if bytes.len() > limits.attachment_bytes {
        failures.too_large(pointer, limits.attachment_bytes, "bytes in one attachment");
        return None;
    }
    let Some(rest) = left.checked_sub(bytes.len()) else {
        failures.too_large("/attachments", limits.attachments_bytes, "bytes in all attachments");
        return None;
    };
    *left = rest;
    Some((uri.mime_type().to_string(), Bytes::from(bytes)))
}

fn missing_or_kind(item: &Value, field: &str) -> &'static str {
    match item {
        Value::Object(fields) => fields.get(field).map_or("nothing: the field is missing", kind),
        other => kind(other),
    }
}

fn is_scheme(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}
