//! Repositories: finding, making and adopting them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{Method, StatusCode};
use ports::{Author, Deletion, PagesBuild, Repo, RepoName, RepoQuery, RepoSpec};
use serde_json::{Value, json};
use shared_types::{CommitSha, Timestamp};
use tracing::info;
use url::Url;

use super::admission::FIRST_ROUND;
use super::client::{Call, Reply, not_found, not_ready};
use super::{AccountKind, RemoteHost, branch_in_route, full_name, is_account, refusal, repo_call, wire};
use crate::{Error, objects};

/// Pages of 100 repositories that a search reads, newest first.
const MAX_PAGES: u32 = 10;
const PER_PAGE: usize = 100;
/// Repositories with the right prefix whose history is read.
const MAX_CANDIDATES: usize = 20;

/// The topic of every repository that we make.
const TOPIC: &str = "sitewright";

/// Whether a branch is known to have had a commit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Branch {
    /// "Not found" is waited out: it is what a repository says while it is being made.
    Known,
    /// "Not found" is taken at its word.
    New,
}

impl Branch {
    /// What is known of a branch on which `commit` was seen.
    pub(super) fn seen(commit: Option<&CommitSha>) -> Self {
        if commit.is_some() { Self::Known } else { Self::New }
    }
}

impl RemoteHost {
    pub(super) async fn find(&self, query: &RepoQuery) -> Result<Option<Repo>, Error> {
        let account = self.account().await?;
        let list = match account.kind {
            AccountKind::User => "/user/repos?affiliation=owner&sort=created&direction=desc".to_owned(),
            AccountKind::Organization => format!("/orgs/{}/repos?sort=created&direction=desc", account.owner),
        };
        let mut looked_at = 0;
        for page in 1..=MAX_PAGES {
            let route = format!("{list}&per_page={PER_PAGE}&page={page}");
            let repositories: Vec<wire::Repository> =
                self.client.get(Call::get("list repositories of", account.owner.clone(), route)).await?;
            let last = repositories.len() < PER_PAGE;
            for repository in repositories {
                let Ok(name) = repository.name.parse::<RepoName>() else { continue };
                if !name.as_str().starts_with(&query.name_prefix) {
                    continue;
                }
                looked_at += 1;
                if self.history(&repository).await?.carries(&query.marker) {
                    return Ok(Some(self.describe(repository, name).await?));
                }
                if looked_at == MAX_CANDIDATES {
                    return Ok(None);
                }
            }
            if last {
                break;
            }
        }
        Ok(None)
    }

    /// One question, where a search reads lists. GitHub leads on from the old name of a repository to its new one.
    pub(super) async fn look_where_seen(&self, query: &RepoQuery) -> Result<Option<Repo>, Error> {
        let Some(full) = query.seen_at.as_ref().and_then(full_name_in) else { return Ok(None) };
        let Some(repository) = self.repository_now(&full).await? else { return Ok(None) };
        let Ok(name) = repository.name.parse::<RepoName>() else { return Ok(None) };
        if !self.history(&repository).await?.carries(&query.marker) {
            return Ok(None);
        }
        self.describe(repository, name).await.map(Some)
    }

    /// Looks at what is there before it deletes it: names can be taken by others.
    pub(super) async fn delete(&self, name: &RepoName, query: &RepoQuery) -> Result<Deletion, Error> {
        let full = match query.seen_at.as_ref().and_then(full_name_in) {
            Some(full) => full,
            None => format!("{}/{name}", self.account().await?.owner),
        };
        let Some(repository) = self.repository_now(&full).await? else { return Ok(Deletion::Missing) };
        let is_marked = match self.history(&repository).await? {
            History::Empty => repository.name == name.as_str(),
            history => history.carries(&query.marker),
        };
        if !is_marked || !is_topical(&repository) {
            return Ok(Deletion::NotOurs);
        }
        let full = format!("{}/{}", repository.owner.login, repository.name);
        let call = repo_call(Method::DELETE, "delete repository", &full, "");
        let reply = self.client.send(&call).await?;
        if reply.status.is_success() { Ok(Deletion::Deleted) } else { Err(reply.refusal(&call)) }
    }

