//! The front door with memory behind it: the real intake and the real keeper of secrets, a ledger
//! and blobs that forget. One house takes one input, so that no input depends on another.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use core_flows::intake::{self, Limits};
use core_flows::{Ports, relay, renotify};
use futures::executor::block_on;
use futures::stream;
use ports::testing::{CountingIds, MemoryBlobs, MemoryLedger, TokioClock};
use ports::*;
use secrecy::SecretString;
use secrets::{Keeper, Students};
use serde_json::Value;
use shared_types::http::{CheckBody, Receipt};
use shared_types::{Check, CommitSha, Envelope, Round};
use url::Url;

/// What the house is entered with; the seeds hold it.
pub const SECRET: &str = "fuzz-secret";

/// Rules are compiled once.
static KEEPER: LazyLock<Arc<Keeper>> = LazyLock::new(|| {
    let students = Students::Shared(SecretString::from(SECRET));
    match Keeper::new(secrets::Options { students, own: Vec::new() }) {
        Ok(keeper) => Arc::new(keeper),
        Err(error) => panic!("make the keeper of secrets: {error:?}"),
    }
});

/// A door and what is behind it.
pub struct House {
    ports: Ports,
    intake: intake::Service,
}

impl House {
    /// An empty house whose door has these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        let ports = Ports {
            ledger: ledger.clone(),
            queue: ledger.clone(),
            rates: ledger.clone(),
            blobs: Arc::new(MemoryBlobs::new()),
            bus: Arc::new(Nobody),
            host: Arc::new(Nobody),
            model: None,
            verifier: Arc::new(Nobody),
            notifier: Arc::new(Nobody),
            gatekeeper: KEEPER.clone(),
            clock: Arc::new(TokioClock::new()),
            ids: Arc::new(CountingIds::default()),
        };
        let outbox = relay::Service::new("fuzz", ledger, ports.bus.clone()).handle();
        let options = intake::Options { allow_http_evaluators: true, limits, ..intake::Options::default() };
        let again = renotify::Service::new(options.rates.renotify.clone(), ports.clone(), outbox.clone()).handle();
        Self { intake: intake::Service::new(options, ports.clone(), outbox, again), ports }
    }

    /// The answer to `body`.
    ///
    /// # Errors
    /// As the intake refuses.
    pub fn post(&self, route: Route, body: Value) -> Result<Receipt, Refusal> {
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let trace_id = self.ports.ids.trace_id();
        block_on(self.intake.accept(Submission { route, body, trace_id, client }))
    }

    /// What the ledger holds of an accepted request.
    ///
    /// # Panics
    /// It holds nothing of it.
    #[must_use]
    pub fn stored(&self, receipt: &Receipt) -> TaskRecord {
        let task = block_on(self.ports.ledger.task(receipt.id)).ok().flatten();
        task.unwrap_or_else(|| panic!("{} was accepted and is not in the ledger", receipt.id))
    }
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("House")
    }
}

/// Whether `pointer` leads to something in `body`, or to a member that its object lacks.
#[must_use]
pub fn leads_somewhere(body: &Value, pointer: &str) -> bool {
    let lacking = || {
        let (parent, name) = pointer.rsplit_once('/')?;
        Some(!body.pointer(parent)?.as_object()?.contains_key(name))
    };
    body.pointer(pointer).is_some() || lacking() == Some(true)
}

/// Everything that the door never asks.
struct Nobody;

fn nobody<T>() -> Result<T, Error> {
    Err(Error::stop("nobody is here"))
}

#[async_trait]
impl Bus for Nobody {
    async fn publish(&self, _: Arc<Envelope>) -> Result<(), Error> {
        Ok(())
    }

    fn subscribe(&self) -> Subscription {
        Box::pin(stream::empty())
    }
}

#[async_trait]
impl Verifier for Nobody {
    fn compile(&self, _: Round, _: &[CheckBody]) -> Vec<Check> {
        Vec::new()
    }

    async fn verify(&self, _: Inspection) -> Result<Verification, Error> {
        nobody()
    }
}

#[async_trait]
impl Notifier for Nobody {
    fn refuses(&self, _: &Url) -> Option<String> {
        None
    }

    async fn deliver(&self, _: &Delivery) -> Result<Answer, Error> {
        nobody()
    }

    async fn probe(&self, _: &Url, _: Duration) -> Result<Answer, Error> {
        nobody()
    }
}

#[async_trait]
impl CodeHost for Nobody {
    async fn find_repo(&self, _: &RepoQuery) -> Result<Option<Repo>, Error> {
        nobody()
    }

    async fn ensure_repo(&self, _: &RepoSpec) -> Result<Repo, Error> {
        nobody()
    }

    async fn read_site(&self, _: &Repo) -> Result<Snapshot, Error> {
        nobody()
    }

    async fn plan_commit(&self, _: &Repo, _: &CommitDraft) -> Result<CommitSha, Error> {
        nobody()
    }

    async fn publish(&self, _: &Repo, _: &CommitDraft, _: &CommitSha) -> Result<Publication, Error> {
        nobody()
    }

    async fn ensure_pages(&self, _: &Repo) -> Result<Url, Error> {
        nobody()
    }

    async fn pages_status(&self, _: &Repo, _: &CommitSha) -> Result<PagesState, Error> {
        nobody()
    }

    async fn open_pull_request(&self, _: &Repo, _: &CommitDraft, _: &PullRequestText) -> Result<Url, Error> {
        nobody()
    }
}
