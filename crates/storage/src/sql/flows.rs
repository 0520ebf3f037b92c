//! The queue of flows: claims, leases, the journal.
//!
//! Every function that takes a lease first looks whether it is the current one, and changes
//! nothing when it is not.

use std::time::Duration;

use ports::{Claim, Closing, Lease, QueueDepth, StepRecord, TaskUpdate, WorkerId};
use rusqlite::{Connection, OptionalExtension, Row};
use shared_types::{Envelope, Epoch, TaskId, Timestamp};
use tracing::error;

use super::row::{count, integer, time, to_json};
use super::{Fault, events, tasks};
use crate::Error;

/// All running flows wait again.
pub(crate) fn adopt_orphans(connection: &Connection) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("UPDATE flows SET not_before_ms = 0 WHERE state = 'queued' AND not_before_ms > 0")?
        .execute([])?;
    connection
        .prepare_cached("UPDATE flows SET state = 'queued', lease_until_ms = 0 WHERE state = 'running'")?
        .execute([])
}

/// A flow whose record cannot be read waits this long: the next version may read it, and until
/// then it holds up its own repository and nobody else.
const UNREADABLE_FOR: Duration = Duration::from_secs(600);

/// More unreadable flows than this are left to the next claim.
const MAX_UNREADABLE: usize = 16;

/// Gives out the oldest flow that may run and can be read.
pub(crate) fn claim(
    connection: &Connection,
    worker: &WorkerId,
    now: Timestamp,
    lease: Duration,
) -> rusqlite::Result<Option<Claim>> {
    wake(connection, now)?;
    for _ in 0..MAX_UNREADABLE {
        let Some((ord, epoch)) = take(connection, worker, now.plus(lease))? else { return Ok(None) };
        match read_claim(connection, ord, epoch) {
            Err(fault) if is_unreadable(&fault) => {
                let wait_ms = UNREADABLE_FOR.as_millis() as u64;
                error!(event = "flow.unreadable", ord, wait_ms, error = %fault, "flow cannot be read and is put aside");
                put_aside(connection, ord, now.plus(UNREADABLE_FOR))?;
            }
            claim => return claim.map(Some),
        }
    }
    Ok(None)
}

/// The oldest flow that may run is the first entry of an index.
pub(super) const TAKE: &str = "UPDATE flows SET state = 'running', epoch = epoch + 1, worker = ?1, lease_until_ms = ?2
     WHERE ord = (SELECT ord FROM flows INDEXED BY flows_ready
                  WHERE state = 'queued' AND is_head = 1 AND not_before_ms = 0 ORDER BY ord LIMIT 1)
     RETURNING ord, epoch";

/// Marks the oldest flow that may run as running.
fn take(connection: &Connection, worker: &WorkerId, until: Timestamp) -> rusqlite::Result<Option<(i64, Epoch)>> {
    let mut update = connection.prepare_cached(TAKE)?;
    let taken = update
        .query_row((&worker.0, until.unix_ms()), |row| Ok((row.get::<_, i64>("ord")?, Epoch(count(row, "epoch")?))));
    taken.optional()
}

fn read_claim(connection: &Connection, ord: i64, epoch: Epoch) -> rusqlite::Result<Claim> {
    let task = tasks::by_ord(connection, ord)?;
    Ok(Claim { lease: Lease { task: task.id, epoch }, task, journal: journal(connection, ord)? })
}

/// Whether a row holds what this program does not understand, rather than that reading failed.
fn is_unreadable(fault: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    matches!(fault, FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..))
}

fn put_aside(connection: &Connection, ord: i64, until: Timestamp) -> rusqlite::Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE flows SET state = 'queued', not_before_ms = ?2 WHERE ord = ?1")?;
    update.execute((ord, until.unix_ms().max(1))).map(|_| ())
}

/// Keeps the lease until `until`.
pub(crate) fn heartbeat(connection: &Connection, lease: Lease, until: Timestamp) -> Result<(), Fault> {
    let ord = held(connection, lease)?;
    connection
        .prepare_cached("UPDATE flows SET lease_until_ms = ?2 WHERE ord = ?1")?
        .execute((ord, until.unix_ms()))?;
    Ok(())
}

