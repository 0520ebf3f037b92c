//! The levers of operators, over the same database.

use async_trait::async_trait;
use ports::{Levers, Moved, Reopening, Standing};
use shared_types::{Envelope, TaskId, Timestamp};

use super::Store;
use crate::sql::levers;

#[async_trait]
impl Levers for Store {
    async fn standing(&self, id: TaskId) -> Result<Option<Standing>, ports::Error> {
        Ok(self.read("read the standing of task", id, move |db| Ok(levers::standing(db, id)?)).await?)
    }

    async fn reopen(&self, reopening: Reopening) -> Result<Moved, ports::Error> {
        let id = reopening.id;
        Ok(self.write("reopen flow", id, move |db| Ok(levers::reopen(db, &reopening)?)).await?)
    }

    async fn cancel(&self, id: TaskId, at: Timestamp, event: Envelope) -> Result<Moved, ports::Error> {
        Ok(self.write("cancel flow", id, move |db| Ok(levers::cancel(db, id, at, &event)?)).await?)
    }
}
