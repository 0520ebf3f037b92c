//! Removing what is known of a person.
//!
//! Every table is here, or holds nothing of a person: a test compares this with the schema.

use std::collections::{BTreeMap, HashSet};

use ports::{Erased, Forgetting, Forgot, OwnTask};
use rusqlite::{Connection, OptionalExtension, Params, Row, named_params};
use shared_types::{Digest, Email, Timestamp};

use super::row::{parsed, parsed_opt};
use super::tasks;

/// What an anonymous call of a model was for: no task, and no trace.
const NO_TASK: &str = "00000000000000000000000000";
const NO_TRACE: &str = "00000000000000000000000000000001";

/// The flows of the person `?1`: capitals make no other one.
macro_rules! own {
    () => {
        "(SELECT ord FROM tasks WHERE email = ?1 COLLATE NOCASE)"
    };
}

/// The person's tasks, in order of acceptance.
pub(crate) fn tasks_of(connection: &Connection, email: &Email) -> rusqlite::Result<Vec<OwnTask>> {
    let mut select = connection.prepare_cached(
        "SELECT tasks.id, tasks.email, tasks.task, flows.state, repos.name AS repo, sites.repo_url
         FROM tasks JOIN flows ON flows.ord = tasks.ord JOIN repos ON repos.repo = tasks.repo
         LEFT JOIN sites ON sites.ord = tasks.ord
         WHERE tasks.email = ?1 COLLATE NOCASE ORDER BY tasks.ord",
    )?;
    let own = |row: &Row<'_>| {
        Ok(OwnTask {
            id: parsed(row, "id")?,
            email: parsed(row, "email")?,
            task: parsed(row, "task")?,
            state: tasks::state(row)?,
            repo: parsed(row, "repo")?,
            repo_url: parsed_opt(row, "repo_url")?,
        })
    };
    select.query_map([email.as_str()], own)?.collect()
}

/// Removes the person's rows, unless something of theirs may be under way.
pub(crate) fn forget(connection: &Connection, wish: &Forgetting) -> rusqlite::Result<Forgot> {
    let email = wish.email.as_str();
    if let Some(busy) = busy(connection, wish)? {
        return Ok(busy);
    }
    let repos = column(connection, "SELECT name FROM repos WHERE email = ?1 COLLATE NOCASE", email)?;
    let unnamed = digests_of(connection, email)?.into_iter().collect();
    let mut rows = BTreeMap::new();
    let mut note = |table: &str, count: usize| *rows.entry(table.to_owned()).or_default() += count as u64;
    note("model_runs", strip_runs(connection, email)?);
    for (table, sql) in [
        ("events", concat!("DELETE FROM events WHERE ord IN ", own!())),
        ("steps", concat!("DELETE FROM steps WHERE ord IN ", own!())),
        ("sites", concat!("DELETE FROM sites WHERE ord IN ", own!())),
        ("notifications", concat!("DELETE FROM notifications WHERE ord IN ", own!())),
        ("flows", concat!("DELETE FROM flows WHERE ord IN ", own!())),
        ("tasks", "DELETE FROM tasks WHERE email = ?1 COLLATE NOCASE"),
        ("repos", "DELETE FROM repos WHERE email = ?1 COLLATE NOCASE"),
    ] {
        note(table, connection.prepare_cached(sql)?.execute([email])?);
    }
    let mut counter = connection.prepare_cached("DELETE FROM rate_buckets WHERE key = ?1")?;
    for key in &wish.counters {
        note("rate_buckets", counter.execute([key.as_str()])?);
    }
    Ok(Forgot::Done(Erased { rows, repos, unnamed, ..Erased::default() }))
}

/// Every text that may be the digest of a blob, wherever a row holds one: too many rather than too few.
pub(crate) fn named_digests(connection: &Connection) -> rusqlite::Result<HashSet<Digest>> {
    let mut named = HashSet::new();
    for sql in ["SELECT attachments FROM tasks", "SELECT outcome FROM steps", "SELECT coalesce(report, '') FROM sites"]
    {
        collect_digests(connection, sql, [], &mut named)?;
    }
    Ok(named)
}

