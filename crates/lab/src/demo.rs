//! The demo: one real server process on embedded defaults, an instructor in front of it and an
//! evaluator behind it.
//!
//! Each round of a case is posted in turn and followed to its end over the public API; the
//! evaluator's copy of the notification is held against the request. The server process does not
//! outlive the demo: it is stopped on every way out, and where `setpriv` exists the kernel ends
//! it even when the demo itself is killed.

mod data;
mod follow;
mod process;
mod progress;
#[cfg(test)]
mod rehearsal;
mod round;
mod table;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use secrecy::SecretString;
use shared_types::BrowserRun;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;
use url::Url;

pub use progress::Progress;
pub use round::{Row, Standing};

use crate::cases::Case;
use crate::evaluator::{self, Evaluator};
use crate::instructor::Instructor;
use crate::{Error, client};
use data::DataDir;
use process::{Launch, ServerProcess, choose_ports};

/// What the demo shows, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program `sitewright`.
    pub server: PathBuf,
    /// The rounds to post.
    pub case: Case,
    /// The data folder; a new one below the system's temporary folder when absent, which is
    /// removed again unless something went wrong.
    pub data: Option<PathBuf>,
    /// Port of the API; 8080 if it is free, else any free one, when absent.
    pub port: Option<u16>,
    /// Port of the published pages; 8081 if it is free, else any free one, when absent.
    pub pages_port: Option<u16>,
    /// The server's whole environment, apart from what the demo decides: `DRY_RUN`, `DATA_DIR`,
    /// `PORT`, `PAGES_PORT` and `STUDENT_SECRET`.
    pub environment: Vec<(String, String)>,
    /// What follows the last round.
    pub afterwards: Afterwards,
    /// Whether a missing browser is worth a line.
    pub browser_note: BrowserNote,
}

/// What follows the last round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Keep serving until someone asks for the end.
    Serve,
    /// Stop the server.
    Stop,
}

/// Whether a missing browser is worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserNote {
    /// Say so when no browser ran.
    Say,
    /// The caller has said it already.
    LeaveOut,
}

/// How it went.
#[derive(Debug, Clone)]
pub struct Summary {
    /// One row a round, in order.
    pub rows: Vec<Row>,
}

impl Summary {
    /// Whether every round was handed in, and the evaluator and the page confirmed it.
    #[must_use]
    pub fn confirmed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.standing == Standing::Confirmed)
    }
}

/// Runs the demo and says on `progress` what happens. Cancelling `shutdown` ends it early while
/// rounds run, and in good order while it only serves.
///
/// # Errors
/// Anything that keeps a round from being followed to its end. A round that ends badly is no
/// error but a row of the summary.
pub async fn run(options: Options, progress: &mut Progress, shutdown: CancellationToken) -> Result<Summary, Error> {
    let (port, pages_port) = choose_ports(options.port, options.pages_port)?;
    let data = DataDir::prepare(options.data.as_deref())?;
    let outside = Outside::start()?;
    let secret = SecretString::from(format!("demo-{}", Ulid::new()));
    let launch = Launch {
        program: &options.server,
        data: data.path(),
        port,
        pages_port,
        secret: &secret,
        environment: &options.environment,
    };
    let mut server = match ServerProcess::spawn(&launch) {
        Ok(server) => server,
        Err(error) => {
            // Nothing ran, so nothing in the folder explains anything.
            data.discard();
            return Err(error);
        }
    };
    progress.line(&format!("server on {}, data and server.log in {}", server.url(), data.path().display()));
    let session = Session {
        options: &options,
        instructor: Instructor::new(server.url(), secret)?,
        client: client()?,
        evaluator: outside.evaluator.clone(),
        server: server.url(),
    };

    let outcome = session.run(&mut server, progress, &shutdown).await;
    progress.working("stopping the server");
    let stopped = server.stop().await;
    progress.idle();
    outside.stop().await;

    // The folder stays when its log has something to explain.
    match &outcome {
        Ok(summary) if summary.confirmed() && stopped.is_ok() => data.discard(),
        Err(Error::Interrupted) => data.discard(),
        _ => {}
    }
    let summary = outcome?;
    stopped.map(|()| summary)
}

/// What every round needs.
#[derive(Debug)]
struct Session<'a> {
    options: &'a Options,
    instructor: Instructor,
    client: reqwest::Client,
    evaluator: evaluator::Handle,
    server: Url,
}

impl Session<'_> {
    async fn run(
        &self,
        server: &mut ServerProcess,
        progress: &mut Progress,
        shutdown: &CancellationToken,
    ) -> Result<Summary, Error> {
        progress.working("waiting for the server");
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Error::Interrupted),
            ready = server.ready(&self.client) => ready?,
        }
        let summary = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Error::Interrupted),
            status = server.exited() => return Err(server.died(status)),
            summary = self.play(progress) => summary?,
        };
        self.report(&summary, progress);
        if self.options.afterwards == Afterwards::Serve {
            self.show_addresses(&summary, progress);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                status = server.exited() => return Err(server.died(status)),
            }
        }
        Ok(summary)
    }

    async fn play(&self, progress: &mut Progress) -> Result<Summary, Error> {
        let mut rows = Vec::with_capacity(self.options.case.rounds.len());
        for (index, round) in self.options.case.rounds.iter().enumerate() {
            rows.push(round::play(self, index, round, progress).await?);
        }
        progress.idle();
        Ok(Summary { rows })
    }

    fn report(&self, summary: &Summary, progress: &mut Progress) {
        progress.line("");
        for line in table::lines(&summary.rows) {
            progress.line(&line);
        }
        let reports = summary.rows.iter().filter_map(|row| row.report.as_ref());
        let missing = reports.rev().find_map(|report| match &report.browser {
            BrowserRun::NotRun { reason } => Some(reason),
            BrowserRun::Ran { .. } => None,
        });
        if let (Some(reason), BrowserNote::Say) = (missing, self.options.browser_note) {
            progress.line(&format!("No browser looked at the pages: {reason}"));
        }
    }

    fn show_addresses(&self, summary: &Summary, progress: &mut Progress) {
        let published = summary.rows.iter().rev().find_map(|row| row.pages_url.as_deref());
        progress.line("");
        if let Some(page) = published {
            progress.line(&format!("page      {page}"));
        }
        progress.line(&format!("API docs  {}docs", self.server));
        if let Some(repo) = summary.rows.iter().rev().find_map(Row::clone_url) {
            progress.line(&format!("repo      git clone {repo}"));
        }
        progress.line("Serving until Ctrl-C.");
    }
}

/// The evaluator, running.
#[derive(Debug)]
struct Outside {
    evaluator: evaluator::Handle,
    token: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Outside {
    fn start() -> Result<Self, Error> {
        let evaluator = Evaluator::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?;
        let token = CancellationToken::new();
        Ok(Self { evaluator: evaluator.handle(), task: tokio::spawn(evaluator.run(token.clone())), token })
    }

    async fn stop(self) {
        self.token.cancel();
        // What it received is read already; how it ends changes nothing.
        let _ = self.task.await;
    }
}
