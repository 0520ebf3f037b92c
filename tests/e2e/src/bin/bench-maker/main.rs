//! How well sites are made and judged: `cargo xtask bench maker [-- --only PART]`.
//!
//! - `defects`: sites with one planted defect each and sound ones (`tests/fixtures/defects`) before the verifier and the
//!   search for secrets: how many defects are found, how many sound sites are flagged, and which.
//! - `secrets`: the labelled corpus of made-up secrets: recall and precision.
//! - `autofix`: all rules that mend, over a site of 200 KB with something for most of them.
//! - `verify`: a small site with five JavaScript checks in a warm browser, one after the other and eight at once, and
//!   what the browsers take.
//! - `scenarios`: a real server before a model that is scripted to do well, badly, late or not at all: how each task
//!   ends, in how many calls, for how many tokens.

mod autofix;
mod defects;
mod scenarios;
mod secrets;
mod warm;

use anyhow::{Result, bail};
use clap::Parser;
use e2e::measure::{Figure, report};

#[derive(Debug, Parser)]
struct Args {
    /// Measures only this part, and leaves the file with the figures alone.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let known = ["defects", "secrets", "autofix", "verify", "scenarios"];
    let mut figures: Vec<Figure> = Vec::new();
    for part in known.iter().filter(|part| args.only.as_deref().is_none_or(|only| only == **part)) {
        println!("--- {part}");
        figures.extend(match *part {
            "defects" => defects::measure().await?,
            "secrets" => secrets::measure().await?,
            "autofix" => autofix::measure()?,
            "verify" => warm::measure().await?,
            _ => scenarios::measure().await?,
        });
    }
    if figures.is_empty() {
        bail!("there is no such part; known: {}", known.join(", "));
    }
    match args.only {
        None => report("maker", &figures),
        Some(part) => report(&format!("maker-{part}"), &figures),
    }
}
