//! Outbound HTTP: one delivery or one look at a time.
//!
//! Every URL comes from outside, so every request passes the [`guard`]: the scheme, the literal
//! address and each resolved address are checked, and the connection goes to the addresses that
//! were checked. No redirect is followed, no proxy is read from the environment, and answers are
//! cut at a cap. The [`proxy`] puts the browser, whose pages come from outside as well, behind the
//! same guard.
//!
//! Not here: retries, back-off and what a status means. core-flows decides those.

mod error;
pub mod guard;
mod lookup;
mod notifier;
pub mod proxy;
mod tunnel;

pub use error::Error;
pub use guard::AllowPrivate;
pub use lookup::{Lookup, SystemLookup};
pub use notifier::{HttpNotifier, Options};
