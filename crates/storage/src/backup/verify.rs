//! Whether a backup can be relied on: it is restored into a scratch folder and looked through there.

use std::fs;
use std::path::{Path, PathBuf};

use ports::{Show, TaskPage};
use rusqlite::Connection;
use shared_types::{Digest, TaskId};

use super::manifest::{self, Manifest};
use super::{BLOBS, DATABASE, copy};
use crate::sql::{events, flows, tasks};
use crate::{Error, Flush, connection, folder, migrate};

/// What was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// When it was made.
    pub made_at: shared_types::Timestamp,
    /// Program and version that made it.
    pub made_by: String,
    /// Tables, and the rows of all together.
    pub tables: u64,
    /// See `tables`.
    pub rows: u64,
    /// Blobs whose bytes are the ones that were stored.
    pub blobs: u64,
    /// The newest task, which could be read with its journal and its events; absent when there is none.
    pub sample: Option<TaskId>,
}

/// Restores the database of the backup at `path` into a scratch folder and holds it against the manifest: the file's
/// bytes, SQLite's own checks, every table and its rows, the schema of this program, a task with its journal and
/// events. Then reads every blob, and looks for each that the ledger names.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn verify(path: &Path) -> Result<Verified, Error> {
    let manifest = Manifest::read(path)?;
    let damaged = |what: String| Error::BackupDamaged { path: path.to_owned(), what };
    let found = manifest::sha256(&path.join(DATABASE))?;
    if found != manifest.database_sha256 {
        return Err(damaged(format!("{DATABASE} has the SHA-256 {found}, not {}", manifest.database_sha256)));
    }
    let scratch = Scratch::new()?;
    let database = scratch.0.join(DATABASE);
    copy::file(&path.join(DATABASE), &database)?;
    let mut connection = connection::open_writer(&database, Flush::default())?;
    let reading = |source| Error::Open { path: path.join(DATABASE), source };
    if let Some(what) = unsound(&connection).map_err(reading)? {
        return Err(damaged(what));
    }
    let found = manifest::tables(&connection).map_err(reading)?;
    if found != manifest.tables {
        return Err(damaged(format!("its tables hold {found:?}, not {:?}", manifest.tables)));
    }
    // What is older than this program becomes what this program reads, as it would at a start.
    migrate::migrate(&mut connection, migrate::MIGRATIONS)?;
    let sample = sample(&connection).map_err(reading)?;
    let blobs = check_blobs(path, &named_blobs(&connection).map_err(reading)?)?;
    if blobs != manifest.blobs {
        return Err(damaged(format!("it holds {blobs} blobs, not {}", manifest.blobs)));
    }
    Ok(Verified {
        made_at: manifest.made_at,
        made_by: manifest.made_by.clone(),
        tables: manifest.tables.len() as u64,
        rows: manifest.rows(),
        blobs,
        sample,
    })
}

/// What SQLite says against the file.
pub(crate) fn unsound(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Some(format!("SQLite finds it broken: {found}")));
    }
    let mut rows = connection.prepare("PRAGMA foreign_key_check")?;
    let first: Option<String> = rows.query_map([], |row| row.get(0))?.next().transpose()?;
    Ok(first.map(|table| format!("rows of the table {table} name rows that are not there")))
}

/// The newest task, read as the service would read it.
fn sample(connection: &Connection) -> rusqlite::Result<Option<TaskId>> {
    let page = TaskPage { before: None, limit: 1, show: Show::All };
    let Some(task) = tasks::page(connection, page)?.pop() else { return Ok(None) };
    flows::journal_of(connection, task.id)?;
    events::of_task(connection, task.id, 0, u32::MAX)?;
    Ok(Some(task.id))
}

/// Blobs that tasks name: attachments and screenshots.
fn named_blobs(connection: &Connection) -> rusqlite::Result<Vec<Digest>> {
    let mut select = connection.prepare(
        "SELECT DISTINCT json_extract(value, '$.sha256') AS digest FROM tasks, json_each(tasks.attachments)
         UNION SELECT json_extract(report, '$.screenshot') FROM sites WHERE json_extract(report, '$.screenshot') IS NOT NULL",
    )?;
    select.query_map([], |row| crate::sql::row::parsed(row, "digest"))?.collect()
}

/// Reads every blob; says how many there are.
fn check_blobs(path: &Path, named: &[Digest]) -> Result<u64, Error> {
    let damaged = |what: String| Error::BackupDamaged { path: path.to_owned(), what };
    let root = path.join(BLOBS);
    let mut count = 0;
    for (digest, file) in crate::blobs::list(&root)? {
        let bytes = fs::read(&file).map_err(Error::folder("read file", &file))?;
        if Digest::of(&bytes) != digest {
            return Err(damaged(format!("blob {digest} was altered")));
        }
        count += 1;
    }
    for digest in named {
        let (shelf, name) = digest.as_str().split_at(2);
        if !root.join(shelf).join(name).is_file() {
            return Err(damaged(format!("blob {digest}, which a task names, is missing")));
        }
    }
    Ok(count)
}

/// A private folder that is removed with what is in it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Error> {
        let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        let path = std::env::temp_dir().join(format!("sitewright-verify-{}-{nanos}", std::process::id()));
        folder::create_private_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The system empties its temporary folder by itself.
        let _ = fs::remove_dir_all(&self.0);
    }
}
