//! Chaos: real processes are killed, paused and lied to, and what remains is held against the promise: *accepted is never
//! lost; one repository; one commit a round; identical notifications until one is accepted; rounds in order*.
//!
//! - [`plan`]: at which exact moment something happens to a process. The program `sitewright-chaos` is the shipped
//!   service with decorators around its ports that read these plans; the service itself has no switch for any of it.
//! - [`world`]: the lab with a witness that writes down every effect on GitHub and the evaluator.
//! - [`judge`]: holds the witness's log and the ledger's end state against the promise, offline. Planted mistakes show
//!   that it would notice.
//! - [`tally`]: trials, and those without a violation.
//! - [`hosts`]: several hosts and the broker between them.
//! - The experiments, one file each: [`kills`] (X1), [`storm`] (X2), [`zombies`] (X3), [`outages`] (X4), [`disk`] (X5),
//!   [`power`] (X6), [`evaluators`] (X7).
//!
//! `cargo xtask chaos` runs them all; the tests run each of them briefly.

pub mod disk;
pub mod evaluators;
pub mod hosts;
pub mod judge;
pub mod kills;
pub mod outages;
pub mod plan;
pub mod power;
pub mod storm;
pub mod tally;
pub mod world;
pub mod zombies;

use std::path::PathBuf;

/// The service with the decorators: `SITEWRIGHT_CHAOS_BIN`, else the one that was built beside this program.
#[must_use]
pub fn program() -> PathBuf {
    std::env::var_os("SITEWRIGHT_CHAOS_BIN").map_or_else(|| crate::beside("sitewright-chaos"), PathBuf::from)
}
