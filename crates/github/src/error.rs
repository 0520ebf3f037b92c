//! What can go wrong at a code host, and whether trying again can help.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ports::Verdict;

/// A failed operation of either adapter. Names the operation and its object; never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{operation} {}", path.display())]
    Disk {
        /// In the imperative, such as `write`.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A local repository could not be read or written.
    #[error("{operation} in {}", repo.display())]
    Git {
        /// In the imperative, such as `read the head`.
        operation: &'static str,
        /// The bare repository.
        repo: PathBuf,
        /// What gix said.
        #[source]
        source: Box<gix::Error>,
    },
    /// Work on a local repository was cut short by a shutdown or a panic.
    #[error("finish work on a local repository")]
    Interrupted(#[source] tokio::task::JoinError),
    /// The pages server could not take its address or stopped by itself.
    #[error("serve pages on {address}")]
    Serve {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An option cannot be used.
    #[error("use {option} of the code host: {reason}")]
    Option {
        /// Its name in `Options`.
        option: &'static str,
        /// What is expected.
        reason: String,
    },
    /// The HTTP client for GitHub could not be made.
    #[error("set up the GitHub client")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The repository is not there.
    #[error("find repository {owner}/{name}: it does not exist")]
    NoRepo {
        /// Account.
        owner: String,
        /// Repository.
        name: String,
    },
    /// A repository of that name exists and is not ours.
    #[error("create repository {owner}/{name}: the name is taken by a repository without our marker")]
    NameTaken {
        /// Account.
        owner: String,
        /// Repository.
        name: String,
    },
    /// A branch of that name exists and holds something else.
    #[error("create branch {branch} of {owner}/{name}: it exists with another commit")]
    BranchTaken {
        /// Account.
        owner: String,
        /// Repository.
        name: String,
        /// Branch.
        branch: String,
    },
    /// A draft cannot be made into a commit.
    #[error("make a commit: {reason}")]
    Draft {
        /// What is wrong with it.
        reason: String,
    },
    /// The commit that was made is not the one that was planned.
    #[error("publish {planned}: the commit came out as {made}")]
    OtherCommit {
        /// The id of the plan.
        planned: String,
        /// The id of the result.
        made: String,
    },
    /// The content of a repository is beyond what a site may be.
    #[error("read {object}: {reason}")]
    Unreadable {
        /// What was read.
        object: String,
        /// Which bound or rule it breaks.
        reason: String,
    },
    /// GitHub could not be reached, or its answer broke off.
    #[error("{operation} {object}")]
    Transport {
        /// In the imperative, such as `create repository`.
        operation: &'static str,
        /// What it is about, such as `owner/name`.
        object: String,
        /// What the client said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// GitHub did not answer in time.
    #[error("{operation} {object}: no answer within {} ms", waited.as_millis())]
    TimedOut {
        /// In the imperative.
        operation: &'static str,
        /// What it is about.
        object: String,
        /// The limit of one call.
        waited: Duration,
    },
    /// GitHub answered 2xx with a body of another form.
    #[error("{operation} {object}: the answer has another form")]
    Answer {
        /// In the imperative.
        operation: &'static str,
        /// What it is about.
        object: String,
        /// Where the body differs.
        #[source]
        source: serde_json::Error,
    },
    /// The token has done what it may for now.
    #[error("begin a round of {object}: the token's requests are spent, its turn comes in {} s", wait.as_secs())]
    NoRoom {
        /// `owner/name`.
        object: String,
        /// Until its turn.
        wait: Duration,
    },
    /// GitHub did not take a push.
    #[error("push to {object}: declined: {reason}; {remedy}")]
    Declined {
        /// `owner/name`.
        object: String,
        /// GitHub's words.
        reason: String,
        /// What a person can do.
        remedy: &'static str,
        /// Again or stop.
        verdict: Verdict,
    },
    /// The answer is not of git's protocol: a page of a proxy, for example.
    #[error("{operation} {object}: the answer is not of git's protocol")]
    Strange {
        /// In the imperative.
        operation: &'static str,
        /// `owner/name`.
        object: String,
    },
    /// GitHub refused.
    #[error("{operation} {object}: GitHub answered {status}: {message}; {remedy}")]
    Refused {
        /// In the imperative.
        operation: &'static str,
        /// What it is about.
        object: String,
        /// The HTTP status.
        status: u16,
        /// GitHub's words, at most 300 characters.
        message: String,
        /// What a person can do.
        remedy: String,
        /// Again, later, or stop.
        verdict: Verdict,
    },
}

impl Error {
    /// Again, later, or stop.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Disk { .. }
            | Self::Git { .. }
            | Self::Interrupted(_)
            | Self::Transport { .. }
            | Self::TimedOut { .. }
            | Self::Strange { .. }
            | Self::Answer { .. } => Verdict::RetryWithBackoff,
            Self::Serve { .. }
            | Self::Option { .. }
            | Self::Client(_)
            | Self::NoRepo { .. }
            | Self::NameTaken { .. }
            | Self::BranchTaken { .. }
            | Self::Draft { .. }
            | Self::OtherCommit { .. }
            | Self::Unreadable { .. } => Verdict::GiveUp,
            Self::NoRoom { wait, .. } => Verdict::RetryAfter(*wait),
            Self::Refused { verdict, .. } | Self::Declined { verdict, .. } => *verdict,
        }
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}
