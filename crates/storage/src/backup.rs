//! Backups of a data folder: made beside the process that works in it, verified, restored.
//!
//! ```text
//! <to>/sitewright-20261121T220000Z/
//!   sitewright.db     the ledger as it was at one moment, in one file
//!   blobs/ab/cdef...  every blob that a row of it names, and those that were there beside them
//!   last_known.json   when the data folder has one
//!   manifest.json     what the rest must look like; written last
//! ```
//!
//! Invariants: a folder of that name is whole, since it gets its name last; it needs nothing outside itself (blobs that
//! an earlier backup beside it holds are linked, not copied again); making one takes no lock that a writer wants.
//! Repositories of the local code host and the caches are not covered.

mod copy;
mod manifest;
mod restore;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use shared_types::{Digest, Timestamp};

use crate::{Error, connection, folder, migrate};
use manifest::Manifest;

pub use restore::restore;
pub(crate) use restore::{refuse_database, remove_leftovers};
pub use verify::{Verified, verify};

/// What begins the name of every backup.
const PREFIX: &str = "sitewright-";

/// What begins the name of one that is being made.
const PARTIAL: &str = ".partial-";

const DATABASE: &str = "sitewright.db";
const BLOBS: &str = "blobs";
const LAST_KNOWN: &str = "last_known.json";

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its folder.
    pub path: PathBuf,
    /// Rows of all tables together.
    pub rows: u64,
    /// Blobs in it, and of those the ones that are linked to an earlier backup.
    pub blobs: u64,
    /// See `blobs`.
    pub linked: u64,
    /// Blobs whose bytes on the disk are not the ones that were stored: they are not in it.
    pub damaged: Vec<Digest>,
    /// Older backups that were removed.
    pub removed: Vec<PathBuf>,
}

/// Backs `data_dir` up into a new folder in `to`, and keeps the `keep` newest there (at least the new one). Blocks for
/// as long as copying takes; may run beside the process that works in `data_dir`.
///
/// # Errors
/// There is no database of this version, or something cannot be read or written. What was begun is removed.
pub fn backup(data_dir: &Path, to: &Path, keep: usize, at: Timestamp) -> Result<Made, Error> {
    let source = folder::database_file(data_dir);
    if !source.exists() {
        return Err(Error::NoDatabase { path: source });
    }
    migrate::check(&source, migrate::MIGRATIONS)?;
    folder::create_private_dir(to)?;
    remove_partial(to)?;
    let name = format!("{PREFIX}{}", at.to_whole_seconds().replace(['-', ':'], ""));
    let (partial, path) = (to.join(format!("{PARTIAL}{name}")), to.join(name));
    if path.exists() {
        return Err(Error::BackupExists { path });
    }
    let made = fill(data_dir, to, &partial, at).and_then(|made| {
        fs::rename(&partial, &path).map_err(Error::folder("name backup", &path))?;
        folder::sync_dir(to).map_err(Error::folder("sync folder", to))?;
        Ok(made)
    });
    if made.is_err() {
        // What is left of it is removed by the next one.
        let _ = fs::remove_dir_all(&partial);
    }
    Ok(Made { path, removed: prune(to, keep)?, ..made? })
}

/// Writes all of it into the new folder `partial`.
fn fill(data_dir: &Path, to: &Path, partial: &Path, at: Timestamp) -> Result<Made, Error> {
    folder::create_private_dir(&partial.join(BLOBS))?;
    let database = partial.join(DATABASE);
    copy::database(&folder::database_file(data_dir), &database)?;
    // After the database: a blob is durable before a row names it.
    let blobs = copy::blobs(&data_dir.join(BLOBS), &partial.join(BLOBS), newest(to)?.as_deref())?;
    let last_known = data_dir.join(LAST_KNOWN);
    if last_known.exists() {
        copy::file(&last_known, &partial.join(LAST_KNOWN))?;
    }
    let manifest = Manifest::of(&database, blobs.count, at)?;
    manifest.write(partial)?;
    folder::sync_dir(partial).map_err(Error::folder("sync folder", partial))?;
    Ok(Made {
        path: partial.to_owned(),
        rows: manifest.rows(),
        blobs: blobs.count,
        linked: blobs.linked,
        damaged: blobs.damaged,
        removed: Vec::new(),
    })
}

/// Backups in `to`, oldest first: their names tell the time.
fn backups(to: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = named(to, PREFIX)?;
    found.retain(|path| path.join(manifest::FILE).is_file());
    found.sort();
    Ok(found)
}

fn newest(to: &Path) -> Result<Option<PathBuf>, Error> {
    Ok(backups(to)?.pop())
}

fn prune(to: &Path, keep: usize) -> Result<Vec<PathBuf>, Error> {
    let mut found = backups(to)?;
    found.truncate(found.len().saturating_sub(keep.max(1)));
    for path in &found {
        fs::remove_dir_all(path).map_err(Error::folder("remove backup", path))?;
    }
    Ok(found)
}

/// What an earlier process did not bring to its end.
fn remove_partial(to: &Path) -> Result<(), Error> {
    for path in named(to, PARTIAL)? {
        fs::remove_dir_all(&path).map_err(Error::folder("remove backup", &path))?;
    }
    Ok(())
}

fn named(to: &Path, prefix: &str) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(to).map_err(Error::folder("list folder", to))? {
        let entry = entry.map_err(Error::folder("list folder", to))?;
        if entry.file_name().to_string_lossy().starts_with(prefix) && entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A database that nobody else has open.
fn open_alone(path: &Path) -> Result<Connection, Error> {
    let opening = |source| Error::Open { path: path.to_owned(), source };
    Connection::open_with_flags(path, connection::reader_flags()).map_err(opening)
}