    pub(super) async fn ensure(&self, spec: &RepoSpec) -> Result<Repo, Error> {
        self.admission.admit("begin", spec.name.as_str(), FIRST_ROUND)?;
        let (repository, made) = self.create_or_get(spec).await?;
        let full = format!("{}/{}", repository.owner.login, repository.name);
        let history = match made {
            Made::Now => History::Empty,
            Made::Before => self.history(&repository).await?,
        };
        match history {
            History::Empty if made == Made::Now || is_begun(&repository, spec) => {
                self.mark(&full, &repository).await?;
                if spec.pages == PagesBuild::Workflow {
                    return self.begin_workflow_site(&full, spec).await;
                }
                self.describe_empty(repository, spec.name.clone())
            }
            history if is_ours(&repository, &history, spec) => self.describe(repository, spec.name.clone()).await,
            _ => Err(Error::NameTaken { owner: repository.owner.login, name: spec.name.to_string() }),
        }
    }

    /// Says to everyone, and to ourselves, whose work it is.
    async fn mark(&self, full: &str, repository: &wire::Repository) -> Result<(), Error> {
        if repository.topics.iter().any(|topic| topic == TOPIC) {
            return Ok(());
        }
        let names: Vec<&str> = repository.topics.iter().map(String::as_str).chain([TOPIC]).collect();
        let call = repo_call(Method::PUT, "set the topics of", full, "/topics").with(json!({ "names": names }));
        let reply = self.client.settling(&call, not_found).await?;
        if reply.status.is_success() { Ok(()) } else { Err(reply.refusal(&call)) }
    }

    /// A workflow deploys only where pages are on before its push, and they can be on only where
    /// there is a commit: such a repository begins with its licence.
    async fn begin_workflow_site(&self, full: &str, spec: &RepoSpec) -> Result<Repo, Error> {
        self.put_licence(full, spec).await?;
        let repo = self.describe(self.published_branch(full).await?, spec.name.clone()).await?;
        let pages_url = self.switch_pages_on(&repo, PagesBuild::Workflow).await?;
        Ok(Repo { pages_url, ..repo })
    }

    /// The first push to an empty repository makes its default branch, as a rule.
    pub(super) async fn keep_default_branch(&self, repo: &Repo) -> Result<(), Error> {
        let full = full_name(repo);
        if self.repository(&full).await?.default_branch == repo.default_branch {
            return Ok(());
        }
        self.set_default_branch(&full, &repo.default_branch).await.map(drop)
    }

