//! Events, cursors of the outbox, and what is read out of events.

use prost::Message;
use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};
use shared_types::http::NotificationAttempt;
use shared_types::{Envelope, Payload, TaskId, Timestamp};

use super::row::{count, integer, unfit};

/// Adds events of one task, in order.
pub(crate) fn insert(connection: &Connection, ord: i64, events: &[Envelope]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO events (ord, kind, envelope) VALUES (?1, ?2, ?3)")?;
    for event in events {
        insert.execute((ord, event.kind(), event.encode_to_vec()))?;
    }
    Ok(())
}

/// An event as it is stored: its place is the row's.
pub(super) fn stored(event: &Envelope) -> Vec<u8> {
    Envelope { seq: 0, ..event.clone() }.encode_to_vec()
}

/// Adds events of the task `id`, in order; none when there is no such task.
pub(crate) fn add(connection: &Connection, id: TaskId, events: &[Envelope]) -> rusqlite::Result<()> {
    let mut find = connection.prepare_cached("SELECT ord FROM tasks WHERE id = ?1")?;
    match find.query_row([id.to_string()], |row| row.get(0)).optional()? {
        Some(ord) => insert(connection, ord, events),
        None => Ok(()),
    }
}

/// Up to `limit` events of one task with `seq > after`.
pub(crate) fn of_task(connection: &Connection, id: TaskId, after: u64, limit: u32) -> rusqlite::Result<Vec<Envelope>> {
    let select = connection.prepare_cached(
        "SELECT seq, envelope FROM events
         WHERE ord = (SELECT ord FROM tasks WHERE id = ?1) AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    read(select, (id.to_string(), integer(after), limit))
}

/// Up to `limit` events with `seq > after`.
pub(crate) fn after(connection: &Connection, after: u64, limit: u32) -> rusqlite::Result<Vec<Envelope>> {
    let select = connection.prepare_cached("SELECT seq, envelope FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    read(select, (integer(after), limit))
}

/// The attempts to notify that the events tell of.
pub(crate) fn notification_attempts(connection: &Connection, id: TaskId) -> rusqlite::Result<Vec<NotificationAttempt>> {
    let select = connection.prepare_cached(
        "SELECT seq, envelope FROM events
         WHERE ord = (SELECT ord FROM tasks WHERE id = ?1) AND kind = 'notification_attempted' ORDER BY seq",
    )?;
    Ok(read(select, [id.to_string()])?.into_iter().filter_map(attempt).collect())
}

/// How far the reader has come.
pub(crate) fn cursor(connection: &Connection, reader: &str) -> rusqlite::Result<u64> {
    let mut select = connection.prepare_cached("SELECT seq FROM cursors WHERE reader = ?1")?;
    Ok(select.query_row([reader], |row| count(row, "seq")).optional()?.unwrap_or(0))
}

/// Moves the reader forward.
pub(crate) fn advance(connection: &Connection, reader: &str, seq: u64) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO cursors (reader, seq) VALUES (?1, ?2)
         ON CONFLICT (reader) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > cursors.seq",
    )?;
    upsert.execute((reader, integer(seq))).map(|_| ())
}

fn read(mut select: CachedStatement<'_>, params: impl Params) -> rusqlite::Result<Vec<Envelope>> {
    select.query_map(params, envelope)?.collect()
}

fn envelope(row: &Row<'_>) -> rusqlite::Result<Envelope> {
    let bytes = row.get_ref("envelope")?.as_blob()?;
    let mut event = Envelope::decode(bytes).map_err(|error| unfit(row, "envelope", Type::Blob, error))?;
    event.seq = count(row, "seq")?;
    Ok(event)
}

fn attempt(event: Envelope) -> Option<NotificationAttempt> {
    let Some(Payload::NotificationAttempted(made)) = event.payload else { return None };
    Some(NotificationAttempt {
        attempt: made.attempt,
        at: Timestamp::from_unix_ms(event.occurred_at_ms),
        // 0 is the wire's word for: no answer came.
        status: u16::try_from(made.status).ok().filter(|status| *status != 0),
        verdict: made.verdict,
        latency_ms: made.latency_ms,
        error: Some(made.error).filter(|error| !error.is_empty()),
    })
}
