//! Is this site right? Reads checks, lints files, runs the page in a browser, and reports.
//!
//! - [`compile`](ports::Verifier::compile) gives each item of a request's `checks` a reading.
//! - [`verify`](ports::Verifier::verify) holds a site against them: files are linted and rule-decided
//!   checks decided without IO, JavaScript checks run in a warm Chromium, in a context of their own.
//!
//! Not here: repairing a site, judging prose, finding secrets (the gatekeeper's findings come in).
//! Invariants: a check that nothing decided is never `passed`; every wait is bounded; a page, however
//! bad, is a report and not an error.

mod autofix;
mod browser;
mod cdn;
mod compile;
mod decide;
mod error;
mod findings;
mod html;
mod lint;
mod markup;
mod outline;
mod python;
mod references;
mod script;
mod serve;
mod text;
mod unanswered;
mod verifier;

pub use autofix::autofix;
pub use error::Error;
pub use verifier::{CDN_HOSTS, Cdn, Egress, Options, Program, Sandbox, SiteVerifier};
