//! Copies of the ledger, kept where the loss of its host does not reach, and the ledger that is made of them.
//!
//! An archive holds the latest copy of each task. It lags behind the ledger by what it was not told yet, so it is what
//! is left when a disk is lost, and no second truth.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shared_types::{Digest, Email, Envelope, Epoch, TaskId, TaskName, Timestamp};

use crate::{Error, StepRecord, TaskRecord};

/// All that the ledger holds of one task. Fields are only added, with a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskCopy {
    /// Its place in the order of acceptance.
    pub place: u64,
    /// The place of its repository among all.
    pub repo_place: u64,
    /// What was accepted and what became of it.
    pub record: TaskRecord,
    /// Digest of the request without its secret, by which a repeat is told from a conflict.
    pub fingerprint: Digest,
    /// When it had to be handed in as it was accepted; an operator's retry gives the record another time.
    pub first_deadline_at: Timestamp,
    /// How often its flow was claimed.
    pub epoch: Epoch,
    /// Its steps, in the order they were recorded.
    pub journal: Vec<StepRecord>,
    /// Its events with their places in the ledger, in order.
    pub events: Vec<Envelope>,
    /// The exact bytes that the evaluator was or shall be sent.
    pub notification: Option<String>,
    /// Blobs it names that the archive holds.
    #[serde(default)]
    pub blobs: Vec<Digest>,
}

/// What the ledger says of its tasks for an archive.
#[async_trait]
pub trait Copying: Send + Sync {
    /// All of one task, as of one moment; its `blobs` are empty. None when there is no such task.
    async fn copy_of(&self, id: TaskId) -> Result<Option<TaskCopy>, Error>;
}

/// Whom an archive shall forget.
#[derive(Debug, Clone)]
pub struct Forgetful {
    /// The person; capitals make no other one.
    pub email: Email,
    /// Tasks of the person that the ledger knew.
    pub tasks: Vec<(TaskId, TaskName)>,
    /// Now. Copies of tasks that were accepted until then count no more, whenever they come.
    pub at: Timestamp,
}

/// What an archive knew of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Their tasks.
    pub tasks: Vec<(TaskId, TaskName)>,
    /// Blobs that these name.
    pub blobs: Vec<Digest>,
}

/// What was removed of a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Messages.
    pub messages: u64,
    /// Blobs.
    pub blobs: u64,
}

/// Where copies are kept.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Whether it holds a blob. May remember for a minute what it once held.
    async fn holds(&self, blob: &Digest) -> Result<bool, Error>;

    /// Keeps a blob.
    async fn put(&self, blob: Bytes) -> Result<(), Error>;

    /// Keeps the copies, each in place of an earlier one of its task. Returns when all are kept.
    async fn keep(&self, copies: Vec<TaskCopy>) -> Result<(), Error>;

    /// What it knows of a person.
    async fn known_of(&self, email: &Email) -> Result<Known, Error>;

    /// Removes what it knows of a person, and `blobs`. What is removed does not come back by a copy that is late. When it
    /// fails in the middle, it is asked again and removes the rest.
    async fn forget(&self, whom: Forgetful, blobs: Vec<Digest>) -> Result<Removed, Error>;
}

/// One thing found where copies are kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A task.
    Copy(Box<TaskCopy>),
    /// A task whose person was forgotten after it was accepted.
    Forgotten,
    /// The mark that says so: no task.
    Mark,
    /// Something that cannot be read, with the reason.
    Unreadable(String),
}

/// What lies outside of a lost ledger about a flow of its.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traces {
    /// The greatest number under which it was offered to other hosts; 0: never.
    pub offer: u64,
    /// The first of its reports that are still there; 0: none.
    pub first_report: u64,
}

/// Everything that a ledger can be made of anew.
#[async_trait]
pub trait Salvage: Send + Sync {
    /// The next at most `limit` things behind the place `after`, each with its own, in order; empty at the end.
    async fn copies(&self, after: u64, limit: u32) -> Result<Vec<(u64, Found)>, Error>;

    /// The same of the events that listeners elsewhere were sent; what cannot be read is left out.
    async fn events(&self, after: u64, limit: u32) -> Result<Vec<(u64, Option<Envelope>)>, Error>;

    /// What is known of a flow beside its copy.
    async fn traces(&self, task: TaskId) -> Result<Traces, Error>;

    /// The name of the ledger's cursor in the reports of other hosts, and the place of the last report.
    async fn reports(&self) -> Result<(String, u64), Error>;

    /// A blob; none when it is there no more.
    async fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, Error>;
}

/// What became of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// It is in the ledger.
    Yes,
    /// It contradicts what is there, with the reason: it belongs to another ledger.
    No(String),
}

/// A ledger in the making. Nothing of it can be seen before [`Rebuilding::finish`].
#[async_trait]
pub trait Rebuilding: Send + Sync {
    /// Adds a task; a flow that was running waits.
    async fn add(&self, copy: TaskCopy) -> Result<Restored, Error>;

    /// Adds an event in its place, when its task is there and the event is not. Says whether it did.
    async fn add_event(&self, event: Envelope) -> Result<bool, Error>;

    /// Flows that have not ended.
    async fn open_flows(&self) -> Result<Vec<TaskId>, Error>;

    /// Lets the flow's next claim have a greater epoch than `least`.
    async fn raise(&self, task: TaskId, least: Epoch) -> Result<(), Error>;

    /// The ledger is there, with these cursors, and no event of it gets a place up to `seq`.
    async fn finish(&self, cursors: Vec<(String, u64)>, seq: u64) -> Result<(), Error>;
}