/// Journals a step with its events and what it says of the site.
pub(crate) fn record(
    connection: &Connection,
    lease: Lease,
    step: &StepRecord,
    update: &TaskUpdate,
    happened: &[Envelope],
) -> Result<(), Fault> {
    let ord = held(connection, lease)?;
    if !insert_step(connection, ord, step)? {
        return Err(lost(lease));
    }
    apply(connection, ord, update)?;
    Ok(events::insert(connection, ord, happened)?)
}

/// Adds a step, unless there is one of its name; says whether it did.
pub(super) fn insert_step(connection: &Connection, ord: i64, step: &StepRecord) -> rusqlite::Result<bool> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO steps (ord, step, outcome, summary, started_at_ms, finished_at_ms, attempts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (ord, step) DO NOTHING",
    )?;
    let (started, finished) = (step.started_at.unix_ms(), step.finished_at.unix_ms());
    let row = (ord, &step.step, &step.outcome, &step.summary, started, finished, step.attempts);
    Ok(insert.execute(row)? > 0)
}

/// Adds events.
pub(crate) fn append(connection: &Connection, lease: Lease, happened: &[Envelope]) -> Result<(), Fault> {
    let ord = held(connection, lease)?;
    Ok(events::insert(connection, ord, happened)?)
}

/// Gives the flow back until `not_before`.
pub(crate) fn release(
    connection: &Connection,
    lease: Lease,
    not_before: Timestamp,
    happened: &[Envelope],
) -> Result<(), Fault> {
    let ord = held(connection, lease)?;
    connection
        .prepare_cached("UPDATE flows SET state = 'queued', not_before_ms = ?2, lease_until_ms = 0 WHERE ord = ?1")?
        .execute((ord, not_before.unix_ms().max(0)))?;
    Ok(events::insert(connection, ord, happened)?)
}

/// Ends the flow; the next of its repository becomes the head.
pub(crate) fn finish(
    connection: &Connection,
    lease: Lease,
    closing: &Closing,
    happened: &[Envelope],
) -> Result<(), Fault> {
    let ord = held(connection, lease)?;
    connection
        .prepare_cached(
            "UPDATE flows SET state = 'finished', is_head = 0, outcome = ?2, finished_at_ms = ?3, lease_until_ms = 0
             WHERE ord = ?1",
        )?
        .execute((ord, closing.outcome.as_str(), closing.at.unix_ms()))?;
    choose_head(connection, ord)?;
    if let Some(body) = &closing.notification {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO notifications (ord, body) VALUES (?1, ?2)
             ON CONFLICT (ord) DO UPDATE SET body = excluded.body",
        )?;
        upsert.execute((ord, body))?;
    }
    Ok(events::insert(connection, ord, happened)?)
}

/// Makes the earliest waiting flow of `ord`'s repository its head, unless one runs. One that was
/// the head and does not run steps back first.
pub(super) fn choose_head(connection: &Connection, ord: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE flows SET is_head = 0
             WHERE repo = (SELECT repo FROM flows WHERE ord = ?1) AND is_head = 1 AND state = 'queued'",
        )?
        .execute([ord])?;
    connection
        .prepare_cached(
            "UPDATE flows SET is_head = 1
             WHERE ord = (SELECT min(ord) FROM flows
                          WHERE repo = (SELECT repo FROM flows WHERE ord = ?1) AND state = 'queued')
               AND NOT EXISTS (SELECT 1 FROM flows
                               WHERE repo = (SELECT repo FROM flows WHERE ord = ?1) AND is_head = 1)",
        )?
        .execute([ord])?;
    Ok(())
}

/// Flows that wait and flows that run, counted in indexes that leave out the finished ones.
pub(crate) fn depth(connection: &Connection) -> rusqlite::Result<QueueDepth> {
    let mut select = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM flows WHERE state = 'queued') AS queued,
                (SELECT count(*) FROM flows WHERE state = 'running') AS running",
    )?;
    select.query_row([], |row| Ok(QueueDepth { queued: count(row, "queued")?, running: count(row, "running")? }))
}

