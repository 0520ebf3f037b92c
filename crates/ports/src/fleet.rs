//! Runners on other hosts, as the host with the ledger sees them.
//!
//! The ledger says which flows may run; a fleet carries them to whoever is free, and brings back what was done. What it
//! carries is a copy: the host with the ledger writes every report into the ledger, in order, and nobody else does.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shared_types::http::NotificationAttempt;
use shared_types::{Envelope, Epoch, TaskId, Timestamp};

use crate::{Closing, Error, KnownSite, RepoName, StepRecord, TaskRecord, TaskUpdate};

/// All that a runner without a ledger needs to know of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    /// What was accepted, and what is known of its site.
    pub task: TaskRecord,
    /// The earlier accepted requests of its repository, in order of acceptance.
    pub earlier: Vec<TaskRecord>,
    /// Steps that the ledger has, in the order they were recorded.
    pub journal: Vec<StepRecord>,
    /// Attempts to notify that the ledger has, in order.
    pub attempts: Vec<NotificationAttempt>,
    /// What was last known of its repository, when the ledger knows none.
    #[serde(default)]
    pub last_known: Option<KnownSite>,
}

/// A flow that may run now.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Which one.
    pub task: TaskId,
    /// Its repository: one flow of a repository is out at a time.
    pub repo: RepoName,
    /// Which offer of this flow it is; a later one has a greater number. Not the epoch of whoever takes it.
    pub number: u64,
    /// What goes with it.
    pub dossier: Dossier,
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is out.
    Out,
    /// It was out already.
    OutAlready,
    /// An earlier offer of the flow, or another flow of its repository, has not come back yet.
    InTheWay,
}

/// One thing that a runner did, in the order in which the fleet took it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Its place among all reports; grows, with gaps.
    pub seq: u64,
    /// The flow.
    pub task: TaskId,
    /// The offer under which the runner took it.
    pub offer: u64,
    /// The runner's epoch: how often the flow was taken.
    pub epoch: Epoch,
    /// What.
    pub did: Did,
}

/// What a runner did: the writes of a `FlowQueue`, as they were taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// Took the flow; it is its own until then.
    Claimed {
        /// By the runner's clock.
        until: Timestamp,
    },
    /// Kept it until then.
    Kept {
        /// By the runner's clock.
        until: Timestamp,
    },
    /// Journaled a step.
    Recorded {
        /// The step.
        step: StepRecord,
        /// What it says of the task.
        update: Box<TaskUpdate>,
        /// Its events.
        events: Vec<Envelope>,
    },
    /// Told of something.
    Told {
        /// Its events.
        events: Vec<Envelope>,
    },
    /// Gave it back.
    Released {
        /// To be offered again from then on.
        not_before: Timestamp,
        /// Its last events.
        events: Vec<Envelope>,
    },
    /// Ended it.
    Finished {
        /// How.
        closing: Closing,
        /// Its last events.
        events: Vec<Envelope>,
    },
}

/// A flow that runners took as often as the fleet lets them, and did not end. It holds up its repository until buried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetter {
    /// The flow.
    pub task: TaskId,
    /// Names this letter to the fleet.
    pub letter: u64,
}

/// A flow that the ledger has ended, or begun anew, while it was out.
#[derive(Debug, Clone, PartialEq)]
pub struct Recall {
    /// Which one.
    pub task: TaskId,
    /// Its repository.
    pub repo: RepoName,
    /// The offer under which it is out. Later offers of the flow stay.
    pub number: u64,
    /// How that offer ends.
    pub closing: Closing,
}

/// The runners on other hosts.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Names the reports: another name means that their numbers begin anew.
    async fn reports_name(&self) -> Result<String, Error>;

    /// Lets any runner take the flow.
    async fn offer(&self, offer: &Offer) -> Result<Offered, Error>;

    /// The same for a flow whose runner went silent: takes back what is out for it first.
    async fn offer_anew(&self, offer: &Offer) -> Result<Offered, Error>;

    /// Up to `limit` reports with `seq > after`, in order; waits up to `wait` for the first. Giving up the wait loses
    /// nothing.
    async fn reports(&self, after: u64, limit: u32, wait: Duration) -> Result<Vec<Report>, Error>;

    /// Flows that no runner gets any more.
    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Error>;

    /// Ends the flow in the name of the host with the ledger, as a report like any other, and takes back what is out.
    async fn bury(&self, letter: DeadLetter, closing: Closing, events: Vec<Envelope>) -> Result<(), Error>;

    /// Lets no runner go on with what the ledger has ended: whoever has it hears that its lease is lost at its next
    /// write, of which each heartbeat is one.
    async fn recall(&self, recall: &Recall) -> Result<(), Error>;
}
