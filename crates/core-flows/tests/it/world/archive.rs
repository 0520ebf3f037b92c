//! An archive that a test may break.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Archive, Error, Forgetful, Known, Removed, TaskCopy};
use shared_types::{Digest, Email};

/// What is there, and what was asked.
#[derive(Debug, Default)]
pub(crate) struct FakeArchive {
    pub(crate) known: Mutex<Known>,
    pub(crate) away: AtomicBool,
    /// Looking works, removing does not.
    pub(crate) stuck: AtomicBool,
    pub(crate) forgotten: Mutex<Vec<(Forgetful, Vec<Digest>)>>,
}

fn away() -> Error {
    Error::again("the broker is away")
}

#[async_trait]
impl Archive for FakeArchive {
    async fn holds(&self, _: &Digest) -> Result<bool, Error> {
        Ok(false)
    }

    async fn put(&self, _: Bytes) -> Result<(), Error> {
        Ok(())
    }

    async fn keep(&self, _: Vec<TaskCopy>) -> Result<(), Error> {
        Ok(())
    }

    async fn known_of(&self, _: &Email) -> Result<Known, Error> {
        if self.away.load(Ordering::Relaxed) { Err(away()) } else { Ok(self.known.lock().unwrap().clone()) }
    }

    async fn forget(&self, whom: Forgetful, blobs: Vec<Digest>) -> Result<Removed, Error> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(away());
        }
        self.forgotten.lock().unwrap().push((whom, blobs));
        Ok(Removed { messages: 5, blobs: 1 })
    }
}
