//! What every port error says: again, later, or stop.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What to do about a failure. The retry loop reads nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Again, after the caller's back-off.
    RetryWithBackoff,
    /// Later: the other side named the wait.
    RetryAfter(Duration),
    /// Stop: the same call will fail the same way.
    GiveUp,
}

/// A failed port call: an adapter's own error and its verdict.
///
/// Displays as the adapter's error does, names the operation and its object, and keeps the chain
/// of sources; print it whole with [`ErrorChain`].
pub struct Error {
    verdict: Verdict,
    fault: Box<dyn StdError + Send + Sync>,
}

impl Error {
    /// `fault` with `verdict`.
    pub fn new(verdict: Verdict, fault: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { verdict, fault: fault.into() }
    }

    /// A passing failure: try again after a back-off.
    pub fn again(fault: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Verdict::RetryWithBackoff, fault)
    }

    /// A failure that will last for `wait`.
    pub fn later(wait: Duration, fault: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Verdict::RetryAfter(wait), fault)
    }

    /// A lasting failure.
    pub fn stop(fault: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Verdict::GiveUp, fault)
    }

    /// Again, later, or stop.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.verdict, self.fault)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.fault.source()
    }
}

/// Prints an error and its sources in one line, joined by `: `.
#[derive(Debug)]
pub struct ErrorChain<'a>(pub &'a dyn StdError);

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_printed_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("read blob abc")]
        struct Read(#[source] std::io::Error);

        let error = Error::again(Read(std::io::Error::other("disk on fire")));
        assert_eq!(error.to_string(), "read blob abc");
        assert_eq!(ErrorChain(&error).to_string(), "read blob abc: disk on fire");
    }
}
