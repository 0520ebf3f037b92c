//! `sitewright task`: what was accepted, and the operator's levers.
//!
//! Looking reads the data folder itself, beside a service that works in it or without one. A lever is asked of that
//! service; where none works, the ledger is changed directly, and the next start goes on from there.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use core_flows::{operator, plan, relay};
use ports::{Declined, ErrorChain, Operator as _, Show, TaskPage, TaskRecord};
use secrecy::SecretString;
use serde::Serialize;
use shared_types::TaskId;
use shared_types::http::{NotificationAttempt, TaskList, TaskSummary, TaskView};
use storage::{Reading, Store};

use crate::clock::{RandomIds, SystemClock};
use crate::settings::Nats;
use crate::{adapters, app, console_out, control, settings};

/// From a retry to its notification; as long as a task has at first.
const TIME_TO_DELIVER: Duration = Duration::from_secs(600);

/// What can be done with tasks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List tasks, newest first. Dead letters: `--show dead`.
    List(List),
    /// Show one task: its steps, its report, its attempts to notify.
    Show(One),
    /// Begin a new attempt at a task that does not run. Steps that did what they should are kept.
    Retry {
        #[command(flatten)]
        one: One,
        /// The step to begin with, such as `generate`; needed for a task that was handed in.
        #[arg(long, value_name = "STEP")]
        from: Option<String>,
    },
    /// End a task. The step in hand may come to its end; nothing after it is begun.
    Cancel(One),
    /// Send the stored notification of an ended task once more, byte for byte.
    Renotify(One),
}

/// Which tasks to list.
#[derive(Debug, Args)]
pub struct List {
    /// Which tasks.
    #[arg(long, value_enum, default_value_t = Which::All)]
    show: Which,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only tasks accepted before this one.
    #[arg(long)]
    before: Option<TaskId>,
    /// One JSON document, as `GET /v1/tasks` answers it.
    #[arg(long)]
    json: bool,
}

/// One task.
#[derive(Debug, Args)]
pub struct One {
    /// The `id` of its receipt.
    id: TaskId,
    /// One JSON document, as the API answers it.
    #[arg(long)]
    json: bool,
}

/// Which tasks a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// All of them.
    All,
    /// Those that wait or run.
    Open,
    /// Dead letters: failed, refused or undelivered.
    Dead,
}

impl From<Which> for Show {
    fn from(which: Which) -> Self {
        match which {
            Which::All => Self::All,
            Which::Open => Self::Open,
            Which::Dead => Self::Dead,
        }
    }
}

/// Nothing came of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Port(#[from] ports::Error),
    #[error(transparent)]
    Storage(#[from] storage::Error),
    #[error(transparent)]
    Control(#[from] control::Error),
    #[error(transparent)]
    Declined(#[from] Declined),
    #[error("write the answer as JSON")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Broker(Box<app::Error>),
    #[error("start the runtime")]
    Runtime(#[source] std::io::Error),
}

impl Command {
    /// Does it in `data_dir`; gives the process's exit code. `token` opens a running service that wants one.
    #[must_use]
    pub fn run(&self, data_dir: &Path, token: Option<SecretString>) -> ExitCode {
        let done = runtime().and_then(|runtime| runtime.block_on(self.text(data_dir, token)));
        match done {
            Ok(text) => console_out(&text),
            Err(error) => {
                eprintln!("sitewright task: {}", ErrorChain(&error));
                ExitCode::FAILURE
            }
        }
    }

    async fn text(&self, data_dir: &Path, token: Option<SecretString>) -> Result<String, Error> {
        let at = Place { data_dir, token, nats: None };
        match self {
            Self::List(list) => list.text(data_dir).await,
            Self::Show(One { id, json }) => {
                let reading = Reading::open(data_dir)?;
                let view = api::reading::show(&reading, plan::step_names, *id).await?.ok_or(Declined::Unknown(*id))?;
                shown(*json, &view, whole)
            }
            Self::Retry { one, from } => {
                let query = from.as_ref().map(|from| format!("?from={}", encoded(from))).unwrap_or_default();
                let task =
                    at.pull(&one.path("retry", &query), async |o| o.retry(one.id, from.as_deref()).await).await?;
                shown(one.json, &task, |task| format!("{} waits as attempt {}\n", task.id, task.attempt))
            }
            Self::Cancel(one) => {
                let task = at.pull(&one.path("cancel", ""), async |o| o.cancel(one.id).await).await?;
                shown(one.json, &task, |task| format!("{} is cancelled\n", task.id))
            }
            Self::Renotify(One { id, json }) => {
                let told: NotificationAttempt = match at.service()? {
                    Some(service) => service.post(&format!("/v1/tasks/{id}/renotify"), "")?,
                    None => at.directly(async |operator| operator.renotify(*id).await).await?,
                };
                shown(*json, &told, notified)
            }
        }
    }
}

impl List {
    async fn text(&self, data_dir: &Path) -> Result<String, Error> {
        let reading = Reading::open(data_dir)?;
        let page = TaskPage { before: self.before, limit: self.limit, show: self.show.into() };
        shown(self.json, &api::reading::list(&reading, page).await?, table)
    }
}

impl One {
    fn path(&self, lever: &str, query: &str) -> String {
        format!("/v1/tasks/{}/{lever}{query}", self.id)
    }
}

/// Where levers are pulled.
pub(crate) struct Place<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) token: Option<SecretString>,
    /// Where copies of the ledger are, for whoever forgets without a service.
    pub(crate) nats: Option<Nats>,
}

impl Place<'_> {
    pub(crate) fn service(&self) -> Result<Option<control::Service>, control::Error> {
        control::Service::of(self.data_dir, self.token.clone())
    }

    /// By the service at `path`, or else directly.
    async fn pull(
        &self,
        path: &str,
        lever: impl AsyncFnOnce(&operator::Service) -> Result<TaskRecord, Declined>,
    ) -> Result<TaskSummary, Error> {
        match self.service()? {
            Some(service) => Ok(service.post(path, "")?),
            None => Ok(api::reading::summary(&self.directly(lever).await?)),
        }
    }

    /// Takes the data folder for as long as the lever takes.
    pub(crate) async fn directly<T>(
        &self,
        lever: impl AsyncFnOnce(&operator::Service) -> Result<T, Declined>,
    ) -> Result<T, Error> {
        // Opening would make a folder where none is.
        drop(Reading::open(self.data_dir)?);
        let store = Arc::new(Store::open(storage::Options::new(self.data_dir))?);
        let world = operator::World {
            ledger: store.clone(),
            levers: store.clone(),
            oblivion: store.clone(),
            answers: Arc::new(llm::CacheFolder { folder: settings::answers_kept_in(self.data_dir) }),
            archive: match self.nats.clone() {
                Some(nats) => Some(Arc::new(adapters::archive(
                    adapters::broker_of(nats).map_err(|e| Error::Broker(Box::new(e)))?,
                ))),
                None => None,
            },
            host: None,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            teller: None,
        };
        let done = lever(&operator::Service::new(world, TIME_TO_DELIVER, relay::Handle::default())).await;
        store.close().await?;
        Ok(done?)
    }
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)
}

