//! Why there is no completion.

use std::path::PathBuf;
use std::time::Duration;

use ports::Verdict;

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
    /// The service's content filter stopped the answer.
    #[error("ask {alias}: the content filter of the model service stopped the answer")]
    Declined {
        /// The alias.
        alias: String,
    },
}

impl Error {
    /// Again for what passes, later where the service names the wait, else stop.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { verdict, .. } => *verdict,
            Self::TimedOut { .. } | Self::Unreachable { .. } | Self::Unusable { .. } => Verdict::RetryWithBackoff,
            _ => Verdict::GiveUp,
        }
    }

    /// One word for the log line of a call.
    pub(crate) fn status(&self) -> String {
        match self {
            Self::Refused { status, .. } => status.to_string(),
            Self::TimedOut { .. } => "timed_out".to_owned(),
            Self::Unreachable { .. } => "unreachable".to_owned(),
            Self::Declined { .. } => "declined".to_owned(),
            _ => "unusable".to_owned(),
        }
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
