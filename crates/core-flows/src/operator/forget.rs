//! Forgetting a person.
//!
//! Repositories go first, while the ledger still says which they are: what cannot be deleted for a passing reason
//! leaves everything as it is, to be asked for again. Then the rows, and with them all knowledge of the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use ports::{Deletion, ErrorChain, Forgetting, Forgot, OwnTask, RepoName, RepoQuery, Repositories, TenantKey, Verdict};
use shared_types::Email;
use shared_types::http::{Forgotten, TaskState, Undeleted};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Declined, Service, World};
use crate::{intake, naming};

/// What was done for a person so long ago is over: the longest step, and the lease of a worker that was cancelled.
const REST: Duration = Duration::from_secs(180);

/// Repositories are deleted for so long; whoever has more of them asks again.
const DELETING: Duration = Duration::from_secs(60);

/// What forgetting a person does not reach.
const NOT_COVERED: [&str; 4] = [
    "backups that were made before",
    "log lines, which hold masked addresses and names of tasks",
    "events that were mirrored to NATS, which hold names of tasks",
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

    pub(super) async fn forget_person(&self, email: &Email, repositories: Repositories) -> Result<Forgotten, Declined> {
        let World { oblivion, answers, clock, .. } = &self.world;
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
        let receipt = Forgotten {
            at,
            tasks: own.len() as u64,
            rows: erased.rows,
            blobs: erased.blobs,
            blobs_left: erased.blobs_left,
            cached_answers,
            not_covered: not_covered.map(str::to_owned).collect(),
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
