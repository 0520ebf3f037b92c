//! Reading: a pool of connections that cannot write, used on tokio's threads for blocking work.
//! A reader sees the state of the last commit and never waits for the writer.
//!
//! Whoever reads waits for a connection before taking a thread: a hundred threads that quarrel over four connections
//! cost more than what they read.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::sql::Fault;
use crate::writer::Operation;
use crate::{Error, connection};

/// Reads take milliseconds: whoever waits longer stands behind a broken disk.
const CHECKOUT_WAIT: Duration = Duration::from_secs(5);

/// The pool; absent once closed.
#[derive(Debug)]
pub(crate) struct Readers {
    pool: RwLock<Option<Pool<SqliteConnectionManager>>>,
    /// As many as there are connections.
    turns: Arc<Semaphore>,
}

impl Readers {
    /// A pool of at most `size` connections; the first is opened now.
    pub(crate) fn open(path: &Path, size: u32) -> Result<Self, Error> {
        let manager = SqliteConnectionManager::file(path)
            .with_flags(connection::reader_flags())
            .with_init(connection::prepare_reader);
        let pool = Pool::builder()
            .max_size(size.max(1))
            .min_idle(Some(1))
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(false)
            .connection_timeout(CHECKOUT_WAIT)
            .build(manager)
            .map_err(|source| Error::Start { part: "readers of the database", source: source.into() })?;
        let turns = Arc::new(Semaphore::new(pool.max_size() as usize));
        Ok(Self { pool: RwLock::new(Some(pool)), turns })
    }

    /// Runs `work` in one read transaction, so that all it reads is of one moment.
    pub(crate) async fn read<T, F>(&self, operation: Operation, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        let turn = tokio::time::timeout(CHECKOUT_WAIT, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| Error::ReadersBusy { waited: CHECKOUT_WAIT })?.map_err(|_| Error::Closed)?;
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut connection = pool.get().map_err(|source| Error::NoReader { source })?;
            let transaction = connection.transaction().map_err(Fault::from);
            transaction.and_then(|moment| work(&moment)).map_err(|fault| operation.failed(fault))
        });
        // Blocking work is only cancelled when the runtime goes away.
        reading.await.map_err(|_| Error::Closed)?
    }

    /// Refuses further reads and closes the connections as they come back.
    pub(crate) fn close(&self) {
        drop(self.pool.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}
