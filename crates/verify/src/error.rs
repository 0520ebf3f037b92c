//! What can go wrong in looking at a site. None of it is the site's fault.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chromiumoxide::error::CdpError;
use ports::Verdict;

/// A failed operation of this crate. Its Display names the operation and its object; the cause is
/// its source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No program to start.
    #[error("find a browser: {remedy}")]
    NoBrowser {
        /// What to do about it.
        remedy: String,
    },
    /// The profile folder could not be made.
    #[error("make the browser's temporary profile folder")]
    Profile(#[source] io::Error),
    /// The program did not start.
    #[error("start the browser {}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program started but never offered its debugging port.
    #[error("start the browser {}: it ended or stayed silent; its last words: {words}", path.display())]
    Silent {
        /// The program.
        path: PathBuf,
        /// The end of its standard error.
        words: String,
    },
    /// The debugging port refused.
    #[error("connect to the browser")]
    Connect(#[source] Box<CdpError>),
    /// A command failed.
    #[error("browser command {operation}")]
    Command {
        /// What was asked.
        operation: &'static str,
        /// Why.
        #[source]
        source: Box<CdpError>,
    },
    /// A command got no answer in time.
    #[error("browser command {operation}: no answer within {} ms", waited.as_millis())]
    Unanswered {
        /// What was asked.
        operation: &'static str,
        /// How long was waited.
        waited: Duration,
    },
    /// The browser went away.
    #[error("run the page: the browser ended while the page was open")]
    Crashed,
    /// The files could not be mended.
    #[error("mend the site")]
    Autofix(#[source] tokio::task::JoinError),
    /// The files could not be linted.
    #[error("lint the site")]
    Lint(#[source] tokio::task::JoinError),
}

impl Error {
    /// Again, later, or stop. Only a missing browser is lasting: the rest may have been bad luck.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::NoBrowser { .. } => Verdict::GiveUp,
            _ => Verdict::RetryWithBackoff,
        }
    }

    /// A failed browser command.
    pub(crate) fn command(operation: &'static str, source: CdpError) -> Self {
        Self::Command { operation, source: Box::new(source) }
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
