//! Keeping what was fetched: under its exact version, whole or not at all, bounded in all.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::SystemTime;

use semver::Version;
use url::Url;

use super::address::{Host, Range, read};
use super::{Cache, DEFAULT_FILE, MAX_LIBRARY_BYTES};

/// When the bound is reached, the oldest go until this share of it is left, in percent.
const LEFT_PERCENT: u64 = 75;

/// Files looked at in counting; a cache of more is counted as full.
const MAX_FILES: usize = 100_000;

impl Cache {
    /// Keeps what `url` was answered with; `version` is what the host said that a range came to.
    /// Says whether it was kept: only what an exact version names never changes.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn keep(&self, url: &Url, version: Option<&str>, bytes: &[u8]) -> io::Result<bool> {
        let size = bytes.len() as u64;
        let Some(place) = place(url, version).filter(|_| size <= MAX_LIBRARY_BYTES && size <= self.max_bytes) else {
            return Ok(false);
        };
        let path = self.folder.join(place);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if path.exists() {
            return Ok(false);
        }
        let before = kept.take().unwrap_or_else(|| sum(&self.fetched()));
        let before = if before + size > self.max_bytes { self.make_room(size) } else { before };
        write(&path, bytes)?;
        *kept = Some(before + size);
        Ok(true)
    }

    /// Removes the oldest files; says how many bytes are left.
    fn make_room(&self, size: u64) -> u64 {
        let mut files = self.fetched();
        files.sort_by_key(|file| file.changed);
        let aim = (self.max_bytes / 100 * LEFT_PERCENT).saturating_sub(size);
        let mut left = sum(&files);
        for file in files {
            if left <= aim {
                break;
            }
            if fs::remove_file(&file.path).is_ok() {
                left = left.saturating_sub(file.size);
            }
        }
        left
    }

    /// The files of the hosts' own folders.
    fn fetched(&self) -> Vec<File> {
        let mut open: Vec<PathBuf> = Host::ALL.iter().map(|host| self.folder.join(host.name())).collect();
        let mut files = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.metadata() {
                    Ok(found) if found.is_dir() => open.push(entry.path()),
                    Ok(found) if found.is_file() && files.len() < MAX_FILES => {
                        let changed = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                        files.push(File { path: entry.path(), size: found.len(), changed });
                    }
                    _ => {}
                }
            }
        }
        files
    }
}

/// A file that was fetched.
struct File {
    path: PathBuf,
    size: u64,
    changed: SystemTime,
}

fn sum(files: &[File]) -> u64 {
    files.iter().map(|file| file.size).sum()
}

/// Where below the folder; none for what may be another file tomorrow.
fn place(url: &Url, version: Option<&str>) -> Option<PathBuf> {
    let asked = read(url).filter(|_| url.query().is_none())?;
    let below = Path::new(asked.host.name());
    let npm = asked.host == Host::JsDelivr && asked.path.starts_with("npm/");
    match asked.wanted.map(|wanted| (wanted.range.clone(), wanted)) {
        Some((range, wanted)) if npm => {
            let version: Version = match range {
                Range::Exact(version) => version,
                _ => version?.parse().ok()?,
            };
            let file = wanted.file.as_deref().unwrap_or(DEFAULT_FILE);
            Some(below.join(format!("npm/{}@{version}/{file}", wanted.package)))
        }
        // The path itself names the version and a file.
        Some((Range::Exact(_), wanted)) if wanted.file.is_some() => Some(below.join(asked.path)),
        _ => None,
    }
}

/// Whoever reads sees all of it or nothing.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
