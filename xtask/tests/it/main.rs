//! The program itself on copies of the checkout: what a person or CI sees.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up should stop at that line")]

mod contracts;
mod findings;
mod house;
