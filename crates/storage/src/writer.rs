//! The one thread that writes, and group commit.
//!
//! A commit costs a flush of the disk, whatever it holds. So the writer takes every write that
//! waits, runs them one after the other in one transaction, and answers all of them after the one
//! commit: under load the flush is shared, and a lone write waits for nobody.
//!
//! Nearly every write looks before it changes anything, so what it refuses leaves nothing to take
//! back. Only when one fails half-way is the whole group taken back and run once more, each write
//! then in a savepoint of its own: savepoints copy every page that a write touches, and that is a
//! sixth of what accepting a task costs. So a write may run twice, and is made to be.
//!
//! Invariants: a caller hears of success only after the commit; a write that fails changes
//! nothing and does not disturb its neighbours.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::Error;
use crate::checkpoint::Checkpointer;
use crate::folder::FolderLock;
use crate::sql::Fault;

/// Writes that share one commit. More would gain little and make the first of them wait.
const GROUP: usize = 64;

/// Writes that may wait: as many as the fullest second of intake that is planned for.
const QUEUE: usize = 1024;

/// How long a caller waits for a place in the queue.
const QUEUE_WAIT: Duration = Duration::from_secs(10);

/// Says in an error what was being done, and to what.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Such as `accept task`.
    pub(crate) verb: &'static str,
    /// Its id, or empty.
    pub(crate) object: String,
}

impl Operation {
    pub(crate) fn new(verb: &'static str, object: impl ToString) -> Self {
        Self { verb, object: object.to_string() }
    }

    pub(crate) fn failed(self, fault: Fault) -> Error {
        match fault {
            Fault::Sql(source) => Error::Query { operation: self.verb, object: self.object, source },
            Fault::Refused(error) => error,
        }
    }
}

