//! X1: SIGKILL before the effect, after the effect, and after the checkpoint of every step of both plans.
//!
//! Each task has two rounds, each of which is cut off once, at one moment; over a seed every moment of both plans is cut.
//! Tasks run one by one in a service, so that nobody else is cut off with them; several services run side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use shared_types::TaskId;

use super::hosts::{Hosts, Struck};
use super::judge::{Asked, Told, Violation};
use super::plan::{Blow, Cut, Moment, moments};
use super::tally::Tally;
use super::world::{Options, World, keep_alive, tasks_of};
use crate::Instance;

/// A round takes seconds, and waits for a lease to end when its runner was killed; a machine that does much else takes
/// longer.
const SOON: Duration = Duration::from_secs(300);

/// What is cut off in the two rounds of a task.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Name of its task.
    pub task: String,
    /// In the first and in the second round.
    pub cuts: [Option<Cut>; 2],
    /// Who works on the flow is struck, so that it goes on elsewhere.
    pub resumes: bool,
}

/// Every moment of both plans once a seed, in an order that the seed chooses.
#[must_use]
pub fn trials(engine: &str, seeds: std::ops::Range<u64>) -> Vec<Trial> {
    some_trials(engine, seeds, |_| true)
}

/// The same where the host with the ledger is struck as it writes down what a runner reports. It does nothing outside.
#[must_use]
pub fn trials_of_the_intake(engine: &str, seeds: std::ops::Range<u64>) -> Vec<Trial> {
    let mut trials = some_trials(engine, seeds, |moment| matches!(moment, Moment::Done | Moment::Journaled));
    for trial in &mut trials {
        trial.resumes = false;
    }
    trials
}

fn some_trials(engine: &str, seeds: std::ops::Range<u64>, wanted: impl Fn(Moment) -> bool) -> Vec<Trial> {
    let mut trials = Vec::new();
    for seed in seeds {
        let mut random = StdRng::seed_from_u64(seed);
        let mut rounds = [moments(1), moments(2)].map(|mut moments| {
            moments.retain(|(_, moment)| wanted(*moment));
            moments.shuffle(&mut random);
            moments.into_iter().map(|(step, moment)| Cut { step: step.to_owned(), moment, blow: Blow::Kill })
        });
        let count = rounds.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        trials.extend((0..count).map(|n| Trial {
            task: format!("x1-{engine}-{seed}-{n}"),
            cuts: rounds.each_mut().map(Iterator::next),
            resumes: true,
        }));
    }
    trials
}

/// What came of a round that was cut off at `cut`, or not at all.
fn asked(task: &str, round: u32, id: TaskId, cut: Option<&Cut>) -> Asked {
    let at = cut.map(|cut| (cut.step.as_str(), cut.moment));
    // After its last commit a flow has ended.
    let before_its_end = at.is_some_and(|at| at != ("record", Moment::Journaled));
    let while_telling = at == Some(("notify", Moment::Effect));
    let (cuts, retold) = (Some(u32::from(before_its_end)), Some(u32::from(while_telling)));
    Asked { task: task.to_owned(), round, id, cuts, retold }
}

/// One host with SQLite: `side_by_side` services share `trials`.
///
/// # Errors
/// Something could not be tried at all.
pub async fn on_one_host(name: &str, trials: &[Trial], side_by_side: usize, options: Options) -> Result<Tally> {
    let shares = trials.chunks(trials.len().div_ceil(side_by_side).max(1)).enumerate();
    let benches = shares.map(|(n, share)| bench(format!("{name}-{n}"), share, options));
    let violations = try_join_all(benches).await?.concat();
    Ok(Tally::new(name, cuts(trials), &violations))
}

/// How many hosts, and what they have to do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Deployments, with a broker each, that share the trials.
    pub deployments: usize,
    /// Runners of each.
    pub runners: usize,
    /// Trials under way at once in each. A flow whose runner was killed waits for its lease to end.
    pub under_way: usize,
}

/// Several hosts over a broker.
///
/// # Errors
/// Something could not be tried at all.
pub async fn on_hosts(name: &str, trials: &[Trial], load: Load, struck: Struck, options: Options) -> Result<Tally> {
    let shares = trials.chunks(trials.len().div_ceil(load.deployments).max(1)).enumerate();
    let deployments = shares.map(|(n, share)| deployment(format!("{name}-{n}"), share, load, struck, options));
    let violations = try_join_all(deployments).await?.concat();
    Ok(Tally::new(name, cuts(trials), &violations))
}

