//! Blobs for all hosts: objects at the broker, named by their SHA-256.
//!
//! Bytes that are there already are not sent again; what is read is checked against its name. The broker forgets a
//! blob after a week: it carries them, and the host with the ledger keeps what must be kept.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::object_store::{GetErrorKind, InfoErrorKind};
use async_trait::async_trait;
use bytes::Bytes;
use ports::Blobs;
use shared_types::Digest;
use tokio::io::AsyncReadExt as _;

use super::Engine;
use crate::Error;

/// Blobs that are remembered as stored: some hundred KB.
const REMEMBERED: usize = 4096;

/// One blob there or back: attachments and screenshots have some megabytes.
const TRANSFER: Duration = Duration::from_secs(60);

/// Larger ones are none of ours.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The blobs of a deployment.
#[derive(Debug)]
pub struct SharedBlobs {
    engine: Arc<Engine>,
    stored: Mutex<HashSet<Digest>>,
}

impl SharedBlobs {
    /// Over `engine`.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, stored: Mutex::default() }
    }

    /// Stores what is not there.
    pub(super) async fn store(&self, bytes: Bytes) -> Result<Digest, Error> {
        let digest = Digest::of(&bytes);
        if self.holds(&digest) {
            return Ok(digest);
        }
        let operation = format!("store blob {digest}");
        let name = digest.as_str();
        self.engine
            .at_within(TRANSFER, &operation, async |place| {
                match place.blobs.info(name).await {
                    Ok(info) if !info.deleted && info.size == bytes.len() => return Ok(()),
                    Ok(_) => {}
                    Err(absent) if absent.kind() == InfoErrorKind::NotFound => {}
                    Err(error) => return Err(Error::at(operation.clone())(error)),
                }
                let put = Box::pin(place.blobs.put(name, &mut &bytes[..])).await;
                put.map(drop).map_err(Error::at(operation.clone()))
            })
            .await?;
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if stored.len() >= REMEMBERED {
            stored.clear();
        }
        stored.insert(digest.clone());
        Ok(digest)
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
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, ports::Error> {
        Ok(self.load(digest).await?)
    }
}
