//! The form of what lies at the broker: JSON to which fields are only ever added.

use ports::Did;
use serde::{Deserialize, Serialize};
use shared_types::{Digest, Epoch, TaskId};

/// Larger ones become blobs: the broker closes the connection of whoever sends more than a megabyte.
pub(super) const INLINE: usize = 256 * 1024;

/// An offer: references only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) task: TaskId,
    /// Which offer of the flow.
    pub(super) offer: u64,
    /// The blob with what a runner needs to know.
    pub(super) dossier: Digest,
    /// Offers up to this number belong to earlier attempts at the task.
    #[serde(default)]
    pub(super) since: u64,
}

/// One line of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The offer under which the flow was taken.
    pub(super) offer: u64,
    /// How often it was taken.
    pub(super) epoch: Epoch,
    pub(super) did: Did,
}

/// A line as it lies there, or the blob that holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Entry(Box<Entry>),
    Blob(Digest),
}
