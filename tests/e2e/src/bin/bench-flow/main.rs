//! How fast tasks go through, and how soon they go on: `cargo xtask bench flow [-- --only PART]`.
//!
//! Release servers with the lab's instant model. The parts:
//!
//! - `rest`: what the server needs at rest.
//! - `sqlite`: 200 tasks at once on embedded defaults, without a browser: flows a second with repositories on the disk
//!   (`no_browser`), and with repositories in memory, as an instant code host (`sqlite`), of which also the mean and the
//!   medians of the steps, and the share of the flows' time that they wait for storage. The ledger is on the disk.
//! - `browser`: tasks one by one with the browser, for a page that passes its checks at once and for one that is
//!   repaired first.
//! - `nats`: 200 tasks over one intake, nats-server, and 1, 2 and 4 runner processes, up to what publishing would need.
//! - `resume`: SIGKILL with 1,000 open flows; from the next start until those that were interrupted go on.
//! - `takeover`: SIGKILL of a runner; until another host goes on with its flow.
//! - `queued`: memory for each 1,000 tasks that wait.
//! - `claims`: what a claim costs with 10, 1,000 and 100,000 flows that wait, its commit included.
//! - `backup`: the slowest accept while a backup is made, beside one without.

mod alone;
mod hosts;
mod ledger;
mod restart;

use anyhow::{Result, bail};
use clap::Parser;
use e2e::measure::{Figure, report};

const PARTS: [&str; 9] = ["rest", "sqlite", "browser", "nats", "resume", "takeover", "queued", "claims", "backup"];

#[derive(Debug, Parser)]
struct Args {
    /// Measures only this part, and leaves the file with the figures alone.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let mut figures: Vec<Figure> = Vec::new();
    for part in PARTS.iter().filter(|part| args.only.as_deref().is_none_or(|only| only == **part)) {
        println!("--- {part}");
        figures.extend(match *part {
            "rest" => alone::rest().await?,
            "sqlite" => alone::sqlite().await?,
            "browser" => alone::browser().await?,
            "nats" => hosts::throughput().await?,
            "resume" => restart::resume().await?,
            "takeover" => hosts::takeover().await?,
            "queued" => restart::queued().await?,
            "claims" => ledger::claims().await?,
            _ => restart::backup().await?,
        });
    }
    if figures.is_empty() {
        bail!("there is no such part; known: {}", PARTS.join(", "));
    }
    match args.only {
        None => report("flow", &figures),
        Some(part) => report(&format!("flow-{part}"), &figures),
    }
}
