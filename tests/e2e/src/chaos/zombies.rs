//! X3: SIGSTOP past the lease, then SIGCONT. No effect comes from a stale epoch.
//!
//! On several hosts another runner takes the flow, ends it, and the next round as well, before the zombie wakes up in the
//! middle of its step. On one host the folder's lock keeps everybody else out, also while its holder is stopped; there the
//! zombie is the process's own flow, which its own runner finds with an ended lease.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use rustix::process::{Pid, Signal, kill_process};

use super::hosts::{Hosts, Struck};
use super::judge::{Asked, Rule, Told, Violation};
use super::kills::Trial;
use super::plan::{Blow, Cut, Moment, moments};
use super::tally::Tally;
use super::world::{Options, World, keep_alive};
use crate::Instance;
use crate::measure::Figure;

/// The lease as it is shipped.
const LEASE: Duration = Duration::from_secs(30);

/// Beyond a lease, on a busy machine.
const LONG: Duration = Duration::from_secs(240);

/// After waking up, whatever was on its way has gone out.
const SETTLED: Duration = Duration::from_secs(2);

/// So many pauses, at one moment of the first round after the other.
#[must_use]
pub fn trials(engine: &str, count: usize) -> Vec<Trial> {
    // What matters most comes first: the moments before something is done outside.
    let mut moments = moments(1);
    moments.sort_by_key(|(step, moment)| {
        (*moment != Moment::Begun || !matches!(*step, "notify" | "publish" | "commit" | "pages"), *moment, *step)
    });
    let cut = |(step, moment): (&str, Moment)| Cut { step: step.to_owned(), moment, blow: Blow::Stop };
    let cuts = moments.into_iter().map(cut).cycle().take(count);
    cuts.zip(0..)
        .map(|(cut, n)| Trial { task: format!("x3-{engine}-{n}"), cuts: [Some(cut), None], resumes: true })
        .collect()
}

/// Several hosts: so many trials are under way at once, each with a zombie of its own, beside runners that work.
///
/// # Errors
/// Something could not be tried at all.
pub async fn on_hosts(name: &str, trials: &[Trial], under_way: usize, options: Options) -> Result<Tally> {
    /// Beside the zombies.
    const AT_WORK: usize = 4;
    let world = World::new(name, options)?;
    let hosts = Hosts::start(&world, under_way + AT_WORK, 1, Struck::Runner).await?;
    let all = futures::stream::iter(trials).map(|trial| {
        let (world, hosts) = (&world, &hosts);
        async move { haunt(world, hosts, trial, options).await.with_context(|| format!("{trial:?}")) }
    });
    let servers = hosts.servers();
    let ended = tokio::select! {
        ended = all.buffer_unordered(under_way).try_collect::<Vec<_>>() => ended?.concat(),
        died = keep_alive(&servers) => match died? {},
    };
    tokio::time::sleep(SETTLED).await;
    let (mut asked, mut told) = (Vec::new(), BTreeMap::new());
    let mut changed = Vec::new();
    for (request, before) in ended {
        let after = Told::ask(&hosts.intake, request.id).await.context("a task that had ended has not")?;
        if after != before {
            let seen = format!("before the zombie woke up {before:#?}, after it {after:#?}");
            changed.push(Violation {
                task: request.task.clone(),
                round: request.round,
                rule: Rule::NothingIsInvented,
                seen,
            });
        }
        told.insert(request.id, after);
        asked.push(request);
    }
    let mut violations = world.judge(&asked, &told)?;
    violations.extend(changed);
    violations.sort();
    Ok(Tally::new(name, trials.len(), &violations))
}

/// One zombie: both rounds end without it, then it wakes up and comes to rest.
async fn haunt(world: &World, hosts: &Hosts, trial: &Trial, options: Options) -> Result<Vec<(Asked, Told)>> {
    let ended = trial.run(world, &hosts.intake, options).await?;
    let pid = world.plans.struck(&trial.task, 1).context("nobody was stopped")?;
    let zombie = hosts.runners.iter().find(|runner| runner.pid() == Some(pid)).context("the zombie is gone")?;
    resume(pid)?;
    let first = ended.first().map(|(first, _)| first.id.to_string()).context("no round")?;
    let at_rest = async {
        while !has_left(zombie, &first) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if options.bug.is_none() {
        tokio::time::timeout(LONG, at_rest).await.with_context(|| format!("it never noticed:\n{}", zombie.log()))?;
    } else {
        tokio::time::sleep(SETTLED).await;
    }
    Ok(ended)
}

/// Whether a runner says that a flow is no longer its own.
fn has_left(runner: &Instance, task: &str) -> bool {
    let log = runner.log();
    let left = ["\"flow.lost\"", "\"flow.finished\""];
    log.lines().any(|line| line.contains(task) && left.iter().any(|event| line.contains(event)))
}

fn resume(pid: u32) -> Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).context("no process")?;
    kill_process(pid, Signal::CONT).context("wake it up")
}

/// One host: each trial has a service of its own, which sleeps beyond its lease. `lease` is what the service was given.
///
/// # Errors
/// Something could not be tried at all.
pub async fn on_one_host(name: &str, trials: &[Trial], under_way: usize, options: Options) -> Result<Tally> {
    let shares = trials.chunks(trials.len().div_ceil(under_way).max(1)).enumerate();
    let benches = shares.map(|(n, share)| bench(format!("{name}-{n}"), share, options));
    let (mut violations, mut reclaimed) = (Vec::new(), 0_u32);
    for (found, times) in try_join_all(benches).await? {
        violations.extend(found);
        reclaimed += times;
    }
    let reclaimed = Figure::plain(&format!("{name}_reclaimed"), f64::from(reclaimed), "times");
    Ok(Tally::new(name, trials.len(), &violations).note(reclaimed))
}

async fn bench(name: String, trials: &[Trial], options: Options) -> Result<(Vec<Violation>, u32)> {
    let world = World::new(&name, options)?;
    let server = Instance::start(world.launch().with("CONCURRENCY", "1")).await?;
    let (mut asked, mut told) = (Vec::new(), BTreeMap::new());
    for trial in trials {
        let sleeper = sleep_through(&world, &server, trial, options);
        let (ended, ()) = tokio::try_join!(trial.run(&world, &server, options), sleeper)?;
        for (request, said) in ended {
            // Whether the heartbeat or the runner comes first when both are overdue is open.
            told.insert(request.id, said);
            asked.push(Asked { cuts: None, ..request });
        }
    }
    let reclaimed = server.log().matches("\"flow.resumed\"").count() as u32;
    Ok((world.judge(&asked, &told)?, reclaimed))
}

/// Waits until the service has stopped, holds it beyond its lease, and wakes it up. Nobody else gets the folder meanwhile.
async fn sleep_through(world: &World, server: &Instance, trial: &Trial, options: Options) -> Result<()> {
    let stopped = async {
        while world.plans.struck(&trial.task, 1).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, stopped).await.context("nobody was stopped")?;
    let second = server.run(&["serve"]).await?;
    let said = String::from_utf8_lossy(&second.stderr);
    ensure!(!second.status.success() && said.contains("in use"), "a second process got the folder: {said}");
    tokio::time::sleep(options.lease.unwrap_or(LEASE) + Duration::from_secs(1)).await;
    resume(server.pid().context("nothing runs")?)
}
