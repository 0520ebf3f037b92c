//! What can go wrong in the lab, and what a person can do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ports::Verdict;

/// A stand-in, or the demo, could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A stand-in found its address taken or forbidden.
    #[error("listen on {addr} for the {what}")]
    Listen {
        /// Such as `evaluator`.
        what: &'static str,
        /// The address.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A stand-in stopped on its own.
    #[error("serve the {what}")]
    Serve {
        /// Such as `evaluator`.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of requests or a folder of them could not be read.
    #[error("read {}", path.display())]
    ReadCase {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of requests is not JSON.
    #[error("read {} as JSON", path.display())]
    ParseCase {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A file of requests is JSON of another shape.
    #[error("read {} as requests: {reason}", path.display())]
    CaseShape {
        /// The file.
        path: PathBuf,
        /// What was expected and what came.
        reason: String,
    },
    /// There is no sample of that name.
    #[error("find the case {name:?} in {}: there are {}", dir.display(), known.join(", "))]
    UnknownCase {
        /// As asked.
        name: String,
        /// Where it was looked for.
        dir: PathBuf,
        /// What is there.
        known: Vec<String>,
    },
    /// An attachment of a case is not a data URI that can be decoded.
    #[error("decode attachment {index}: {reason}")]
    Attachment {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// No HTTP client could be made.
    #[error("set up the HTTP client")]
    Client {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// A request got no answer, or its answer broke off.
    #[error("{request}")]
    Http {
        /// Method and path.
        request: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// An answer has a status that the protocol does not know here.
    #[error("{request}: expected {expected}, got HTTP {status}")]
    Status {
        /// Method and path.
        request: String,
        /// What was expected.
        expected: &'static str,
        /// What came.
        status: u16,
    },
    /// An answer's body is not the JSON it should be.
    #[error("read the answer to {request}")]
    Body {
        /// Method and path.
        request: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// An event stream has an event that is longer than any this project sends.
    #[error("read an event stream: an event is longer than {limit_bytes} bytes")]
    EventTooLong {
        /// The bound.
        limit_bytes: usize,
    },
    /// Something that was waited for did not come.
    #[error("wait for {what}: not within {:.1} s", waited.as_secs_f64())]
    Waited {
        /// What.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// The data folder could not be made or used.
    #[error("prepare the data folder {}", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server program could not be started.
    #[error("start {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server ended while it was needed.
    #[error("the server ended early ({status}); the end of its log {}:\n{tail}", log.display())]
    ServerDied {
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The server runs but does not become healthy.
    #[error("the server was not healthy within {:.0} s ({last}); the end of its log {}:\n{tail}", waited.as_secs_f64(), log.display())]
    ServerUnhealthy {
        /// How long it was given.
        waited: Duration,
        /// What its health said last.
        last: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The server did not stop in good order.
    #[error("the server did not stop in good order ({status}); its log is {}", log.display())]
    ServerStop {
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
    },
    /// A person or the system asked for the end.
    #[error("stopped before the end, as asked")]
    Interrupted,
}

impl Error {
    /// Again, later, or stop.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Http { .. } | Self::Waited { .. } => Verdict::RetryWithBackoff,
            _ => Verdict::GiveUp,
        }
    }

    /// What a person can do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "Give another port, or 0 for a free one.",
            Self::ReadCase { .. } => "Check that the file exists and may be read.",
            Self::ParseCase { .. } | Self::CaseShape { .. } | Self::Attachment { .. } => {
                "Give one request body, an array of them, or the format of tests/fixtures/requests/."
            }
            Self::UnknownCase { .. } => "Choose one of these with --case, or give your own file with --request.",
            Self::DataDir { .. } => "Give a folder that may be written with --data.",
            Self::Spawn { .. } => {
                "Build the server (`cargo build --release -p server`) and give its path with --server."
            }
            Self::ServerDied { .. } | Self::ServerUnhealthy { .. } => {
                "Read the log above; a port that is taken can be changed with --port and --pages-port."
            }
            Self::Interrupted => "Start again when you like; nothing was left running.",
            Self::Serve { .. }
            | Self::Client { .. }
            | Self::Http { .. }
            | Self::Status { .. }
            | Self::Body { .. }
            | Self::EventTooLong { .. }
            | Self::ServerStop { .. }
            | Self::Waited { .. } => "Read server.log in the data folder: the server says there what it was doing.",
        }
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
