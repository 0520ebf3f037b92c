//! What was last known of tasks, in memory.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::{Error, KnownSite, LastKnown, TaskRecord, TenantKey};

/// [`LastKnown`] in memory.
#[derive(Debug, Default)]
pub struct MemoryLastKnown(Mutex<Vec<KnownSite>>);

#[async_trait]
impl LastKnown for MemoryLastKnown {
    async fn remember(&self, sites: Vec<KnownSite>) -> Result<(), Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(sites);
        Ok(())
    }

    async fn recall(&self, record: &TaskRecord) -> Result<Option<KnownSite>, Error> {
        let tenant = TenantKey::of(&record.email);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_task = known.iter().filter(|site| site.tenant == tenant && site.task == record.task);
        Ok(of_task.max_by_key(|site| site.request).cloned())
    }
}
