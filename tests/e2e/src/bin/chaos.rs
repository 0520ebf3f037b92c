//! Kills, pauses and lies to real processes, and says how often the promise held: `cargo xtask chaos`.
//!
//! The experiments are in `e2e::chaos`. Seeds are numbers from `--seed` on; the same numbers are the same cuts. What the
//! lab saw of each run is in `target/chaos/*.jsonl`, the result in `target/chaos.json`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use e2e::chaos::hosts::Struck;
use e2e::chaos::kills::Load;
use e2e::chaos::outages::Outage;
use e2e::chaos::tally::{self, Tally};
use e2e::chaos::world::Options;
use e2e::chaos::{disk, evaluators, kills, outages, power, storm, zombies};

/// Services at work side by side: their waits overlap, two cores are busy with so many, and each has a token that may
/// ask GitHub for no more than it has to do.
const SIDE_BY_SIDE: usize = 6;

/// Runners of a deployment.
const RUNNERS: usize = 2;

/// Tasks under way in a deployment: most of them wait for a lease to end.
const UNDER_WAY: usize = 6;

/// Kills just after an answer: one service does them all, and its token lets it publish a hundred tasks an hour.
const AFTER_ANSWERS: usize = 90;

/// Kills, pauses and lies to real processes, and says how often the promise held.
#[derive(Debug, Parser)]
struct Cli {
    /// Only these experiments, such as `X1,X6`, or parts of X1, such as `x1_nats_runner`; all when not given.
    #[arg(long, value_name = "X1,...", value_delimiter = ',')]
    only: Vec<String>,
    /// A glance at each: one seed, few pauses, a short storm.
    #[arg(long)]
    quick: bool,
    /// X1 cuts every moment of every step once a seed [default: 20].
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How long the storm of X2 lasts [default: 10].
    #[arg(long)]
    minutes: Option<u64>,
    /// At least so many tasks in X2, of two rounds each [default: 200].
    #[arg(long)]
    tasks: Option<usize>,
    /// How often X3 pauses somebody on each engine [default: 50].
    #[arg(long)]
    pauses: Option<usize>,
    /// How long the broker of X4 is away, in seconds [default: 60].
    #[arg(long)]
    outage: Option<u64>,
    /// Seconds of a lease in X1 over a broker, in place of the shipped 30.
    #[arg(long)]
    lease: Option<u64>,
}

impl Cli {
    fn wants(&self, experiment: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.eq_ignore_ascii_case(experiment))
    }

    fn wants_kills(&self, part: &str) -> bool {
        self.wants("X1") || self.wants(part)
    }

    fn or<T>(&self, asked: Option<T>, thorough: T, quick: T) -> T {
        asked.unwrap_or(if self.quick { quick } else { thorough })
    }

    fn seeds(&self) -> std::ops::Range<u64> {
        self.seed..self.seed + self.or(self.seeds, 20, 1)
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    println!("seeds {:?}", cli.seeds());
    let mut done = Vec::new();
    kills(&cli, &mut done).await?;
    if cli.wants("X2") {
        let length = Duration::from_secs(60 * cli.or(cli.minutes, 10, 1));
        let tasks = cli.or(cli.tasks, 200, 20);
        timed(&mut done, storm::run("x2", tasks, length, cli.seed, Options::default())).await?;
    }
    if cli.wants("X3") {
        let (pauses, shipped) = (cli.or(cli.pauses, 50, 4), Options::default());
        let trials = zombies::trials("sqlite", pauses);
        timed(&mut done, zombies::on_one_host("x3_sqlite", &trials, 2 * SIDE_BY_SIDE, shipped)).await?;
        let trials = zombies::trials("nats", pauses);
        timed(&mut done, zombies::on_hosts("x3_nats", &trials, 2 * SIDE_BY_SIDE, shipped)).await?;
    }
    if cli.wants("X4") {
        let length = Duration::from_secs(cli.or(cli.outage, 60, 5));
        let outages = [
            ("x4_streams_deleted", Outage::StreamsDeleted),
            ("x4_broker_away", Outage::Away(length)),
            ("x4_connections_cut", Outage::Cut(length.min(Duration::from_secs(40)))),
        ];
        for (name, outage) in outages {
            timed(&mut done, outages::run(name, outage, Options::default())).await?;
        }
    }
    if cli.wants("X5") {
        done.extend(disk::run(cli.or(None, 6, 1)).await?);
    }
    if cli.wants("X6") {
        done.extend(power::run("x6_flush_before_answer", cli.or(None, 100, 10)).await?);
    }
    if cli.wants("X7") {
        let cases = evaluators::cases();
        timed(&mut done, evaluators::run("x7", &cases, cli.or(None, 5, 1), Options::default())).await?;
    }
    Ok(if tally::report(&done)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// X1: on one host, and over a broker with a runner or the host with the ledger as the victim.
async fn kills(cli: &Cli, done: &mut Vec<Tally>) -> Result<()> {
    let options = Options { lease: cli.lease.map(Duration::from_secs), ..Options::default() };
    if cli.wants_kills("x1_sqlite") {
        let trials = kills::trials("sqlite", cli.seeds());
        timed(done, kills::on_one_host("x1_sqlite", &trials, SIDE_BY_SIDE, Options::default())).await?;
    }
    if cli.wants_kills("x1_after_the_answer") {
        let times = cli.or(None, AFTER_ANSWERS, 10);
        timed(done, kills::after_the_answer("x1_after_the_answer", times, Options::default())).await?;
    }
    if cli.wants_kills("x1_nats_runner") {
        let trials = kills::trials("nats", cli.seeds());
        let load = Load { deployments: SIDE_BY_SIDE, runners: RUNNERS, under_way: UNDER_WAY };
        timed(done, kills::on_hosts("x1_nats_runner", &trials, load, Struck::Runner, options)).await?;
    }
    if cli.wants_kills("x1_nats_intake") {
        let trials = kills::trials_of_the_intake("nats-intake", cli.seeds());
        // All flows of a deployment share the victim: one at a time, so that each cut is the only one of its flow.
        let load = Load { deployments: SIDE_BY_SIDE, runners: 1, under_way: 1 };
        timed(done, kills::on_hosts("x1_nats_intake", &trials, load, Struck::Intake, options)).await?;
    }
    Ok(())
}

/// Says how an experiment went as soon as it is over.
async fn timed(done: &mut Vec<Tally>, experiment: impl Future<Output = Result<Tally>>) -> Result<()> {
    let began = Instant::now();
    let tally = experiment.await?;
    println!("{}: {} of {} in {:.0} s", tally.name, tally.held(), tally.trials, began.elapsed().as_secs_f64());
    done.push(tally);
    Ok(())
}
