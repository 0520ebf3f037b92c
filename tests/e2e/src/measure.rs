//! What benchmarks have in common: figures with an aim, a table, and a file for machines.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// One measured value.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Name that stays the same over time.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// Unit of value and aim.
    pub unit: String,
    /// What is aimed for; absent when the figure is only to be known.
    pub aim: Option<f64>,
    /// Whether the value meets the aim.
    pub holds: Option<bool>,
}

impl Figure {
    /// A value without an aim.
    #[must_use]
    pub fn plain(name: &str, value: f64, unit: &str) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned(), aim: None, holds: None }
    }

    /// A value that shall be at least `aim`.
    #[must_use]
    pub fn at_least(name: &str, value: f64, unit: &str, aim: f64) -> Self {
        Self { aim: Some(aim), holds: Some(value >= aim), ..Self::plain(name, value, unit) }
    }

    /// A value that shall be at most `aim`.
    #[must_use]
    pub fn at_most(name: &str, value: f64, unit: &str, aim: f64) -> Self {
        Self { aim: Some(aim), holds: Some(value <= aim), ..Self::plain(name, value, unit) }
    }
}

/// Prints the figures and writes `target/bench/<benchmark>.json`.
///
/// # Errors
/// The file cannot be written.
pub fn report(benchmark: &str, figures: &[Figure]) -> Result<()> {
    print(figures);
    let path = folder()?.join(benchmark).with_extension("json");
    std::fs::write(&path, serde_json::to_vec_pretty(figures)?).with_context(|| path.display().to_string())?;
    println!("written to {}", path.display());
    Ok(())
}

/// Prints the figures.
pub fn print(figures: &[Figure]) {
    println!("{:<32} {:>12} {:<8} {:>12}  holds", "figure", "value", "unit", "aim");
    for figure in figures {
        let aim = figure.aim.map_or_else(|| "-".to_owned(), |aim| format!("{aim:.3}"));
        let holds = figure.holds.map_or("-", |holds| if holds { "yes" } else { "NO" });
        println!("{:<32} {:>12.3} {:<8} {aim:>12}  {holds}", figure.name, figure.value, figure.unit);
    }
}

/// The middle value; 0 for none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The value that `share` of all values do not exceed; 0 for none.
#[must_use]
pub fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Memory that it holds now, in MB.
    pub rss_mb: f64,
    /// The most that it ever held, in MB.
    pub peak_mb: f64,
    /// Seconds of processor time, of all its threads.
    pub cpu_s: f64,
}

/// Looks at a process, by Linux's `/proc`.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn usage(pid: u32) -> Result<Usage> {
    /// The unit of times in `stat`, which Linux fixes for programs.
    const TICKS_PER_S: f64 = 100.0;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("read /proc")?;
    let mb = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        anyhow::Ok(value.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    };
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("read /proc")?;
    // The name, in brackets, may hold blanks; user and system time are the 12th and 13th field after it.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(Usage { rss_mb: mb("VmRSS:")?, peak_mb: mb("VmHWM:")?, cpu_s: ticks / TICKS_PER_S })
}

/// What the processes that `pid` started, and those that they started, hold together, in MB; what they share counts
/// once. By Linux's `/proc`.
///
/// # Errors
/// There is no `/proc`.
pub fn memory_below(pid: u32) -> Result<f64> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").context("read /proc")? {
        let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // It may have ended since.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        let parent = stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (process, parent)));
    }
    let mut below = vec![pid];
    let mut at = 0;
    while let Some(above) = below.get(at).copied() {
        below.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(process, _)| *process));
        at += 1;
    }
    let held = below.iter().skip(1).filter_map(|process| {
        let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        value.trim().trim_end_matches(" kB").parse::<f64>().ok()
    });
    Ok(held.sum::<f64>() / 1024.0)
}

fn folder() -> Result<PathBuf> {
    let folder = super::workspace().join("target/bench");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}
