//! What operators change: new attempts at flows, and ends of flows that no worker decides.
//!
//! A flow that was cancelled while it ran keeps the end of its lease: until then its worker may
//! still be at work, and nothing else of its repository is begun.

use ports::{Moved, Reopening, Standing};
use rusqlite::{Connection, OptionalExtension, named_params};
use shared_types::http::Outcome;
use shared_types::{Envelope, TaskId, Timestamp};

use super::row::parsed;
use super::{events, flows, tasks};

/// A task with its journal.
pub(crate) fn standing(connection: &Connection, id: TaskId) -> rusqlite::Result<Option<Standing>> {
    let Some(ord) = ord(connection, id)? else { return Ok(None) };
    let mut published = connection.prepare_cached(
        "SELECT later.id FROM tasks AS later JOIN sites ON sites.ord = later.ord
         WHERE later.repo = (SELECT repo FROM tasks WHERE ord = ?1) AND later.ord > ?1 AND sites.commit_sha IS NOT NULL
         ORDER BY later.ord DESC LIMIT 1",
    )?;
    let published_later = published.query_row([ord], |row| parsed(row, "id")).optional()?;
    let (task, journal) = (tasks::by_ord(connection, ord)?, flows::journal(connection, ord)?);
    Ok(Some(Standing { task, journal, published_later }))
}

/// Puts a flow that does not run back into the queue.
pub(crate) fn reopen(connection: &Connection, reopening: &Reopening) -> rusqlite::Result<Moved> {
    let Some(ord) = ord(connection, reopening.id)? else { return Ok(Moved::No) };
    let mut update = connection.prepare_cached(
        "UPDATE flows SET
             state = 'queued', outcome = NULL, finished_at_ms = NULL, not_before_ms = lease_until_ms,
             attempt = attempt + 1, attempt_epoch = epoch, attempt_began_ms = :at, deadline_at_ms = :deadline
         WHERE ord = :ord AND state <> 'running' AND attempt = :attempt",
    )?;
    let changed = update.execute(named_params! {
        ":ord": ord,
        ":attempt": reopening.after_attempt,
        ":at": reopening.at.unix_ms(),
        ":deadline": reopening.deadline_at.unix_ms(),
    })?;
    if changed == 0 {
        return Ok(Moved::No);
    }
    forget_steps(connection, ord, &reopening.keep)?;
    flows::choose_head(connection, ord)?;
    events::insert(connection, ord, std::slice::from_ref(&reopening.event))?;
    Ok(Moved::Yes)
}

/// Ends a flow that has not ended.
pub(crate) fn cancel(connection: &Connection, id: TaskId, at: Timestamp, event: &Envelope) -> rusqlite::Result<Moved> {
    let Some(ord) = ord(connection, id)? else { return Ok(Moved::No) };
    let mut update = connection.prepare_cached(
        "UPDATE flows SET state = 'finished', is_head = 0, outcome = ?2, finished_at_ms = ?3
         WHERE ord = ?1 AND state <> 'finished' RETURNING lease_until_ms",
    )?;
    let ended = update.query_row((ord, Outcome::Cancelled.as_str(), at.unix_ms()), |row| row.get::<_, i64>(0));
    let Some(lease_until) = ended.optional()? else { return Ok(Moved::No) };
    flows::choose_head(connection, ord)?;
    connection
        .prepare_cached(
            "UPDATE flows SET not_before_ms = max(not_before_ms, ?2)
             WHERE repo = (SELECT repo FROM flows WHERE ord = ?1) AND is_head = 1 AND state = 'queued'",
        )?
        .execute((ord, lease_until))?;
    events::insert(connection, ord, std::slice::from_ref(event))?;
    Ok(Moved::Yes)
}

fn ord(connection: &Connection, id: TaskId) -> rusqlite::Result<Option<i64>> {
    let mut find = connection.prepare_cached("SELECT ord FROM tasks WHERE id = ?1")?;
    find.query_row([id.to_string()], |row| row.get(0)).optional()
}

fn forget_steps(connection: &Connection, ord: i64, keep: &[String]) -> rusqlite::Result<()> {
    let done = flows::journal(connection, ord)?;
    let mut remove = connection.prepare_cached("DELETE FROM steps WHERE ord = ?1 AND step = ?2")?;
    for step in done.into_iter().filter(|step| !keep.contains(&step.step)) {
        remove.execute((ord, step.step))?;
    }
    Ok(())
}
