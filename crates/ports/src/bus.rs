//! The event bus: a wake-up, never the truth.

use async_trait::async_trait;
use futures::stream::BoxStream;
use shared_types::Envelope;
use std::sync::Arc;

use crate::Error;

/// Events from the moment of subscribing on, in order. A slow subscriber may miss some: it reads
/// the ledger for what it needs and takes each event only as a reason to look.
pub type Subscription = BoxStream<'static, Arc<Envelope>>;

/// Carries stored events to whoever listens.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes one event. Publishing it again is harmless: it keeps its id.
    async fn publish(&self, event: Arc<Envelope>) -> Result<(), Error>;

    /// All events published from now on.
    fn subscribe(&self) -> Subscription;
}
