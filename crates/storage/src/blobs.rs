//! Blobs as files named by their SHA-256: `blobs/ab/cdef...`.
//!
//! Invariants: a file under its final name is whole and durable before anybody hears of it; what
//! is read is checked against its name; a half-written file is only ever in `blobs/tmp`, which is
//! emptied when the folder is opened.

use std::collections::{HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    durable: Mutex<Remembered>,
}

/// Blobs that somebody wanted kept.
#[derive(Debug, Default)]
struct Remembered {
    wanted: HashMap<Digest, Wanted>,
    /// Others may have been wanted until then.
    forgot_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Wanted {
    last: Instant,
    /// Whether it is known to be durable.
    durable: bool,
}

/// What became of blobs that no row names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) removed: u64,
    /// Wanted a moment ago: a row that names them may be on its way.
    pub(crate) left: u64,
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

    /// Removes every blob that is not in `named`, unless somebody wanted it within `settled`.
    pub(crate) async fn sweep(&self, named: HashSet<Digest>, settled: Duration) -> Result<Swept, Error> {
        let shelf = Arc::clone(&self.shelf);
        blocking(move || shelf.sweep(&named, settled)).await
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
        // Under the lock that a sweep removes under: what is said to be there stays.
        let mut durable = self.shelf.durable();
        durable.is_wanted(digest) && self.shelf.place(digest).1.is_file()
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
        {
            let mut durable = self.durable();
            if durable.is_wanted(digest) && there() {
                return Ok(());
            }
            // Before it is written, so that no sweep takes it away in between.
            durable.want(digest, false);
        }
        self.write(&folder, &file, bytes)?;
        self.durable().want(digest, true);
        Ok(())
    }

    fn sweep(&self, named: &HashSet<Digest>, settled: Duration) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        for (digest, file) in list(&self.root)? {
            if named.contains(&digest) {
                continue;
            }
            let mut durable = self.durable();
            if durable.last_wanted(&digest).is_some_and(|last| last.elapsed() < settled) {
                swept.left += 1;
                continue;
            }
            durable.wanted.remove(&digest);
            fs::remove_file(&file).map_err(|source| Error::Blob { operation: "remove", digest, source })?;
            swept.removed += 1;
        }
        Ok(swept)
    }

    fn durable(&self) -> MutexGuard<'_, Remembered> {
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
                self.durable().wanted.remove(&digest);
                Err(Error::BlobAltered { digest })
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Err(Error::BlobMissing { digest }),
            Err(source) => Err(Error::Blob { operation: "read", digest, source }),
        }
    }
}

impl Remembered {
    /// Whether it is known to be durable; from now on it is wanted.
    fn is_wanted(&mut self, digest: &Digest) -> bool {
        let Some(wanted) = self.wanted.get_mut(digest) else { return false };
        wanted.last = Instant::now();
        wanted.durable
    }

    fn want(&mut self, digest: &Digest, durable: bool) {
        let last = Instant::now();
        if self.wanted.len() >= REMEMBERED && !self.wanted.contains_key(digest) {
            self.wanted.clear();
            self.forgot_at = Some(last);
        }
        self.wanted.insert(digest.clone(), Wanted { last, durable });
    }

    /// `None`: not by this process.
    fn last_wanted(&self, digest: &Digest) -> Option<Instant> {
        self.wanted.get(digest).map(|wanted| wanted.last).or(self.forgot_at)
    }
}

/// Every blob below `root` with its file. What has no blob's name is none.
pub(crate) fn list(root: &Path) -> Result<Vec<(Digest, PathBuf)>, Error> {
    let mut found = Vec::new();
    for shelf in folders(root)? {
        let start = shelf.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for entry in fs::read_dir(&shelf).map_err(Error::folder("list folder", &shelf))? {
            let entry = entry.map_err(Error::folder("list folder", &shelf))?;
            let name = format!("{start}{}", entry.file_name().to_string_lossy());
            if let Ok(digest) = name.parse() {
                found.push((digest, entry.path()));
            }
        }
    }
    Ok(found)
}

fn folders(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::folder("list folder", root)(source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::folder("list folder", root))?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    Ok(found)
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = open_private(path, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Runs `work` on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    // Blocking work is only cancelled when the runtime goes away.
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}
