//! The ledger of calls that cost money, over the same database.

use async_trait::async_trait;
use ports::{NewRun, OverCap, RunEnd, RunId, RunLedger, RunPage, RunReader, SpendCaps};
use shared_types::TaskId;
use shared_types::http::{ModelRun, ModelRunTotals};

use super::Store;
use crate::sql::model_runs;

#[async_trait]
impl RunLedger for Store {
    async fn begin(&self, run: NewRun, caps: SpendCaps) -> Result<Result<RunId, OverCap>, ports::Error> {
        let work = move |db: &rusqlite::Connection| Ok(model_runs::begin(db, &run, caps)?);
        Ok(self.write("reserve for a call", "", work).await?)
    }

    async fn settle(&self, id: RunId, end: RunEnd) -> Result<(), ports::Error> {
        Ok(self.write("settle call", id.0, move |db| Ok(model_runs::settle(db, id, &end)?)).await?)
    }

    async fn close_interrupted(&self) -> Result<u32, ports::Error> {
        let count = self.write("close calls", "", |db| Ok(model_runs::close_interrupted(db)?)).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

#[async_trait]
impl RunReader for Store {
    async fn runs(&self, page: RunPage) -> Result<Vec<ModelRun>, ports::Error> {
        Ok(self.read("list calls", "", move |db| Ok(model_runs::page(db, page)?)).await?)
    }

    async fn run_totals(&self, task: Option<TaskId>) -> Result<ModelRunTotals, ports::Error> {
        Ok(self.read("sum up calls", "", move |db| Ok(model_runs::totals(db, task)?)).await?)
    }
}
