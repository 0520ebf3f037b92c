//! What is left of tasks when the ledger is lost.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shared_types::{CommitSha, Round, TaskId, TaskName, Timestamp};
use url::Url;

use crate::{Error, RepoName, TaskRecord, TenantKey};

/// A published site, by what finding its repository again takes. It names no person and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSite {
    /// Whose it is.
    pub tenant: TenantKey,
    /// The instructor's name.
    pub task: TaskName,
    /// The request that made it; one that was accepted later has a greater id.
    pub request: TaskId,
    /// Its round.
    pub round: Round,
    /// The repository.
    pub repo: RepoName,
    /// As a person opens it.
    pub repo_url: Url,
    /// Its commit.
    pub commit: CommitSha,
    /// Where the site is.
    pub pages_url: Option<Url>,
    /// When it ended.
    pub at: Timestamp,
}

/// A copy beside the ledger, for the day on which the ledger cannot answer. Never asked about what the ledger knows.
#[async_trait]
pub trait LastKnown: Send + Sync {
    /// Keeps `sites` durably, each in place of what an earlier request for the same student's task has made. The oldest
    /// go when there is no room for all.
    async fn remember(&self, sites: Vec<KnownSite>) -> Result<(), Error>;

    /// What is known of the student and task of `record`.
    async fn recall(&self, record: &TaskRecord) -> Result<Option<KnownSite>, Error>;
}
