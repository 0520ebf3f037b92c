//! The real service on a free port, spoken to over TCP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod client;
mod edges;
mod house;
mod levers;
mod manners;
mod overload;
mod stream;
mod submissions;
mod tasks;
