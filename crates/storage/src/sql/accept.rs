//! Accepting a request: its identity, its repository, its place in the queue.

use ports::{Acceptance, Bucket, NewTask, RepoChoice, RepoName};
use rusqlite::{Connection, OptionalExtension, named_params};
use shared_types::{Digest, Email, Nonce, Payload, Round, TaskName, Timestamp};

use super::row::{parsed, to_json};
use super::{Fault, events, rates, tasks};
use crate::Error;

/// What a preview needs of a request: not its brief, nor its checks.
pub(crate) struct Question {
    email: Email,
    task: TaskName,
    round: Round,
    nonce: Nonce,
    fingerprint: Digest,
    takes: Vec<Bucket>,
    at: Timestamp,
}

impl Question {
    pub(crate) fn of(new: &NewTask) -> Self {
        Self {
            email: new.email.clone(),
            task: new.task.clone(),
            round: new.round,
            nonce: new.nonce.clone(),
            fingerprint: new.fingerprint.clone(),
            takes: new.takes.clone(),
            at: new.accepted_at,
        }
    }
}

/// What accepting would come to.
pub(crate) fn preview(connection: &Connection, asked: &Question) -> rusqlite::Result<Acceptance> {
    if let Some(earlier) = same_identity(connection, asked)? {
        return Ok(earlier);
    }
    let admitted = rates::full(connection, &asked.takes, asked.at)?;
    Ok(admitted.map_or_else(Acceptance::OverLimit, |()| Acceptance::New))
}

/// Stores a request with its first event, or says what it repeats or exceeds. Looks before it changes anything.
pub(crate) fn accept(connection: &Connection, new: &NewTask) -> Result<Acceptance, Fault> {
    let preview = preview(connection, &Question::of(new))?;
    if preview != Acceptance::New {
        return Ok(preview);
    }
    let repo = choose_repo(connection, new)?;
    rates::add(connection, &new.takes, new.accepted_at)?;
    let ord = insert_task(connection, new, &repo)?;
    insert_flow(connection, ord, repo.key)?;
    let mut event = new.event.clone();
    if let Some(Payload::TaskAccepted(accepted)) = &mut event.payload {
        accepted.repo = repo.name.into();
    }
    events::insert(connection, ord, &[event])?;
    Ok(Acceptance::New)
}

/// A repository and its row.
struct Repo {
    key: i64,
    name: RepoName,
    /// Whether an earlier request belongs to it.
    known: bool,
}

fn same_identity(connection: &Connection, asked: &Question) -> rusqlite::Result<Option<Acceptance>> {
    let mut find = connection.prepare_cached(
        "SELECT tasks.id, tasks.trace_id, tasks.fingerprint, flows.state
         FROM tasks JOIN flows ON flows.ord = tasks.ord
         WHERE tasks.email = ?1 AND tasks.task = ?2 AND tasks.round = ?3 AND tasks.nonce = ?4",
    )?;
    let identity = (asked.email.as_str(), asked.task.as_str(), asked.round.get(), asked.nonce.as_str());
    find.query_row(identity, |row| {
        let id = parsed(row, "id")?;
        Ok(match row.get_ref("fingerprint")?.as_str()? == asked.fingerprint.as_str() {
            true => Acceptance::Repeat { id, trace_id: parsed(row, "trace_id")?, state: tasks::state(row)? },
            false => Acceptance::Conflict { id },
        })
    })
    .optional()
}

fn choose_repo(connection: &Connection, new: &NewTask) -> Result<Repo, Fault> {
    let name = match &new.repo {
        RepoChoice::New(name) => name,
        RepoChoice::Latest { otherwise } => match newest_repo(connection, &new.email, &new.task)? {
            Some(newest) => return Ok(newest),
            None => otherwise,
        },
    };
    let mut insert = connection
        .prepare_cached("INSERT INTO repos (name, email, task) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING")?;
    if insert.execute((name.as_str(), new.email.as_str(), new.task.as_str()))? == 1 {
        return Ok(Repo { key: connection.last_insert_rowid(), name: name.clone(), known: false });
    }
    let mut find = connection.prepare_cached("SELECT repo, email, task FROM repos WHERE name = ?1")?;
    let (key, email, task) =
        find.query_row([name.as_str()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))?;
    if email == new.email.as_str() && task == new.task.as_str() {
        Ok(Repo { key, name: name.clone(), known: true })
    } else {
        Err(Error::RepoTaken { id: new.id, repo: name.clone() }.into())
    }
}

fn newest_repo(connection: &Connection, email: &Email, task: &TaskName) -> rusqlite::Result<Option<Repo>> {
    let mut find = connection.prepare_cached(
        "SELECT repo, name FROM repos
             WHERE repo = (SELECT max(repo) FROM tasks WHERE email = ?1 AND task = ?2)",
    )?;
    find.query_row((email.as_str(), task.as_str()), |row| {
        Ok(Repo { key: row.get("repo")?, name: parsed(row, "name")?, known: true })
    })
    .optional()
}

fn insert_task(connection: &Connection, new: &NewTask, repo: &Repo) -> rusqlite::Result<i64> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO tasks (id, trace_id, email, task, round, nonce, fingerprint, brief, checks, evaluation_url,
                            attachments, repo, repo_known, accepted_at_ms, deadline_at_ms)
         VALUES (:id, :trace_id, :email, :task, :round, :nonce, :fingerprint, :brief, :checks, :evaluation_url,
                 :attachments, :repo, :repo_known, :accepted_at_ms, :deadline_at_ms)",
    )?;
    insert.insert(named_params! {
        ":id": new.id.to_string(),
        ":trace_id": new.trace_id.as_str(),
        ":email": new.email.as_str(),
        ":task": new.task.as_str(),
        ":round": new.round.get(),
        ":nonce": new.nonce.as_str(),
        ":fingerprint": new.fingerprint.as_str(),
        ":brief": new.brief,
        ":checks": to_json(&new.checks)?,
        ":evaluation_url": new.evaluation_url.as_str(),
        ":attachments": to_json(&new.attachments)?,
        ":repo": repo.key,
        ":repo_known": repo.known,
        ":accepted_at_ms": new.accepted_at.unix_ms(),
        ":deadline_at_ms": new.deadline_at.unix_ms(),
    })
}

/// The flow is its repository's head unless an earlier one is.
fn insert_flow(connection: &Connection, ord: i64, repo: i64) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO flows (ord, repo, state, is_head)
         VALUES (?1, ?2, 'queued', NOT EXISTS (SELECT 1 FROM flows WHERE repo = ?2 AND is_head = 1))",
    )?;
    insert.execute((ord, repo)).map(|_| ())
}
