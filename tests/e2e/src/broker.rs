//! A broker of its own: nats-server with JetStream, which can be away for a while.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::free_port;

/// It is up within a second, on a machine that does nothing else.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// One store and one port, and whoever serves them.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    store: TempDir,
    child: Option<Child>,
}

impl Broker {
    /// A started broker.
    ///
    /// # Errors
    /// There is no nats-server, or it does not come up.
    pub async fn start() -> Result<Self> {
        let store = tempfile::Builder::new().prefix("sitewright-broker-").tempdir().context("make a folder")?;
        let mut broker = Self { port: free_port()?, store, child: None };
        broker.up().await?;
        Ok(broker)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is found.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn up(&mut self) -> Result<()> {
        // Debian keeps servers where not everybody's PATH leads.
        let path = std::env::var("PATH").unwrap_or_default();
        let child = Command::new("nats-server")
            .env("PATH", format!("{path}:/usr/sbin"))
            .args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"])
            .arg(self.store.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.context("start nats-server (Debian: apt-get install nats-server)")?);
        let until = Instant::now() + UP_WITHIN;
        while async_nats::connect(self.url()).await.is_err() {
            ensure!(Instant::now() < until, "nats-server did not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.take().context("no broker runs")?.kill().await.context("kill the broker")
    }
}