/// The handle of the writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread. It holds the folder's lock until the connection is closed.
    pub(crate) fn start(connection: Connection, checkpointer: Checkpointer, lock: FolderLock) -> Result<Self, Error> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || {
                run(&connection, checkpointer, waiting);
                close(connection);
                drop(lock);
            })
            .map_err(|source| Error::Start { part: "writer thread", source: source.into() })?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Runs `work` inside a transaction; returns after its commit. Once queued, the write is done
    /// even when the caller goes away.
    pub(crate) async fn write<T, F>(&self, operation: Operation, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.queue(Shares::Group, operation, work).await
    }

    /// Runs `work` outside any transaction, with no other write beside it: for what SQLite does in no transaction.
    pub(crate) async fn alone<T, F>(&self, operation: Operation, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.queue(Shares::Nothing, operation, work).await
    }

    async fn queue<T, F>(&self, shares: Shares, operation: Operation, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let jobs = locked(&self.jobs).clone().ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write { shares, operation, work, outcome: None, reply });
        jobs.send_timeout(job, QUEUE_WAIT).await.map_err(|refused| match refused {
            mpsc::error::SendTimeoutError::Timeout(_) => Error::Overloaded { waited: QUEUE_WAIT },
            mpsc::error::SendTimeoutError::Closed(_) => Error::Closed,
        })?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Takes no more writes, finishes those that wait, checkpoints, closes the database and frees
    /// the folder. Blocks until that is done. A second call does nothing.
    pub(crate) fn stop(&self) {
        drop(locked(&self.jobs).take());
        if let Some(thread) = locked(&self.thread).take()
            && thread.join().is_err()
        {
            error!(event = "ledger.writer_panicked", "the ledger's writer thread panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One write, whatever its types.
trait Job: Send {
    /// With whom it shares a transaction.
    fn shares(&self) -> Shares;
    /// Does the work, perhaps not for the first time; says whether it shall stay.
    fn run(&mut self, connection: &Connection) -> Keep;
    /// Tells the caller. `commit` is what became of the transaction.
    fn answer(self: Box<Self>, commit: Result<(), Arc<rusqlite::Error>>);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shares {
    /// With the others that wait.
    Group,
    /// It has none.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Yes,
    No,
}

struct Write<T, F> {
    shares: Shares,
    operation: Operation,
    work: F,
    /// Of its last run.
    outcome: Option<Result<T, Fault>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, Fault> + Send,
{
    fn shares(&self) -> Shares {
        self.shares
    }

    fn run(&mut self, connection: &Connection) -> Keep {
        match self.outcome.insert((self.work)(connection)) {
            Ok(_) => Keep::Yes,
            Err(_) => Keep::No,
        }
    }

    fn answer(self: Box<Self>, commit: Result<(), Arc<rusqlite::Error>>) {
        let result = match (self.outcome, commit) {
            // Its own failure says more than the group's.
            (Some(Err(fault)), _) => Err(self.operation.failed(fault)),
            (_, Err(source)) => Err(Error::Commit { source }),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (None, Ok(())) => Err(Error::Closed),
        };
        // A caller that went away does not want to know.
        let _ = self.reply.send(result);
    }
}

fn run(connection: &Connection, mut checkpointer: Checkpointer, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    let mut set_aside = None;
    while let Some(mut first) = set_aside.take().or_else(|| waiting.blocking_recv()) {
        if first.shares() == Shares::Nothing {
            first.run(connection);
            first.answer(Ok(()));
            continue;
        }
        let mut group = vec![first];
        while group.len() < GROUP && set_aside.is_none() {
            match waiting.try_recv() {
                Ok(next) if next.shares() == Shares::Group => group.push(next),
                Ok(next) => set_aside = Some(next),
                Err(_) => break,
            }
        }
        let committed = commit(connection, &mut group).map_err(Arc::new);
        if let Err(source) = &committed {
            let writes = group.len();
            error!(event = "ledger.commit_failed", writes, error = %source, "no write of this group was stored");
        }
        checkpointer.after(group.len());
        for job in group {
            job.answer(committed.clone());
        }
    }
}

/// How the writes of a group are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// Not at all: none of them may fail half-way.
    No,
    Savepoints,
}

/// What became of a group before its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ran {
    Whole,
    /// One failed when it had changed something already.
    HalfWay,
}

fn commit(connection: &Connection, group: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    match attempt(connection, group, Apart::No)? {
        Ran::Whole => Ok(()),
        Ran::HalfWay => attempt(connection, group, Apart::Savepoints).map(|_| ()),
    }
}

/// Runs the group in one transaction and commits it if it ran as a whole.
fn attempt(connection: &Connection, group: &mut [Box<dyn Job>], apart: Apart) -> rusqlite::Result<Ran> {
    let ran = run_group(connection, group, apart).and_then(|ran| match ran {
        Ran::Whole => execute(connection, "COMMIT").map(|()| ran),
        Ran::HalfWay => Ok(ran),
    });
    // Some failures, a full disk for one, have rolled back already.
    if !matches!(ran, Ok(Ran::Whole)) && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    ran
}

fn run_group(connection: &Connection, group: &mut [Box<dyn Job>], apart: Apart) -> rusqlite::Result<Ran> {
    // IMMEDIATE: a transaction that begins by reading and then writes ignores the busy timeout.
    execute(connection, "BEGIN IMMEDIATE")?;
    for job in group {
        match apart {
            Apart::No => {
                let before = connection.total_changes();
                let keep = job.run(connection);
                if connection.is_autocommit() {
                    return Err(rolled_back());
                }
                if keep == Keep::No && connection.total_changes() != before {
                    return Ok(Ran::HalfWay);
                }
            }
            Apart::Savepoints => run_in_savepoint(connection, job.as_mut())?,
        }
    }
    Ok(Ran::Whole)
}

fn run_in_savepoint(connection: &Connection, job: &mut dyn Job) -> rusqlite::Result<()> {
    execute(connection, "SAVEPOINT job")?;
    let keep = job.run(connection);
    if connection.is_autocommit() {
        return Err(rolled_back());
    }
    if keep == Keep::No {
        execute(connection, "ROLLBACK TO job")?;
    }
    execute(connection, "RELEASE job")
}

/// SQLite ends the whole transaction by itself when, for one, the disk is full: the writes beside
/// the one that met it are to be tried again.
fn rolled_back() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
    rusqlite::Error::SqliteFailure(code, Some("the failure of another write ended the transaction".to_owned()))
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

fn close(connection: Connection) {
    // The log is read again at the next start when this fails, so nothing is lost.
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        warn!(event = "ledger.checkpoint_failed", %error, "the write-ahead log was not folded into the database");
    }
    if let Err((_, source)) = connection.close() {
        warn!(event = "ledger.close_failed", error = %source, "the database was not closed cleanly");
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use ports::Verdict;

    use super::*;

    type Reply = oneshot::Receiver<Result<(), Error>>;

    /// A write that runs the statements of `sql`.
    fn job(sql: &'static str) -> (Box<dyn Job>, Reply) {
        let (reply, answer) = oneshot::channel();
        let operation = Operation::new("run", sql);
        let work = move |connection: &Connection| {
            for statement in sql.split(';') {
                connection.execute(statement, [])?;
            }
            Ok(())
        };
        (Box::new(Write { shares: Shares::Group, operation, work, outcome: None, reply }), answer)
    }

    /// Runs `writes` as one group over a table that has room for some pages only. Those answered
    /// with success are the rows that are there.
    fn check(writes: &[&'static str], expected: &[Option<Verdict>]) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x BLOB NOT NULL) STRICT; PRAGMA max_page_count = 9").unwrap();
        let (mut group, answers): (Vec<_>, Vec<_>) = writes.iter().copied().map(job).unzip();
        let committed = commit(&connection, &mut group).map_err(Arc::new);
        group.into_iter().for_each(|job| job.answer(committed.clone()));
        assert!(connection.is_autocommit(), "a transaction was left open");

        let failures: Vec<_> =
            answers.into_iter().map(|answer| answer.blocking_recv().unwrap().err().map(|e| e.verdict())).collect();
        assert_eq!(failures, expected, "{writes:?}");
        let rows: i64 = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, failures.iter().filter(|failure| failure.is_none()).count() as i64, "{writes:?}");
    }

    #[test]
    fn callers_are_told_what_became_of_their_write() {
        const GOOD: &str = "INSERT INTO t VALUES (x'00')";
        const NULL: &str = "INSERT INTO t VALUES (NULL)";
        const HALF: &str = "INSERT INTO t VALUES (x'01'); INSERT INTO t VALUES (NULL)";
        // More than there is room for: SQLite rolls the whole transaction back.
        const HUGE: &str = "INSERT INTO t VALUES (zeroblob(100000))";
        let (again, stop) = (Some(Verdict::RetryWithBackoff), Some(Verdict::GiveUp));
        check(&[GOOD, GOOD], &[None, None]);
        check(&[GOOD, NULL, GOOD], &[None, stop, None]);
        // Fails when it has added a row, and takes back that one only.
        check(&[GOOD, HALF, GOOD, HALF], &[None, stop, None, stop]);
        check(&[GOOD, HUGE, GOOD], &[again, again, again]);
    }
}
