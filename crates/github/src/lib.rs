//! Code host and Pages: two adapters of [`ports::CodeHost`].
//!
//! - [`local`]: bare repositories on this disk, and a server that shows their sites and lets stock
//!   `git clone` read them. The embedded default; needs no account and no git binary.
//! - [`remote`]: GitHub over its REST API and git's own protocol, within what a token may do
//!   ([`budget`]).
//!
//! Invariant of both: the same [`ports::CommitDraft`] has the same commit id, computed here before
//! anything is sent or written, and a branch moves only from the draft's parent, never by force.
//!
//! Not here: what to commit and when to try again; both belong to core-flows.

pub mod budget;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod error;
pub mod local;
mod objects;
pub mod remote;

pub use error::Error;
