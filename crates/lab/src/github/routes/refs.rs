//! Branches and tags.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, shape};
use crate::github::answer::{Answer, Call, Outcome, Refusal};
use crate::github::objects::ObjectId;
use crate::github::state::{Repository, World};

#[derive(Debug, Deserialize)]
struct Creation {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
}

#[derive(Debug, Deserialize)]
struct Update {
    sha: String,
    #[serde(default)]
    force: bool,
}

pub(super) fn get(w: &World, at: At<'_>, name: &str) -> Outcome {
    let repo = at.with_commits(w)?;
    let full = format!("refs/{name}");
    let id = repo.refs.get(&full).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, shape_ref(w, repo, &full, *id)))
}

pub(super) fn matching(w: &World, at: At<'_>, prefix: &str) -> Outcome {
    let repo = at.with_commits(w)?;
    let full = format!("refs/{prefix}");
    let found = repo.refs.iter().filter(|(name, _)| name.starts_with(&full));
    Ok(Answer::json(200, found.map(|(name, id)| shape_ref(w, repo, name, *id)).collect()))
}

pub(super) fn branch(w: &World, at: At<'_>, name: &str) -> Outcome {
    let repo = at.of(w)?;
    let missing = || Refusal::new(404, "Branch not found");
    let id = repo.branch(name).ok_or_else(missing)?;
    let commit = repo.objects.commit(id).ok_or_else(missing)?;
    let body = json!({ "name": name, "commit": shape::repo_commit(w, repo, id, commit), "protected": false });
    Ok(Answer::json(200, body))
}

pub(super) fn create(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: Creation = c.json()?;
    let repo = at.with_commits(w)?;
    sound_name(&wanted.name)?;
    let id = target(repo, &wanted.name, &wanted.sha)?;
    if repo.refs.contains_key(&wanted.name) {
        return Err(Refusal::new(422, "Reference already exists"));
    }
    // Git keeps refs as files: `a` and `a/b` cannot both be.
    let clashes =
        |name: &String| name.starts_with(&format!("{}/", wanted.name)) || wanted.name.starts_with(&format!("{name}/"));
    if repo.refs.keys().any(clashes) {
        return Err(Refusal::new(422, "Reference update failed"));
    }
    w.push(at.owner, at.name, &wanted.name, id, c.now);
    Ok(Answer::json(201, shape_ref(w, at.of(w)?, &wanted.name, id)))
}

pub(super) fn update(w: &mut World, c: &Call, at: At<'_>, name: &str) -> Outcome {
    let wanted: Update = c.json()?;
    let repo = at.with_commits(w)?;
    let full = format!("refs/{name}");
    let old = *repo.refs.get(&full).ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    let id = target(repo, &full, &wanted.sha)?;
    if !wanted.force && !repo.objects.is_fast_forward(old, id) {
        return Err(Refusal::new(422, "Update is not a fast forward"));
    }
    // Moving a ref to where it is already is no push.
    if id != old {
        w.push(at.owner, at.name, &full, id, c.now);
    }
    Ok(Answer::json(200, shape_ref(w, at.of(w)?, &full, id)))
}

pub(super) fn delete(w: &mut World, at: At<'_>, name: &str) -> Outcome {
    let repo = at.with_commits_mut(w)?;
    match repo.refs.remove(&format!("refs/{name}")) {
        Some(_) => Ok(Answer::empty(204)),
        None => Err(Refusal::new(422, "Reference does not exist")),
    }
}

/// The object a ref is to point to; a branch takes commits only.
fn target(repo: &Repository, full_ref: &str, sha: &str) -> Result<ObjectId, Refusal> {
    let id = sha
        .parse()
        .map_err(|_| Refusal::new(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f]."))?;
    let object = repo.objects.get(id).ok_or_else(|| Refusal::new(422, "Object does not exist"))?;
    if full_ref.starts_with("refs/heads/") && object.kind() != "commit" {
        return Err(Refusal::new(422, "Reference update failed"));
    }
    Ok(id)
}

fn sound_name(full: &str) -> Result<(), Refusal> {
    if !full.starts_with("refs/") {
        return Err(Refusal::new(422, "Reference name must start with 'refs/'."));
    }
    if full.split('/').count() < 3 {
        return Err(Refusal::new(422, "Reference name must contain at least three slash-separated components."));
    }
    let part_is_sound = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let char_is_sound = |c: char| !c.is_control() && !" ~^:?*[\\".contains(c);
    let is_sound = full.split('/').all(part_is_sound)
        && full.chars().all(char_is_sound)
        && !full.contains("..")
        && !full.contains("@{")
        && !full.ends_with('.');
    if is_sound { Ok(()) } else { Err(Refusal::new(422, format!("{full} is not a valid ref name."))) }
}

fn shape_ref(w: &World, repo: &Repository, full: &str, id: ObjectId) -> Value {
    let api = shape::repo_url(w, repo);
    let kind = repo.objects.get(id).map_or("commit", |object| object.kind());
    json!({
        "ref": full,
        "node_id": shape::node_id("REF", full),
        "url": format!("{api}/git/{full}"),
        "object": { "sha": id.to_string(), "type": kind, "url": format!("{api}/git/{kind}s/{id}") },
    })
}
