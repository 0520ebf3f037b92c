//! What every experiment needs: a world with a witness, requests that differ, and a way to ask until there is an answer.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use lab::evaluator;
use lab::github;
use lab::instructor::Instructor;
use lab::model::{Reply, Script};
use lab::witness::{self, Entry, Witness};
use secrecy::SecretString;
use serde_json::{Map, Value};
use shared_types::http::TaskState;
use shared_types::{Envelope, TaskId};
use tempfile::TempDir;
use url::Url;

use super::judge::{Asked, Told, Violation, judge};
use super::plan::Plans;
use crate::{Instance, Launch, Outside, SECRET, case};

/// An issuer that gets no answer asks again after this.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// What a world is like beside its faults.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// How long a flow stays a runner's without a heartbeat; absent: as it is shipped.
    pub lease: Option<Duration>,
    /// A mistake that is planted into the service.
    pub bug: Option<&'static str>,
}

/// Everything outside, and the settings of whoever works in it.
#[derive(Debug)]
pub struct World {
    outside: Outside,
    /// GitHub.
    pub github: github::Handle,
    /// Planned cuts.
    pub plans: Plans,
    launch: Launch,
    log: PathBuf,
    _folder: TempDir,
}

/// A request as it is sent, again and again when need be.
#[derive(Debug, Clone)]
pub struct Request {
    /// The instructor's name of the task.
    pub task: String,
    /// The round.
    pub round: u32,
    body: Map<String, Value>,
}

impl World {
    /// A world whose witness writes to `target/chaos/<name>.jsonl`.
    ///
    /// # Errors
    /// A folder or a port cannot be had.
    pub fn new(name: &str, options: Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sitewright-chaos-").tempdir().context("make a folder")?;
        let log = witness_log(name)?;
        let mut outside = Outside::before(Witness::to(&log).with_context(|| log.display().to_string())?)?;
        let (github, launch) = outside.github("any-token-will-do")?;
        // A model that is asked again answers something else.
        let (_, launch) = outside.model(Script::new().otherwise([Reply::Unlike]), launch)?;
        let plans = folder.path().join("plans");
        let mut launch = launch
            .without_limits()
            .program(super::program())
            .with("LOG", "info")
            .with("CHAOS_PLANS", plans.display().to_string());
        if let Some(lease) = options.lease {
            launch = launch.with("CHAOS_LEASE_MS", lease.as_millis().to_string());
        }
        if let Some(bug) = options.bug {
            launch = launch.with("CHAOS_BUG", bug);
        }
        Ok(Self { outside, github, plans: Plans::at(&plans)?, launch, log, _folder: folder })
    }

    /// Settings of a service in this world.
    #[must_use]
    pub fn launch(&self) -> Launch {
        self.launch.clone()
    }

    /// The evaluator.
    #[must_use]
    pub fn evaluator(&self) -> &evaluator::Handle {
        &self.outside.evaluator
    }

    /// A round of a task of its own student.
    ///
    /// # Errors
    /// The sample cannot be read, or repositories write the task otherwise, by which the judge knows it.
    pub fn request(&self, task: &str, round: u32) -> Result<Request> {
        ensure!(task == tasks_of(task), "a repository would not be known by the task {task:?}");
        let sample = case("sales-summary")?;
        let index = usize::try_from(round)?.saturating_sub(1);
        let mut body = sample.rounds.get(index).context("the sample has no such round")?.request.clone();
        body.insert("email".to_owned(), format!("{task}@example.com").into());
        body.insert("task".to_owned(), task.into());
        body.insert("nonce".to_owned(), lab::instructor::fresh_nonce().into());
        body.insert("evaluation_url".to_owned(), self.outside.evaluator.url().as_str().into());
        Ok(Request { task: task.to_owned(), round, body })
    }

    /// What the witness has written so far.
    ///
    /// # Errors
    /// Its log cannot be read, or has a gap.
    pub fn log(&self) -> Result<Vec<Entry>> {
        witness::read(&self.log).with_context(|| self.log.display().to_string())
    }

    /// Judges what became of `asked`, of which the ledger says `told`.
    ///
    /// # Errors
    /// The witness's log cannot be read.
    pub fn judge(&self, asked: &[Asked], told: &BTreeMap<TaskId, Told>) -> Result<Vec<Violation>> {
        Ok(judge(asked, told, &self.log()?))
    }
}

impl Request {
    /// The same with another evaluator.
    #[must_use]
    pub fn evaluated_at(mut self, url: &Url) -> Self {
        self.body.insert("evaluation_url".to_owned(), url.as_str().into());
        self
    }

    /// POSTs it to `server` until it is accepted, as an issuer does whose connection breaks.
    ///
    /// # Errors
    /// It is refused for good, or nobody accepts it within `timeout`.
    pub async fn post(&self, server: &Instance, timeout: Duration) -> Result<TaskId> {
        let instructor = Instructor::new(server.api()?, SecretString::from(SECRET))?;
        let until = Instant::now() + timeout;
        let mut last = String::new();
        while Instant::now() < until {
            match instructor.post_as_is("/tasks", self.body.clone()).await {
                Ok(answer) if answer.status == 200 => return Ok(answer.receipt()?.id),
                Ok(answer) => {
                    last = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
                    ensure!(answer.status == 503, "{} round {} was refused: {last}", self.task, self.round);
                }
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        bail!("{} round {} was not accepted within {timeout:?}: {last}", self.task, self.round)
    }
}

impl Told {
    /// What `server` says of a task once it has ended.
    ///
    /// # Errors
    /// It does not within `timeout`; the message holds what was last seen of it.
    pub async fn at_the_end(server: &Instance, id: TaskId, timeout: Duration) -> Result<Self> {
        /// A task takes seconds.
        const LOOK_EVERY: Duration = Duration::from_millis(50);
        let asked = async {
            loop {
                if let Some(told) = Self::ask(server, id).await {
                    return told;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match tokio::time::timeout(timeout, asked).await {
            Ok(told) => Ok(told),
            Err(_) => bail!("task {id} did not end within {timeout:?}: {:#?}", server.task(id).await),
        }
    }

    /// What `server` says of a finished task; `None` while it is not, or is not known.
    pub async fn ask(server: &Instance, id: TaskId) -> Option<Self> {
        let view = server.task(id).await.ok().filter(|view| view.summary.state == TaskState::Finished)?;
        let stream = server.get(&format!("v1/tasks/{id}/stream?after=0")).await.ok()?;
        let events = stream.lines().filter_map(|line| line.strip_prefix("data: ")).map(serde_json::from_str);
        Some(Self { view, events: events.collect::<Result<Vec<Envelope>, _>>().ok()? })
    }
}

/// How the tasks of an experiment begin: as repositories write it, so that they are known by it.
#[must_use]
pub fn tasks_of(experiment: &str) -> String {
    experiment.replace('_', "-")
}

/// Starts again whoever was killed, on and on; ends when somebody ended in another way.
///
/// # Errors
/// The way that somebody ended in.
pub async fn keep_alive(servers: &[&Instance]) -> Result<Infallible> {
    /// Shorter than a start takes.
    const LOOK_EVERY: Duration = Duration::from_millis(10);
    loop {
        for server in servers {
            server.revive()?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A fresh file; an earlier run's is replaced.
fn witness_log(name: &str) -> Result<PathBuf> {
    let folder = crate::workspace().join("target/chaos");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let path: PathBuf = Path::new(&folder).join(format!("{name}.jsonl"));
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    }
    Ok(path)
}
