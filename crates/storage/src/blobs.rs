//! Blobs as files named by their SHA-256: `blobs/ab/cdef...`.
//!
//! Invariants: a file under its final name is whole and durable before anybody hears of it; what
//! is read is checked against its name; a half-written file is only ever in `blobs/tmp`, which is
//! emptied when the folder is opened.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use ports::Blobs;
use shared_types::Digest;

use crate::Error;
use crate::folder::{create_private_dir, open_private, sync_dir};
use crate::timing::timed;

/// Blobs that are remembered as durable: some hundred KB.
const REMEMBERED: usize = 4096;

/// The blobs of one data folder, got from `Store::blobs`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileBlobs {
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    root: PathBuf,
    temporary: PathBuf,
    /// Numbers temporary files.
    next: AtomicU64,
    /// Blobs that this process has made durable itself. The same attachment often comes with many tasks.
    durable: Mutex<HashSet<Digest>>,
}

impl FileBlobs {
    /// The caller holds the lock of `data_dir`, so that leftovers are nobody's.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Error> {
        let root = data_dir.join("blobs");
        let temporary = root.join("tmp");
        create_private_dir(&temporary)?;
        for leftover in fs::read_dir(&temporary).map_err(Error::folder("list folder", &temporary))? {
            let path = leftover.map_err(Error::folder("list folder", &temporary))?.path();
            fs::remove_file(&path).map_err(Error::folder("remove leftover", &path))?;
        }
        Ok(Self { shelf: Arc::new(Shelf { root, temporary, next: AtomicU64::new(0), durable: Mutex::default() }) })
    }
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Digest, ports::Error> {
        let shelf = Arc::clone(&self.shelf);
        let work = blocking(move || {
            let digest = Digest::of(&bytes);
            match shelf.put(&digest, &bytes) {
                Ok(()) => Ok(digest),
                Err(source) => Err(Error::Blob { operation: "store", digest, source }),
            }
        });
        Ok(timed("store blob", work).await?)
    }

    fn holds(&self, digest: &Digest) -> bool {
        // A look at a name that the system has in memory: no reason to change threads.
        self.shelf.durable().contains(digest) && self.shelf.place(digest).1.is_file()
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, ports::Error> {
        let (shelf, digest) = (Arc::clone(&self.shelf), digest.clone());
        Ok(timed("read blob", blocking(move || shelf.get(digest))).await?)
    }
}

impl Shelf {
    /// The folder and the file of a blob.
    fn place(&self, digest: &Digest) -> (PathBuf, PathBuf) {
        // A digest has 64 digits.
        let (folder, name) = digest.as_str().split_at(2);
        let folder = self.root.join(folder);
        let file = folder.join(name);
        (folder, file)
    }

    fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let (folder, file) = self.place(digest);
        let there = || fs::metadata(&file).is_ok_and(|file| file.len() == bytes.len() as u64);
        if self.durable().contains(digest) && there() {
            return Ok(());
        }
        self.write(&folder, &file, bytes)?;
        let mut durable = self.durable();
        if durable.len() >= REMEMBERED {
            durable.clear();
        }
        durable.insert(digest.clone());
        Ok(())
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, folder: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
        // Bytes that were damaged since are written anew.
        if fs::read(file).is_ok_and(|stored| stored == bytes) {
            // Whoever wrote them may not have come as far as this.
            return sync_dir(folder);
        }
        if !folder.is_dir() {
            create_private_dir(folder).map_err(io::Error::other)?;
            sync_dir(&self.root)?;
        }
        let temporary = self.temporary.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let written = write_durably(&temporary, bytes).and_then(|()| fs::rename(&temporary, file));
        if written.is_err() {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        sync_dir(folder)
    }

    fn get(&self, digest: Digest) -> Result<Bytes, Error> {
        match fs::read(self.place(&digest).1) {
            Ok(bytes) if Digest::of(&bytes) == digest => Ok(bytes.into()),
            Ok(_) => {
                self.durable().remove(&digest);
                Err(Error::BlobAltered { digest })
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Err(Error::BlobMissing { digest }),
            Err(source) => Err(Error::Blob { operation: "read", digest, source }),
        }
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = open_private(path, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(bytes)?;
    file.sync_all()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    // Blocking work is only cancelled when the runtime goes away.
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}
