//! The store over real folders.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod backup;
mod conformance;
mod durability;
mod faults;
mod fencing;
mod folder;
mod last_known;
mod oblivion;
mod rebuild;

use std::path::Path;

use storage::{Options, Store};

/// Opens the store of a folder with the defaults.
fn open(data_dir: &Path) -> Store {
    Store::open(Options::new(data_dir)).unwrap()
}
