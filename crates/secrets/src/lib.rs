//! Who may come in, and what must not go out.
//!
//! [`Keeper`] checks the secret of an incoming request, finds secrets in a site before it is
//! published, and takes them out of texts on their way to logs, models and evidence.
//!
//! Invariants: a finding names its kind and place and never quotes the secret; neither `Debug`
//! nor an error shows one; comparing takes the same time for every wrong secret.

mod error;
mod keeper;
mod own;
mod rules;
mod scanner;
mod shared_secret;

pub use error::Error;
pub use keeper::{Keeper, Options};
