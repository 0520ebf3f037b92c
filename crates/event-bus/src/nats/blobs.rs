//! Blobs for all hosts: objects at the broker, named by their SHA-256.
//!
//! Bytes that are there already are not sent again; what is read is checked against its name. The broker forgets a
//! blob after some months: it carries them, and the host with the ledger keeps what must be kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::object_store::{DeleteErrorKind, GetErrorKind, InfoErrorKind, ObjectMetadata};
use async_trait::async_trait;
use bytes::Bytes;
use ports::Blobs;
use shared_types::{Digest, TaskId};
use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;

use super::Engine;
use crate::Error;

/// Blobs that are remembered as stored: some hundred KB.
const REMEMBERED: usize = 4096;

/// So long it is not asked again whether a blob is there: somebody may have been forgotten, and the broker forgets too.
const TRUST: Duration = Duration::from_secs(60);

/// What somebody here has stored or asked for within this is not removed: a row that names it may be on its way.
const REST: Duration = Duration::from_secs(180);

/// One blob there or back: attachments and screenshots have some megabytes.
const TRANSFER: Duration = Duration::from_secs(60);

/// Larger ones are none of ours.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The blobs of a deployment.
#[derive(Debug)]
pub struct SharedBlobs {
    engine: Arc<Engine>,
    stored: Mutex<Memory>,
}

/// When blobs were last known to be there.
#[derive(Debug, Default)]
struct Memory {
    stored: HashMap<Digest, Instant>,
    /// Of the engine, when this was written: a bucket that was deleted and made anew is empty.
    lookups: u64,
}

impl SharedBlobs {
    /// Over `engine`.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, stored: Mutex::default() }
    }

    /// Stores what is not there.
    pub(super) async fn store(&self, bytes: Bytes) -> Result<Digest, Error> {
        self.store_of(bytes, None).await
    }

    /// The same for what only this task has, and nobody but the broker knows the name of: it is found by its mark.
    pub(super) async fn store_for(&self, task: TaskId, bytes: Bytes) -> Result<Digest, Error> {
        self.store_of(bytes, Some(task)).await
    }

    async fn store_of(&self, bytes: Bytes, task: Option<TaskId>) -> Result<Digest, Error> {
        let digest = Digest::of(&bytes);
        if self.is_there(&digest, Some(bytes.len())).await? {
            return Ok(digest);
        }
        let operation = format!("store blob {digest}");
        let object = || ObjectMetadata {
            name: digest.as_str().to_owned(),
            description: task.map(mark),
            ..ObjectMetadata::default()
        };
        let stored = self.engine.at_within(TRANSFER, &operation, async |place| {
            let put = Box::pin(place.blobs.put(object(), &mut &bytes[..])).await;
            put.map(drop).map_err(Error::at(operation.clone()))
        });
        stored.await?;
        self.remember(&digest);
        Ok(digest)
    }

    /// Whether it is there, with so many bytes when that is known.
    pub(super) async fn is_there(&self, digest: &Digest, size: Option<usize>) -> Result<bool, Error> {
        if self.holds(digest) {
            return Ok(true);
        }
        let operation = format!("look for blob {digest}");
        let found = self.engine.at(&operation, async |place| match place.blobs.info(digest.as_str()).await {
            Ok(info) => Ok(!info.deleted && size.is_none_or(|size| size == info.size)),
            Err(absent) if absent.kind() == InfoErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::at(operation.clone())(error)),
        });
        let found = found.await?;
        if found {
            self.remember(digest);
        }
        Ok(found)
    }

    /// Removes a blob, unless somebody here has just had to do with it; says whether it did.
    pub(super) async fn remove(&self, digest: &Digest) -> Result<bool, Error> {
        if self.memory().stored.get(digest).is_some_and(|at| at.elapsed() < REST) {
            return Ok(false);
        }
        let operation = format!("remove blob {digest}");
        let removed = self.engine.at(&operation, async |place| match place.blobs.delete(digest.as_str()).await {
            Ok(()) => Ok(true),
            Err(absent) if absent.kind() == DeleteErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::at(operation.clone())(error)),
        });
        removed.await
    }

    fn remember(&self, digest: &Digest) {
        let Memory { stored, .. } = &mut *self.memory();
        if stored.len() >= REMEMBERED {
            stored.clear();
        }
        stored.insert(digest.clone(), Instant::now());
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        let mut memory = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let lookups = self.engine.lookups();
        if memory.lookups != lookups {
            *memory = Memory { stored: HashMap::new(), lookups };
        }
        memory
    }

    /// The bytes, when they are those of the digest.
    pub(super) async fn load(&self, digest: &Digest) -> Result<Bytes, Error> {
        let operation = format!("read blob {digest}");
        let bytes = self
            .engine
            .at_within(TRANSFER, &operation, async |place| {
                let mut object = match Box::pin(place.blobs.get(digest.as_str())).await {
                    Ok(object) => object,
                    Err(error) if error.kind() == GetErrorKind::NotFound => {
                        return Err(Error::BlobMissing { digest: digest.clone() });
                    }
                    Err(error) => return Err(Error::at(operation.clone())(error)),
                };
                let mut bytes = Vec::new();
                // Its own digest is checked at the end of it, and is not ours to trust.
                let read = (&mut object).take(LARGEST).read_to_end(&mut bytes).await;
                read.map_err(Error::at(operation.clone()))?;
                Ok(bytes)
            })
            .await?;
        if Digest::of(&bytes) != *digest {
            return Err(Error::BlobAltered { digest: digest.clone() });
        }
        Ok(bytes.into())
    }
}

#[async_trait]
impl Blobs for SharedBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Digest, ports::Error> {
        Ok(self.store(bytes).await?)
    }

    fn holds(&self, digest: &Digest) -> bool {
        self.memory().stored.get(digest).is_some_and(|at| at.elapsed() < TRUST)
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, ports::Error> {
        Ok(self.load(digest).await?)
    }
}

/// Says of an object that it is of one task alone.
pub(super) fn mark(task: TaskId) -> String {
    format!("of {task}")
}
