//! The durable side of one host: the SQLite ledger with its queue of flows, and the blobs.
//!
//! - [`Store`] implements `ports::Ledger`, `FlowQueue`, `RateBuckets` and `RunLedger` over one SQLite file;
//!   [`Reading`] looks into it without its lock.
//! - [`LastKnownFile`] implements `ports::LastKnown` over a file that outlives the database.
//! - [`FileBlobs`] implements `ports::Blobs` over files named by their SHA-256.
//! - [`backup`] makes, verifies and restores backups; [`Rebuild`] makes a ledger of copies of its tasks.
//! - [`DatabaseHealth`] and [`DiskHealth`] say how both are.
//!
//! Invariants: one process opens a data folder at a time; one thread writes; a method that writes
//! returns after the commit that holds the write has reached the disk. What to do next is never
//! decided here.
//!
//! The way of a write: `store` -> `writer` (queue, group commit) -> `sql` (statements).
//! The way of a read: `store` -> `reader` (pool) -> `sql`.

pub mod backup;
mod blobs;
mod checkpoint;
mod connection;
mod error;
mod folder;
mod health;
mod last_known;
mod migrate;
mod reader;
mod reading;
mod rebuild;
mod soundness;
mod sql;
mod store;
mod timing;
mod windows;
mod writer;

pub use blobs::FileBlobs;
pub use connection::Flush;
pub use error::Error;
pub use folder::{Holder, holder};
pub use health::{DatabaseHealth, DiskHealth};
pub use last_known::LastKnownFile;
pub use reading::Reading;
pub use rebuild::Rebuild;
pub use store::{Options, Store};
