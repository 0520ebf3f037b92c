//! A data folder that is only looked into, beside the process that works in it or without one.

use std::path::Path;

use async_trait::async_trait;
use ports::{RunPage, RunReader, TaskPage, TaskReader, TaskRecord};
use shared_types::http::{ModelRun, ModelRunTotals, NotificationAttempt};
use shared_types::{Envelope, TaskId};

use crate::reader::Readers;
use crate::sql::{events, model_runs, tasks};
use crate::writer::Operation;
use crate::{Error, folder, migrate};

/// What can be read of a data folder without its lock. Changes nothing.
#[derive(Debug)]
pub struct Reading {
    readers: Readers,
}

impl Reading {
    /// Opens the database of `data_dir` for reading. Blocks for some milliseconds.
    ///
    /// # Errors
    /// There is no database, or it is not of this version of the program.
    pub fn open(data_dir: &Path) -> Result<Self, Error> {
        let path = folder::database_file(data_dir);
        if !path.exists() {
            return Err(Error::NoDatabase { path });
        }
        migrate::check(&path, migrate::MIGRATIONS)?;
        Ok(Self { readers: Readers::open(&path, 1)? })
    }
}

#[async_trait]
impl RunReader for Reading {
    async fn runs(&self, page: RunPage) -> Result<Vec<ModelRun>, ports::Error> {
        let operation = Operation::new("list calls", "");
        Ok(self.readers.read(operation, move |db| Ok(model_runs::page(db, page)?)).await?)
    }

    async fn run_totals(&self, task: Option<TaskId>) -> Result<ModelRunTotals, ports::Error> {
        let operation = Operation::new("sum up calls", "");
        Ok(self.readers.read(operation, move |db| Ok(model_runs::totals(db, task)?)).await?)
    }
}

#[async_trait]
impl TaskReader for Reading {
    async fn task_of(&self, id: TaskId) -> Result<Option<TaskRecord>, ports::Error> {
        Ok(self.readers.read(Operation::new("read task", id), move |db| Ok(tasks::by_id(db, id)?)).await?)
    }

    async fn page_of(&self, page: TaskPage) -> Result<Vec<TaskRecord>, ports::Error> {
        Ok(self.readers.read(Operation::new("list tasks", ""), move |db| Ok(tasks::page(db, page)?)).await?)
    }

    async fn events_of(&self, id: TaskId, after: u64, limit: u32) -> Result<Vec<Envelope>, ports::Error> {
        let operation = Operation::new("read events of task", id);
        Ok(self.readers.read(operation, move |db| Ok(events::of_task(db, id, after, limit)?)).await?)
    }

    async fn attempts_of(&self, id: TaskId) -> Result<Vec<NotificationAttempt>, ports::Error> {
        let operation = Operation::new("read attempts of task", id);
        Ok(self.readers.read(operation, move |db| Ok(events::notification_attempts(db, id)?)).await?)
    }
}
