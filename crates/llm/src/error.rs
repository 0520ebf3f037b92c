//! Why there is no completion.

use std::path::PathBuf;
use std::time::Duration;

use ports::{Objection, OverCap, Verdict};
use shared_types::http::RunStatus;

/// A call that failed, or a gateway that could not be made. The client's own errors quote
/// requests and answers, so they are read and dropped, never held.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base URL is not one of a web service, or holds a user or password.
    #[error("read the model service's base URL: expected http(s)://host[:port][/path] without user and password")]
    BaseUrl,
    /// The HTTP client could not be built; the system's certificates may be missing.
    #[error("build the HTTP client for the model service")]
    HttpClient(#[source] reqwest::Error),
    /// The model client could not be built.
    #[error("build the client for the model service")]
    Client,
    /// A template in the override folder cannot be read.
    #[error("read the prompt template {}", path.display())]
    ReadTemplate {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A template of the override folder cannot work: it does not compile, includes what is not
    /// there, or names a value that no prompt has.
    #[error("prompt template {}, line {line}: {problem}", path.display())]
    BrokenTemplate {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A template does not compile, or the values do not fit it.
    #[error("render the prompt template {template}")]
    Template {
        /// Its name.
        template: String,
        /// Where and why.
        #[source]
        source: minijinja::Error,
    },
    /// The prompt is larger than any model takes.
    #[error("render the prompt template {template}: {bytes} bytes are more than {limit}")]
    PromptTooLong {
        /// Its name.
        template: String,
        /// The prompt's size.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// The configuration maps the alias to no model.
    #[error("no model is configured for {alias}")]
    NoModel {
        /// The alias.
        alias: String,
    },
    /// The service answered with an error.
    #[error("ask {alias}: HTTP {status}: {message}")]
    Refused {
        /// The alias.
        alias: String,
        /// The HTTP status.
        status: u16,
        /// What the service says, without secrets, at most 300 characters.
        message: String,
        /// What the status and the message mean for a repeat.
        verdict: Verdict,
    },
    /// The time was up.
    #[error("ask {alias}: no answer within {} ms", within.as_millis())]
    TimedOut {
        /// The alias.
        alias: String,
        /// The request's bound.
        within: Duration,
    },
    /// No connection, or it broke.
    #[error("ask {alias}: the model service cannot be reached")]
    Unreachable {
        /// The alias.
        alias: String,
        /// What the client says, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// An answer without a completion in it.
    #[error("ask {alias}: {reason}")]
    Unusable {
        /// The alias.
        alias: String,
        /// What is wrong with it; never quotes it.
        reason: &'static str,
    },
    /// A cap on spending has no room for the call; nobody was asked.
    #[error("ask {alias}")]
    OverQuota {
        /// The alias.
        alias: String,
        /// Which cap.
        #[source]
        over: OverCap,
    },
    /// A rule of ours refuses the brief or the answer. The text is not quoted.
    #[error("ask {alias}: refused by the rule {} for its {}", objection.rule, objection.place)]
    Unsafe {
        /// The alias.
        alias: String,
        /// Which rule, and the text's digest.
        objection: Objection,
    },
    /// The provider failed several times in a row and is not asked for a while.
    #[error("ask {alias}: {provider} failed several times in a row and is not asked for {} s", wait.as_secs())]
    ProviderDown {
        /// The alias.
        alias: String,
        /// Who.
        provider: String,
        /// Until when.
        wait: Duration,
    },
    /// A replay has no such answer.
    #[error("ask {alias}: the replay has no answer to this prompt: {} is missing", path.display())]
    NotRecorded {
        /// The alias.
        alias: String,
        /// The file that would hold it.
        path: PathBuf,
    },
    /// The answer of a replay cannot be read.
    #[error("read the kept answer {}: {reason}", path.display())]
    UnreadableRecord {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The row of the call could not be written, so the call was not made.
    #[error("write the row of a call of {alias}")]
    Ledger {
        /// The alias.
        alias: String,
        /// Why.
        #[source]
        source: ports::Error,
    },
    /// The service's content filter stopped the answer.
    #[error("ask {alias}: the content filter of the model service stopped the answer")]
    Declined {
        /// The alias.
        alias: String,
    },
}

impl Error {
    /// Again for what passes, later where a wait is known, else stop.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { verdict, .. } => *verdict,
            Self::TimedOut { .. } | Self::Unreachable { .. } | Self::Unusable { .. } => Verdict::RetryWithBackoff,
            Self::ProviderDown { wait, .. } => Verdict::RetryAfter(*wait),
            Self::Ledger { source, .. } => source.verdict(),
            _ => Verdict::GiveUp,
        }
    }

    /// Whether no other model may be asked either: what was asked is the matter, or our own ledger.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Unsafe { .. } | Self::Declined { .. } | Self::Ledger { .. })
    }

    /// Whether the provider seems to be down. One that is busy, or has no money of ours left, is not.
    pub(crate) fn blames_provider(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status == 408 || *status >= 500,
            Self::TimedOut { .. } | Self::Unreachable { .. } | Self::Unusable { .. } => true,
            _ => false,
        }
    }

    /// How the row of a call ends that ended so.
    pub(crate) fn status(&self) -> RunStatus {
        match self {
            Self::TimedOut { .. } => RunStatus::Timeout,
            Self::Unsafe { .. } | Self::Declined { .. } => RunStatus::Refused,
            _ => RunStatus::Error,
        }
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
