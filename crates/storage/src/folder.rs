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
        Ok(()) => Ok(FolderLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: data_dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::Folder { operation: "lock file", path, source }),
    }
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
