//! What can go wrong with the data folder, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ports::{LeaseError, RepoName, Verdict};
use rusqlite::ErrorCode;
use shared_types::{Digest, Epoch, TaskId};

/// A failed operation on the data folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be made, opened or removed.
    #[error("{operation} {}", path.display())]
    Folder {
        /// Such as `create folder`.
        operation: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process works in the folder.
    #[error("data folder {} is in use by another process: stop it, or choose another folder", path.display())]
    InUse {
        /// The data folder.
        path: PathBuf,
    },
    /// The linked SQLite may corrupt a WAL database.
    #[error("SQLite {found} is older than {wanted}, which is the first without the WAL-reset corruption")]
    SqliteTooOld {
        /// What is linked.
        found: &'static str,
        /// The least that is good.
        wanted: &'static str,
    },
    /// A connection could not be opened.
    #[error("open database {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The database's files cannot be trusted.
    #[error(
        "the database {} is damaged: {what}. Nothing was changed. Look at the disk; then move the database with its -wal \
         and -shm away, and `sitewright restore` the newest backup that `sitewright backup verify` finds good",
        path.display()
    )]
    DatabaseDamaged {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A setting did not take.
    #[error("database setting {name} is {found} where {wanted} is needed")]
    Setting {
        /// Name of the pragma.
        name: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// A migration failed; the database is as before it.
    #[error("apply migrations/{name}")]
    Migrate {
        /// The file's name.
        name: String,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A migration that was applied reads differently now.
    #[error(
        "migrations/{name} was altered after it was applied to this database: restore the file as it was and put the \
         change into a new migration"
    )]
    MigrationAltered {
        /// The file's name.
        name: String,
    },
    /// The database was opened by a later version before.
    #[error(
        "the database holds migration {name}, which this program does not know: run the program that wrote it, or a \
         later one, or restore a backup from before the upgrade"
    )]
    DatabaseNewer {
        /// The unknown migration's name.
        name: String,
    },
    /// A database that is only read is not yet at this version's schema.
    #[error("the database lacks migration {name}: start `sitewright serve` of this version once")]
    DatabaseOlder {
        /// The first missing migration's name.
        name: String,
    },
    /// There is no database to read.
    #[error("there is no database {}: nothing has run with this data folder yet", path.display())]
    NoDatabase {
        /// Where it would be.
        path: PathBuf,
    },
    /// Copying the database failed.
    #[error("copy the database {}", path.display())]
    Backup {
        /// The database that was read.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A backup of this second is there.
    #[error("there is a backup {}: wait a second", path.display())]
    BackupExists {
        /// Its folder.
        path: PathBuf,
    },
    /// A folder is no backup that this program can read.
    #[error("{} is no backup: {why}; give the folder sitewright-<time> itself", path.display())]
    NoBackup {
        /// The folder.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// A backup is not as it was made.
    #[error("the backup {} is damaged: {what}; use another one", path.display())]
    BackupDamaged {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// There is a database where one would be restored to.
    #[error(
        "there is a database {} already, and this overwrites nothing: move it away with its -wal and -shm, or name \
         another data folder",
        path.display()
    )]
    DatabaseExists {
        /// Its file.
        path: PathBuf,
    },
    /// SQLite did not do its part of a rebuild.
    #[error("rebuild the ledger as {}", path.display())]
    Rebuild {
        /// The database in the making.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A rebuilt ledger is not sound.
    #[error("the rebuilt ledger is not sound: {what}; nothing was left behind")]
    RebuildUnsound {
        /// What SQLite found.
        what: String,
    },
    /// The threads or connections for the work could not be started.
    #[error("start the {part}")]
    Start {
        /// The writer or the readers.
        part: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Statements failed.
    #[error("{operation} {object}")]
    Query {
        /// Such as `accept task`.
        operation: &'static str,
        /// Its id, or empty.
        object: String,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The commit that held the write failed: nothing of it is stored.
    #[error("commit the writes")]
    Commit {
        /// Shared by all writes of the group.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// No connection to read with came free in time.
    #[error("wait for a connection to read with")]
    NoReader {
        /// Why.
        #[source]
        source: r2d2::Error,
    },
    /// All connections to read with stayed in use.
    #[error("all connections to read with stayed in use for {} s", waited.as_secs())]
    ReadersBusy {
        /// How long was waited.
        waited: Duration,
    },
    /// The writer's queue stayed full.
    #[error("the queue of writes stayed full for {} s", waited.as_secs())]
    Overloaded {
        /// How long was waited.
        waited: Duration,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The name of a repository is taken by another `(email, task)`.
    #[error("accept task {id}: repository {repo} belongs to another task")]
    RepoTaken {
        /// The request that wanted it.
        id: TaskId,
        /// The name.
        repo: RepoName,
    },
    /// The lease is not the current one: nothing was changed.
    #[error("the lease on flow {task} is lost: epoch {} is not current", epoch.0)]
    LeaseLost {
        /// The flow.
        task: TaskId,
        /// The epoch that is no longer current.
        epoch: Epoch,
    },
    /// Somebody reads the write-ahead log, which therefore cannot be cut.
    #[error("the database's log is being read, by a backup perhaps, and still holds what was deleted: ask again later")]
    LogInUse,
    /// A blob could not be written or read.
    #[error("{operation} blob {digest}")]
    Blob {
        /// `store` or `read`.
        operation: &'static str,
        /// Its digest.
        digest: Digest,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such blob.
    #[error("blob {digest} is not stored")]
    BlobMissing {
        /// Its digest.
        digest: Digest,
    },
    /// The file's bytes are not the ones that were stored.
    #[error("blob {digest} was altered on disk")]
    BlobAltered {
        /// Its digest.
        digest: Digest,
    },
}

impl Error {
    /// Again, later, or stop.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Open { source, .. }
            | Self::Migrate { source, .. }
            | Self::Query { source, .. }
            | Self::Backup { source, .. }
            | Self::Rebuild { source, .. } => verdict_of(source),
            Self::Commit { source } => verdict_of(source),
            Self::NoReader { .. }
            | Self::ReadersBusy { .. }
            | Self::Overloaded { .. }
            | Self::LogInUse
            | Self::Folder { .. }
            | Self::Blob { .. } => Verdict::RetryWithBackoff,
            Self::InUse { .. }
            | Self::DatabaseDamaged { .. }
            | Self::BackupExists { .. }
            | Self::NoBackup { .. }
            | Self::BackupDamaged { .. }
            | Self::DatabaseExists { .. }
            | Self::RebuildUnsound { .. }
            | Self::SqliteTooOld { .. }
            | Self::Setting { .. }
            | Self::MigrationAltered { .. }
            | Self::DatabaseNewer { .. }
            | Self::DatabaseOlder { .. }
            | Self::NoDatabase { .. }
            | Self::Start { .. }
            | Self::Closed
            | Self::RepoTaken { .. }
            | Self::LeaseLost { .. }
            | Self::BlobMissing { .. }
            | Self::BlobAltered { .. } => Verdict::GiveUp,
        }
    }

    pub(crate) fn folder(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { operation, path, source }
    }
}

/// A full or busy disk may recover, and so may one that the system has made read-only or a process without a free file
/// descriptor; a broken file or statement fails the same way again.
fn verdict_of(source: &rusqlite::Error) -> Verdict {
    match source.sqlite_error_code() {
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::OperationAborted
            | ErrorCode::OperationInterrupted
            | ErrorCode::OutOfMemory
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure,
        ) => Verdict::RetryWithBackoff,
        _ => Verdict::GiveUp,
    }
}

impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.verdict(), error)
    }
}

impl From<Error> for LeaseError {
    fn from(error: Error) -> Self {
        match error {
            Error::LeaseLost { task, epoch } => Self::Lost { task, epoch },
            other => Self::Queue(other.into()),
        }
    }
}
