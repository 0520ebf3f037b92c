//! Pull requests between branches of one repository.

use serde::Deserialize;
use serde_json::{Value, json};

use super::repos::paged;
use super::{At, shape};
use crate::github::answer::{Answer, Call, Outcome, Refusal};
use crate::github::state::{Pull, Repository, World};

/// What is the same for every pull request here: nobody reviews, counts or merges it.
const CONSTANTS: &[(&[&str], Value)] = &[
    (&["assignee", "milestone", "auto_merge", "mergeable", "merged_by"], Value::Null),
    (&["merged", "maintainer_can_modify"], Value::Bool(false)),
];
/// Counters of a pull request that nothing here moves.
const ZEROS: [&str; 5] = ["additions", "deletions", "changed_files", "comments", "review_comments"];

#[derive(Debug, Deserialize)]
struct Creation {
    title: String,
    head: String,
    base: String,
    body: Option<String>,
    #[serde(default)]
    draft: bool,
}

pub(super) fn create(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: Creation = c.json()?;
    let id = w.next_id();
    let repo = at.of_mut(w)?;
    let head = branch_of(repo, &wanted.head).to_owned();
    let invalid = |field: &str| refused(json!({ "resource": "PullRequest", "field": field, "code": "invalid" }));
    let head_id = repo.branch(&head).ok_or_else(|| invalid("head"))?;
    let base_id = repo.branch(&wanted.base).ok_or_else(|| invalid("base"))?;
    if repo.objects.history(base_id).contains(&head_id) {
        return Err(custom(&format!("No commits between {} and {head}", wanted.base)));
    }
    if repo.pulls.iter().any(|pull| pull.head == head && pull.base == wanted.base) {
        return Err(custom(&format!("A pull request already exists for {}:{head}.", repo.owner.login)));
    }
    repo.pulls.push(Pull {
        id,
        number: repo.pulls.len() as u64 + 1,
        title: wanted.title,
        body: wanted.body,
        draft: wanted.draft,
        head,
        base: wanted.base,
        created_at: c.now,
    });
    let repo = at.of(w)?;
    let pull = repo.pulls.last().ok_or_else(Refusal::not_found)?;
    let body = shape_pull(w, repo, pull);
    let url = body["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, body).with_header("location", url))
}

/// Newest first. None is ever closed here, so `state=closed` finds none.
pub(super) fn list(w: &World, c: &Call, at: At<'_>) -> Outcome {
    let repo = at.of(w)?;
    let (head, base, state) = (c.param("head"), c.param("base"), c.param("state"));
    let matches = |pull: &&Pull| {
        let label = format!("{}:{}", repo.owner.login, pull.head);
        head.as_ref().is_none_or(|head| *head == label)
            && base.as_ref().is_none_or(|base| *base == pull.base)
            && state.as_deref() != Some("closed")
    };
    let found: Vec<&Pull> = repo.pulls.iter().rev().filter(matches).collect();
    Ok(paged(w, c, &found, |pull| shape_pull(w, repo, pull)))
}

pub(super) fn get(w: &World, at: At<'_>, number: &str) -> Outcome {
    let repo = at.of(w)?;
    let pull = repo.pulls.iter().find(|pull| pull.number.to_string() == number).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, shape_pull(w, repo, pull)))
}

/// The branch of `branch` or `owner:branch`.
fn branch_of<'t>(repo: &Repository, head: &'t str) -> &'t str {
    match head.split_once(':') {
        Some((owner, branch)) if owner.eq_ignore_ascii_case(&repo.owner.login) => branch,
        _ => head,
    }
}

fn refused(error: Value) -> Refusal {
    Refusal::validation("Validation Failed", error)
}

fn custom(message: &str) -> Refusal {
    refused(json!({ "resource": "PullRequest", "code": "custom", "message": message }))
}

fn shape_pull(w: &World, repo: &Repository, pull: &Pull) -> Value {
    let api = shape::repo_url(w, repo);
    let html_url = format!("{}/{}/pull/{}", w.urls.api, repo.full_name(), pull.number);
    let side = |branch: &str| {
        json!({
            "label": format!("{}:{branch}", repo.owner.login),
            "ref": branch,
            "sha": repo.branch(branch).map(|id| id.to_string()).unwrap_or_default(),
            "user": shape::account(w, &repo.owner),
            "repo": shape::repository(w, repo),
        })
    };
    let mut shown = json!({
        "url": format!("{api}/pulls/{}", pull.number),
        "id": pull.id,
        "node_id": shape::node_id("PR", pull.id),
        "html_url": html_url,
        "diff_url": format!("{html_url}.diff"),
        "patch_url": format!("{html_url}.patch"),
        "issue_url": format!("{api}/issues/{}", pull.number),
        "number": pull.number,
        "state": "open",
        "locked": false,
        "title": pull.title,
        "user": shape::account(w, &w.user()),
        "body": pull.body,
        "created_at": shape::time(pull.created_at),
        "updated_at": shape::time(pull.created_at),
        "closed_at": null,
        "merged_at": null,
        "merge_commit_sha": null,
        "draft": pull.draft,
        "comments_url": format!("{api}/issues/{}/comments", pull.number),
        "commits_url": format!("{api}/pulls/{}/commits", pull.number),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
        "review_comments_url": format!("{api}/pulls/{}/comments", pull.number),
        "statuses_url": format!("{api}/statuses/{}", repo.branch(&pull.head).map(|id| id.to_string()).unwrap_or_default()),
        "_links": links(&api, &html_url, pull.number),
        "head": side(&pull.head),
        "base": side(&pull.base),
    });
    for (fields, value) in CONSTANTS {
        for field in *fields {
            shown[*field] = value.clone();
        }
    }
    for counter in ZEROS {
        shown[counter] = json!(0);
    }
    shown["labels"] = json!([]);
    shown["commits"] = json!(1);
    shown["author_association"] = json!("OWNER");
    shown["mergeable_state"] = json!("unknown");
    shown
}

/// What people and programs follow from a pull request.
fn links(api: &str, html_url: &str, number: u64) -> Value {
    let href = |url: String| json!({ "href": url });
    json!({
        "self": href(format!("{api}/pulls/{number}")),
        "html": href(html_url.to_owned()),
        "issue": href(format!("{api}/issues/{number}")),
        "comments": href(format!("{api}/issues/{number}/comments")),
        "review_comments": href(format!("{api}/pulls/{number}/comments")),
        "review_comment": href(format!("{api}/pulls/comments{{/number}}")),
        "commits": href(format!("{api}/pulls/{number}/commits")),
        "statuses": href(format!("{api}/statuses")),
    })
}
