//! Looks again at sites that were handed in before they were live, and corrects their record.
//!
//! The record says so much by events: one that the pages are served, and a last word of the step
//! `pages`. What is left to look at is read from the ledger each time, so nothing is lost by a
//! restart. A site that a later round has replaced is that round's matter.

use std::collections::BTreeSet;
use std::time::Duration;

use ports::{Error, ErrorChain, PagesState, Show, TaskPage, TaskRecord};
use shared_types::events::{PagesServed, StepFinished, Subject};
use shared_types::http::Outcome;
use shared_types::{Envelope, Payload, TaskId};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::plan::Step;
use crate::serving::{Look, serves};
use crate::{Ports, naming, relay};

/// Between two rounds of looking: a site that is late already is in no hurry.
const PAUSE: Duration = Duration::from_secs(60);

/// Who was handed in longer ago is not looked at any more.
const LOOK_BACK: Duration = Duration::from_secs(6 * 3600);

/// Tasks that are read in one round, the newest ones: more than come in within the time.
const TASKS: u32 = 500;

/// Events of one task that are read; no task has as many.
const EVENTS: u32 = 2_000;

/// Looks again until it is stopped.
#[derive(Debug)]
pub struct Service {
    ports: Ports,
    outbox: relay::Handle,
    /// Tasks of which nothing more is to be learnt.
    settled: BTreeSet<TaskId>,
    looks: u64,
}

/// What a look came to.
enum Seen {
    Live,
    /// Replaced, or gone.
    Over,
    NotYet,
}

impl Service {
    /// Wakes `outbox` after each correction.
    #[must_use]
    pub fn new(ports: Ports, outbox: relay::Handle) -> Self {
        Self { ports, outbox, settled: BTreeSet::new(), looks: 0 }
    }

    /// Runs until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.look_at_all() => {}
            }
        }
    }

    async fn look_at_all(&mut self) {
        let tasks = match self.ports.ledger.tasks(TaskPage { before: None, limit: TASKS, show: Show::All }).await {
            Ok(tasks) => tasks,
            Err(error) => {
                warn!(event = "followup.failed", error = %ErrorChain(&error), "late sites could not be looked for");
                return;
            }
        };
        let now = self.ports.clock.now();
        let late = tasks.into_iter().filter(|task| {
            let recent = task.finished_at.is_some_and(|at| now.since(at) < LOOK_BACK);
            recent && task.outcome == Some(Outcome::HandedIn) && !self.settled.contains(&task.id)
        });
        for task in late.collect::<Vec<_>>() {
            match self.follow(&task).await {
                Ok(Seen::NotYet) => {}
                Ok(Seen::Live | Seen::Over) => _ = self.settled.insert(task.id),
                Err(error) => {
                    let error = self.ports.gatekeeper.redact(&ErrorChain(&error).to_string());
                    warn!(event = "followup.failed", task_id = %task.id, error, "a late site could not be looked at");
                }
            }
        }
    }

    async fn follow(&mut self, task: &TaskRecord) -> Result<Seen, Error> {
        let events = self.ports.ledger.task_events(task.id, 0, EVENTS).await?;
        let last = events.iter().rev().find_map(|event| match &event.payload {
            Some(Payload::PagesServed(served)) => Some(served.live),
            _ => None,
        });
        if last != Some(false) {
            return Ok(Seen::Over);
        }
        let seen = self.look(task).await?;
        if matches!(seen, Seen::Live) {
            self.correct(task).await?;
        }
        Ok(seen)
    }

    async fn look(&mut self, task: &TaskRecord) -> Result<Seen, Error> {
        let (Some(commit), Some(url)) = (&task.commit_sha, &task.pages_url) else { return Ok(Seen::Over) };
        let query = naming::query(task, task.repo_url.clone());
        let Some(repo) = self.ports.host.find_repo(&query).await? else { return Ok(Seen::Over) };
        if repo.head.as_ref() != Some(commit) {
            return Ok(Seen::Over);
        }
        match self.ports.host.pages_status(&repo, commit).await? {
            PagesState::Building | PagesState::Cancelled => return Ok(Seen::NotYet),
            PagesState::Built | PagesState::Failed { .. } => {}
        }
        let site = self.ports.host.read_site(&repo).await?.site;
        self.looks += 1;
        let look = Look { url, commit, site: &site, version: format!("later-{}", self.looks) };
        Ok(if serves(self.ports.notifier.as_ref(), &look).await? { Seen::Live } else { Seen::NotYet })
    }

    async fn correct(&self, task: &TaskRecord) -> Result<(), Error> {
        let (now, id) = (self.ports.clock.now(), task.id);
        let waited_ms = now.since(task.finished_at.unwrap_or(now)).as_millis() as u64;
        let pages_url = task.pages_url.as_ref().map(ToString::to_string).unwrap_or_default();
        let summary = "live, after it was handed in".to_owned();
        let subject = Subject { id, name: task.task.clone(), round: task.round, trace_id: task.trace_id.clone() };
        let events = [
            Payload::PagesServed(PagesServed { pages_url, live: true, waited_ms }),
            Payload::StepFinished(StepFinished { step: Step::Pages.to_string(), summary, duration_ms: waited_ms }),
        ];
        let events = events.map(|event| Envelope::new(self.ports.ids.event_id(), now, &subject, event));
        self.ports.ledger.add_events(id, events.into()).await?;
        self.outbox.wake();
        info!(event = "followup.live", task_id = %id, trace_id = %task.trace_id, waited_ms, "a late site is live");
        Ok(())
    }
}
