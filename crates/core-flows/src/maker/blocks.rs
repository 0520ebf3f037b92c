//! Files out of a model's text.
//!
//! A whole file stands between `<<<FILE <boundary> path` and `FILE>>> <boundary>`, each on a line
//! of its own; `<<<DELETE <boundary> path` removes one. The boundary is random, so that no file's
//! content can end its block. Whatever stands between blocks is talk and does not count.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ports::Site;
use shared_types::SitePath;

/// More files than any page needs; a bound against runaway answers.
const MAX_FILES: usize = 200;

/// Why a text holds no usable set of files.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("it holds no file block")]
    Empty,
    #[error("the block of {0} does not end")]
    Unfinished(String),
    #[error("{0:?} is no path inside the site")]
    Path(String),
    #[error("it holds more than {MAX_FILES} files")]
    TooMany,
}

/// Files written and files deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    files: BTreeMap<SitePath, Bytes>,
    deleted: BTreeSet<SitePath>,
}

impl Changes {
    /// What makes `current` of `base`.
    pub(super) fn between(base: &Site, current: &Site) -> Self {
        let files = current.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let gone = base.iter().map(|(path, _)| path).filter(|path| !current.contains(path.as_str()));
        Self { files, deleted: gone.cloned().collect() }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&SitePath, &Bytes)> {
        self.files.iter()
    }

    pub(super) fn deleted(&self) -> impl Iterator<Item = &SitePath> {
        self.deleted.iter()
    }

    /// Applies `later` over these.
    pub(super) fn extend(&mut self, later: Self) {
        for path in later.deleted {
            self.files.remove(&path);
            self.deleted.insert(path);
        }
        for (path, bytes) in later.files {
            self.deleted.remove(&path);
            self.files.insert(path, bytes);
        }
    }
}

/// The files in `text`; the last block of a path counts.
pub(super) fn read(text: &str, boundary: &str) -> Result<Changes, Error> {
    let (open, close, delete) =
        (format!("<<<FILE {boundary} "), format!("FILE>>> {boundary}"), format!("<<<DELETE {boundary} "));
    let mut changes = Changes::default();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        if let Some(path) = line.strip_prefix(&delete) {
            changes.deleted.insert(site_path(path)?);
        }
        let Some(path) = line.strip_prefix(&open) else { continue };
        let path = site_path(path)?;
        let mut content = String::new();
        let ended = lines.by_ref().any(|line| {
            let end = line.trim_end() == close;
            if !end {
                content.push_str(line);
            }
            end
        });
        if !ended {
            return Err(Error::Unfinished(path.to_string()));
        }
        changes.files.insert(path, Bytes::from(content));
        if changes.files.len() > MAX_FILES {
            return Err(Error::TooMany);
        }
    }
    if changes == Changes::default() {
        return Err(Error::Empty);
    }
    Ok(changes)
}

fn site_path(text: &str) -> Result<SitePath, Error> {
    let text = text.trim();
    text.parse().map_err(|_| Error::Path(text.chars().take(200).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[(&str, &str)], Error>) {
        let read = read(text, "b0").map(|changes| {
            let files = changes.files().map(|(path, bytes)| (path.to_string(), bytes.to_vec()));
            files.map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect::<Vec<_>>()
        });
        let expected = expected
            .map(|files| files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect::<Vec<_>>());
        assert_eq!(read, expected, "{text:?}");
    }

    #[test]
    fn files_stand_between_boundaries() {
        check(
            "Sure!\n<<<FILE b0 index.html\n<p>\nFILE>>> other\n</p>\nFILE>>> b0\nbye <<<FILE b0 x\n",
            Ok(&[("index.html", "<p>\nFILE>>> other\n</p>\n")]),
        );
        check("<<<FILE b0 a.js\r\n1\r\nFILE>>> b0\r\n", Ok(&[("a.js", "1\r\n")]));
        check("<<<FILE b0 a\n1\nFILE>>> b0\n<<<FILE b0 a\n2\nFILE>>> b0", Ok(&[("a", "2\n")]));
        check("<<<DELETE b0 old.html\n", Ok(&[]));
    }

    #[test]
    fn what_is_no_set_of_files_is_an_error() {
        check("I cannot help with that.", Err(Error::Empty));
        check("<<<FILE b1 index.html\nx\nFILE>>> b1\n", Err(Error::Empty));
        check("<<<FILE b0 index.html\n<p>", Err(Error::Unfinished("index.html".to_owned())));
        check("<<<FILE b0 ../../etc/passwd\nx\nFILE>>> b0\n", Err(Error::Path("../../etc/passwd".to_owned())));
    }

    #[test]
    fn later_changes_win() {
        let mut first = read("<<<FILE b a\n1\nFILE>>> b\n<<<FILE b c\n1\nFILE>>> b\n", "b").unwrap();
        first.extend(read("<<<DELETE b c\n<<<FILE b a\n2\nFILE>>> b\n", "b").unwrap());
        let files: Vec<_> = first.files().map(|(path, bytes)| (path.as_str(), bytes.as_ref())).collect();
        assert_eq!(files, [("a", b"2\n".as_slice())]);
    }
}
