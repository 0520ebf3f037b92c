//! Blobs and trees.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::contents::{base64_lines, decode_base64, is_raw, sound_path};
use super::{At, shape};
use crate::github::answer::{Answer, Call, Outcome, Refusal};
use crate::github::objects::{Entry, Mode, Object, ObjectId};
use crate::github::odb::{Paths, put_leaf, remove_path};
use crate::github::state::{Repository, World};

/// GitHub cuts a recursive listing at this many entries and says so; writing has the same bound.
const ENTRIES_MAX: usize = 100_000;

#[derive(Debug, Deserialize)]
struct BlobCreation {
    content: String,
    #[serde(default)]
    encoding: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TreeCreation {
    tree: Vec<TreeItem>,
    base_tree: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TreeItem {
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Absent, null (which deletes), or an id: three different things.
    #[serde(default, deserialize_with = "present")]
    sha: Option<Option<String>>,
    content: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

pub(super) fn create_blob(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: BlobCreation = c.json()?;
    let repo = at.with_commits_mut(w)?;
    let bytes = match wanted.encoding.as_deref() {
        None | Some("utf-8") => wanted.content.into_bytes(),
        Some("base64") => {
            decode_base64(&wanted.content).ok_or_else(|| Refusal::new(422, "content is not valid Base64"))?
        }
        Some(other) => return Err(Refusal::invalid(&format!("{other} is not one of utf-8, base64."))),
    };
    let id = repo.objects.insert(Object::Blob(bytes.into()));
    let url = format!("{}/git/blobs/{id}", shape::repo_url(w, at.of(w)?));
    Ok(Answer::json(201, json!({ "sha": id.to_string(), "url": url })).with_header("location", url))
}

pub(super) fn get_blob(w: &World, c: &Call, at: At<'_>, sha: &str) -> Outcome {
    let repo = at.with_commits(w)?;
    let id: ObjectId = sha.parse().map_err(|_| Refusal::not_found())?;
    let bytes = repo.objects.blob(id).ok_or_else(Refusal::not_found)?;
    if is_raw(c) {
        return Ok(Answer::raw(200, bytes.clone(), "application/vnd.github.raw; charset=utf-8"));
    }
    let body = json!({
        "sha": sha,
        "node_id": shape::node_id("B", id),
        "size": bytes.len(),
        "url": format!("{}/git/blobs/{id}", shape::repo_url(w, repo)),
        "content": base64_lines(bytes),
        "encoding": "base64",
    });
    Ok(Answer::json(200, body))
}

pub(super) fn create_tree(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: TreeCreation = c.json()?;
    let repo = at.with_commits_mut(w)?;
    if wanted.tree.is_empty() && wanted.base_tree.is_none() {
        return Err(Refusal::new(422, "Invalid tree info"));
    }
    let mut leaves = match wanted.base_tree.as_deref() {
        Some(base) => base_leaves(repo, base)?,
        None => Paths::new(),
    };
    for item in wanted.tree {
        apply(repo, &mut leaves, item)?;
        if leaves.len() > ENTRIES_MAX {
            return Err(Refusal::new(422, format!("tree has more than {ENTRIES_MAX} entries")));
        }
    }
    let id = repo.objects.write_tree(&leaves);
    let repo = at.of(w)?;
    let entries = repo.objects.tree(id).unwrap_or_default();
    let shown = entries.iter().map(|entry| (entry.name.clone(), entry.clone())).collect();
    let body = shape_tree(w, repo, id, shown);
    let url = body["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, body).with_header("location", url))
}

fn base_leaves(repo: &Repository, base: &str) -> Result<Paths, Refusal> {
    let id: Option<ObjectId> = base.parse().ok();
    let tree = id.and_then(|id| repo.objects.peel_to_tree(id));
    let tree = tree.ok_or_else(|| Refusal::new(422, "base_tree is not a valid tree oid"))?;
    Ok(repo.objects.leaves(tree))
}

/// Takes one entry of the request into the paths so far.
fn apply(repo: &mut Repository, leaves: &mut Paths, item: TreeItem) -> Result<(), Refusal> {
    let path = item.path.as_str();
    if !sound_path(path) {
        return Err(Refusal::new(422, "tree.path contains a malformed path component"));
    }
    let mode = Mode::parse(&item.mode).ok_or_else(|| Refusal::new(422, "Must supply a valid tree.mode"))?;
    if item.kind.as_deref().is_some_and(|kind| kind != mode.kind()) {
        return Err(Refusal::new(422, format!("tree.type must be {} for mode {}", mode.kind(), mode.as_str())));
    }
    let sha = match (item.sha, item.content) {
        (None | Some(None), Some(content)) => {
            let blob = repo.objects.insert(Object::Blob(content.into()));
            put_leaf(leaves, path, mode, blob);
            return Ok(());
        }
        (Some(None), None) => {
            // What is not there cannot be deleted.
            return match remove_path(leaves, path) {
                true => Ok(()),
                false => Err(Refusal::new(422, "GitRPC::BadObjectState")),
            };
        }
        (Some(Some(sha)), None) => sha,
        (None, None) => return Err(Refusal::new(422, "Must supply either tree.sha or tree.content")),
        (Some(Some(_)), Some(_)) => return Err(Refusal::new(422, "Must supply only one of tree.sha, tree.content")),
    };
    let id = known(repo, mode, &sha)
        .ok_or_else(|| Refusal::new(422, format!("tree.sha {sha} is not a valid {}", mode.kind())))?;
    if mode != Mode::Directory {
        put_leaf(leaves, path, mode, id);
        return Ok(());
    }
    remove_path(leaves, path);
    for (below, (mode, id)) in repo.objects.leaves(id) {
        let below = format!("{path}/{below}");
        if !sound_path(&below) {
            return Err(Refusal::new(422, "tree.path contains a malformed path component"));
        }
        leaves.insert(below, (mode, id));
    }
    Ok(())
}

/// The object of an entry, if it is there and of the kind its mode says.
fn known(repo: &Repository, mode: Mode, sha: &str) -> Option<ObjectId> {
    let id: ObjectId = sha.parse().ok()?;
    // A submodule's commit lives in another repository.
    let is_known = mode == Mode::Submodule || repo.objects.get(id).is_some_and(|object| object.kind() == mode.kind());
    is_known.then_some(id)
}

pub(super) fn get_tree(w: &World, c: &Call, at: At<'_>, reference: &str) -> Outcome {
    let repo = at.with_commits(w)?;
    let id = repo.resolve(reference).and_then(|id| repo.objects.peel_to_tree(id)).ok_or_else(Refusal::not_found)?;
    // Any value, even `false`, asks for the whole depth.
    let entries = match c.param("recursive") {
        Some(_) => repo.objects.walk(id),
        None => {
            let entries = repo.objects.tree(id).unwrap_or_default();
            entries.iter().map(|entry| (entry.name.clone(), entry.clone())).collect()
        }
    };
    Ok(Answer::json(200, shape_tree(w, repo, id, entries)))
}

fn shape_tree(w: &World, repo: &Repository, id: ObjectId, entries: Vec<(String, Entry)>) -> Value {
    let api = shape::repo_url(w, repo);
    let is_truncated = entries.len() > ENTRIES_MAX;
    let shape_entry = |(path, entry): (String, Entry)| {
        let mut shown = json!({
            "path": path,
            "mode": entry.mode.as_str(),
            "type": entry.mode.kind(),
            "sha": entry.id.to_string(),
        });
        if let Some(bytes) = repo.objects.blob(entry.id) {
            shown["size"] = json!(bytes.len());
        }
        if entry.mode != Mode::Submodule {
            shown["url"] = json!(format!("{api}/git/{}s/{}", entry.mode.kind(), entry.id));
        }
        shown
    };
    let tree: Vec<Value> = entries.into_iter().take(ENTRIES_MAX).map(shape_entry).collect();
    json!({ "sha": id.to_string(), "url": format!("{api}/git/trees/{id}"), "tree": tree, "truncated": is_truncated })
}
