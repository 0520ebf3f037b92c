//! Why a keeper cannot be made. Once made, it cannot fail.

use ports::Verdict;

/// A failed construction.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An empty secret would let everyone in.
    #[error("the student secret is empty")]
    EmptySecret,
    /// A rule of the table is not a regular expression.
    #[error("compile the rule {kind}")]
    Rule {
        /// Which.
        kind: &'static str,
        /// Why.
        #[source]
        source: regex::Error,
    },
    /// The rules together are too large.
    #[error("compile the rules as a set")]
    Rules(#[source] regex::Error),
    /// Our own secrets are too many or too long to look for. Without a source: it would quote them.
    #[error("compile the search for our own secrets")]
    OwnSecrets,
}

impl Error {
    /// Always stop: the same input fails the same way.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::GiveUp
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