fn shown<T: Serialize>(json: bool, value: &T, text: impl Fn(&T) -> String) -> Result<String, Error> {
    if json { Ok(serde_json::to_string_pretty(value)? + "\n") } else { Ok(text(value)) }
}

/// Names of steps are letters; whatever else was typed goes into a query unharmed.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn table(list: &TaskList) -> String {
    let mut text = format!("{:<26} {:<24} {:<11} {:>5} {:>7} task\n", "id", "accepted", "state", "round", "attempt");
    for task in &list.tasks {
        let TaskSummary { id, task: name, round, attempt, accepted_at, .. } = task;
        let (state, accepted) = (state(task), accepted_at.to_string());
        let _ =
            writeln!(text, "{id:<26} {accepted:<24} {state:<11} {round:>5} {attempt:>7} {name}", round = round.get());
    }
    if let Some(before) = list.next_before {
        let _ = writeln!(text, "\nearlier tasks: --before {before}");
    }
    text
}

/// How it ended, or else where it stands.
fn state(task: &TaskSummary) -> String {
    let word = |value: Option<serde_json::Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let state = || word(serde_json::to_value(task.state).ok()).unwrap_or_default();
    task.outcome.map_or_else(state, |outcome| outcome.as_str().to_owned())
}

fn whole(view: &TaskView) -> String {
    let task = &view.summary;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("id", &task.id.to_string());
    line("task", &format!("{} round {}", task.task, task.round.get()));
    line("state", &format!("{}, attempt {}", state(task), task.attempt));
    line("student", &view.email);
    line("accepted", &task.accepted_at.to_string());
    line("deadline", &view.deadline_at.to_string());
    for (name, value) in [
        ("ended", task.finished_at.map(|at| at.to_string())),
        ("repository", view.repo_url.clone()),
        ("commit", view.commit_sha.as_ref().map(ToString::to_string)),
        ("page", task.pages_url.clone()),
    ] {
        if let Some(value) = value {
            line(name, &value);
        }
    }
    for step in &view.steps {
        let summary = step.summary.as_deref().unwrap_or("");
        let state = format!("{:?}", step.state).to_lowercase();
        line("step", &format!("{:<9} {state:<8} {summary}", step.step));
    }
    for told in &view.notifications {
        line("notified", notified(told).trim_end());
    }
    for note in &view.notes {
        line("note", note);
    }
    text
}

fn notified(told: &NotificationAttempt) -> String {
    let status = told.status.map_or("no answer".to_owned(), |status| format!("answer {status}"));
    let error = told.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("attempt {} at {}: {status}, {}, {} ms{error}\n", told.attempt, told.at, told.verdict, told.latency_ms)
}