    /// The commit that `branch` of `full` (`owner/name`) points to.
    pub(super) async fn head(&self, full: &str, branch: &str, branch_is: Branch) -> Result<Option<CommitSha>, Error> {
        let below = format!("/git/ref/heads/{}", branch_in_route(branch));
        let call = repo_call(Method::GET, "read the head of", full, &below);
        let reply = match branch_is {
            Branch::Known => self.client.settling(&call, not_found).await?,
            Branch::New => self.client.send(&call).await?,
        };
        // 409: a repository without any commit.
        if matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::CONFLICT) {
            return Ok(None);
        }
        sha(&reply.read::<wire::Reference>(&call)?.object.sha).map(Some)
    }

    async fn create_or_get(&self, spec: &RepoSpec) -> Result<(wire::Repository, Made), Error> {
        let account = self.account().await?;
        let full = format!("{}/{}", account.owner, spec.name);
        let route = match account.kind {
            AccountKind::User => "/user/repos".to_owned(),
            AccountKind::Organization => format!("/orgs/{}/repos", account.owner),
        };
        let create = Call {
            method: Method::POST,
            operation: "create repository",
            object: full.clone(),
            route,
            body: Some(json!({
                "name": spec.name, "description": spec.description, "private": false, "auto_init": false,
                "homepage": usual_pages_url(&account.owner, &spec.name)?, "has_wiki": false, "has_projects": false,
            })),
        };
        let reply = self.client.send(&create).await?;
        let taken = reply.status == StatusCode::UNPROCESSABLE_ENTITY
            && refusal::is_about(&reply.body, "name", "already exists");
        Ok(if taken { (self.repository(&full).await?, Made::Before) } else { (reply.read(&create)?, Made::Now) })
    }

    pub(super) async fn repository(&self, full: &str) -> Result<wire::Repository, Error> {
        let call = repo_call(Method::GET, "read repository", full, "");
        self.client.settling(&call, not_found).await?.read(&call)
    }

    /// The repository, where "not found" is taken at its word.
    async fn repository_now(&self, full: &str) -> Result<Option<wire::Repository>, Error> {
        let call = repo_call(Method::GET, "read repository", full, "");
        let reply = self.client.send(&call).await?;
        if reply.status == StatusCode::NOT_FOUND { Ok(None) } else { reply.read(&call).map(Some) }
    }

    /// The newest messages of the default branch. Every commit of ours carries the marker, so one
    /// page of them is enough.
    async fn history(&self, repository: &wire::Repository) -> Result<History, Error> {
        let full = format!("{}/{}", repository.owner.login, repository.name);
        let call = repo_call(Method::GET, "read the history of", &full, &format!("/commits?per_page={PER_PAGE}"));
        let reply = self.client.settling(&call, not_found).await?;
        if reply.status == StatusCode::CONFLICT {
            return Ok(History::Empty);
        }
        let commits: Vec<wire::Listed> = reply.read(&call)?;
        if commits.is_empty() {
            return Ok(History::Empty);
        }
        Ok(History::Messages(commits.into_iter().map(|listed| listed.commit.message).collect()))
    }

    /// A first commit with the marker, by the one route that an empty repository takes.
    async fn put_licence(&self, full: &str, spec: &RepoSpec) -> Result<(), Error> {
        let signature = signature(&spec.author, spec.at);
        let call = repo_call(Method::PUT, "add the licence to", full, "/contents/LICENSE").with(json!({
            "message": format!("Add the licence\n\nSitewright-Repo: {}\n", spec.marker),
            "content": BASE64.encode(licence(&spec.author, spec.at)),
            "author": signature,
            "committer": signature,
        }));
        let reply: Reply = self.client.settling(&call, not_ready).await?;
        // 422 wants the present file's id: an earlier attempt, whose answer was lost, has made it.
        let there = reply.status == StatusCode::UNPROCESSABLE_ENTITY && refusal::is_about(&reply.body, "sha", "sha");
        if reply.status.is_success() || there { Ok(()) } else { Err(reply.refusal(&call)) }
    }

    /// Reads the repository again, and publishes from the configured branch: the first commit goes
    /// to whatever branch the account's settings name, since no other exists before it.
    async fn published_branch(&self, full: &str) -> Result<wire::Repository, Error> {
        let repository = self.repository(full).await?;
        if repository.default_branch == self.default_branch {
            return Ok(repository);
        }
        let Some(head) = self.head(full, &repository.default_branch, Branch::Known).await? else {
            return Ok(repository);
        };
        let branch = &self.default_branch;
        info!(event = "repo.default_branch_changing", repo = full, branch, "changing the default branch");
        let branch = create_branch(full, &self.default_branch, &head);
        let reply = self.client.send(&branch).await?;
        // 422: an earlier attempt, whose answer was lost, has made it.
        if !reply.status.is_success() && reply.status != StatusCode::UNPROCESSABLE_ENTITY {
            return Err(reply.refusal(&branch));
        }
        self.set_default_branch(full, &self.default_branch).await
    }

    async fn set_default_branch(&self, full: &str, branch: &str) -> Result<wire::Repository, Error> {
        let call = repo_call(Method::PATCH, "set the default branch of", full, "");
        self.client.get(call.with(json!({ "default_branch": branch }))).await
    }

    /// Shows people where the site is, when it is elsewhere than was said at the creation.
    pub(super) async fn set_homepage(&self, full: &str, url: &Url) -> Result<(), Error> {
        if self.repository(full).await?.homepage.as_deref() == Some(url.as_str()) {
            return Ok(());
        }
        let call = repo_call(Method::PATCH, "set the homepage of", full, "");
        self.client.get::<wire::Repository>(call.with(json!({ "homepage": url }))).await.map(drop)
    }

    /// What is published from it is the configured branch, whatever the account's settings say.
    fn describe_empty(&self, repository: wire::Repository, name: RepoName) -> Result<Repo, Error> {
        Ok(Repo {
            tenant: None,
            pages_url: usual_pages_url(&repository.owner.login, &name)?,
            owner: repository.owner.login,
            name,
            html_url: repository.html_url,
            clone_url: repository.clone_url,
            default_branch: self.default_branch.clone(),
            head: None,
        })
    }

    /// Only for a repository that has a commit.
    async fn describe(&self, repository: wire::Repository, name: RepoName) -> Result<Repo, Error> {
        let full = format!("{}/{name}", repository.owner.login);
        let head = self.head(&full, &repository.default_branch, Branch::Known).await?;
        let known = if repository.has_pages { self.pages_url(&full).await? } else { None };
        let pages_url = match known {
            Some(url) => url,
            None => usual_pages_url(&repository.owner.login, &name)?,
        };
        Ok(Repo {
            tenant: None,
            owner: repository.owner.login,
            name,
            html_url: repository.html_url,
            clone_url: repository.clone_url,
            pages_url,
            default_branch: repository.default_branch,
            head,
        })
    }
}