/// The same of the person's rows.
fn digests_of(connection: &Connection, email: &str) -> rusqlite::Result<HashSet<Digest>> {
    let mut named = HashSet::new();
    for sql in [
        "SELECT attachments FROM tasks WHERE email = ?1 COLLATE NOCASE",
        concat!("SELECT outcome FROM steps WHERE ord IN ", own!()),
        concat!("SELECT coalesce(report, '') FROM sites WHERE ord IN ", own!()),
    ] {
        collect_digests(connection, sql, [email], &mut named)?;
    }
    Ok(named)
}

fn collect_digests(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    found: &mut HashSet<Digest>,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query(params)?;
    while let Some(row) = rows.next()? {
        digests_in(row.get_ref(0)?.as_str()?, found);
    }
    Ok(())
}

/// Whether something of the person may be under way.
pub(crate) fn busy(connection: &Connection, wish: &Forgetting) -> rusqlite::Result<Option<Forgot>> {
    let mut select = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE state <> 'finished') AS open,
                max(max(lease_until_ms, coalesce(finished_at_ms, 0) + :rest)) AS until
         FROM flows WHERE ord IN (SELECT ord FROM tasks WHERE email = :email COLLATE NOCASE)",
    )?;
    let rest = i64::try_from(wish.rest.as_millis()).unwrap_or(i64::MAX);
    let (open, until): (i64, Option<i64>) = select
        .query_row(named_params! { ":email": wish.email.as_str(), ":rest": rest }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if open > 0 {
        return Ok(Some(Forgot::Busy { until: None }));
    }
    let until = until.filter(|until| *until > wish.at.unix_ms()).map(Timestamp::from_unix_ms);
    Ok(until.map(|until| Forgot::Busy { until: Some(until) }))
}

/// What models were asked for this person and for nobody else.
pub(crate) fn prompts_of(connection: &Connection, email: &Email) -> rusqlite::Result<Vec<String>> {
    let email = email.as_str();
    const OWN: &str = "SELECT DISTINCT prompt_hash FROM model_runs WHERE task IN
                           (SELECT id FROM tasks WHERE email = ?1 COLLATE NOCASE)";
    let mut shared = connection.prepare_cached(
        "SELECT 1 FROM model_runs WHERE prompt_hash = ?2 AND task NOT IN
             (SELECT id FROM tasks WHERE email = ?1 COLLATE NOCASE) LIMIT 1",
    )?;
    let mut own = Vec::new();
    for hash in column::<String>(connection, OWN, email)? {
        if shared.query_row((email, &hash), |_| Ok(())).optional()?.is_none() {
            own.push(hash);
        }
    }
    Ok(own)
}

/// What was spent stays, or the caps of a day would be raised by forgetting.
fn strip_runs(connection: &Connection, email: &str) -> rusqlite::Result<usize> {
    let mut update = connection.prepare_cached(
        "UPDATE model_runs SET task = ?2, trace_id = ?3, prompt_hash = '', error = NULL
         WHERE task IN (SELECT id FROM tasks WHERE email = ?1 COLLATE NOCASE)",
    )?;
    update.execute((email, NO_TASK, NO_TRACE))
}

fn column<T>(connection: &Connection, sql: &str, email: &str) -> rusqlite::Result<Vec<T>>
where
    T: std::str::FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let mut select = connection.prepare_cached(sql)?;
    let name = select.column_name(0)?.to_owned();
    select.query_map([email], |row| parsed(row, &name))?.collect()
}

/// Runs of exactly 64 hexadecimal digits.
fn digests_in(text: &str, found: &mut HashSet<Digest>) {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let words = text.split(|c: char| !is_digit(c)).filter(|word| word.len() == 64);
    found.extend(words.filter_map(|word| word.parse().ok()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_wherever_they_stand() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let text = format!("[{{\"sha256\":\"{one}\"}}, \"{two}\", \"{one}0\", \"{}\"]", &two.as_str()[1..]);
        let mut found = HashSet::new();
        digests_in(&text, &mut found);
        assert_eq!(found, [one, two].into());
    }
}
