//! Calls that cost money, and what is counted against the caps.

use std::time::Duration;

use ports::{NewRun, OverCap, RunEnd, RunId, RunPage, SpendCaps, day_of};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};
use shared_types::http::{ModelRun, ModelRunTotals, RunStatus, RunUnit};
use shared_types::{TaskId, Timestamp};

use super::row::{count, integer, parsed, time, unfit};

/// Writes the row of a call; it reserves, or says that there is no room.
pub(crate) fn begin(
    connection: &Connection,
    run: &NewRun,
    caps: SpendCaps,
) -> rusqlite::Result<Result<RunId, OverCap>> {
    let admitted = caps.admit(counted(connection, run.task, run.started_at)?, run.reserve_micro_usd);
    let (status, counted, cost, error) = match &admitted {
        Ok(()) => (RunStatus::Running, run.reserve_micro_usd, None, None),
        Err(over) => (RunStatus::OverQuota, 0, Some(0), Some(over.to_string())),
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO model_runs (started_at_ms, day, task, trace_id, alias, model, template, prompt_hash, unit,
                                 status, cost_micro_usd, counted_micro_usd, error)
         VALUES (:started_at, :day, :task, :trace_id, :alias, :model, :template, :prompt_hash, :unit,
                 :status, :cost, :counted, :error)",
    )?;
    insert.execute(named_params! {
        ":started_at": run.started_at.unix_ms(),
        ":day": day_of(run.started_at),
        ":task": run.task.to_string(),
        ":trace_id": run.trace_id.to_string(),
        ":alias": run.alias,
        ":model": run.model,
        ":template": run.template,
        ":prompt_hash": run.prompt_hash,
        ":unit": run.unit.as_str(),
        ":status": status.as_str(),
        ":cost": cost,
        ":counted": integer(counted),
        ":error": error,
    })?;
    let id = RunId(u64::try_from(connection.last_insert_rowid()).unwrap_or(0));
    Ok(admitted.map(|()| id))
}

/// Says how a running call ended. A row that is settled already stays as it is.
pub(crate) fn settle(connection: &Connection, id: RunId, end: &RunEnd) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE model_runs SET
             status = :status, input = :input, cached_input = :cached_input, output = :output,
             cost_micro_usd = :cost, counted_micro_usd = :counted, price_version = :price_version,
             latency_ms = :latency, first_token_ms = :first_token, error = :error
         WHERE run = :run AND status = 'running'",
    )?;
    let settled = update.execute(named_params! {
        ":run": integer(id.0),
        ":status": end.status.as_str(),
        ":input": integer(end.input),
        ":cached_input": integer(end.cached_input),
        ":output": integer(end.output),
        ":cost": end.cost_micro_usd.map(integer),
        ":counted": integer(end.counted_micro_usd),
        ":price_version": end.price_version,
        ":latency": milliseconds(end.latency),
        ":first_token": end.first_token.map(milliseconds),
        ":error": end.error,
    });
    settled.map(|_| ())
}

/// Rows that an earlier process left running.
pub(crate) fn close_interrupted(connection: &Connection) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE model_runs SET status = 'interrupted', error = 'the process ended during the call'
         WHERE status = 'running'",
        (),
    )
}

/// A page, newest first.
pub(crate) fn page(connection: &Connection, page: RunPage) -> rusqlite::Result<Vec<ModelRun>> {
    let before = page.before.map_or(i64::MAX, |before| integer(before.0));
    match page.task {
        None => connection
            .prepare_cached("SELECT * FROM model_runs WHERE run < ?1 ORDER BY run DESC LIMIT ?2")?
            .query_map((before, page.limit), record)?
            .collect(),
        Some(task) => connection
            .prepare_cached("SELECT * FROM model_runs WHERE task = ?1 AND run < ?2 ORDER BY run DESC LIMIT ?3")?
            .query_map((task.to_string(), before, page.limit), record)?
            .collect(),
    }
}

