//! Copies of tasks for an archive.

use async_trait::async_trait;
use ports::{Copying, TaskCopy};
use shared_types::TaskId;

use super::Store;
use crate::sql::copies;

#[async_trait]
impl Copying for Store {
    async fn copy_of(&self, id: TaskId) -> Result<Option<TaskCopy>, ports::Error> {
        Ok(self.read("copy task", id, move |db| Ok(copies::of(db, id)?)).await?)
    }
}
