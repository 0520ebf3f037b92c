//! Why a keeper cannot be made, what may keep it from saying whether a secret is right, and gitleaks from finding any.

use std::process::ExitStatus;
use std::time::Duration;

use ports::Verdict;

/// A failed construction or proof.
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
    /// The keywords of the rules together are too many.
    #[error("compile the search for the rules' keywords")]
    Keywords(#[source] aho_corasick::BuildError),
    /// Our own secrets are too many or too long to look for. Without a source: it would quote them.
    #[error("compile the search for our own secrets")]
    OwnSecrets,
    /// A secret that nobody may have.
    #[error("a secret has 1 to {max_bytes} bytes")]
    Length {
        /// The most it may have.
        max_bytes: usize,
    },
    /// A hash cannot be computed: as a rule, there is no memory for it.
    #[error("compute the hash of a secret")]
    Hash(#[source] argon2::Error),
    /// A hash cannot be written down, which means a defect.
    #[error("write down the hash of a secret")]
    Format,
    /// Too many proofs wait already, or this one has waited too long.
    #[error("too many secrets are being checked")]
    Busy {
        /// When to come again.
        wait: Duration,
    },
    /// No copy of a site for gitleaks.
    #[error("copy a site for gitleaks")]
    GitleaksFolder(#[source] std::io::Error),
    /// Gitleaks cannot be started.
    #[error("run gitleaks")]
    GitleaksRun(#[source] std::io::Error),
    /// Gitleaks was stopped.
    #[error("gitleaks took longer than {limit:?}")]
    GitleaksSlow {
        /// What it may take.
        limit: Duration,
    },
    /// Gitleaks failed; what it says about that is not read, since it may quote.
    #[error("gitleaks ended with {status}; versions from 8.18 are supported")]
    GitleaksEnded {
        /// How it ended.
        status: ExitStatus,
    },
    /// Gitleaks wrote no report, or one that is not understood.
    #[error("read the report of gitleaks")]
    GitleaksReport(#[source] serde_json::Error),
    /// The thread that copied a site or read a report has ended.
    #[error("wait for the files of gitleaks")]
    GitleaksBrokenOff(#[source] tokio::task::JoinError),
    /// The thread that computed a hash has ended.
    #[error("wait for the hash of a secret")]
    BrokenOff(#[source] tokio::task::JoinError),
}

impl Error {
    /// Only what depends on the moment passes; all else fails the same way again.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Busy { wait } => Verdict::RetryAfter(*wait),
            Self::Hash(_) | Self::BrokenOff(_) => Verdict::RetryWithBackoff,
            _ => Verdict::GiveUp,
        }
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
