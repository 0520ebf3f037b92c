//! What a backup must look like.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shared_types::Timestamp;

use super::{copy, open_alone};
use crate::Error;

/// Its file.
pub(super) const FILE: &str = "manifest.json";

/// The form of backups that this program makes.
const FORM: u32 = 1;

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The form of the backup; another one is read by another program.
    pub(super) form: u32,
    /// When it was made.
    pub(super) made_at: Timestamp,
    /// Program and version that made it.
    pub(super) made_by: String,
    /// Of the database's file.
    pub(super) database_sha256: String,
    /// Rows by table.
    pub(super) tables: BTreeMap<String, u64>,
    /// Blobs.
    pub(super) blobs: u64,
}

impl Manifest {
    /// Of the finished copy of the database.
    pub(super) fn of(database: &Path, blobs: u64, made_at: Timestamp) -> Result<Self, Error> {
        let opening = |source| Error::Open { path: database.to_owned(), source };
        let tables = tables(&open_alone(database)?).map_err(opening)?;
        let made_by = concat!("sitewright/", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(Self { form: FORM, made_at, made_by, database_sha256: sha256(database)?, tables, blobs })
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other);
        text.and_then(|text| copy::write(&path, &text)).map_err(Error::folder("write file", &path))
    }

    /// Of the backup `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let no_backup = |why: String| Error::NoBackup { path: folder.to_owned(), why };
        let text =
            fs::read(folder.join(FILE)).map_err(|source| no_backup(format!("{FILE} cannot be read: {source}")))?;
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|source| no_backup(format!("{FILE} is not its own: {source}")))?;
        if manifest.form != FORM {
            return Err(no_backup(format!("it is of form {}, and this program knows form {FORM}", manifest.form)));
        }
        Ok(manifest)
    }

    /// All rows together.
    pub(super) fn rows(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// The tables that are ours, with their rows.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut select =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
    let names: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let count = |name: String| {
        // A name out of the schema itself; quotes within it would be doubled there.
        let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok((name, u64::try_from(rows).unwrap_or(0)))
    };
    names.into_iter().map(count).collect()
}

/// The SHA-256 of a file, which may be larger than memory.
pub(super) fn sha256(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::folder("open file", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(Error::folder("read file", path))?;
        if read == 0 {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
