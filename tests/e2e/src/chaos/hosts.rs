//! Several hosts that do the job together: one with the ledger, runners that come and go, and the broker between them.

use anyhow::Result;
use futures::future::try_join_all;
use lab::proxy;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::outages::line_to;
use super::world::World;
use crate::{Broker, Instance, Launch};

/// An intake, runners, and a broker.
#[derive(Debug)]
pub struct Hosts {
    /// Accepts, and has the ledger.
    pub intake: Instance,
    /// Work.
    pub runners: Vec<Instance>,
    /// Carries the work.
    pub broker: Broker,
    /// Between the broker and everybody.
    pub line: proxy::Handle,
    _line_stays: DropGuard,
}

/// Who is struck by the plans of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Struck {
    /// Whichever runner comes to the moment.
    Runner,
    /// The host with the ledger, when it writes down what a runner has reported.
    Intake,
    /// The experiment strikes by itself.
    Nobody,
}

impl Hosts {
    /// All of it in `world`, with so many runners that have `concurrency` flows at once each.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(world: &World, runners: usize, concurrency: usize, struck: Struck) -> Result<Self> {
        let broker = Broker::start().await?;
        let stop = CancellationToken::new();
        let line = line_to(broker.port(), stop.clone())?;
        let url = format!("nats://{}", line.addr());
        let launch = move |role: &str, is_struck: bool| {
            let launch = world.launch().with("NATS_URL", url.clone()).with("ROLES", role);
            if is_struck { launch } else { launch.without("CHAOS_PLANS") }
        };
        let runner: Launch = launch("runner", struck == Struck::Runner).with("CONCURRENCY", concurrency.to_string());
        let intake = Instance::start(launch("intake", struck == Struck::Intake)).await?;
        let runners = try_join_all((0..runners).map(|_| Instance::start(runner.clone()))).await?;
        Ok(Self { intake, runners, broker, line, _line_stays: stop.drop_guard() })
    }

    /// Every server.
    #[must_use]
    pub fn servers(&self) -> Vec<&Instance> {
        self.runners.iter().chain([&self.intake]).collect()
    }
}
