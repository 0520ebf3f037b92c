//! One server: a data folder, two ports, and a process that may come and go.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use shared_types::TaskId;
use shared_types::http::{TaskState, TaskView};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use url::Url;

/// A debug build on a busy machine is up well within this.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A command that looks at everything waits for each part in turn.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// What a server is started with.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    environment: BTreeMap<String, String>,
    program: Option<PathBuf>,
    through: Vec<String>,
}

/// One data folder and whoever serves it.
#[derive(Debug)]
pub struct Instance {
    data: TempDir,
    launch: Launch,
    port: u16,
    pages_port: u16,
    client: reqwest::Client,
    child: Mutex<Option<Child>>,
}

impl Launch {
    /// Embedded defaults.
    #[must_use]
    pub fn dry_run() -> Self {
        Self::default().with("DRY_RUN", "1").with("STUDENT_SECRET", super::SECRET)
    }

    /// The same with one more setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// The same with one setting less.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// The same of another program.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// The same started by another command, such as `strace -f`, which is given the program and its arguments.
    #[must_use]
    pub fn through(mut self, command: Vec<String>) -> Self {
        self.through = command;
        self
    }

    /// The same without limits on how often something may happen, for what posts a great deal.
    #[must_use]
    pub fn without_limits(self) -> Self {
        let limits = super::workspace().join("tests/fixtures/generous-limits.toml");
        self.with("LIMITS_FILE", limits.display().to_string())
    }

    /// The same without a browser, for cases that are not about pages.
    #[must_use]
    pub fn without_browser(self) -> Self {
        self.with("VERIFY_BROWSER", "off")
    }
}

impl Instance {
    /// A fresh data folder, not served yet.
    ///
    /// # Errors
    /// No folder, port or client can be had.
    pub fn new(launch: Launch) -> Result<Self> {
        Ok(Self {
            data: tempfile::Builder::new().prefix("sitewright-e2e-").tempdir().context("make a data folder")?,
            launch,
            port: free_port()?,
            pages_port: free_port()?,
            client: lab::client()?,
            child: Mutex::new(None),
        })
    }

