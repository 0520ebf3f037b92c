//! All rows of one task as one value, and rows made of such a value again.

use ports::{TaskCopy, TaskRecord};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, named_params};
use shared_types::http::TaskState;
use shared_types::{Digest, Envelope, Epoch, TaskId, Timestamp};

use super::row::{count, integer, parsed, time, to_json, unfit};
use super::{events, flows, tasks};

/// Events of one task that are copied: far more than one has.
const MAX_EVENTS: u32 = 100_000;

/// What [`tasks`] does not read of a task.
struct Beside {
    ord: i64,
    repo: i64,
    fingerprint: Digest,
    deadline_at: Timestamp,
    epoch: u64,
}

/// The rows of a task.
pub(crate) fn of(connection: &Connection, id: TaskId) -> rusqlite::Result<Option<TaskCopy>> {
    let mut select = connection.prepare_cached(
        "SELECT tasks.ord, tasks.repo, tasks.fingerprint, tasks.deadline_at_ms, flows.epoch
         FROM tasks JOIN flows ON flows.ord = tasks.ord WHERE tasks.id = ?1",
    )?;
    let beside = select.query_row([id.to_string()], |row| {
        Ok(Beside {
            ord: row.get("ord")?,
            repo: row.get("repo")?,
            fingerprint: parsed(row, "fingerprint")?,
            deadline_at: time(row, "deadline_at_ms")?,
            epoch: count(row, "epoch")?,
        })
    });
    let Some(Beside { ord, repo, fingerprint, deadline_at, epoch }) = beside.optional()? else { return Ok(None) };
    Ok(Some(TaskCopy {
        place: ord.unsigned_abs(),
        repo_place: repo.unsigned_abs(),
        record: tasks::by_ord(connection, ord)?,
        fingerprint,
        first_deadline_at: deadline_at,
        epoch: Epoch(epoch),
        journal: flows::journal(connection, ord)?,
        events: events::of_task(connection, id, 0, MAX_EVENTS)?,
        notification: notification(connection, ord)?,
        blobs: Vec::new(),
    }))
}

/// It is JSON, so it is text.
fn notification(connection: &Connection, ord: i64) -> rusqlite::Result<Option<String>> {
    let mut select = connection.prepare_cached("SELECT body FROM notifications WHERE ord = ?1")?;
    let body = select.query_row([ord], |row| {
        String::from_utf8(row.get("body")?).map_err(|error| unfit(row, "body", Type::Blob, error))
    });
    body.optional()
}

/// Inserts the rows of a task. No flow is a repository's head yet, see [`choose_heads`].
pub(crate) fn insert(connection: &Connection, copy: &TaskCopy) -> rusqlite::Result<()> {
    let TaskCopy { record, .. } = copy;
    let (ord, repo) = (integer(copy.place), integer(copy.repo_place));
    connection
        .prepare_cached(
            "INSERT INTO repos (repo, name, email, task) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (repo) DO NOTHING",
        )?
        .execute((repo, record.repo.as_str(), record.email.as_str(), record.task.as_str()))?;
    insert_task(connection, ord, repo, copy)?;
    insert_flow(connection, ord, repo, copy)?;
    insert_site(connection, ord, record)?;
    for step in &copy.journal {
        flows::insert_step(connection, ord, step)?;
    }
    for event in &copy.events {
        insert_event(connection, ord, event)?;
    }
    if let Some(body) = &copy.notification {
        connection
            .prepare_cached("INSERT INTO notifications (ord, body) VALUES (?1, ?2)")?
            .execute((ord, body.as_bytes()))?;
    }
    Ok(())
}

fn insert_task(connection: &Connection, ord: i64, repo: i64, copy: &TaskCopy) -> rusqlite::Result<()> {
    let TaskCopy { record, fingerprint, first_deadline_at, .. } = copy;
    // The repository of that place may be of another ledger: then nothing is selected, and nothing inserted.
    let mut insert = connection.prepare_cached(
        "INSERT INTO tasks (ord, id, trace_id, email, task, round, nonce, fingerprint, brief, checks, evaluation_url,
                            attachments, repo, repo_known, accepted_at_ms, deadline_at_ms)
         VALUES (:ord, :id, :trace_id, :email, :task, :round, :nonce, :fingerprint, :brief, :checks, :evaluation_url,
                 :attachments, (SELECT repo FROM repos WHERE repo = :repo AND name = :name), :repo_known,
                 :accepted_at_ms, :deadline_at_ms)",
    )?;
    insert.execute(named_params! {
        ":ord": ord,
        ":id": record.id.to_string(),
        ":trace_id": record.trace_id.as_str(),
        ":email": record.email.as_str(),
        ":task": record.task.as_str(),
        ":round": record.round.get(),
        ":nonce": record.nonce.as_str(),
        ":fingerprint": fingerprint.as_str(),
        ":brief": record.brief,
        ":checks": to_json(&record.checks)?,
        ":evaluation_url": record.evaluation_url.as_str(),
        ":attachments": to_json(&record.attachments)?,
        ":repo": repo,
        ":name": record.repo.as_str(),
        ":repo_known": record.repo_known,
        ":accepted_at_ms": record.accepted_at.unix_ms(),
        ":deadline_at_ms": first_deadline_at.unix_ms(),
    })?;
    Ok(())
}

