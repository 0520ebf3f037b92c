//! X2: for minutes, somebody is killed every few seconds: the host with the ledger, a runner, or the broker, while tasks
//! of two rounds come in. Afterwards everything that was accepted is held against the promise.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use shared_types::TaskId;

use super::hosts::{Hosts, Struck};
use super::judge::{Asked, Told};
use super::tally::Tally;
use super::world::{Options, World};
use crate::measure::Figure;
use crate::{Broker, Instance};

/// A task may lose its runner again and again, and its round waits for the one before.
const LONG: Duration = Duration::from_secs(1200);

/// Tasks under way at once.
const UNDER_WAY: usize = 24;

/// Between two kills, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 1_000..6_000;

/// How long the broker is away, in milliseconds.
const AWAY_MS: std::ops::Range<u64> = 0..4_000;

/// At least so many tasks, and as many more as the storm lasts; each has two rounds.
///
/// # Errors
/// Something could not be tried at all.
pub async fn run(name: &str, tasks: usize, length: Duration, seed: u64, options: Options) -> Result<Tally> {
    let world = World::new(name, options)?;
    let mut hosts = Hosts::start(&world, 2, 8, Struck::Nobody).await?;
    let Hosts { intake, runners, broker, .. } = &mut hosts;
    let intake = &*intake;
    let until = Instant::now() + length;
    let servers: Vec<&Instance> = runners.iter().chain([intake]).collect();
    // Evenly over the storm, so that every kill meets some.
    let pace = length / u32::try_from(tasks).unwrap_or(u32::MAX).max(1);
    let ticks = futures::stream::unfold((), |()| async move {
        tokio::time::sleep(pace).await;
        Some(((), ()))
    });
    let load = ticks.enumerate().take_while(|(n, ())| {
        let more = *n < tasks || Instant::now() < until;
        async move { more }
    });
    let load = load.map(|(n, ())| both_rounds(&world, intake, format!("{name}-{n}")));
    let (ended, kills) = {
        let load = load.buffer_unordered(UNDER_WAY).try_collect::<Vec<_>>();
        tokio::pin!(load);
        tokio::select! {
            ended = &mut load => (ended?, 0),
            kills = storm(&servers, broker, until, seed) => {
                let kills = kills?;
                // Whoever was killed last comes back, and all ends.
                let ended = tokio::select! {
                    ended = &mut load => ended?,
                    died = super::world::keep_alive(&servers) => match died? {},
                };
                (ended, kills)
            }
        }
    };
    let (asked, told): (Vec<_>, BTreeMap<TaskId, Told>) =
        ended.into_iter().flatten().map(|(asked, told): (Asked, Told)| (asked.clone(), (asked.id, told))).unzip();
    let violations = world.judge(&asked, &told)?;
    let kills = Figure::plain(&format!("{name}_kills"), f64::from(kills), "times");
    Ok(Tally::new(name, asked.len(), &violations).note(kills))
}

/// Kills somebody every few seconds and starts whoever was killed again.
async fn storm(servers: &[&Instance], broker: &mut Broker, until: Instant, seed: u64) -> Result<u32> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = 0;
    while Instant::now() < until {
        let pause = Duration::from_millis(random.random_range(PAUSE_MS));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            died = super::world::keep_alive(servers) => match died? {},
        }
        match servers.get(random.random_range(0..=servers.len())) {
            Some(server) => server.strike_dead()?,
            None => {
                broker.kill().await?;
                tokio::time::sleep(Duration::from_millis(random.random_range(AWAY_MS))).await;
                broker.up().await?;
            }
        }
        kills += 1;
    }
    Ok(kills)
}

async fn both_rounds(world: &World, intake: &Instance, task: String) -> Result<Vec<(Asked, Told)>> {
    let mut asked = Vec::new();
    for round in [1, 2] {
        let id = world.request(&task, round)?.post(intake, LONG).await?;
        asked.push(Asked { task: task.clone(), round, id, cuts: None, retold: None });
    }
    let mut ended = Vec::new();
    for request in asked {
        let told = Told::at_the_end(intake, request.id, LONG).await.with_context(|| format!("{request:?}"))?;
        ended.push((request, told));
    }
    Ok(ended)
}
