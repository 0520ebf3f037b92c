//! The site of a repository: the files at the head of its default branch.

use actix_web::http::StatusCode;
use gix::ObjectId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Answer, Asked, people};
use crate::Error;
use crate::local::repository::{Found, Repository};

/// What may stand in a path segment as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The file at `path` (below the repository's name), by the rules of GitHub Pages: a folder is its
/// `index.html`, a name without a file may be a page without its `.html`, and the site's own
/// `404.html` answers for what is missing.
pub(super) fn answer(repository: &Repository, asked: &Asked, path: &[String]) -> Result<Answer, Error> {
    let Some(head) = repository.tip(&repository.default_branch()?)? else { return Ok(people::empty_site()) };
    if asked.folder {
        return match repository.find(head, &[path, &["index.html".to_owned()]].concat())? {
            Some(Found::File(blob)) => file(repository, asked, "index.html", blob),
            _ => missing(repository, head),
        };
    }
    match repository.find(head, path)? {
        Some(Found::File(blob)) => file(repository, asked, path.last().map_or("", String::as_str), blob),
        Some(Found::Folder) => Ok(Answer::redirect(with_slash(asked))),
        None => match page_without_suffix(repository, head, path)? {
            Some(blob) => file(repository, asked, "page.html", blob),
            None => missing(repository, head),
        },
    }
}

fn file(repository: &Repository, asked: &Asked, name: &str, blob: ObjectId) -> Result<Answer, Error> {
    let etag = format!("\"{blob}\"");
    let known = asked.if_none_match.as_deref().is_some_and(|header| names(header, &etag));
    let body = if known { bytes::Bytes::new() } else { repository.blob(blob)? };
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    Ok(Answer { status, etag: Some(etag), ..Answer::ok(content_type(name), body) })
}

fn missing(repository: &Repository, head: ObjectId) -> Result<Answer, Error> {
    match repository.find(head, &["404.html".to_owned()])? {
        Some(Found::File(blob)) => {
            let body = repository.blob(blob)?;
            Ok(Answer { status: StatusCode::NOT_FOUND, ..Answer::ok("text/html; charset=utf-8", body) })
        }
        _ => Ok(people::not_found()),
    }
}

fn page_without_suffix(repository: &Repository, head: ObjectId, path: &[String]) -> Result<Option<ObjectId>, Error> {
    let Some((last, folders)) = path.split_last() else { return Ok(None) };
    let found = repository.find(head, &[folders, &[format!("{last}.html")]].concat())?;
    Ok(match found {
        Some(Found::File(blob)) => Some(blob),
        _ => None,
    })
}

/// Built of the decoded segments, so that nothing but a path on this server can come out.
fn with_slash(asked: &Asked) -> String {
    let path: String =
        asked.segments.iter().map(|segment| format!("/{}", utf8_percent_encode(segment, SEGMENT))).collect();
    format!("{path}/{}", asked.query)
}

/// Whether an `If-None-Match` header names `etag` (RFC 9110, weak comparison).
fn names(header: &str, etag: &str) -> bool {
    header.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn content_type(name: &str) -> String {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    let text = mime.type_() == mime_guess::mime::TEXT
        || mime.suffix() == Some(mime_guess::mime::XML)
        || matches!(mime.subtype().as_str(), "javascript" | "json" | "manifest+json" | "xml");
    if text { format!("{}; charset=utf-8", mime.essence_str()) } else { mime.essence_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_follow_the_suffix_and_texts_are_utf8() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.csv", "text/csv; charset=utf-8"),
            ("a.json", "application/json; charset=utf-8"),
            ("a.svg", "image/svg+xml; charset=utf-8"),
            ("README.md", "text/markdown; charset=utf-8"),
            ("a.png", "image/png"),
            ("a.wasm", "application/wasm"),
            ("LICENSE", "application/octet-stream"),
            (".nojekyll", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected, "{name}");
        }
    }

    #[test]
    fn an_etag_is_found_in_a_list() {
        for (header, found) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            assert_eq!(names(header, "\"a\""), found, "{header}");
        }
    }
}
