//! One broken promise, as the pure rules report it.

use crate::finding::Finding;

/// What to do about any breaking change: inside a version there is one way only.
const NEXT: &str = "put it back and add the new shape beside it, or start a v2; then cargo xtask contracts check";

/// A change that breaks somebody who built on the released version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Break {
    /// Where in the contract, from the outside in, such as `Envelope.seq`.
    pub(crate) at: String,
    /// Short name of the rule.
    pub(crate) rule: &'static str,
    /// What was, and what is.
    pub(crate) detail: String,
}

impl Break {
    pub(crate) fn new(at: impl Into<String>, rule: &'static str, detail: impl Into<String>) -> Self {
        Self { at: at.into(), rule, detail: detail.into() }
    }

    /// The finding about the contract file at `path`.
    pub(crate) fn into_finding(self, path: &str) -> Finding {
        Finding::new(path, self.rule, format!("{}: {}", self.at, self.detail), NEXT)
    }
}
