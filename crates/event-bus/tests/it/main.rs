//! The bus through its port: in-process, and mirrored to a real nats-server.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod archive;
mod events;
mod fleet;
mod in_process;
mod nats;
mod shared;
