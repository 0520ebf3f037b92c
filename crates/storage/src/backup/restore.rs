//! From a backup to a data folder.

use std::fs;
use std::path::Path;

use super::verify::{Verified, verify};
use super::{BLOBS, DATABASE, LAST_KNOWN, copy};
use crate::{Error, folder};

/// Verifies the backup at `path` and makes a data folder of it. Nothing that is there is overwritten: not a database,
/// nor one that a process works with. What an earlier database left beside it is removed, or SQLite would read it into
/// the new one.
///
/// # Errors
/// The backup is not good, or `data_dir` is in use or has a database.
pub fn restore(path: &Path, data_dir: &Path) -> Result<Verified, Error> {
    let _lock = folder::lock(data_dir)?;
    let database = folder::database_file(data_dir);
    refuse_database(data_dir)?;
    let verified = verify(path)?;
    remove_leftovers(data_dir)?;
    restore_blobs(&path.join(BLOBS), &data_dir.join(BLOBS))?;
    let (kept, last_known) = (path.join(LAST_KNOWN), data_dir.join(LAST_KNOWN));
    if kept.exists() && !last_known.exists() {
        copy::file(&kept, &last_known)?;
    }
    // The database last and under another name first: half a restore is none.
    let half = data_dir.join(format!("{DATABASE}.restoring"));
    let _ = fs::remove_file(&half);
    copy::file(&path.join(DATABASE), &half)?;
    fs::rename(&half, &database).map_err(Error::folder("name file", &database))?;
    folder::sync_dir(data_dir).map_err(Error::folder("sync folder", data_dir))?;
    Ok(verified)
}

/// Refuses a folder with a database, whatever state that is in.
pub(crate) fn refuse_database(data_dir: &Path) -> Result<(), Error> {
    let path = folder::database_file(data_dir);
    if path.exists() { Err(Error::DatabaseExists { path }) } else { Ok(()) }
}

/// Removes what an earlier database left beside it.
pub(crate) fn remove_leftovers(data_dir: &Path) -> Result<(), Error> {
    for stale in ["-wal", "-shm", "-journal"] {
        let stale = data_dir.join(format!("{DATABASE}{stale}"));
        match fs::remove_file(&stale) {
            Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::folder("remove leftover", &stale)(fault));
            }
            _ => {}
        }
    }
    Ok(())
}

fn restore_blobs(source: &Path, target: &Path) -> Result<(), Error> {
    for (digest, file) in crate::blobs::list(source)? {
        let (shelf, name) = digest.as_str().split_at(2);
        let shelf = target.join(shelf);
        folder::create_private_dir(&shelf)?;
        let place = shelf.join(name);
        // Never a link: a backup must not change with the folder that was made of it.
        let _ = fs::remove_file(&place);
        copy::file(&file, &place)?;
        folder::sync_dir(&shelf).map_err(Error::folder("sync folder", &shelf))?;
    }
    Ok(())
}
