//! Every decision of Sitewright: what is accepted, which steps a task takes, when to try again,
//! when to stop, and what a site consists of.
//!
//! - [`intake`]: one request in, a receipt or a refusal out.
//! - [`runner`]: claims flows and takes them through their [`plan`], step by step.
//! - [`dispatch`]: lends flows to runners on other hosts.
//! - [`relay`]: carries stored events from the outbox to a bus.
//! - [`archive`]: keeps copies of the ledger's tasks elsewhere; [`rebuild`]: makes a lost ledger of them.
//! - [`last_known`]: keeps a copy of what finding repositories again takes.
//! - [`followup`]: looks again at sites that were late, and corrects their record.
//! - [`renotify`]: tells an evaluator again when a request is repeated.
//! - [`operator`]: what operators may do to a task.
//! - [`released`]: whether journals of earlier versions are read as they were meant.
//!
//! Nothing here does IO of its own: the world is behind [`Ports`]. Each step's outcome is in the
//! journal before the next step begins, and each step is safe to run twice.

pub mod archive;
mod candidates;
mod checks;
mod context;
mod deadline;
mod delivery;
pub mod dispatch;
pub mod followup;
pub mod intake;
mod journal;
mod judging;
pub mod last_known;
mod maker;
mod naming;
pub mod operator;
pub mod plan;
pub mod rebuild;
pub mod relay;
pub mod released;
pub mod renotify;
mod retry;
pub mod runner;
mod serving;
mod steps;
mod tenure;

use std::fmt;
use std::sync::Arc;

use ports::{
    Blobs, Bus, Clock, CodeHost, FlowQueue, Gatekeeper, Ids, LastKnown, Ledger, Model, Moderator, Notifier,
    RateBuckets, Verifier,
};

/// The world as core-flows sees it. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// What was accepted and what became of it.
    pub ledger: Arc<dyn Ledger>,
    /// What is known of tasks when the ledger is lost.
    pub last_known: Arc<dyn LastKnown>,
    /// Flows to run.
    pub queue: Arc<dyn FlowQueue>,
    /// How often something happened.
    pub rates: Arc<dyn RateBuckets>,
    /// Bytes by digest.
    pub blobs: Arc<dyn Blobs>,
    /// Wakes the runner and the live streams.
    pub bus: Arc<dyn Bus>,
    /// Repositories and pages.
    pub host: Arc<dyn CodeHost>,
    /// Language models, when any is configured.
    pub model: Option<Arc<dyn Model>>,
    /// Refuses briefs that no site is made from.
    pub moderator: Arc<dyn Moderator>,
    /// Holds sites against checks.
    pub verifier: Arc<dyn Verifier>,
    /// Notifies and probes.
    pub notifier: Arc<dyn Notifier>,
    /// Knows our secrets.
    pub gatekeeper: Arc<dyn Gatekeeper>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("model", &self.model.is_some()).finish_non_exhaustive()
    }
}
