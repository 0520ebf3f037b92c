//! Files by path: read one, list a directory, write one with its commit.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::commits::Person;
use super::{At, shape};
use crate::github::answer::{Answer, Call, Outcome, Refusal};
use crate::github::objects::{Entry, Mode, Object, ObjectId};
use crate::github::odb::{Paths, put_leaf};
use crate::github::state::{Repository, World, branch_ref};

/// Above this many bytes the JSON form leaves the content out; the raw form has it.
const INLINE_MAX: usize = 1024 * 1024;
/// GitHub breaks its base64 after so many characters.
const BASE64_LINE: usize = 60;

#[derive(Debug, Deserialize)]
struct Write {
    message: String,
    content: String,
    sha: Option<String>,
    branch: Option<String>,
    author: Option<Person>,
    committer: Option<Person>,
}

pub(super) fn get(w: &World, c: &Call, at: At<'_>, path: &str) -> Outcome {
    let repo = at.of(w)?;
    if repo.is_empty() {
        return Err(Refusal::new(404, "This repository is empty."));
    }
    let reference = c.param("ref").unwrap_or_else(|| repo.default_branch.clone());
    let (_, commit) = repo
        .resolve_commit(&reference)
        .ok_or_else(|| Refusal::new(404, format!("No commit found for the ref {reference}")))?;
    let directory = match path {
        "" => Some(commit.tree),
        _ => {
            let entry = repo.objects.at_path(commit.tree, path).ok_or_else(Refusal::not_found)?;
            if entry.mode != Mode::Directory {
                return file(w, c, repo, path, &reference, &entry);
            }
            Some(entry.id)
        }
    };
    let entries = directory.and_then(|id| repo.objects.tree(id)).unwrap_or_default();
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let listed = entries
        .iter()
        .map(|entry| shape_entry(w, repo, &format!("{prefix}{}", entry.name), &reference, entry))
        .collect();
    Ok(Answer::json(200, Value::Array(listed)))
}

fn file(w: &World, c: &Call, repo: &Repository, path: &str, reference: &str, entry: &Entry) -> Outcome {
    let bytes = repo.objects.blob(entry.id).cloned().unwrap_or_default();
    if is_raw(c) {
        return Ok(Answer::raw(200, bytes, "application/vnd.github.raw; charset=utf-8"));
    }
    let mut body = shape_entry(w, repo, path, reference, entry);
    if bytes.len() <= INLINE_MAX {
        body["encoding"] = json!("base64");
        body["content"] = json!(base64_lines(&bytes));
    } else {
        body["encoding"] = json!("none");
        body["content"] = json!("");
    }
    Ok(Answer::json(200, body))
}

pub(super) fn put(w: &mut World, c: &Call, at: At<'_>, path: &str) -> Outcome {
    let write: Write = c.json()?;
    let content = decode_base64(&write.content).ok_or_else(|| Refusal::new(422, "content is not valid Base64"))?;
    sound_path(path).then_some(()).ok_or_else(|| Refusal::new(422, "path contains a malformed path component"))?;
    let fallback = Person::of(&w.user());
    let author = write.author.as_ref().or(write.committer.as_ref()).unwrap_or(&fallback).sign(c.now)?;
    let committer = write.committer.as_ref().or(write.author.as_ref()).unwrap_or(&fallback).sign(c.now)?;

    let repo = at.of_mut(w)?;
    let branch = write.branch.unwrap_or_else(|| repo.default_branch.clone());
    let head = repo.branch(&branch);
    if head.is_none() && !(repo.is_empty() && branch == repo.default_branch) {
        return Err(Refusal::new(404, format!("Branch {branch} not found")));
    }
    let tree = head.and_then(|head| repo.objects.commit(head)).map(|commit| commit.tree);
    let old = tree.and_then(|tree| repo.objects.at_path(tree, path));
    may_replace(path, old.as_ref(), write.sha.as_deref())?;

    let mut leaves = tree.map(|tree| repo.objects.leaves(tree)).unwrap_or_else(Paths::new);
    let blob = repo.objects.insert(Object::Blob(content.into()));
    put_leaf(&mut leaves, path, old.as_ref().map_or(Mode::File, |entry| entry.mode), blob);
    let commit = repo.commit(head, &leaves, &write.message, author, committer);
    w.push(at.owner, at.name, &branch_ref(&branch), commit, c.now);
    written(w, at, path, &branch, commit, if old.is_some() { 200 } else { 201 })
}

/// A file that is there is replaced only by who names its blob.
fn may_replace(path: &str, old: Option<&Entry>, sha: Option<&str>) -> Result<(), Refusal> {
    match (old, sha) {
        (None, None) => Ok(()),
        (Some(old), Some(sha)) if old.id.to_string() == sha => Ok(()),
        (Some(_), None) => Err(Refusal::invalid("\"sha\" wasn't supplied.")),
        (_, Some(sha)) => Err(Refusal::new(409, format!("{path} does not match {sha}"))),
    }
}

fn written(w: &World, at: At<'_>, path: &str, branch: &str, commit: ObjectId, status: u16) -> Outcome {
    let repo = at.of(w)?;
    let stored = repo.objects.commit(commit).ok_or_else(Refusal::not_found)?;
    let entry = repo.objects.at_path(stored.tree, path).ok_or_else(Refusal::not_found)?;
    let body = json!({
        "content": shape_entry(w, repo, path, branch, &entry),
        "commit": shape::git_commit(w, repo, commit, stored),
    });
    Ok(Answer::json(status, body))
}

fn shape_entry(w: &World, repo: &Repository, path: &str, reference: &str, entry: &Entry) -> Value {
    let (kind, view) = match entry.mode {
        Mode::Directory => ("dir", "tree"),
        Mode::Link => ("symlink", "blob"),
        Mode::Submodule => ("submodule", "tree"),
        Mode::File | Mode::Executable => ("file", "blob"),
    };
    let api = shape::repo_url(w, repo);
    let url = format!("{api}/contents/{path}?ref={reference}");
    let git_url = format!("{api}/git/{}s/{}", entry.mode.kind(), entry.id);
    let html_url = format!("{}/{}/{view}/{reference}/{path}", w.urls.api, repo.full_name());
    let download_url = match kind {
        "file" => json!(format!("{}/{}/raw/{reference}/{path}", w.urls.api, repo.full_name())),
        _ => Value::Null,
    };
    json!({
        "name": entry.name,
        "path": path,
        "sha": entry.id.to_string(),
        "size": repo.objects.blob(entry.id).map_or(0, |bytes| bytes.len()),
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": download_url,
        "type": kind,
        "_links": { "self": url, "git": git_url, "html": html_url },
    })
}

/// Whether the caller asked for bytes instead of JSON.
pub(super) fn is_raw(c: &Call) -> bool {
    ["application/vnd.github.raw", "application/vnd.github.v3.raw"].iter().any(|kind| c.accept.contains(kind))
}

/// Base64 in lines, as GitHub sends it.
pub(super) fn base64_lines(bytes: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(bytes);
    text.as_bytes().chunks(BASE64_LINE).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

/// Base64 with or without line breaks.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(text).ok()
}

/// Whether git would take the path into a tree.
pub(super) fn sound_path(path: &str) -> bool {
    /// Deeper trees than any site needs would only serve to exhaust the stack.
    const DEPTH_MAX: usize = 100;
    let is_sound =
        |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git") && !part.contains('\0');
    path.split('/').count() <= DEPTH_MAX && path.split('/').all(is_sound)
}
