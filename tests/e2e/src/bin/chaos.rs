//! Kills, pauses and lies to real processes, and says how often the promise held: `cargo xtask chaos`.
//!
//! The experiments are in `e2e::chaos`. Seeds are numbers from `--seed` on; the same numbers are the same cuts. What the
//! lab saw of each run is in `target/chaos/*.jsonl`, the result in `target/chaos.json`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use e2e::chaos::hosts::Struck;
use e2e::chaos::tally::{self, Tally};
use e2e::chaos::world::Options;
use e2e::chaos::{kills, zombies};

/// Services at work side by side: their waits overlap, and two cores are busy with so many.
const SIDE_BY_SIDE: usize = 6;

/// Tasks under way over a broker: most of them wait for a lease to end.
const UNDER_WAY: usize = 24;

/// Kills, pauses and lies to real processes, and says how often the promise held.
#[derive(Debug, Parser)]
struct Cli {
    /// Only these experiments, such as `X1`; all when not given.
    #[arg(long, value_name = "X1", value_delimiter = ',')]
    only: Vec<String>,
    /// How many seeds: X1 cuts every moment of every step once a seed.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How often X3 pauses somebody.
    #[arg(long, default_value_t = 50)]
    pauses: usize,
    /// Seconds of a lease on several hosts in X1; as it is shipped when not given, which takes longer.
    #[arg(long)]
    lease: Option<u64>,
}

impl Cli {
    fn wants(&self, experiment: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.eq_ignore_ascii_case(experiment))
    }

    fn seeds(&self) -> std::ops::Range<u64> {
        self.seed..self.seed + self.seeds
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    println!("seeds {:?}", cli.seeds());
    let mut tallies: Vec<Tally> = Vec::new();
    let shipped = Options::default();
    if cli.wants("X1") {
        let trials = kills::trials("sqlite", cli.seeds());
        tallies.push(timed(kills::on_one_host("x1_sqlite", &trials, SIDE_BY_SIDE, shipped)).await?);
        let options = Options { lease: cli.lease.map(Duration::from_secs), ..shipped };
        for (name, struck) in [("runner", Struck::Runner), ("intake", Struck::Intake)] {
            let trials = kills::trials(name, cli.seeds());
            let name = format!("x1_nats_{name}");
            let load = (SIDE_BY_SIDE, if struck == Struck::Runner { UNDER_WAY } else { 1 });
            tallies.push(timed(kills::on_hosts(&name, &trials, load, struck, options)).await?);
        }
    }
    if cli.wants("X3") {
        let trials = zombies::trials("sqlite", cli.pauses);
        tallies.push(timed(zombies::on_one_host("x3_sqlite", &trials, 2 * SIDE_BY_SIDE, shipped)).await?);
        let trials = zombies::trials("nats", cli.pauses);
        tallies.push(timed(zombies::on_hosts("x3_nats", &trials, 2 * SIDE_BY_SIDE, shipped)).await?);
    }
    Ok(if tally::report(&tallies)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says how an experiment went as soon as it is over.
async fn timed(experiment: impl Future<Output = Result<Tally>>) -> Result<Tally> {
    let began = Instant::now();
    let tally = experiment.await?;
    println!("{}: {} of {} in {:.0} s", tally.name, tally.held(), tally.trials, began.elapsed().as_secs_f64());
    Ok(tally)
}
