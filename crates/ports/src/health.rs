//! How the parts of the service are.

use async_trait::async_trait;
use shared_types::http::Part;

/// A part that can say how it is. Answers within a second, whatever happens.
#[async_trait]
pub trait HealthPart: Send + Sync {
    /// Its state now.
    async fn look(&self) -> Part;
}
