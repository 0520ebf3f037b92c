//! The schema: forward-only migrations, each applied once and never altered after.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use shared_types::Digest;
use tracing::info;

use crate::{Error, connection};

/// A file of `migrations/`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// In order; a new file is added at the end.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_ledger.sql", sql: include_str!("../../../migrations/0001_ledger.sql") },
    Migration { name: "0002_rate_buckets.sql", sql: include_str!("../../../migrations/0002_rate_buckets.sql") },
    Migration { name: "0003_fewer_trees.sql", sql: include_str!("../../../migrations/0003_fewer_trees.sql") },
    Migration { name: "0004_model_runs.sql", sql: include_str!("../../../migrations/0004_model_runs.sql") },
    Migration { name: "0005_attempts.sql", sql: include_str!("../../../migrations/0005_attempts.sql") },
    Migration { name: "0006_rates_by_person.sql", sql: include_str!("../../../migrations/0006_rates_by_person.sql") },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version       INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL,
    sha256        TEXT    NOT NULL,
    applied_at_ms INTEGER NOT NULL
) STRICT";

/// Brings the database to the last of `migrations`. Refuses a database whose applied migrations
/// are not a beginning of `migrations`.
pub(crate) fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), Error> {
    let reading = |source| Error::Migrate { name: "(the list of applied ones)".to_owned(), source };
    connection.execute_batch(TABLE).map_err(reading)?;
    let applied = applied(connection).map_err(reading)?;
    hold_against(&applied, migrations)?;
    for (place, migration) in migrations.iter().enumerate().skip(applied.len()) {
        apply(connection, place + 1, migration)
            .map_err(|source| Error::Migrate { name: migration.name.to_owned(), source })?;
        info!(event = "migration.applied", migration = migration.name, "migration applied");
    }
    Ok(())
}

/// Whether the database at `path` is at the last of `migrations`. Changes nothing.
pub(crate) fn check(path: &Path, migrations: &[Migration]) -> Result<(), Error> {
    let opening = |source| Error::Open { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, connection::reader_flags()).map_err(opening)?;
    let applied = applied(&connection).map_err(opening)?;
    hold_against(&applied, migrations)?;
    match migrations.get(applied.len()) {
        Some(missing) => Err(Error::DatabaseOlder { name: missing.name.to_owned() }),
        None => Ok(()),
    }
}

/// Whether `applied` is a beginning of `migrations`.
fn hold_against(applied: &[(String, String)], migrations: &[Migration]) -> Result<(), Error> {
    for (place, (name, sha256)) in applied.iter().enumerate() {
        let Some(known) = migrations.get(place) else {
            return Err(Error::DatabaseNewer { name: name.clone() });
        };
        if known.name != name || Digest::of(known.sql.as_bytes()).as_str() != sha256 {
            return Err(Error::MigrationAltered { name: name.clone() });
        }
    }
    Ok(())
}

/// Names and checksums, in order.
fn applied(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut rows = connection.prepare("SELECT name, sha256 FROM schema_migrations ORDER BY version")?;
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn apply(connection: &mut Connection, version: usize, migration: &Migration) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migration.sql)?;
    transaction.execute(
        "INSERT INTO schema_migrations (version, name, sha256, applied_at_ms)
         VALUES (?1, ?2, ?3, CAST(unixepoch('subsec') * 1000 AS INTEGER))",
        (i64::try_from(version).unwrap_or(i64::MAX), migration.name, Digest::of(migration.sql.as_bytes()).as_str()),
    )?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration = Migration { name: "0001_one.sql", sql: "CREATE TABLE one (x INTEGER) STRICT;" };
    const TWO: Migration = Migration { name: "0002_two.sql", sql: "CREATE TABLE two (x INTEGER) STRICT;" };
    const ALTERED: Migration = Migration { name: "0001_one.sql", sql: "CREATE TABLE one (y INTEGER) STRICT;" };
    const BROKEN: Migration = Migration { name: "0002_two.sql", sql: "CREATE TABLE two (x INTEGER) STRICT; NONSENSE" };

    /// Runs both lists after each other over one database; the error of the second.
    fn check(first: &[Migration], second: &[Migration], expected: Option<&str>) {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, first).unwrap();
        let error = migrate(&mut connection, second).err().map(|error| error.to_string());
        match expected {
            None => assert_eq!(error, None),
            Some(part) => assert!(error.as_ref().is_some_and(|text| text.contains(part)), "{error:?}"),
        }
    }

    #[test]
    fn applied_migrations_are_a_beginning_of_the_known_ones() {
        check(&[], &[ONE, TWO], None);
        check(&[ONE], &[ONE, TWO], None);
        check(&[ONE, TWO], &[ONE, TWO], None);
        check(&[ONE, TWO], &[ONE], Some("holds migration 0002_two.sql, which this program does not know"));
        check(&[ONE], &[ALTERED], Some("migrations/0001_one.sql was altered"));
    }

    #[test]
    fn a_broken_migration_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        let error = migrate(&mut connection, &[ONE, BROKEN]).unwrap_err();
        assert_eq!(error.to_string(), "apply migrations/0002_two.sql");
        migrate(&mut connection, &[ONE, TWO]).unwrap();
    }
}
