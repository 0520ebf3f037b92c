//! Commits: the git object, and the view of a branch's history.

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::repos::paged;
use super::{At, shape};
use crate::github::answer::{Answer, Call, Outcome, Refusal};
use crate::github::objects::{Commit, Object, ObjectId, Signature};
use crate::github::state::{Account, World};

/// Who a commit is by, as requests say it.
#[derive(Debug, Deserialize)]
pub(super) struct Person {
    name: String,
    email: String,
    date: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Creation {
    message: String,
    tree: String,
    #[serde(default)]
    parents: Vec<String>,
    author: Option<Person>,
    committer: Option<Person>,
}

impl Person {
    /// The account itself, now.
    pub(super) fn of(account: &Account) -> Self {
        let Account { id, login, .. } = account;
        Self { name: login.clone(), email: format!("{id}+{login}@users.noreply.github.com"), date: None }
    }

    /// The signature; `now` where no date was given.
    pub(super) fn sign(&self, now: OffsetDateTime) -> Result<Signature, Refusal> {
        let at = match &self.date {
            None => now,
            Some(date) => OffsetDateTime::parse(date, &Rfc3339)
                .map_err(|_| Refusal::invalid(&format!("{date} is not a valid date-time.")))?,
        };
        Ok(Signature::new(&self.name, &self.email, at))
    }
}

pub(super) fn create(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: Creation = c.json()?;
    let fallback = Person::of(&w.user());
    let author = wanted.author.as_ref().unwrap_or(&fallback).sign(c.now)?;
    let committer = match &wanted.committer {
        Some(committer) => committer.sign(c.now)?,
        None => author.clone(),
    };
    let repo = at.with_commits_mut(w)?;
    let tree = wanted.tree.parse().ok().filter(|id| repo.objects.tree(*id).is_some());
    let tree = tree.ok_or_else(|| Refusal::new(422, "Tree SHA does not exist"))?;
    let parents: Option<Vec<ObjectId>> = wanted
        .parents
        .iter()
        .map(|parent| parent.parse().ok().filter(|id| repo.objects.commit(*id).is_some()))
        .collect();
    let parents = parents.ok_or_else(|| Refusal::new(422, "Parent SHA does not exist or is not a commit object"))?;
    let commit = Commit { tree, parents, author, committer, message: wanted.message };
    let id = repo.objects.insert(Object::Commit(Box::new(commit.clone())));
    let body = shape::git_commit(w, at.of(w)?, id, &commit);
    let url = body["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, body).with_header("location", url))
}

pub(super) fn get_object(w: &World, at: At<'_>, sha: &str) -> Outcome {
    let repo = at.with_commits(w)?;
    let id: ObjectId = sha.parse().map_err(|_| Refusal::not_found())?;
    let commit = repo.objects.commit(id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, shape::git_commit(w, repo, id, commit)))
}

pub(super) fn get(w: &World, c: &Call, at: At<'_>, reference: &str) -> Outcome {
    let repo = at.with_commits(w)?;
    let missing = || Refusal::new(422, format!("No commit found for SHA: {reference}"));
    let (id, commit) = repo.resolve_commit(reference).ok_or_else(missing)?;
    if c.accept.contains("application/vnd.github.sha") {
        return Ok(Answer::raw(200, id.to_string(), "application/vnd.github.sha; charset=utf-8"));
    }
    Ok(Answer::json(200, shape::repo_commit(w, repo, id, commit)))
}

/// The history of `sha` (a branch or a commit), newest first; with `path`, only the commits that
/// changed it.
pub(super) fn list(w: &World, c: &Call, at: At<'_>) -> Outcome {
    let repo = at.with_commits(w)?;
    let from = c.param("sha").unwrap_or_else(|| repo.default_branch.clone());
    let (head, _) = repo.resolve_commit(&from).ok_or_else(Refusal::not_found)?;
    let mut history = repo.objects.history(head);
    if let Some(path) = c.param("path") {
        let at_path = |id: ObjectId| {
            let entry = repo.objects.at_path(repo.objects.commit(id)?.tree, &path)?;
            Some(entry.id)
        };
        history.retain(|&id| {
            let parent = repo.objects.commit(id).and_then(|commit| commit.parents.first().copied());
            at_path(id) != parent.and_then(at_path)
        });
    }
    let shape = |id: &ObjectId| match repo.objects.commit(*id) {
        Some(commit) => shape::repo_commit(w, repo, *id, commit),
        None => Value::Null,
    };
    Ok(paged(w, c, &history, shape))
}