    /// A started server.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start(launch: Launch) -> Result<Self> {
        let mut instance = Self::new(launch)?;
        instance.up().await?;
        Ok(instance)
    }

    /// Starts the process and waits until it answers.
    ///
    /// # Errors
    /// It ends, or does not answer in time; the message holds the end of its log.
    pub async fn up(&mut self) -> Result<()> {
        self.spawn()?;
        let until = Instant::now() + READY_WITHIN;
        let healthz = format!("http://127.0.0.1:{}/v1/healthz", self.port);
        while Instant::now() < until {
            if let Some(status) = self.ended()? {
                bail!("the server ended with {status}:\n{}", self.log_tail());
            }
            if self.client.get(&healthz).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("the server was not ready within {READY_WITHIN:?}:\n{}", self.log_tail());
    }

    /// Starts the process and waits for nothing.
    fn spawn(&self) -> Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(self.log_path()).context("open the log")?;
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn();
        *self.child() = Some(child.context("start the server")?);
        Ok(())
    }

    /// How the process ended, once it has.
    fn ended(&self) -> Result<Option<ExitStatus>> {
        let mut child = self.child();
        child.as_mut().context("nothing runs")?.try_wait().context("look whether the server lives")
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        // A panic elsewhere leaves it as it was.
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next start is given instead.
    pub fn relaunch(&mut self, launch: Launch) {
        self.launch = launch;
    }

    /// SIGKILL: nothing is said, nothing is closed.
    ///
    /// # Errors
    /// There is no process to kill.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child().take().context("nothing runs")?;
        child.kill().await.context("kill the server")
    }

    /// Starts the process again when it has been killed, and says whether that was so. It is not waited for: it may be
    /// killed again at once.
    ///
    /// # Errors
    /// It ended in another way than by SIGKILL, or cannot be started.
    pub fn revive(&self) -> Result<bool> {
        /// The signal's number on every Linux.
        const SIGKILL: i32 = 9;
        let Some(status) = self.ended()? else { return Ok(false) };
        if status.signal() != Some(SIGKILL) {
            bail!("the server ended with {status}:\n{}", self.log_tail());
        }
        self.spawn()?;
        Ok(true)
    }

    /// SIGKILL, for whoever looks at it with [`Instance::revive`].
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn strike_dead(&self) -> Result<()> {
        match self.child().as_mut() {
            Some(child) => child.start_kill().context("kill the server"),
            None => Ok(()),
        }
    }

    /// SIGTERM; returns how the process ended and how long it took.
    ///
    /// # Errors
    /// It does not end within 30 s.
    pub async fn terminate(&mut self) -> Result<(ExitStatus, Duration)> {
        let mut child = self.child().take().context("nothing runs")?;
        let id = child.id().context("the server has ended already")?;
        let began = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &id.to_string()]).status().await.context("send SIGTERM")?;
        anyhow::ensure!(sent.success(), "kill -TERM {id}: {sent}");
        let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await;
        Ok((status.context("the server did not end within 30 s")??, began.elapsed()))
    }

    /// The process's id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child().as_ref().and_then(Child::id)
    }

    /// The API's root.
    ///
    /// # Errors
    /// Never for a port.
    pub fn api(&self) -> Result<Url> {
        Ok(Url::parse(&format!("http://127.0.0.1:{}/", self.port))?)
    }

    /// The root of pages and repositories.
    ///
    /// # Errors
    /// Never for a port.
    pub fn pages(&self) -> Result<Url> {
        Ok(Url::parse(&format!("http://127.0.0.1:{}/", self.pages_port))?)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Whole text at a path of the API.
    ///
    /// # Errors
    /// No answer, or none with a success status.
    pub async fn get(&self, path: &str) -> Result<String> {
        let answer = self.client.get(self.api()?.join(path)?).send().await?.error_for_status()?;
        Ok(answer.text().await?)
    }

    /// A task as the API shows it.
    ///
    /// # Errors
    /// No answer, or none that is a task.
    pub async fn task(&self, id: TaskId) -> Result<TaskView> {
        Ok(serde_json::from_str(&self.get(&format!("v1/tasks/{id}")).await?)?)
    }

    /// A task once `enough` holds for it.
    ///
    /// # Errors
    /// It does not within `timeout`; the message shows the task and the log.
    pub async fn task_until(
        &self,
        id: TaskId,
        timeout: Duration,
        enough: impl Fn(&TaskView) -> bool,
    ) -> Result<TaskView> {
        let until = Instant::now() + timeout;
        let mut last = None;
        while Instant::now() < until {
            // While the server is away there is nothing to see.
            if let Ok(task) = self.task(id).await {
                if enough(&task) {
                    return Ok(task);
                }
                last = Some(task);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("task {id} did not get there within {timeout:?}: {last:#?}\n{}", self.log_tail());
    }

    /// A task once it is finished.
    ///
    /// # Errors
    /// It is not within `timeout`.
    pub async fn finished(&self, id: TaskId, timeout: Duration) -> Result<TaskView> {
        self.task_until(id, timeout, |task| task.summary.state == TaskState::Finished).await
    }

    /// Everything the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().rev().take(30).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn log_path(&self) -> PathBuf {
        self.data.path().join("server.log")
    }

    /// What the program prints with `arguments` in place of `serve`, on the same settings and data.
    ///
    /// # Errors
    /// It cannot be started, or does not end in time.
    pub async fn run(&self, arguments: &[&str]) -> Result<Output> {
        let ended = self.command(arguments).kill_on_drop(true).output();
        let ended = tokio::time::timeout(ENDS_WITHIN, ended).await;
        ended.with_context(|| format!("no end of {arguments:?}"))?.with_context(|| format!("run {arguments:?}"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = self.launch.program.clone().unwrap_or_else(program);
        let mut command = match self.launch.through.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        // Settings of whoever runs the tests must not leak in.
        command
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "TMPDIR")));
        command.args(arguments).current_dir(self.data.path());
        command.env("DATA_DIR", self.data.path().join("data"));
        command.env("PORT", self.port.to_string()).env("PAGES_PORT", self.pages_port.to_string());
        command.env("LOG_FORMAT", "json").envs(&self.launch.environment);
        command
    }
}

/// The program under test: `SITEWRIGHT_BIN`, else the one that was built beside this program.
#[must_use]
pub fn program() -> PathBuf {
    std::env::var_os("SITEWRIGHT_BIN").map_or_else(|| beside("sitewright"), PathBuf::from)
}

/// A program that was built beside this one.
#[must_use]
pub fn beside(name: &str) -> PathBuf {
    let folder = if cfg!(debug_assertions) { "target/debug" } else { "target/release" };
    super::workspace().join(folder).join(name)
}

/// A port that is free now. A server keeps its ports over restarts, since its pages' URLs name one.
///
/// # Errors
/// No port is free.
pub fn free_port() -> Result<u16> {
    /// Below those that the system gives to outgoing connections: one of these could take it while a server is down.
    const STEADY: std::ops::Range<u16> = 10_000..32_000;
    let mut tried = (0..100).map(|_| rand::random_range(STEADY));
    tried.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).context("no port is free")
}
