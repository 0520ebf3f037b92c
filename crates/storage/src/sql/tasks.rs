//! Tasks as they are read: what was accepted joined with what became of it.

use ports::{Attempt, Show, TaskPage, TaskRecord};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use shared_types::http::{Outcome, TaskState};
use shared_types::{Epoch, Round, TaskId, Timestamp};

use super::row::{count, json, parsed, parsed_opt, time, unfit};

/// Every column that [`record`] reads; a WHERE clause follows.
macro_rules! select_tasks {
    ($rest:literal) => {
        concat!(
            "SELECT tasks.id, tasks.trace_id, tasks.email, tasks.task, tasks.round, tasks.nonce, tasks.brief,
                    tasks.checks, tasks.evaluation_url, tasks.attachments, repos.name AS repo, tasks.repo_known,
                    tasks.accepted_at_ms, coalesce(flows.deadline_at_ms, tasks.deadline_at_ms) AS deadline_at_ms,
                    flows.attempt, flows.attempt_epoch, flows.attempt_began_ms, flows.state, flows.outcome, flows.finished_at_ms,
                    sites.report, sites.repo_url, sites.commit_sha, sites.pages_url,
                    coalesce(sites.notes, '[]') AS notes
             FROM tasks
             JOIN repos ON repos.repo = tasks.repo
             JOIN flows ON flows.ord = tasks.ord
             LEFT JOIN sites ON sites.ord = tasks.ord ",
            $rest
        )
    };
}

/// One task.
pub(crate) fn by_id(connection: &Connection, id: TaskId) -> rusqlite::Result<Option<TaskRecord>> {
    let mut select = connection.prepare_cached(select_tasks!("WHERE tasks.id = ?1"))?;
    select.query_row([id.to_string()], record).optional()
}

/// One task by its place in the order of acceptance.
pub(crate) fn by_ord(connection: &Connection, ord: i64) -> rusqlite::Result<TaskRecord> {
    connection.prepare_cached(select_tasks!("WHERE tasks.ord = ?1"))?.query_row([ord], record)
}

/// A page, newest first.
pub(crate) fn page(connection: &Connection, page: TaskPage) -> rusqlite::Result<Vec<TaskRecord>> {
    match page.show {
        Show::All => pages(connection, page, select_tasks!("WHERE tasks.ord < ?1 ORDER BY tasks.ord DESC LIMIT ?2")),
        // Both are found in indexes that leave out all others.
        Show::Open => pages(
            connection,
            page,
            select_tasks!(
                "WHERE tasks.ord < ?1 AND tasks.ord IN (SELECT ord FROM flows WHERE state = 'queued'
                                                        UNION ALL SELECT ord FROM flows WHERE state = 'running')
                 ORDER BY tasks.ord DESC LIMIT ?2"
            ),
        ),
        Show::Dead => pages(
            connection,
            page,
            select_tasks!(
                "WHERE tasks.ord IN (SELECT ord FROM flows INDEXED BY flows_dead
                                     WHERE outcome IN ('failed', 'refused', 'undelivered') AND ord < ?1
                                     ORDER BY ord DESC LIMIT ?2)
                 ORDER BY tasks.ord DESC"
            ),
        ),
    }
}

fn pages(connection: &Connection, page: TaskPage, sql: &str) -> rusqlite::Result<Vec<TaskRecord>> {
    let before = match page.before {
        None => i64::MAX,
        Some(id) => {
            let mut find = connection.prepare_cached("SELECT ord FROM tasks WHERE id = ?1")?;
            find.query_row([id.to_string()], |row| row.get(0)).optional()?.unwrap_or(0)
        }
    };
    all(connection, sql, (before, page.limit))
}

/// Earlier requests of the same repository, in order of acceptance.
pub(crate) fn earlier_rounds(connection: &Connection, id: TaskId) -> rusqlite::Result<Vec<TaskRecord>> {
    all(
        connection,
        select_tasks!(
            "JOIN tasks AS this ON this.id = ?1
             WHERE tasks.repo = this.repo AND tasks.ord < this.ord ORDER BY tasks.ord"
        ),
        [id.to_string()],
    )
}

/// The bytes kept for the evaluator.
pub(crate) fn notification(connection: &Connection, id: TaskId) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select = connection
        .prepare_cached("SELECT body FROM notifications WHERE ord = (SELECT ord FROM tasks WHERE id = ?1)")?;
    select.query_row([id.to_string()], |row| row.get(0)).optional()
}

fn all(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Vec<TaskRecord>> {
    connection.prepare_cached(sql)?.query_map(params, record)?.collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<TaskRecord> {
    Ok(TaskRecord {
        id: parsed(row, "id")?,
        trace_id: parsed(row, "trace_id")?,
        email: parsed(row, "email")?,
        task: parsed(row, "task")?,
        round: Round::try_from(row.get::<_, u32>("round")?).map_err(|e| unfit(row, "round", Type::Integer, e))?,
        nonce: parsed(row, "nonce")?,
        brief: row.get("brief")?,
        checks: json(row, "checks")?,
        evaluation_url: parsed(row, "evaluation_url")?,
        attachments: json(row, "attachments")?,
        repo: parsed(row, "repo")?,
        repo_known: row.get("repo_known")?,
        accepted_at: time(row, "accepted_at_ms")?,
        deadline_at: time(row, "deadline_at_ms")?,
        attempt: attempt(row)?,
        state: state(row)?,
        outcome: outcome(row)?,
        finished_at: row.get::<_, Option<i64>>("finished_at_ms")?.map(Timestamp::from_unix_ms),
        report: json(row, "report")?,
        repo_url: parsed_opt(row, "repo_url")?,
        commit_sha: parsed_opt(row, "commit_sha")?,
        pages_url: parsed_opt(row, "pages_url")?,
        notes: json(row, "notes")?,
    })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        number: row.get("attempt")?,
        began_at: row.get::<_, Option<i64>>("attempt_began_ms")?.map(Timestamp::from_unix_ms),
        epoch: Epoch(count(row, "attempt_epoch")?),
    })
}

/// Where a flow stands.
pub(crate) fn state(row: &Row<'_>) -> rusqlite::Result<TaskState> {
    match row.get_ref("state")?.as_str()? {
        "queued" => Ok(TaskState::Queued),
        "running" => Ok(TaskState::Running),
        "finished" => Ok(TaskState::Finished),
        _ => Err(unfit(row, "state", Type::Text, "not a state of a flow")),
    }
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<Option<Outcome>> {
    let Some(text) = row.get_ref("outcome")?.as_str_or_null()? else { return Ok(None) };
    match Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == text) {
        Some(outcome) => Ok(Some(outcome)),
        None => Err(unfit(row, "outcome", Type::Text, "not an outcome of a flow")),
    }
}
