//! How fast and how steadily tasks are accepted: `cargo xtask bench intake [-- --only PART] [-- --tasks N]`.
//!
//! A is the server (`POST /build`, each time with a fresh nonce, by one of a class of 4,096 students, answered after its
//! durable commit), B a bare handler that reads and parses the same JSON and answers 200. Both are release builds with
//! two workers, each a process of its own; they take turns under the same load generator, which runs on the same
//! machine. Any answer that is not expected fails the run. The parts:
//!
//! - `ratio`: 64 connections in a closed loop, A and B in turns; bodies of 2 KB, and of 200 KB each with another
//!   attachment. Then A with fewer log lines, for people that never posted before, and with all roles.
//! - `latency`: 300 requests a second in an open loop; the time runs from when each was meant to be sent.
//! - `burst`: 300 tasks at once to a server with all roles, then their notifications.
//! - `overload`: more clients than places and than connections.
//! - `slow`: 10,000 connections that drip, and a healthy client beside them.
//! - `tasks`: the closed loop on an empty ledger and on one that holds `--tasks` tasks, in turns.

mod bare;
mod drip;
mod parts;

use anyhow::{Result, bail};
use clap::Parser;
use e2e::measure::{Figure, report};

#[derive(Debug, Parser)]
struct Args {
    /// Tasks in the full ledger.
    #[arg(long, default_value_t = 1_000_000)]
    tasks: u64,
    /// Measures only this part, and leaves the file with the figures alone.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Be the bare handler at this port.
    #[arg(long, hide = true)]
    bare: Option<u16>,
    /// Be this many dripping clients of --to.
    #[arg(long, hide = true, requires = "to")]
    drip: Option<usize>,
    #[arg(long, hide = true)]
    to: Option<u16>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(port) = args.bare {
        return bare::serve(port).await;
    }
    if let (Some(count), Some(port)) = (args.drip, args.to) {
        return drip::run(port, count).await;
    }
    let known = ["ratio", "latency", "burst", "overload", "slow", "tasks"];
    let mut figures: Vec<Figure> = Vec::new();
    for part in known.iter().filter(|part| args.only.as_deref().is_none_or(|only| only == **part)) {
        println!("--- {part}");
        figures.extend(match *part {
            "ratio" => parts::ratio().await?,
            "latency" => parts::latency().await?,
            "burst" => parts::burst().await?,
            "overload" => parts::overload().await?,
            "slow" => parts::slow().await?,
            _ => parts::tasks(args.tasks).await?,
        });
    }
    if figures.is_empty() {
        bail!("there is no such part; known: {}", known.join(", "));
    }
    match args.only {
        None => report("intake", &figures),
        Some(part) => report(&format!("intake-{part}"), &figures),
    }
}
