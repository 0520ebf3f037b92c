//! The code hosts seen from outside: with stock git, over HTTP, and against a scripted peer.
#![expect(clippy::unwrap_used, reason = "a failure of these tests is a panic")]

mod disk;
mod git;
mod pages;
mod remote;
mod stage;
