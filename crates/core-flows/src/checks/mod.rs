//! What is known of the checks before a site is made.
//!
//! - [`carry`]: the checks of all rounds, and how the earlier ones came out.
//! - [`compiler`]: asks a model to read what no rule reads, and believes it only so far ([`grounded`]).
//! - [`satisfiable`]: which checks no honest site can meet, by the attachments or by other checks.
//! - [`constraint`]: a check as a sentence for whoever writes the site.

mod carry;
mod claim;
mod compiler;
mod constraint;
mod data;
mod grounded;
mod satisfiable;

pub(crate) use carry::gather;
pub(crate) use compiler::{read_left_over, unfenced};
pub(crate) use constraint::constraints;
pub(crate) use satisfiable::mark;
