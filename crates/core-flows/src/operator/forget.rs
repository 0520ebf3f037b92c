//! Forgetting a person.
//!
//! Repositories go first, while the ledger still says which they are: what cannot be deleted for a passing reason
//! leaves everything as it is, to be asked for again. Then the rows, and with them all knowledge of the rest; what
//! copies elsewhere hold is looked at before all that, and removed after it.

use std::collections::BTreeMap;
use std::time::Duration;

use ports::{
    Deletion, ErrorChain, Forgetful, Forgetting, Forgot, Known, OwnTask, RepoName, RepoQuery, Repositories, TenantKey,
    Verdict,
};
use shared_types::http::{Forgotten, TaskState, Undeleted};
use shared_types::{Digest, Email, Timestamp};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Declined, Service, World};
use crate::{intake, naming};

/// What was done for a person so long ago is over: the longest step, and the lease of a worker that was cancelled.
const REST: Duration = Duration::from_secs(180);

/// Repositories are deleted for so long; whoever has more of them asks again.
const DELETING: Duration = Duration::from_secs(60);

/// What forgetting a person does not reach.
const NOT_COVERED: [&str; 3] = [
    "backups that were made before",
    "log lines, which hold masked addresses and names of tasks",
    "counters under a digest of a client and the address together, which end by themselves within 90 days",
];

/// The same, while there are any.
const REPOSITORIES: &str = "repositories at the code host, and their pages";

/// What became of repositories that were to be deleted.
#[derive(Debug, Default)]
struct Deletions {
    deleted: Vec<RepoName>,
    /// There was none.
    missing: Vec<RepoName>,
    undeleted: Vec<Undeleted>,
}

impl Service {
    /// Ends what is open for the person; says how many there were.
    async fn cancel_all(&self, own: &[OwnTask]) -> Result<usize, Declined> {
        use ports::Operator as _;
        let open: Vec<_> = own.iter().filter(|task| task.state != TaskState::Finished).collect();
        for task in &open {
            match self.cancel(task.id).await {
                // It ended in this moment.
                Ok(_) | Err(Declined::NotNow(_) | Declined::Unknown(_)) => {}
                Err(failed @ Declined::Failed(_)) => return Err(failed),
            }
        }
        Ok(open.len())
    }

    /// What copies elsewhere hold of the person.
    async fn known_elsewhere(&self, email: &Email) -> Result<Known, Declined> {
        let Some(archive) = &self.world.archive else { return Ok(Known::default()) };
        archive.known_of(email).await.map_err(|error| {
            Declined::NotNow(format!(
                "what lies at NATS cannot be looked at, so nothing was removed yet: {}. Ask again when it answers, or unset \
                 NATS_URL if it is gone for good.",
                ErrorChain(&error)
            ))
        })
    }

    /// Removes it there, once the ledger has nothing more of the person; says how much it was.
    async fn forget_elsewhere(
        &self,
        email: &Email,
        at: Timestamp,
        known: Known,
        own: &[OwnTask],
        unnamed: Vec<Digest>,
    ) -> Result<u64, ports::Error> {
        let World { archive: Some(archive), oblivion, .. } = &self.world else { return Ok(0) };
        let mut tasks = known.tasks;
        tasks.extend(own.iter().map(|task| (task.id, task.task.clone())));
        tasks.sort_unstable();
        tasks.dedup();
        let mut blobs = known.blobs;
        blobs.extend(unnamed);
        blobs.sort_unstable();
        blobs.dedup();
        let named = oblivion.named(blobs.clone()).await?;
        blobs.retain(|blob| !named.contains(blob));
        let removed = archive.forget(Forgetful { email: email.clone(), tasks, at }, blobs).await?;
        Ok(removed.messages + removed.blobs)
    }

