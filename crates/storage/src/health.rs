//! How the database and the disk below it are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::{ErrorChain, HealthPart};
use shared_types::http::{Part, PartState};

use crate::Store;

/// A part answers within a second; the rest is for whoever asks.
const LIMIT: Duration = Duration::from_millis(800);

const MB: u64 = 1_000_000;

/// Below this an operator should look: some hundred tasks with attachments still fit.
const DEGRADED_BELOW: u64 = 500 * MB;

/// Below this a burst of tasks may fail to be stored.
const DOWN_BELOW: u64 = 50 * MB;

/// `database`: up when a tiny read and a tiny write succeed in time.
#[derive(Debug)]
pub struct DatabaseHealth {
    store: Arc<Store>,
}

/// `disk`: the space that is left for the data folder.
#[derive(Debug)]
pub struct DiskHealth {
    data_dir: PathBuf,
}

impl DatabaseHealth {
    /// Looks at `store`.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

impl DiskHealth {
    /// Looks at the file system that holds `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into() }
    }
}

#[async_trait]
impl HealthPart for DatabaseHealth {
    async fn look(&self) -> Part {
        let (state, detail) = match tokio::time::timeout(LIMIT, self.store.probe()).await {
            Ok(Ok(())) => (PartState::Up, format!("SQLite {} reads and writes", rusqlite::version())),
            Ok(Err(error)) => {
                (PartState::Down, format!("{}: look at the disk below the data folder", ErrorChain(&error)))
            }
            Err(_) => (
                PartState::Down,
                format!("no answer in {} ms: look at the disk below the data folder", LIMIT.as_millis()),
            ),
        };
        Part { name: "database".to_owned(), state, needed: true, detail }
    }
}

#[async_trait]
impl HealthPart for DiskHealth {
    async fn look(&self) -> Part {
        let folder = self.data_dir.clone();
        // A file system behind a broken network can hang.
        let measured = tokio::time::timeout(LIMIT, tokio::task::spawn_blocking(move || free_bytes(&folder))).await;
        let (state, detail) = match measured {
            Ok(Ok(Ok(free))) => judge(free),
            Ok(Ok(Err(error))) => (PartState::Down, format!("the free space cannot be measured: {error}")),
            Ok(Err(_)) | Err(_) => (PartState::Down, format!("no answer in {} ms", LIMIT.as_millis())),
        };
        Part { name: "disk".to_owned(), state, needed: true, detail }
    }
}

fn judge(free: Option<u64>) -> (PartState, String) {
    let Some(free) = free else {
        return (PartState::Up, "free space is not measured on this system".to_owned());
    };
    let left = format!("{} MB free", free / MB);
    if free < DOWN_BELOW {
        (PartState::Down, format!("{left}: make room in the data folder's file system now"))
    } else if free < DEGRADED_BELOW {
        (PartState::Degraded, format!("{left}: make room in the data folder's file system"))
    } else {
        (PartState::Up, left)
    }
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> std::io::Result<Option<u64>> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(Some(system.f_bavail.saturating_mul(system.f_frsize)))
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> std::io::Result<Option<u64>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_judged_before_it_is_gone() {
        for (free, state) in [
            (Some(0), PartState::Down),
            (Some(DOWN_BELOW - 1), PartState::Down),
            (Some(DOWN_BELOW), PartState::Degraded),
            (Some(DEGRADED_BELOW - 1), PartState::Degraded),
            (Some(DEGRADED_BELOW), PartState::Up),
            (None, PartState::Up),
        ] {
            assert_eq!(judge(free).0, state, "{free:?}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_down() {
        let dir = tempfile::tempdir().unwrap();
        let part = DiskHealth::new(dir.path().join("gone")).look().await;
        assert_eq!((part.name.as_str(), part.state, part.needed), ("disk", PartState::Down, true));
    }
}
