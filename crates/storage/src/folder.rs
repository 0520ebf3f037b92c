//! The data folder: made private to its owner, and locked for one process.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;

const LOCK_FILE: &str = "sitewright.lock";

/// The right to work in a data folder; it ends when this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    /// Never read: the lock lives as long as the open file.
    _file: File,
}

/// Makes the data folder where it is missing and takes its lock.
pub(crate) fn lock(data_dir: &Path) -> Result<FolderLock, Error> {
    create_private_dir(data_dir)?;
    let path = data_dir.join(LOCK_FILE);
    let file = open_private(&path, OpenOptions::new().write(true).create(true).truncate(false))
        .map_err(Error::folder("open lock file", &path))?;
    match file.try_lock() {
        Ok(()) => {
            // What an earlier holder said of itself.
            file.set_len(0).map_err(Error::folder("empty lock file", &path))?;
            Ok(FolderLock { _file: file })
        }
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: data_dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::Folder { operation: "lock file", path, source }),
    }
}

/// Who works in a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// A process; where it is reached, when it has said so.
    Process {
        /// What [`crate::Store::announce`] was given.
        address: Option<String>,
    },
}

/// Who works in `data_dir` now. A process may begin or end right after.
///
/// # Errors
/// The folder's lock cannot be looked at.
pub fn holder(data_dir: &Path) -> Result<Holder, Error> {
    let path = data_dir.join(LOCK_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(source) => return Err(Error::Folder { operation: "open lock file", path, source }),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => {
            let address = fs::read_to_string(&path).map_err(Error::folder("read lock file", &path))?;
            Ok(Holder::Process { address: Some(address.trim().to_owned()).filter(|address| !address.is_empty()) })
        }
        Err(TryLockError::Error(source)) => Err(Error::Folder { operation: "lock file", path, source }),
    }
}

/// Writes the holder's address into the lock's file. The caller holds the lock.
pub(crate) fn announce(data_dir: &Path, address: &str) -> Result<(), Error> {
    let path = data_dir.join(LOCK_FILE);
    fs::write(&path, address).map_err(Error::folder("write lock file", &path))
}

/// Where the database is.
pub(crate) fn database_file(data_dir: &Path) -> PathBuf {
    data_dir.join("sitewright.db")
}

/// Makes the database file before SQLite does, so that it and the files beside it, which take
/// over its mode, are the owner's alone.
pub(crate) fn create_database_file(data_dir: &Path) -> Result<PathBuf, Error> {
    let path = database_file(data_dir);
    open_private(&path, OpenOptions::new().write(true).create(true).truncate(false))
        .map_err(Error::folder("create file", &path))?;
    Ok(path)
}

/// Makes a folder and the ones above it, for the owner alone. An existing one stays as it is.
pub(crate) fn create_private_dir(path: &Path) -> Result<(), Error> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Error::folder("create folder", path))
}

/// Opens a file that, when this makes it, only the owner may read.
pub(crate) fn open_private(path: &Path, options: &mut OpenOptions) -> std::io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(path: &Path) -> std::io::Result<()> {
    // Elsewhere a folder cannot be opened as a file; the journal of the file system has to do.
    if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
}