    pub(super) async fn forget_person(&self, email: &Email, repositories: Repositories) -> Result<Forgotten, Declined> {
        let World { oblivion, answers, clock, .. } = &self.world;
        // First, since nothing shall be removed when not all of it can be.
        let known = self.known_elsewhere(email).await?;
        let own = oblivion.tasks_of(email).await?;
        let open = self.cancel_all(&own).await?;
        let at = clock.now();
        let counters = intake::keys_of(email, own.iter().map(|task| (&task.task, task.id)));
        let wish = Forgetting { email: email.clone(), counters, at, rest: REST };
        let deletions = match repositories {
            Repositories::Keep => Deletions::default(),
            Repositories::Delete => match oblivion.busy(&wish).await? {
                Some(busy) => return Err(not_yet(open, &busy, &wish)),
                None => self.delete_all(&own).await?,
            },
        };
        // While the ledger still says which they are: what is removed of a cache in vain costs a question.
        let cached_answers = answers.forget_prompts(&oblivion.prompts_of(email).await?).await?;
        let erased = match oblivion.forget(wish.clone()).await? {
            Forgot::Done(erased) => erased,
            busy @ Forgot::Busy { .. } => return Err(not_yet(open, &busy, &wish)),
        };
        let gone = |repo: &&RepoName| deletions.deleted.contains(repo) || deletions.missing.contains(repo);
        let left = erased.repos.iter().filter(|repo| !gone(repo));
        let left: Vec<String> = left.map(ToString::to_string).collect();
        let not_covered = (!left.is_empty()).then_some(REPOSITORIES).into_iter().chain(NOT_COVERED);
        let mut not_covered: Vec<String> = not_covered.map(str::to_owned).collect();
        let at_broker = match self.forget_elsewhere(email, at, known, &own, erased.unnamed).await {
            Ok(removed) => removed,
            Err(error) => {
                let error = ErrorChain(&error);
                not_covered.push(format!("copies at NATS: {error}; ask again, and they are removed"));
                0
            }
        };
        let receipt = Forgotten {
            at,
            at_broker,
            tasks: own.len() as u64,
            rows: erased.rows,
            blobs: erased.blobs,
            blobs_left: erased.blobs_left,
            cached_answers,
            not_covered,
            repositories: left,
            deleted: deletions.deleted.len() as u64,
            deleted_repositories: deletions.deleted.iter().map(ToString::to_string).collect(),
            undeleted: deletions.undeleted,
        };
        oblivion.keep_receipt(&receipt).await?;
        info!(event = "person.forgotten", count = receipt.tasks, "what was known of a person was removed");
        Ok(receipt)
    }

    async fn delete_all(&self, own: &[OwnTask]) -> Result<Deletions, Declined> {
        let Some(host) = &self.world.host else {
            let why = "repositories are deleted by a running service: start `sitewright serve` on this data folder, or \
                       leave them";
            return Err(Declined::NotNow(why.to_owned()));
        };
        // The latest place that is known of each.
        let mut repos: BTreeMap<&RepoName, RepoQuery> = BTreeMap::new();
        for task in own {
            let known = repos.remove(&task.repo).and_then(|known| known.seen_at);
            repos.insert(&task.repo, query(task, known));
        }
        let (began, mut deletions) = (Instant::now(), Deletions::default());
        for (name, query) in &repos {
            if began.elapsed() > DELETING {
                let (done, all) = (deletions.deleted.len(), repos.len());
                return Err(Declined::NotNow(format!(
                    "{done} of {all} repositories were deleted by now: ask again for the rest. Nothing else was removed."
                )));
            }
            let kept = match host.delete_repo(name, query).await {
                Ok(Deletion::Deleted) => {
                    deletions.deleted.push((*name).clone());
                    continue;
                }
                Ok(Deletion::Missing) => {
                    deletions.missing.push((*name).clone());
                    "there is none of this name at the code host (any more)".to_owned()
                }
                Ok(Deletion::NotOurs) => "it does not carry our marker: what is there is not ours to delete".to_owned(),
                Err(error) if error.verdict() == Verdict::GiveUp => self.explain(&error),
                Err(error) => {
                    let why = self.explain(&error);
                    return Err(Declined::NotNow(format!(
                        "repository {name} could not be deleted now ({why}): ask again, or leave the repositories. \
                         Nothing else was removed."
                    )));
                }
            };
            warn!(event = "repo.not_deleted", repo = %name, reason = kept, "a repository of a forgotten person stays");
            deletions.undeleted.push(Undeleted { repository: name.to_string(), reason: kept });
        }
        Ok(deletions)
    }

    /// An error in words that may be shown.
    fn explain(&self, error: &ports::Error) -> String {
        let text = ErrorChain(error).to_string();
        self.world.teller.as_ref().map_or_else(|| text.clone(), |(_, gatekeeper)| gatekeeper.redact(&text))
    }
}

fn query(task: &OwnTask, known: Option<url::Url>) -> RepoQuery {
    RepoQuery {
        tenant: TenantKey::of(&task.email),
        name_prefix: task.repo.to_string(),
        marker: naming::marker(&task.email, &task.task),
        seen_at: task.repo_url.clone().or(known),
    }
}

fn not_yet(open: usize, busy: &Forgot, wish: &Forgetting) -> Declined {
    let until = match busy {
        Forgot::Busy { until } => *until,
        Forgot::Done(_) => None,
    };
    let wait_s = until.map_or(REST, |until| until.since(wish.at)).as_secs() + 1;
    Declined::NotNow(format!(
        "{open} open tasks were cancelled, and what was under way for this person is over in {wait_s} s: ask again \
         then. Nothing was removed yet."
    ))
}
