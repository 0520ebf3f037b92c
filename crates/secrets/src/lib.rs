//! Who may come in, and what must not go out.
//!
//! [`Keeper`] checks the secret of an incoming request, finds secrets in a site before it is
//! published, and takes them out of texts on their way to the ledger, logs, models and evidence.
//! [`hash`] makes what a class file holds instead of secrets.
//!
//! Invariants: a finding names its kind and place and never quotes the secret; neither `Debug`
//! nor an error shows one; every wrong pair of address and secret takes the same time.

mod argon;
mod class;
#[cfg(feature = "testing")]
pub mod corpus;
mod error;
mod gitleaks;
mod hasher;
mod judge;
mod keeper;
mod keyed;
mod own;
mod plausible;
mod redaction;
mod report;
mod rules;
mod scanner;
mod students;

pub use argon::{MAX_SECRET_BYTES, hash};
pub use class::{Class, Fault};
pub use error::Error;
pub use gitleaks::Gitleaks;
pub use keeper::{Keeper, Options, Students};