/// Whether this call has made the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Now,
    Before,
}

/// Whether an empty repository is what an earlier attempt left: its creation wrote our description.
fn is_begun(repository: &wire::Repository, spec: &RepoSpec) -> bool {
    repository.name == spec.name.as_str() && repository.description.as_deref() == Some(&spec.description)
}

/// Whether a repository with commits is the one that is asked for. A name that redirects to a
/// renamed repository is no more ours than one without our topic or without our marker.
fn is_ours(repository: &wire::Repository, history: &History, spec: &RepoSpec) -> bool {
    repository.name == spec.name.as_str() && is_topical(repository) && history.carries(&spec.marker)
}

fn is_topical(repository: &wire::Repository) -> bool {
    repository.topics.iter().any(|topic| topic == TOPIC)
}

/// `owner/name` of a repository by the URL that people open.
fn full_name_in(url: &Url) -> Option<String> {
    let mut segments = url.path_segments()?;
    let (owner, name) = (segments.next()?, segments.next()?);
    let is_name = (1..=100).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !matches!(name, "." | "..");
    (is_account(owner) && is_name).then(|| format!("{owner}/{name}"))
}

enum History {
    Empty,
    Messages(Vec<String>),
}

impl History {
    fn carries(&self, marker: &str) -> bool {
        match self {
            Self::Empty => false,
            Self::Messages(messages) => messages.iter().any(|message| objects::carries(message, marker)),
        }
    }
}

/// A person and a date as the API takes them: whole seconds, UTC.
fn signature(author: &Author, at: Timestamp) -> Value {
    json!({ "name": author.name, "email": author.email, "date": at.to_whole_seconds() })
}

/// A new branch at a commit that is there.
fn create_branch(full: &str, branch: &str, to: &CommitSha) -> Call {
    let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": to });
    repo_call(Method::POST, "create a branch in", full, "/git/refs").with(body)
}

/// A commit id out of GitHub's answer.
pub(super) fn sha(text: &str) -> Result<CommitSha, Error> {
    text.parse().map_err(|_| Error::Unreadable { object: format!("{text:?}"), reason: "it is no commit id".to_owned() })
}

/// Where Pages will be, until GitHub says it: custom domains and other hosts are known only then.
pub(super) fn usual_pages_url(owner: &str, name: &RepoName) -> Result<Url, Error> {
    let url = format!("https://{}.github.io/{name}/", owner.to_ascii_lowercase());
    url.parse().map_err(|_| Error::Unreadable { object: url, reason: "it is no URL".to_owned() })
}

fn licence(author: &Author, at: Timestamp) -> String {
    let date = at.to_string();
    let year = date.get(..4).unwrap_or_default();
    include_str!("licence.txt").replace("{year}", year).replace("{holder}", &author.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licence_is_the_mit_licence_of_that_year() {
        let author = Author { name: "Sitewright".to_owned(), email: "sitewright@example.com".to_owned() };
        let text = licence(&author, Timestamp::from_unix_ms(1_795_000_000_000));
        assert!(text.starts_with("MIT License\n\nCopyright (c) 2026 Sitewright\n"), "{text}");
        assert!(text.contains("is hereby granted"));
    }

    #[test]
    fn a_signature_has_whole_seconds() {
        let author = Author { name: "S".to_owned(), email: "s@example.com".to_owned() };
        let value = signature(&author, Timestamp::from_unix_ms(1_999));
        assert_eq!(value["date"], "1970-01-01T00:00:01Z");
    }
}
