//! The code host and the evaluator, where a step changes something that cannot be taken back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::{
    Answer, CodeHost, CommitDraft, Deletion, Delivery, Error, Notifier, PagesBuild, PagesState, Publication,
    PullRequestText, Repo, RepoName, RepoQuery, RepoSpec, Snapshot,
};
use shared_types::CommitSha;
use shared_types::http::Notification;
use url::Url;

use crate::striker::Striker;

pub(crate) struct StruckHost {
    pub(crate) inner: Arc<dyn CodeHost>,
    pub(crate) striker: Arc<Striker>,
}

impl StruckHost {
    /// The task of a repository: its name without the digits at the end.
    fn effect_on(&self, name: &RepoName) {
        let name = name.as_str();
        self.striker.effect(name.rsplit_once('-').map_or(name, |(task, _)| task));
    }
}

#[async_trait]
impl CodeHost for StruckHost {
    async fn find_repo(&self, query: &RepoQuery) -> Result<Option<Repo>, Error> {
        self.inner.find_repo(query).await
    }

    async fn ensure_repo(&self, spec: &RepoSpec) -> Result<Repo, Error> {
        let repo = self.inner.ensure_repo(spec).await?;
        self.effect_on(&spec.name);
        Ok(repo)
    }

    async fn read_site(&self, repo: &Repo) -> Result<Snapshot, Error> {
        self.inner.read_site(repo).await
    }

    async fn plan_commit(&self, repo: &Repo, draft: &CommitDraft) -> Result<CommitSha, Error> {
        self.inner.plan_commit(repo, draft).await
    }

    async fn publish(&self, repo: &Repo, draft: &CommitDraft, planned: &CommitSha) -> Result<Publication, Error> {
        let published = self.inner.publish(repo, draft, planned).await?;
        self.effect_on(&repo.name);
        Ok(published)
    }

    async fn ensure_pages(&self, repo: &Repo, build: PagesBuild) -> Result<Url, Error> {
        let url = self.inner.ensure_pages(repo, build).await?;
        self.effect_on(&repo.name);
        Ok(url)
    }

    async fn rebuild_pages(&self, repo: &Repo) -> Result<(), Error> {
        self.inner.rebuild_pages(repo).await
    }

    async fn pages_status(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, Error> {
        self.inner.pages_status(repo, commit).await
    }

    async fn open_pull_request(&self, repo: &Repo, draft: &CommitDraft, text: &PullRequestText) -> Result<Url, Error> {
        let url = self.inner.open_pull_request(repo, draft, text).await?;
        self.effect_on(&repo.name);
        Ok(url)
    }

    async fn delete_repo(&self, name: &RepoName, query: &RepoQuery) -> Result<Deletion, Error> {
        self.inner.delete_repo(name, query).await
    }
}

pub(crate) struct StruckNotifier {
    pub(crate) inner: Arc<dyn Notifier>,
    pub(crate) striker: Arc<Striker>,
}

#[async_trait]
impl Notifier for StruckNotifier {
    fn refuses(&self, url: &Url) -> Option<String> {
        self.inner.refuses(url)
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<Answer, Error> {
        let answer = self.inner.deliver(delivery).await?;
        if let Ok(sent) = serde_json::from_slice::<Notification>(&delivery.body) {
            self.striker.effect(sent.task.as_str());
        }
        Ok(answer)
    }

    async fn probe(&self, url: &Url, timeout: Duration) -> Result<Answer, Error> {
        self.inner.probe(url, timeout).await
    }
}