fn insert_flow(connection: &Connection, ord: i64, repo: i64, copy: &TaskCopy) -> rusqlite::Result<()> {
    let TaskCopy { record, epoch, first_deadline_at, .. } = copy;
    let state = if record.state == TaskState::Finished { "finished" } else { "queued" };
    let deadline = Some(record.deadline_at).filter(|deadline| deadline != first_deadline_at);
    let mut insert = connection.prepare_cached(
        "INSERT INTO flows (ord, repo, state, is_head, epoch, outcome, finished_at_ms, attempt, attempt_epoch,
                            attempt_began_ms, deadline_at_ms)
         VALUES (:ord, :repo, :state, 0, :epoch, :outcome, :finished, :attempt, :attempt_epoch, :began, :deadline)",
    )?;
    insert.execute(named_params! {
        ":ord": ord,
        ":repo": repo,
        ":state": state,
        ":epoch": integer(epoch.0),
        ":outcome": record.outcome.map(|outcome| outcome.as_str()),
        ":finished": record.finished_at.map(Timestamp::unix_ms),
        ":attempt": record.attempt.number,
        ":attempt_epoch": integer(record.attempt.epoch.0),
        ":began": record.attempt.began_at.map(Timestamp::unix_ms),
        ":deadline": deadline.map(Timestamp::unix_ms),
    })?;
    Ok(())
}

fn insert_site(connection: &Connection, ord: i64, record: &TaskRecord) -> rusqlite::Result<()> {
    let TaskRecord { report, repo_url, commit_sha, pages_url, notes, .. } = record;
    if report.is_none() && repo_url.is_none() && commit_sha.is_none() && pages_url.is_none() && notes.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO sites (ord, report, repo_url, commit_sha, pages_url, notes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let report = report.as_ref().map(to_json).transpose()?;
    let (repo_url, pages_url) = (repo_url.as_ref().map(|url| url.as_str()), pages_url.as_ref().map(|url| url.as_str()));
    insert.execute((ord, report, repo_url, commit_sha.as_ref().map(|sha| sha.as_str()), pages_url, to_json(notes)?))?;
    Ok(())
}

/// Inserts an event in its own place. Another one there is a conflict.
fn insert_event(connection: &Connection, ord: i64, event: &Envelope) -> rusqlite::Result<usize> {
    let mut insert =
        connection.prepare_cached("INSERT INTO events (seq, ord, kind, envelope) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute((integer(event.seq), ord, event.kind(), events::stored(event)))
}

/// Inserts an event of the task that it names, unless its place is taken or there is no such task.
pub(crate) fn insert_late_event(connection: &Connection, event: &Envelope) -> rusqlite::Result<bool> {
    let Some(id) = event.task_id() else { return Ok(false) };
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (seq, ord, kind, envelope) SELECT ?1, ord, ?3, ?4 FROM tasks WHERE id = ?2
         ON CONFLICT (seq) DO NOTHING",
    )?;
    let row = (integer(event.seq), id.to_string(), event.kind(), events::stored(event));
    Ok(insert.execute(row)? > 0)
}

/// Tasks whose flow has not ended.
pub(crate) fn open_flows(connection: &Connection) -> rusqlite::Result<Vec<TaskId>> {
    let mut select = connection
        .prepare("SELECT tasks.id FROM tasks JOIN flows ON flows.ord = tasks.ord WHERE flows.state <> 'finished'")?;
    select.query_map([], |row| parsed(row, "id"))?.collect()
}

/// Lets a flow's epoch be at least `least`.
pub(crate) fn raise(connection: &Connection, id: TaskId, least: Epoch) -> rusqlite::Result<()> {
    let mut update = connection
        .prepare_cached("UPDATE flows SET epoch = max(epoch, ?2) WHERE ord = (SELECT ord FROM tasks WHERE id = ?1)")?;
    update.execute((id.to_string(), integer(least.0))).map(|_| ())
}

/// The earliest flow of each repository that has not ended is its head.
pub(crate) fn choose_heads(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "UPDATE flows SET is_head = 1 WHERE ord IN (SELECT min(ord) FROM flows WHERE state = 'queued' GROUP BY repo)",
    )
}

/// No event gets a place up to `seq`.
pub(crate) fn begin_events_after(connection: &Connection, seq: u64) -> rusqlite::Result<()> {
    // The table has one row for each counter, once something was inserted.
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'", [])?;
    connection
        .execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', max(?1, (SELECT coalesce(max(seq), 0) FROM events)))", [integer(seq)])
        .map(|_| ())
}
