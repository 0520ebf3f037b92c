//! Outbound HTTP: one delivery or one look at a time.
//!
//! Every URL comes from outside, so every request passes the [`guard`]: the scheme, the literal
//! address and each resolved address are checked, and the connection goes to the addresses that
//! were checked. No redirect is followed, no proxy is read from the environment, and answers are
//! cut at a cap.
//!
//! Not here: retries, back-off and what a status means. core-flows decides those.

mod error;
pub mod guard;
mod notifier;
mod resolver;

pub use error::Error;
pub use guard::AllowPrivate;
pub use notifier::{HttpNotifier, Options};