/// Runs trials over hosts of their own.
async fn deployment(
    name: String,
    trials: &[Trial],
    load: Load,
    struck: Struck,
    options: Options,
) -> Result<Vec<Violation>> {
    let world = World::new(&name, options)?;
    let hosts = Hosts::start(&world, load.runners, 1, struck).await?;
    let all = futures::stream::iter(trials).map(|trial| {
        let (world, intake) = (&world, &hosts.intake);
        async move { trial.run(world, intake, options).await.with_context(|| format!("{trial:?}")) }
    });
    let servers = hosts.servers();
    let ended = tokio::select! {
        ended = all.buffer_unordered(load.under_way).try_collect::<Vec<_>>() => ended?.concat(),
        died = keep_alive(&servers) => match died? {},
    };
    let (asked, told): (Vec<_>, _) = ended.into_iter().map(|(asked, told)| (asked.clone(), (asked.id, told))).unzip();
    world.judge(&asked, &told)
}

/// One host that is killed as soon as an issuer has its answer, so many times.
///
/// # Errors
/// Something could not be tried at all.
pub async fn after_the_answer(name: &str, times: usize, options: Options) -> Result<Tally> {
    let world = World::new(name, options)?;
    let mut server = Instance::start(world.launch()).await?;
    let mut requests = Vec::new();
    for n in 0..times {
        let task = format!("{}-{n}", tasks_of(name));
        let id = world.request(&task, 1)?.post(&server, SOON).await?;
        server.kill().await?;
        server.up().await?;
        requests.push(Asked { task, round: 1, id, cuts: None, retold: None });
    }
    let mut told = BTreeMap::new();
    for request in &requests {
        // What is not known is not waited for.
        if server.task(request.id).await.is_ok() {
            told.insert(request.id, Told::at_the_end(&server, request.id, SOON).await?);
        }
    }
    Ok(Tally::new(name, times, &world.judge(&requests, &told)?))
}

fn cuts(trials: &[Trial]) -> usize {
    trials.iter().flat_map(|trial| &trial.cuts).flatten().count()
}

/// Runs trials one after another in a service of their own.
async fn bench(name: String, trials: &[Trial], options: Options) -> Result<Vec<Violation>> {
    let world = World::new(&name, options)?;
    let server = Instance::start(world.launch().with("CONCURRENCY", "1")).await?;
    let servers = [&server];
    let all = async {
        let mut ended = Vec::new();
        for trial in trials {
            ended.extend(trial.run(&world, &server, options).await.with_context(|| format!("{trial:?}"))?);
        }
        anyhow::Ok(ended)
    };
    let ended = tokio::select! {
        ended = all => ended?,
        died = keep_alive(&servers) => match died? {},
    };
    let (asked, told): (Vec<_>, _) = ended.into_iter().map(|(asked, told)| (asked.clone(), (asked.id, told))).unzip();
    world.judge(&asked, &told)
}

impl Trial {
    /// Posts both rounds at once and waits until both have ended and both cuts were made.
    pub(super) async fn run(&self, world: &World, server: &Instance, options: Options) -> Result<Vec<(Asked, Told)>> {
        let mut ids = Vec::new();
        for (cut, round) in self.cuts.iter().zip(1..) {
            if let Some(cut) = cut {
                world.plans.add(&self.task, round, cut)?;
            }
        }
        for round in [1, 2] {
            ids.push(world.request(&self.task, round)?.post(server, SOON).await?);
        }
        let mut ended = Vec::new();
        for ((id, cut), round) in ids.into_iter().zip(&self.cuts).zip(1..) {
            // A cut after the very end comes when it is seen to have ended, or just after.
            let told = Told::at_the_end(server, id, SOON).await?;
            ended.push((asked(&self.task, round, id, cut.as_ref().filter(|_| self.resumes)), told));
            if cut.is_some() && options.bug.is_none() {
                self.struck(world, round).await.with_context(|| format!("nobody came to {cut:?}"))?;
            }
        }
        Ok(ended)
    }

    async fn struck(&self, world: &World, round: u32) -> Result<()> {
        let struck = async {
            while world.plans.struck(&self.task, round).is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        Ok(tokio::time::timeout(Duration::from_secs(5), struck).await?)
    }
}
