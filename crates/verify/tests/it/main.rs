//! The verifier as the service uses it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod browser;
mod no_browser;
mod world;
