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
    Ok(())
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
