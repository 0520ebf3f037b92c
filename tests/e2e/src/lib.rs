//! The harness of the end-to-end cases: real server processes with the lab around them.
//!
//! An [`Instance`] is one data folder with fixed ports; its process can be killed and started
//! again. [`Outside`] is the lab's instructor and evaluator. Everything ends with its owner.

mod broker;
pub mod chaos;
pub mod corpus;
pub mod github_days;
mod instance;
pub mod load;
pub mod measure;
mod outside;

pub use broker::Broker;
pub use instance::{Instance, Launch, beside, free_port, program};
pub use outside::{Outside, SECRET, case, fixtures};

use std::path::{Path, PathBuf};

/// The workspace's folder.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}
