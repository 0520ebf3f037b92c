//! A site in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use shared_types::SitePath;

/// All files of a site, by path. Cheap to clone: bytes are shared.
///
/// Invariant: no file stands where another file's folder is; of two that clash the later counts.
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

    /// Adds or replaces a file, and removes any that it cannot stand beside: `a` gives way to
    /// `a/b`, and `a/b` to `a`.
    pub fn insert(&mut self, path: SitePath, bytes: impl Into<Bytes>) {
        let within = |inner: &SitePath, outer: &SitePath| {
            inner.as_str().strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        self.files.retain(|other, _| !within(other, &path) && !within(&path, other));
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
        let mut site = Self::new();
        for (path, bytes) in files {
            site.insert(path, bytes);
        }
        site
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_a_folder_of_one_name_do_not_stand_side_by_side() {
        let site = |paths: &[&str]| -> Vec<String> {
            let files = paths.iter().map(|path| (path.parse().unwrap(), Bytes::new()));
            files.collect::<Site>().iter().map(|(path, _)| path.to_string()).collect()
        };
        assert_eq!(site(&["a", "a/b", "ab"]), ["a/b", "ab"]);
        assert_eq!(site(&["a/b", "a/c/d", "a"]), ["a"]);
        assert_eq!(site(&["a", "b", "a"]), ["a", "b"]);
    }
}
