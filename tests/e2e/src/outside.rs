//! The outside world of a case: who posts and who is notified.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use lab::cases::Case;
use lab::evaluator::{self, Evaluator};
use lab::github::{self, LabGitHub};
use lab::instructor::{Instructor, Nonce};
use lab::model::{self, ModelServer, Script};
use lab::witness::Witness;
use secrecy::SecretString;
use serde_json::{Map, Value};
use shared_types::http::Receipt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Instance, Launch};

/// What the instances of this package are given as `STUDENT_SECRET`.
pub const SECRET: &str = "end-to-end";

/// Instructor and evaluator.
#[derive(Debug)]
pub struct Outside {
    /// What was received, and how to answer.
    pub evaluator: evaluator::Handle,
    witness: Witness,
    stop: CancellationToken,
    parts: JoinSet<()>,
}

impl Outside {
    /// An evaluator on a free port.
    ///
    /// # Errors
    /// No port is free.
    pub fn new() -> Result<Self> {
        Self::before(Witness::default())
    }

    /// The same with a witness of what the evaluator and GitHub see.
    ///
    /// # Errors
    /// No port is free.
    pub fn before(witness: Witness) -> Result<Self> {
        lab::install_crypto_provider();
        let evaluator = Evaluator::bind_with(any_port(), witness.clone())?;
        let (stop, parts) = (CancellationToken::new(), JoinSet::new());
        let mut outside = Self { evaluator: evaluator.handle(), witness, stop, parts };
        let stop = outside.stop.clone();
        outside.run(async move {
            evaluator.run(stop).await.ok();
        });
        Ok(outside)
    }

    /// Runs a further stand-in until this world ends.
    fn run(&mut self, part: impl Future<Output = ()> + Send + 'static) {
        self.parts.spawn(part);
    }

    /// Starts a model; a server that is launched so asks it.
    ///
    /// # Errors
    /// No port is free.
    pub fn model(&mut self, script: Script, launch: Launch) -> Result<(model::Handle, Launch)> {
        let model = ModelServer::bind(any_port(), script)?;
        let handle = model.handle();
        let launch = launch.with("LLM_BASE_URL", model.base_url()).with("LLM_MODEL", "scripted");
        let stop = self.stop.clone();
        self.run(async move {
            model.run(stop).await.ok();
        });
        Ok((handle, launch))
    }

    /// Starts GitHub, and a model that answers at once; a server that is launched so publishes
    /// there with `token`.
    ///
    /// # Errors
    /// No port is free.
    pub fn github(&mut self, token: &str) -> Result<(github::Handle, Launch)> {
        self.github_of(token, github::Options::default())
    }

    /// The same for a GitHub with further accounts, or otherwise unlike the usual one.
    ///
    /// # Errors
    /// No port is free.
    pub fn github_of(&mut self, token: &str, options: github::Options) -> Result<(github::Handle, Launch)> {
        let witness = self.witness.clone();
        let options = github::Options { token: Some(token.to_owned()), witness, ..options };
        let github = LabGitHub::bind(any_port(), options)?;
        let handle = github.handle();
        let launch = Launch::default()
            .with("STUDENT_SECRET", SECRET)
            .with("GITHUB_TOKEN", token)
            .with("GITHUB_API_URL", github.api_url().as_str())
            .with("ALLOW_INSECURE_EVALUATORS", "1")
            .without_browser();
        let stop = self.stop.clone();
        self.run(async move {
            github.run(stop).await.ok();
        });
        let (_, launch) = self.model(Script::instant(), launch)?;
        Ok((handle, launch))
    }

    /// POSTs a request with a fresh nonce and this evaluator.
    ///
    /// # Errors
    /// It is not accepted.
    pub async fn post(&self, to: &Instance, path: &str, request: &Map<String, Value>) -> Result<Receipt> {
        let instructor = Instructor::new(to.api()?, SecretString::from(SECRET))?;
        Ok(instructor.post(path, request, &self.evaluator.url(), Nonce::Fresh).await?.receipt()?)
    }

    /// The number of accepted notifications once there are at least `n`.
    ///
    /// # Errors
    /// Not within `timeout`.
    pub async fn accepted(&self, n: usize, timeout: Duration) -> Result<usize> {
        let count = |items: &[evaluator::Received]| items.iter().filter(|item| item.accepted().is_some()).count();
        let received = self.evaluator.wait_until("accepted notifications", timeout, |items| count(items) >= n).await?;
        Ok(count(&received))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Any free port on loopback.
fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// The folder of the sample cases.
#[must_use]
pub fn fixtures() -> PathBuf {
    super::workspace().join("tests/fixtures/requests")
}

/// A sample case.
///
/// # Errors
/// There is none of that name.
pub fn case(name: &str) -> Result<Case> {
    Ok(Case::load(&fixtures(), name)?)
}
