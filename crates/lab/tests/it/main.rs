//! The stand-ins over real HTTP, and the samples held against their own facts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic, in its helpers too")]

mod cases;
mod evaluator;
mod github;
mod harness;
mod model;
