//! Folds the write-ahead log into the database beside the writer.
//!
//! Left to itself, SQLite does so in the commit that fills the log, and whoever waits for that
//! commit waits for some thousand pages more. A thread of its own takes most of them out of the
//! way; the writer still folds what is left, and begins the log anew, when it has become long.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tracing::warn;

use crate::{Error, connection};

/// Writes between two foldings: seldom enough that pages changed by many of them are copied once (with 16, a fifth of
/// the processor time of accepting went into folding), often enough that the log stays below what it may keep: accepting
/// a task changes some five pages.
const WRITES: usize = 256;

/// The handle of the thread. Dropping it waits until the thread has ended.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Since it was last woken.
    writes: usize,
}

impl Checkpointer {
    pub(crate) fn start(path: &Path) -> Result<Self, Error> {
        let connection = connection::open_checkpointer(path)?;
        // One wake-up may wait: it stands for all that came before it.
        let (wake, woken) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("ledger-folder".to_owned())
            .spawn(move || run(&connection, &woken))
            .map_err(|source| Error::Start { part: "checkpoint thread", source: source.into() })?;
        Ok(Self { wake: Some(wake), thread: Some(thread), writes: 0 })
    }

    /// Tells it of `writes` more that were committed.
    pub(crate) fn after(&mut self, writes: usize) {
        self.writes += writes;
        if self.writes >= WRITES
            && let Some(wake) = &self.wake
        {
            self.writes = 0;
            // Full: it has not begun with the last one. Closed: the writer folds by itself.
            let _ = wake.try_send(());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.wake.take());
        // A panic there has cost nothing that the writer does not do itself.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn run(connection: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        // PASSIVE waits for nobody and lets nobody wait; readers that are busy in the log, or the
        // writer folding it, leave it work for the next time.
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            warn!(event = "ledger.checkpoint_failed", %error, "the write-ahead log was not folded into the database");
        }
    }
}
