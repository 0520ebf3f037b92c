//! The binary `sitewright` as a library: settings, wiring, shutdown.
//!
//! Nothing is decided here beyond which adapter stands behind which port. This is the only crate
//! that reads the environment.

mod adapters;
pub mod app;
pub mod backup;
mod base;
mod clock;
mod closed;
pub mod control;
pub mod doctor;
pub mod forget;
mod open_files;
pub mod process;
pub mod rebuild;
pub mod runs;
pub mod secret;
pub mod settings;
pub mod task;
pub mod telemetry;
pub mod wiring;

use std::io::Write as _;
use std::process::ExitCode;

/// Prints what a command has to say. A closed standard output is no reason to complain.
fn console_out(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
