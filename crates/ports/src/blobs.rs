//! Bytes by their SHA-256.

use async_trait::async_trait;
use bytes::Bytes;
use shared_types::Digest;

use crate::Error;

/// A store of bytes addressed by their digest; writing the same bytes twice is one blob.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores `bytes` durably before it returns their digest.
    async fn put(&self, bytes: Bytes) -> Result<Digest, Error>;

    /// Whether the blob is known to be stored durably, as far as that can be told at once: when in
    /// doubt `false`, and [`Blobs::put`] says it for certain.
    fn holds(&self, digest: &Digest) -> bool;

    /// The bytes, checked against the digest; a missing or altered blob is an error to stop at.
    async fn get(&self, digest: &Digest) -> Result<Bytes, Error>;
}
