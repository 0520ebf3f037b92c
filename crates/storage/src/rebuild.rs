//! A ledger that is made anew, of copies of its tasks.
//!
//! Invariants: the folder's lock is held; a database that is there is never touched; the new one has another name until
//! it is whole, checked and flushed, so a rebuild that breaks off leaves none and can be begun again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ports::{Rebuilding, Restored, TaskCopy};
use rusqlite::{Connection, OptionalExtension as _};
use shared_types::{Envelope, Epoch, TaskId};

use crate::folder::{self, FolderLock};
use crate::sql::{copies, events};
use crate::{Error, FileBlobs, backup, migrate};

/// A ledger in the making. Its methods block for as long as their statements take: nobody else works in the folder.
#[derive(Debug)]
pub struct Rebuild {
    /// Gone once it is finished.
    connection: Mutex<Option<Connection>>,
    half: PathBuf,
    data_dir: PathBuf,
    blobs: FileBlobs,
    _lock: FolderLock,
}

impl Rebuild {
    /// Begins a ledger in `data_dir`, which is made where it is missing.
    ///
    /// # Errors
    /// The folder is in use or has a database.
    pub fn begin(data_dir: &Path) -> Result<Self, Error> {
        let lock = folder::lock(data_dir)?;
        backup::refuse_database(data_dir)?;
        let half = data_dir.join("sitewright.db.rebuilding");
        let _ = fs::remove_file(&half);
        let opening = |source| Error::Open { path: half.clone(), source };
        folder::open_private(&half, fs::OpenOptions::new().write(true).create_new(true))
            .map_err(Error::folder("create file", &half))?;
        let mut connection = Connection::open(&half).map_err(opening)?;
        // Half a rebuild is thrown away, so nothing of it need be undone; it is flushed at the end.
        connection
            .execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON")
            .map_err(opening)?;
        migrate::migrate(&mut connection, migrate::MIGRATIONS)?;
        connection.execute_batch("BEGIN").map_err(opening)?;
        let blobs = FileBlobs::open(data_dir)?;
        Ok(Self { connection: Mutex::new(Some(connection)), half, data_dir: data_dir.to_owned(), blobs, _lock: lock })
    }

    /// The blobs of the folder.
    #[must_use]
    pub fn blobs(&self) -> FileBlobs {
        self.blobs.clone()
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let open = self.lock();
        let connection = open.as_ref().ok_or(Error::Closed)?;
        work(connection).map_err(|source| self.failed(source))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Rebuild { path: self.half.clone(), source }
    }

    fn close(&self, cursors: &[(String, u64)], seq: u64) -> Result<(), Error> {
        let connection = self.lock().take().ok_or(Error::Closed)?;
        let finished = finish(&connection, cursors, seq).map_err(|source| self.failed(source))?;
        if let Some(what) = finished {
            drop(connection);
            let _ = fs::remove_file(&self.half);
            return Err(Error::RebuildUnsound { what });
        }
        connection.close().map_err(|(_, source)| self.failed(source))?;
        let syncing = fs::File::open(&self.half).and_then(|file| file.sync_all());
        syncing.map_err(Error::folder("sync file", &self.half))?;
        backup::remove_leftovers(&self.data_dir)?;
        let database = folder::database_file(&self.data_dir);
        fs::rename(&self.half, &database).map_err(Error::folder("name file", &database))?;
        folder::sync_dir(&self.data_dir).map_err(Error::folder("sync folder", &self.data_dir))
    }
}

/// Whether a copy contradicts what is there, rather than that SQLite failed.
fn is_contradiction(fault: &rusqlite::Error) -> bool {
    fault.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// The last statements; what SQLite finds wrong with the result.
fn finish(connection: &Connection, cursors: &[(String, u64)], seq: u64) -> rusqlite::Result<Option<String>> {
    copies::choose_heads(connection)?;
    copies::begin_events_after(connection, seq)?;
    for (reader, seq) in cursors {
        events::advance(connection, reader, *seq)?;
    }
    connection.execute_batch("COMMIT")?;
    let stray = connection.query_row("PRAGMA foreign_key_check", [], |row| row.get::<_, String>(0)).optional()?;
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok(stray.map(|table| format!("a row of {table} stands alone")).or(Some(said).filter(|said| said != "ok")))
}

#[async_trait]
impl Rebuilding for Rebuild {
    async fn add(&self, copy: TaskCopy) -> Result<Restored, ports::Error> {
        let added = self.with(|db| {
            db.execute_batch("SAVEPOINT task")?;
            match copies::insert(db, &copy) {
                Ok(()) => {
                    db.execute_batch("RELEASE task")?;
                    Ok(Restored::Yes)
                }
                Err(fault) if is_contradiction(&fault) => {
                    db.execute_batch("ROLLBACK TO task; RELEASE task")?;
                    Ok(Restored::No(fault.to_string()))
                }
                Err(fault) => Err(fault),
            }
        });
        Ok(added?)
    }

    async fn add_event(&self, event: Envelope) -> Result<bool, ports::Error> {
        Ok(self.with(|db| copies::insert_late_event(db, &event))?)
    }

    async fn open_flows(&self) -> Result<Vec<TaskId>, ports::Error> {
        Ok(self.with(copies::open_flows)?)
    }

    async fn raise(&self, task: TaskId, least: Epoch) -> Result<(), ports::Error> {
        Ok(self.with(|db| copies::raise(db, task, least))?)
    }

    async fn finish(&self, cursors: Vec<(String, u64)>, seq: u64) -> Result<(), ports::Error> {
        Ok(self.close(&cursors, seq)?)
    }
}

impl Drop for Rebuild {
    fn drop(&mut self) {
        if self.lock().take().is_some() {
            // What cannot be removed now is removed by the next one.
            let _ = fs::remove_file(&self.half);
        }
    }
}