/// One small write, for the health check.
pub(crate) fn probe(connection: &Connection) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO probes (probe, count) VALUES (1, 1) ON CONFLICT (probe) DO UPDATE SET count = count + 1",
    )?;
    upsert.execute([]).map(|_| ())
}

/// What has waited long enough, and what nobody keeps.
pub(super) const WAKE: [&str; 2] = [
    "UPDATE flows SET not_before_ms = 0 WHERE state = 'queued' AND not_before_ms > 0 AND not_before_ms <= ?1",
    "UPDATE flows SET state = 'queued' WHERE state = 'running' AND lease_until_ms <= ?1",
];

/// Flows whose wait is over, and running ones whose lease has ended, may be claimed. Both are
/// found by index, so a claim costs the same however many flows wait.
fn wake(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    for sql in WAKE {
        connection.prepare_cached(sql)?.execute([now.unix_ms()])?;
    }
    Ok(())
}

/// The flow's `ord`, when the lease is its current one.
fn held(connection: &Connection, lease: Lease) -> Result<i64, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT flows.ord FROM tasks JOIN flows ON flows.ord = tasks.ord
         WHERE tasks.id = ?1 AND flows.state = 'running' AND flows.epoch = ?2",
    )?;
    let ord = select.query_row((lease.task.to_string(), integer(lease.epoch.0)), |row| row.get(0)).optional()?;
    ord.ok_or_else(|| lost(lease))
}

fn apply(connection: &Connection, ord: i64, update: &TaskUpdate) -> rusqlite::Result<()> {
    if *update == TaskUpdate::default() {
        return Ok(());
    }
    let TaskUpdate { report, repo_url, commit_sha, pages_url, notes } = update;
    let report = report.as_ref().map(to_json).transpose()?;
    let repo_url = repo_url.as_ref().map(|url| url.as_str());
    connection
        .prepare_cached(
            "INSERT INTO sites (ord, report, repo_url, commit_sha, pages_url) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (ord) DO UPDATE SET
                 report = coalesce(excluded.report, report),
                 repo_url = coalesce(excluded.repo_url, repo_url),
                 commit_sha = coalesce(excluded.commit_sha, commit_sha),
                 pages_url = coalesce(excluded.pages_url, pages_url)",
        )?
        .execute((
            ord,
            report,
            repo_url,
            commit_sha.as_ref().map(|sha| sha.as_str()),
            pages_url.as_ref().map(|url| url.as_str()),
        ))?;
    let mut add =
        connection.prepare_cached("UPDATE sites SET notes = json_insert(notes, '$[#]', ?2) WHERE ord = ?1")?;
    for note in notes {
        add.execute((ord, note))?;
    }
    Ok(())
}

/// The steps of the flow `id`, in the order they were recorded.
pub(crate) fn journal_of(connection: &Connection, id: TaskId) -> rusqlite::Result<Vec<StepRecord>> {
    let mut find = connection.prepare_cached("SELECT ord FROM tasks WHERE id = ?1")?;
    match find.query_row([id.to_string()], |row| row.get(0)).optional()? {
        Some(ord) => journal(connection, ord),
        None => Ok(Vec::new()),
    }
}

/// The steps of a flow, in the order they were recorded.
pub(super) fn journal(connection: &Connection, ord: i64) -> rusqlite::Result<Vec<StepRecord>> {
    let mut select = connection.prepare_cached(
        "SELECT step, outcome, summary, started_at_ms, finished_at_ms, attempts
         FROM steps WHERE ord = ?1 ORDER BY position",
    )?;
    select.query_map([ord], step)?.collect()
}

fn step(row: &Row<'_>) -> rusqlite::Result<StepRecord> {
    Ok(StepRecord {
        step: row.get("step")?,
        outcome: row.get("outcome")?,
        summary: row.get("summary")?,
        started_at: time(row, "started_at_ms")?,
        finished_at: time(row, "finished_at_ms")?,
        attempts: row.get("attempts")?,
    })
}

fn lost(lease: Lease) -> Fault {
    Error::LeaseLost { task: lease.task, epoch: lease.epoch }.into()
}
