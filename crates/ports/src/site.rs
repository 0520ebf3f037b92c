//! A site in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use shared_types::SitePath;

/// All files of a site, by path. Cheap to clone: bytes are shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    files: BTreeMap<SitePath, Bytes>,
}

impl Site {
    /// A site without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: SitePath, bytes: impl Into<Bytes>) {
        self.files.insert(path, bytes.into());
    }

    /// Removes a file; says whether it was there.
    pub fn remove(&mut self, path: &SitePath) -> bool {
        self.files.remove(path).is_some()
    }

    /// The bytes of the file at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Bytes> {
        // A text that is no site path names no file.
        self.files.get(&path.parse::<SitePath>().ok()?)
    }

    /// The file at `path` as UTF-8.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.get(path)?).ok()
    }

    /// Whether there is a file at `path`.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// All files, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&SitePath, &Bytes)> {
        self.files.iter()
    }

    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no files.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }
}

impl FromIterator<(SitePath, Bytes)> for Site {
    fn from_iter<T: IntoIterator<Item = (SitePath, Bytes)>>(files: T) -> Self {
        Self { files: files.into_iter().collect() }
    }
}
