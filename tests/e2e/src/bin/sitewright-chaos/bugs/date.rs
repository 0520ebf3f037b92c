//! Dates commits by the clock of whoever makes them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use ports::{
    CodeHost, CommitDraft, Deletion, Error, PagesBuild, PagesState, Publication, PullRequestText, Repo, RepoName,
    RepoQuery, RepoSpec, Snapshot,
};
use shared_types::{CommitSha, Timestamp};
use url::Url;

pub(crate) struct Dated {
    inner: Arc<dyn CodeHost>,
    /// When this process began, and a day, so that it differs from the time of acceptance.
    now: Timestamp,
}

impl Dated {
    pub(crate) fn new(inner: Arc<dyn CodeHost>) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { inner, now: Timestamp::from_unix_ms(0).plus(since + DAY) }
    }

    fn dated(&self, draft: &CommitDraft) -> CommitDraft {
        CommitDraft { at: self.now, ..draft.clone() }
    }
}

#[async_trait]
impl CodeHost for Dated {
    async fn find_repo(&self, query: &RepoQuery) -> Result<Option<Repo>, Error> {
        self.inner.find_repo(query).await
    }

    async fn ensure_repo(&self, spec: &RepoSpec) -> Result<Repo, Error> {
        self.inner.ensure_repo(spec).await
    }

    async fn read_site(&self, repo: &Repo) -> Result<Snapshot, Error> {
        self.inner.read_site(repo).await
    }

    async fn plan_commit(&self, repo: &Repo, draft: &CommitDraft) -> Result<CommitSha, Error> {
        self.inner.plan_commit(repo, &self.dated(draft)).await
    }

    async fn publish(&self, repo: &Repo, draft: &CommitDraft, planned: &CommitSha) -> Result<Publication, Error> {
        self.inner.publish(repo, &self.dated(draft), planned).await
    }

    async fn ensure_pages(&self, repo: &Repo, build: PagesBuild) -> Result<Url, Error> {
        self.inner.ensure_pages(repo, build).await
    }

    async fn rebuild_pages(&self, repo: &Repo) -> Result<(), Error> {
        self.inner.rebuild_pages(repo).await
    }

    async fn pages_status(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, Error> {
        self.inner.pages_status(repo, commit).await
    }

    async fn open_pull_request(&self, repo: &Repo, draft: &CommitDraft, text: &PullRequestText) -> Result<Url, Error> {
        self.inner.open_pull_request(repo, draft, text).await
    }

    async fn delete_repo(&self, name: &RepoName, query: &RepoQuery) -> Result<Deletion, Error> {
        self.inner.delete_repo(name, query).await
    }
}
