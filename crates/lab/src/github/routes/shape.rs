//! JSON as GitHub shapes it, whole by GitHub's own description of its API. Most links of a
//! repository lead nowhere here.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

use crate::github::answer::Answer;
use crate::github::objects::{Commit, ObjectId, Signature};
use crate::github::state::{Account, AccountKind, Repository, World};

/// What is the same for every repository here.
const CONSTANTS: &[(&[&str], Value)] = &[
    (&["has_issues", "has_projects", "has_downloads", "has_wiki", "allow_forking"], Value::Bool(true)),
    (&["fork", "archived", "disabled", "is_template", "has_discussions"], Value::Bool(false)),
    (&["language", "mirror_url", "license"], Value::Null),
];
/// Counters that nothing here can move.
const ZEROS: [&str; 8] = [
    "size",
    "stargazers_count",
    "watchers_count",
    "forks_count",
    "forks",
    "watchers",
    "network_count",
    "subscribers_count",
];
/// Links of a repository, below its place in the API.
const LINKS: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// RFC 3339 in UTC to the second, the way the API shows every time.
pub(super) fn time(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC).replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

/// The opaque id that stands beside the numbers and hashes.
pub(super) fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}_{id}")
}

pub(super) fn account(w: &World, account: &Account) -> Value {
    let Account { id, login, kind } = account;
    let kind = match kind {
        AccountKind::User => "User",
        AccountKind::Organization => "Organization",
    };
    let url = format!("{}/users/{login}", w.urls.api);
    json!({
        "login": login,
        "id": id,
        "node_id": node_id("U", id),
        "avatar_url": format!("{}/avatars/{id}", w.urls.api),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("{}/{login}", w.urls.api),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following"),
        "gists_url": format!("{url}/gists"),
        "starred_url": format!("{url}/starred"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events"),
        "received_events_url": format!("{url}/received_events"),
        "type": kind,
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// The way from an old name of a repository to its number, which never changes.
pub(super) fn moved(w: &World, id: u64, rest: &[&str], query: &str) -> Answer {
    let below: String = rest.iter().map(|segment| format!("/{segment}")).collect();
    let separator = if query.is_empty() { "" } else { "?" };
    let url = format!("{}/repositories/{id}{below}{separator}{query}", w.urls.api);
    let body = json!({
        "message": "Moved Permanently",
        "url": url,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    });
    Answer::json(301, body).with_header("location", url)
}

pub(super) fn repo_url(w: &World, repo: &Repository) -> String {
    format!("{}/repos/{}", w.urls.api, repo.full_name())
}

pub(super) fn repository(w: &World, repo: &Repository) -> Value {
    let full_name = repo.full_name();
    let html_url = format!("{}/{full_name}", w.urls.api);
    let may = w.may_change(&repo.owner.login);
    let visibility = if repo.private { "private" } else { "public" };
    let mut shown = json!({
        "id": repo.id,
        "node_id": node_id("R", repo.id),
        "name": repo.name,
        "full_name": full_name,
        "private": repo.private,
        "owner": account(w, &repo.owner),
        "html_url": html_url,
        "description": repo.description,
        "url": repo_url(w, repo),
        "created_at": time(repo.created_at),
        "updated_at": time(repo.updated_at),
        "pushed_at": time(repo.pushed_at),
        "clone_url": format!("{html_url}.git"),
        "svn_url": html_url,
        "homepage": repo.homepage,
        "has_pages": repo.pages.is_some(),
        "topics": repo.topics,
        "visibility": visibility,
        "default_branch": repo.default_branch,
        "permissions": { "admin": may, "maintain": may, "push": may, "triage": may, "pull": true },
    });
    let api = repo_url(w, repo);
    for (name, below) in LINKS {
        shown[*name] = json!(format!("{api}{below}"));
    }
    shown["git_url"] = json!(format!("git://{}", html_url.trim_start_matches("http://")));
    shown["ssh_url"] = json!(format!("git@github.com:{full_name}.git"));
    for open in ["open_issues", "open_issues_count"] {
        shown[open] = json!(repo.pulls.len());
    }
    for (fields, value) in CONSTANTS {
        for field in *fields {
            shown[*field] = value.clone();
        }
    }
    for counter in ZEROS {
        shown[counter] = json!(0);
    }
    shown
}

pub(super) fn signature(who: &Signature) -> Value {
    json!({ "name": who.name, "email": who.email, "date": time(who.at) })
}

fn verification() -> Value {
    json!({ "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null })
}

fn parents(w: &World, repo: &Repository, commit: &Commit, api_path: &str) -> Value {
    let parent = |id: &ObjectId| {
        json!({
            "sha": id.to_string(),
            "url": format!("{}/{api_path}/{id}", repo_url(w, repo)),
            "html_url": format!("{}/{}/commit/{id}", w.urls.api, repo.full_name()),
        })
    };
    commit.parents.iter().map(parent).collect()
}

fn tree_link(w: &World, repo: &Repository, tree: ObjectId) -> Value {
    json!({ "sha": tree.to_string(), "url": format!("{}/git/trees/{tree}", repo_url(w, repo)) })
}

/// A commit as the git data routes and `contents` show it.
pub(super) fn git_commit(w: &World, repo: &Repository, id: ObjectId, commit: &Commit) -> Value {
    json!({
        "sha": id.to_string(),
        "node_id": node_id("C", id),
        "url": format!("{}/git/commits/{id}", repo_url(w, repo)),
        "html_url": format!("{}/{}/commit/{id}", w.urls.api, repo.full_name()),
        "author": signature(&commit.author),
        "committer": signature(&commit.committer),
        "tree": tree_link(w, repo, commit.tree),
        "message": commit.message,
        "parents": parents(w, repo, commit, "git/commits"),
        "verification": verification(),
    })
}

/// A commit as `commits` shows it. No account is linked to any address, so `author` is null.
pub(super) fn repo_commit(w: &World, repo: &Repository, id: ObjectId, commit: &Commit) -> Value {
    let url = format!("{}/commits/{id}", repo_url(w, repo));
    json!({
        "sha": id.to_string(),
        "node_id": node_id("C", id),
        "commit": {
            "author": signature(&commit.author),
            "committer": signature(&commit.committer),
            "message": commit.message,
            "tree": tree_link(w, repo, commit.tree),
            "url": format!("{}/git/commits/{id}", repo_url(w, repo)),
            "comment_count": 0,
            "verification": verification(),
        },
        "url": url,
        "html_url": format!("{}/{}/commit/{id}", w.urls.api, repo.full_name()),
        "comments_url": format!("{url}/comments"),
        "author": null,
        "committer": null,
        "parents": parents(w, repo, commit, "commits"),
    })
}
