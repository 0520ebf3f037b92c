//! The binary `sitewright` as a library: settings, wiring, shutdown.
//!
//! Nothing is decided here beyond which adapter stands behind which port. This is the only crate
//! that reads the environment.

pub mod app;
mod base;
mod clock;
mod closed;
mod open_files;
pub mod runs;
pub mod secret;
pub mod settings;
pub mod telemetry;
