//! Where sites live: repositories with static pages.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shared_types::{CommitSha, Digest, Email, Timestamp};
use url::Url;

use crate::{Error, Site};

/// Name of a repository: 1 to 100 of `[a-z0-9-]`, beginning and ending with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName(String);

impl RepoName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepoName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if allowed && (1..=100).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err("a repository name of 1 to 100 of a-z 0-9 - is expected".to_owned())
        }
    }
}

impl TryFrom<String> for RepoName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RepoName> for String {
    fn from(name: RepoName) -> Self {
        name.0
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a student to hosts that have an account for some of them, and says nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantKey(Digest);

impl TenantKey {
    /// The student with this address; capitals make no other one.
    #[must_use]
    pub fn of(email: &Email) -> Self {
        Self(Digest::of(format!("tenant\0{}", email.as_str().to_lowercase()).as_bytes()))
    }
}

/// Which repository is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoQuery {
    /// Whose it is.
    pub tenant: TenantKey,
    /// Repositories whose name begins with this are candidates.
    pub name_prefix: String,
    /// The repository whose history carries this marker is the one.
    pub marker: String,
    /// Its [`Repo::html_url`] when it was last heard of. It is looked for there first: names, accounts and the class
    /// may have changed since.
    pub seen_at: Option<Url>,
}

/// A repository that shall exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoSpec {
    /// Whose it is: it goes to this student's account, where the host has one.
    pub tenant: TenantKey,
    /// Its name; deterministic, so that making it twice makes one.
    pub name: RepoName,
    /// One line for people.
    pub description: String,
    /// Says that it is ours and whose: an existing repository of this name is adopted only when
    /// its history carries the marker, or when it is empty.
    pub marker: String,
    /// Author and time of whatever first commit the host needs.
    pub author: Author,
    /// The time of that commit.
    pub at: Timestamp,
    /// How its first site will be built.
    pub pages: PagesBuild,
}

/// How a site gets from its branch to its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagesBuild {
    /// The host builds what is on the branch.
    Branch,
    /// A workflow within the site builds and deploys it.
    Workflow,
}

impl PagesBuild {
    /// A workflow deploys when it uses the action that does it.
    #[must_use]
    pub fn of(site: &Site) -> Self {
        let deploys = |text: &[u8]| String::from_utf8_lossy(text).contains("actions/deploy-pages");
        let mut workflows = site.iter().filter(|(path, _)| path.as_str().starts_with(".github/workflows/"));
        if workflows.any(|(_, bytes)| deploys(bytes)) { Self::Workflow } else { Self::Branch }
    }
}

/// A repository at the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// Whose it is, as it was asked for; absent in what was written before there were accounts of students.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantKey>,
    /// Account it belongs to.
    pub owner: String,
    /// Its name.
    pub name: RepoName,
    /// As a person opens it, without credentials.
    pub html_url: Url,
    /// As `git clone` takes it, without credentials.
    pub clone_url: Url,
    /// Where its site is or will be served; ends in `/`.
    pub pages_url: Url,
    /// The branch that is published.
    pub default_branch: String,
    /// The commit that the branch points to; absent when there is none.
    pub head: Option<CommitSha>,
}

/// Who a commit is by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Address; of the service, never the student's.
    pub email: String,
}

/// A commit before it is made. The same draft always has the same commit id.
#[derive(Debug, Clone)]
pub struct CommitDraft {
    /// The commit it follows.
    pub parent: Option<CommitSha>,
    /// The whole tree.
    pub site: Site,
    /// Subject, blank line, body, trailers.
    pub message: String,
    /// Author and committer.
    pub author: Author,
    /// Author and committer date; whole seconds count.
    pub at: Timestamp,
    /// A tag that names the commit, made together with the move of the branch. One of this name
    /// on an earlier commit stays; the new one then has the commit's first digits behind its name.
    pub tag: Option<String>,
}

/// What a repository holds.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit that was read; absent for an empty repository.
    pub head: Option<CommitSha>,
    /// Its whole tree. Entries that are no site paths (links, submodules) are left out.
    pub site: Site,
}

/// How publishing went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publication {
    /// The branch points to the commit now, or did already.
    Done,
    /// The branch points elsewhere than to the commit or its parent; nothing was changed.
    Moved {
        /// Where it points.
        head: Option<CommitSha>,
    },
}

/// What the host says of its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PagesState {
    /// The commit is not served yet.
    Building,
    /// The commit is served, as far as the host knows.
    Built,
    /// The host gave up on this commit.
    Failed {
        /// Its words.
        reason: String,
    },
    /// The build of this commit was cancelled, and the host never builds a commit again that was.
    Cancelled,
}

/// A pull request for a change that cannot go onto the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestText {
    /// The branch that will hold the change.
    pub branch: String,
    /// One line.
    pub title: String,
    /// Says why it is not on the main branch.
    pub body: String,
}

/// What became of a repository that shall be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It was ours and is gone, with its pages.
    Deleted,
    /// There is none.
    Missing,
    /// What is there does not carry the marker; it stays.
    NotOurs,
}

/// A host of repositories and pages. Every method is safe to call again with the same arguments.
#[async_trait]
pub trait CodeHost: Send + Sync {
    /// The repository that `query` describes, if the host has it.
    async fn find_repo(&self, query: &RepoQuery) -> Result<Option<Repo>, Error>;

    /// Makes the repository, or adopts it when it is ours.
    async fn ensure_repo(&self, spec: &RepoSpec) -> Result<Repo, Error>;

    /// The branch's head and its files.
    async fn read_site(&self, repo: &Repo) -> Result<Snapshot, Error>;

    /// The id that `draft` will have. Changes nothing that a reader of the repository can see.
    async fn plan_commit(&self, repo: &Repo, draft: &CommitDraft) -> Result<CommitSha, Error>;

    /// Uploads the commit, moves the branch from `draft.parent` to it, never by force, and tags it.
    async fn publish(&self, repo: &Repo, draft: &CommitDraft, planned: &CommitSha) -> Result<Publication, Error>;

    /// Switches pages on and returns their URL, which ends in `/`.
    async fn ensure_pages(&self, repo: &Repo, build: PagesBuild) -> Result<Url, Error>;

    /// Asks for one more build of what is on the branch.
    async fn rebuild_pages(&self, repo: &Repo) -> Result<(), Error>;

    /// Whether `commit` is served.
    async fn pages_status(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, Error>;

    /// Puts `draft` on a branch of its own and asks for it to be merged; returns the URL to read.
    async fn open_pull_request(&self, repo: &Repo, draft: &CommitDraft, text: &PullRequestText) -> Result<Url, Error>;

    /// Deletes the repository called `name` that `query` describes, for good. Never one without its marker.
    async fn delete_repo(&self, name: &RepoName, query: &RepoQuery) -> Result<Deletion, Error>;
}
