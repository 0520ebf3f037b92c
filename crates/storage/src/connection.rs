//! Connections, and the settings that durability hangs on.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::Error;

/// The first release without the corruption that a WAL reset could cause since 3.7.0.
const LEAST_VERSION: (i32, &str) = (3_051_003, "3.51.3");

/// Nobody else writes, so only a backup tool or a person with a shell can make us wait.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Every statement of this crate fits.
const STATEMENT_CACHE: usize = 64;

/// The log is cut to this after a checkpoint, so that one burst does not keep its space for ever.
const WAL_KEEP_BYTES: i64 = 16 * 1024 * 1024;

/// Pages in the log that make a commit fold it into the database, or what the thread of [`crate::checkpoint`] left of
/// it: as many as the log keeps.
const CHECKPOINT_PAGES: i64 = WAL_KEEP_BYTES / 4096;

/// Memory for the writer's pages, in KiB (negative is how SQLite tells it from a number of pages). Accepting touches a
/// page in each of some fifteen trees; what is not here is read again from the system, at each step down. Not more than
/// that needs: SQLite looks through all of them after each commit in which a page of a tree was split.
const WRITER_CACHE: i64 = -8 * 1024;

/// When a commit reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flush {
    /// Before the commit is answered: what was answered outlives a loss of power.
    #[default]
    EachCommit,
    /// Some time later. Only for the test that shows that a missing flush is seen; no setting leads here.
    AtCheckpoints,
}

impl Flush {
    /// Word and number of the setting `synchronous`.
    fn synchronous(self) -> (&'static str, &'static str) {
        match self {
            Self::EachCommit => ("FULL", "2"),
            Self::AtCheckpoints => ("NORMAL", "1"),
        }
    }
}

/// The connection that writes.
pub(crate) fn open_writer(path: &Path, flush: Flush) -> Result<Connection, Error> {
    check_version(rusqlite::version_number())?;
    let opened = |source| Error::Open { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE)).map_err(opened)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(opened)?;
    keep_statements(&connection).map_err(opened)?;
    let (synchronous, its_number) = flush.synchronous();
    for (name, value) in [("journal_mode", "WAL"), ("synchronous", synchronous), ("foreign_keys", "ON")] {
        connection.pragma_update(None, name, value).map_err(opened)?;
    }
    // What is deleted is overwritten: somebody may have wished it gone.
    connection.pragma_update(None, "secure_delete", "ON").map_err(opened)?;
    // What a statement or a savepoint may take back would otherwise go through a file in the system's temporary folder.
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(opened)?;
    for (name, value) in
        [("journal_size_limit", WAL_KEEP_BYTES), ("wal_autocheckpoint", CHECKPOINT_PAGES), ("cache_size", WRITER_CACHE)]
    {
        connection.pragma_update(None, name, value).map_err(opened)?;
    }
    // A setting that cannot be had, or a misspelt value, is ignored in silence: so look.
    for (name, wanted) in [("journal_mode", "wal"), ("synchronous", its_number), ("foreign_keys", "1")] {
        check_setting(&connection, name, wanted).map_err(opened)??;
    }
    Ok(connection)
}

/// The connection that folds the log into the database while the writer goes on.
pub(crate) fn open_checkpointer(path: &Path) -> Result<Connection, Error> {
    let opened = |source| Error::Open { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE)).map_err(opened)?;
    // FULL is also what flushes the log before pages of it are copied.
    connection.pragma_update(None, "synchronous", "FULL").map_err(opened)?;
    Ok(connection)
}

/// Flags of the connections that read.
pub(crate) fn reader_flags() -> OpenFlags {
    flags(OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Settings of a connection that reads.
pub(crate) fn prepare_reader(connection: &mut Connection) -> rusqlite::Result<()> {
    keep_statements(connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)
}

/// Prepares each statement once a connection. SQLite would otherwise plan some of them anew whenever a value is bound,
/// such as that of a LIMIT, and that costs more than running them.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// Each connection is used by one thread at a time, so SQLite need not lock it again.
fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn check_version(number: i32) -> Result<(), Error> {
    if number < LEAST_VERSION.0 {
        return Err(Error::SqliteTooOld { found: rusqlite::version(), wanted: LEAST_VERSION.1 });
    }
    Ok(())
}

fn check_setting(
    connection: &Connection,
    name: &'static str,
    wanted: &'static str,
) -> rusqlite::Result<Result<(), Error>> {
    let found = connection.pragma_query_value(None, name, |row| {
        Ok(match row.get_ref(0)? {
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            text => text.as_str()?.to_owned(),
        })
    })?;
    Ok(if found == wanted { Ok(()) } else { Err(Error::Setting { name, wanted, found }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_may_corrupt_is_refused() {
        for (number, good) in [(3_051_002, false), (3_051_003, true), (rusqlite::version_number(), true)] {
            assert_eq!(check_version(number).is_ok(), good, "{number}");
        }
    }

    #[test]
    fn a_setting_that_did_not_take_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let connection = Connection::open(dir.path().join("x.db")).unwrap();
        let error = check_setting(&connection, "journal_mode", "wal").unwrap().unwrap_err();
        assert_eq!(error.to_string(), "database setting journal_mode is delete where wal is needed");
    }
}
