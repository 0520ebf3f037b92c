//! The local code host and its pages server, seen from outside: with stock git and over HTTP.
#![expect(clippy::unwrap_used, reason = "a failure of these tests is a panic")]

mod disk;
mod git;
mod pages;
mod stage;