/// The columns of [`ModelRunTotals`]; a WHERE clause may follow.
macro_rules! select_totals {
    ($rest:literal) => {
        concat!(
            "SELECT count(*) AS runs,
                    coalesce(sum(iif(unit = 'tokens', input, 0)), 0) AS input,
                    coalesce(sum(iif(unit = 'tokens', cached_input, 0)), 0) AS cached_input,
                    coalesce(sum(iif(unit = 'tokens', output, 0)), 0) AS output,
                    coalesce(sum(cost_micro_usd), 0) AS cost,
                    count(*) - count(cost_micro_usd) AS unknown,
                    coalesce(sum(counted_micro_usd), 0) AS counted
             FROM model_runs ",
            $rest
        )
    };
}

/// What rows come to.
pub(crate) fn totals(connection: &Connection, task: Option<TaskId>) -> rusqlite::Result<ModelRunTotals> {
    match task {
        None => connection.prepare_cached(select_totals!(""))?.query_row((), read_totals),
        Some(task) => {
            connection.prepare_cached(select_totals!("WHERE task = ?1"))?.query_row([task.to_string()], read_totals)
        }
    }
}

fn read_totals(row: &Row<'_>) -> rusqlite::Result<ModelRunTotals> {
    Ok(ModelRunTotals {
        runs: count(row, "runs")?,
        input_tokens: count(row, "input")?,
        cached_input_tokens: count(row, "cached_input")?,
        output_tokens: count(row, "output")?,
        cost_micro_usd: count(row, "cost")?,
        unknown_costs: count(row, "unknown")?,
        counted_micro_usd: count(row, "counted")?,
    })
}

/// What is counted for the task, for its student on the day of `at`, and for all on that day.
fn counted(connection: &Connection, task: TaskId, at: Timestamp) -> rusqlite::Result<[u64; 3]> {
    let mut select = connection.prepare_cached(
        "SELECT (SELECT coalesce(sum(counted_micro_usd), 0) FROM model_runs WHERE task = ?1) AS of_task,
                (SELECT coalesce(sum(counted_micro_usd), 0)
                 FROM model_runs JOIN tasks ON tasks.id = model_runs.task
                 WHERE day = ?2 AND email = (SELECT email FROM tasks WHERE id = ?1)) AS of_student,
                (SELECT coalesce(sum(counted_micro_usd), 0) FROM model_runs WHERE day = ?2) AS of_day",
    )?;
    select.query_row((task.to_string(), day_of(at)), |row| {
        Ok([count(row, "of_task")?, count(row, "of_student")?, count(row, "of_day")?])
    })
}

fn record(row: &Row<'_>) -> rusqlite::Result<ModelRun> {
    Ok(ModelRun {
        id: count(row, "run")?,
        started_at: time(row, "started_at_ms")?,
        task: parsed(row, "task")?,
        trace_id: parsed(row, "trace_id")?,
        alias: row.get("alias")?,
        model: row.get("model")?,
        template: row.get("template")?,
        prompt_hash: row.get("prompt_hash")?,
        unit: named(row, "unit", RunUnit::named)?,
        input: count(row, "input")?,
        cached_input: count(row, "cached_input")?,
        output: count(row, "output")?,
        cost_micro_usd: count_opt(row, "cost_micro_usd")?,
        counted_micro_usd: count(row, "counted_micro_usd")?,
        price_version: row.get("price_version")?,
        latency_ms: count_opt(row, "latency_ms")?,
        first_token_ms: count_opt(row, "first_token_ms")?,
        status: named(row, "status", RunStatus::named)?,
        error: row.get("error")?,
    })
}

fn named<T>(row: &Row<'_>, column: &str, read: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    read(row.get_ref(column)?.as_str()?).ok_or_else(|| unfit(row, column, Type::Text, "not a word of this column"))
}

fn count_opt(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    match row.get::<_, Option<i64>>(column)? {
        None => Ok(None),
        Some(_) => count(row, column).map(Some),
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
