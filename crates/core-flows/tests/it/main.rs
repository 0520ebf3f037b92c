//! core-flows as a whole, over fakes of every port.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on shall fail where it stands")]

mod checks;
mod dialogue;
mod flows;
mod intake;
mod judging;
mod last_known;
mod operator;
mod outbox;
mod pages;
mod panel;
mod rates;
mod released;
mod repair;
mod world;
mod zombies;
