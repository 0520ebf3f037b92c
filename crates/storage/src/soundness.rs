//! Whether the database's files can be trusted, looked at before anything is done with them.
//!
//! SQLite notices a page that is missing or foreign when it comes to it, which may be days later and in the middle of a
//! flow. What is found here is refused at the start instead, with words that say what to do.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use tracing::info;

use crate::Error;
use crate::folder::database_file;

/// A database up to this size is read whole at the start, which takes about a second; of a larger one the length alone
/// is looked at.
const READ_WHOLE_BYTES: u64 = 256 << 20;

/// Refuses a log that has lost its database: an empty database made beside it would make it worthless.
pub(crate) fn check_before_open(data_dir: &Path) -> Result<(), Error> {
    let path = database_file(data_dir);
    let log = log_of(&path);
    if length(&path) == 0 && log.is_file() && length(&log) > 0 {
        return Err(damaged(&path, format!("there is a log {} without its database", log.display())));
    }
    // A start that was cut off before the first table leaves an empty file as well, but no blob.
    if path.is_file() && length(&path) == 0 && has_blobs(data_dir) {
        return Err(damaged(&path, "it is empty, and there are blobs that it must have named".to_owned()));
    }
    Ok(())
}

fn has_blobs(data_dir: &Path) -> bool {
    let folders = fs::read_dir(data_dir.join("blobs")).into_iter().flatten().flatten();
    folders
        .filter(|folder| folder.file_name() != "tmp")
        .any(|folder| fs::read_dir(folder.path()).is_ok_and(|mut blobs| blobs.next().is_some()))
}

/// Refuses a database that is shorter than it says, or that SQLite finds broken.
pub(crate) fn check_open(connection: &Connection, path: &Path) -> Result<(), Error> {
    let looking = |source| explained(Error::Open { path: path.to_owned(), source });
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0)).map_err(looking);
    let expected = u64::from(number("page_count")?) * u64::from(number("page_size")?);
    let found = length(path);
    // Pages that are still in the log are no part of the file yet.
    if length(&log_of(path)) == 0 && found < expected {
        return Err(damaged(path, format!("it has {found} bytes of {expected}")));
    }
    if found > READ_WHOLE_BYTES {
        info!(
            event = "ledger.not_read_whole",
            bytes = found,
            "the database is large: its pages are looked at as they are used"
        );
        return Ok(());
    }
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(looking)?;
    if said == "ok" { Ok(()) } else { Err(damaged(path, said)) }
}

/// An error of opening that comes from a broken file, said as such.
pub(crate) fn explained(error: Error) -> Error {
    match error {
        Error::Open { path, source } if is_broken(&source) => damaged(&path, source.to_string()),
        other => other,
    }
}

fn is_broken(source: &rusqlite::Error) -> bool {
    matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn log_of(database: &Path) -> PathBuf {
    database.with_extension("db-wal")
}

/// Nothing is there that cannot be looked at.
fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn damaged(path: &Path, what: String) -> Error {
    Error::DatabaseDamaged { path: path.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_database_beside_blobs_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let database = database_file(dir.path());
        check_before_open(dir.path()).unwrap();
        fs::write(&database, "").unwrap();
        fs::create_dir_all(dir.path().join("blobs/tmp")).unwrap();
        check_before_open(dir.path()).unwrap();
        fs::create_dir_all(dir.path().join("blobs/ab")).unwrap();
        fs::write(dir.path().join("blobs/ab/cd"), "x").unwrap();
        let error = check_before_open(dir.path()).unwrap_err();
        assert!(format!("{error:?}").contains("it is empty"), "{error}");
        // A ledger that is gone altogether is begun anew: its repositories are found at the code host.
        fs::remove_file(&database).unwrap();
        check_before_open(dir.path()).unwrap();
    }
}
