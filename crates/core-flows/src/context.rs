//! What a step is given, and how it fails.

use std::time::Duration;

use ports::{Author, ErrorChain, Lease, LeaseError, TaskRecord, Verdict};
use shared_types::events::Subject;
use shared_types::{Envelope, Payload};

use crate::tenure::Tenure;
use crate::{Ports, journal, relay, retry};

/// What an operator may set of flows.
#[derive(Debug, Clone)]
pub struct Options {
    /// Flows at once.
    pub concurrency: usize,
    /// Tries of a step, and of the notification.
    pub max_attempts: u32,
    /// How long a flow stays ours without a heartbeat.
    pub lease: Duration,
    /// How often to look for flows when nobody wakes the runner.
    pub poll: Duration,
    /// How long running flows may take to come to a journal point on shutdown.
    pub grace: Duration,
    /// Who commits are by.
    pub author: Author,
    /// Tokens of attachments and repository files that a model is shown in one prompt, at four
    /// characters a token; what does not fit is cut.
    pub material_tokens: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 8,
            max_attempts: 8,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(20),
            author: Author { name: "Sitewright".to_owned(), email: "sitewright@users.noreply.github.com".to_owned() },
            // A quarter of what common models take, and more than a small site with its data has.
            material_tokens: 32_000,
        }
    }
}

/// What every step is given.
pub(crate) struct Context {
    pub(crate) ports: Ports,
    pub(crate) task: TaskRecord,
    pub(crate) subject: Subject,
    pub(crate) lease: Lease,
    pub(crate) tenure: Tenure,
    pub(crate) options: Options,
    pub(crate) outbox: relay::Handle,
}

/// Why a step did not end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The world said no; its verdict says whether to ask again.
    #[error(transparent)]
    Port(#[from] ports::Error),
    /// The journal is not what this program wrote.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Someone else has the flow now.
    #[error(transparent)]
    Lease(LeaseError),
    /// The site may not be published.
    #[error("{0}")]
    Unpublishable(String),
    /// A template of ours does not render.
    #[error("render {template}")]
    Template {
        template: &'static str,
        #[source]
        source: minijinja::Error,
    },
}

impl Error {
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Port(error) => error.verdict(),
            Self::Journal(_) | Self::Lease(_) | Self::Unpublishable(_) | Self::Template { .. } => Verdict::GiveUp,
        }
    }
}

impl From<LeaseError> for Error {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Queue(error) => Self::Port(error),
            lost @ LeaseError::Lost { .. } => Self::Lease(lost),
        }
    }
}

impl Context {
    /// An event about this flow, now.
    pub(crate) fn event(&self, payload: Payload) -> Envelope {
        Envelope::new(self.ports.ids.event_id(), self.ports.clock.now(), &self.subject, payload)
    }

    /// Stores events at once, for what people watch while a step runs.
    pub(crate) async fn tell(&self, payload: Payload) -> Result<(), Error> {
        self.ports.queue.append(self.lease, vec![self.event(payload)]).await?;
        self.outbox.wake();
        Ok(())
    }

    /// Makes sure that the flow is still ours, before something is done that others see: see [`Tenure`]. As a rule that is
    /// known, and costs nothing.
    pub(crate) async fn still_ours(&self) -> Result<(), Error> {
        if self.tenure.is_doubtful(self.ports.clock.now()) { self.renew().await } else { Ok(()) }
    }

    /// Keeps the lease for its whole length from now on.
    pub(crate) async fn renew(&self) -> Result<(), Error> {
        let asked_at = self.ports.clock.now();
        self.ports.queue.heartbeat(self.lease, asked_at.plus(self.options.lease)).await?;
        self.tenure.confirmed(asked_at);
        Ok(())
    }

    /// An error in words that may be shown: redacted and cut.
    pub(crate) fn explain(&self, error: &dyn std::error::Error) -> String {
        const LONGEST: usize = 500;
        let text = self.ports.gatekeeper.redact(&ErrorChain(error).to_string());
        text.chars().take(LONGEST).collect()
    }

    pub(crate) fn retry(&self) -> retry::Policy {
        retry::Policy { max_attempts: self.options.max_attempts }
    }
}
