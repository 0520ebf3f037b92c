//! The folder the server keeps its data in.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tracing::warn;
use ulid::Ulid;

use crate::Error;

/// Briefs and attachments lie in it: for its owner only.
const OWNER_ONLY: u32 = 0o700;

/// A data folder that exists.
#[derive(Debug)]
pub(super) enum DataDir {
    /// A person named it: it is theirs.
    Given(PathBuf),
    /// Made for this run.
    Made(PathBuf),
}

impl DataDir {
    /// `given`, made if need be, or a new folder below the system's temporary one.
    pub(super) fn prepare(given: Option<&Path>) -> Result<Self, Error> {
        let dir = match given {
            Some(path) => Self::Given(absolute(path)?),
            None => Self::Made(std::env::temp_dir().join(format!("sitewright-demo-{}", Ulid::new()))),
        };
        let path = dir.path();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(OWNER_ONLY)
            .create(path)
            .map_err(|source| Error::DataDir { path: path.to_owned(), source })?;
        Ok(dir)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Given(path) | Self::Made(path) => path,
        }
    }

    /// Removes it if it was made for this run.
    pub(super) fn discard(self) {
        if let Self::Made(path) = self
            && let Err(error) = fs::remove_dir_all(&path)
        {
            warn!(path = %path.display(), %error, "the data folder stays behind");
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::DataDir { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_of_its_own_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let given = DataDir::prepare(Some(&home.path().join("a/b"))).unwrap();
        let path = given.path().to_owned();
        given.discard();
        assert!(path.is_dir());

        let made = DataDir::prepare(None).unwrap();
        let path = made.path().to_owned();
        assert!(path.is_dir());
        made.discard();
        assert!(!path.exists());
    }
}
