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
    println!("{:<32} {:>12} {:<8} {:>12}  holds", "figure", "value", "unit", "aim");
    for figure in figures {
        let aim = figure.aim.map_or_else(|| "-".to_owned(), |aim| format!("{aim:.3}"));
        let holds = figure.holds.map_or("-", |holds| if holds { "yes" } else { "NO" });
        println!("{:<32} {:>12.3} {:<8} {aim:>12}  {holds}", figure.name, figure.value, figure.unit);
    }
    let path = folder()?.join(benchmark).with_extension("json");
    std::fs::write(&path, serde_json::to_vec_pretty(figures)?).with_context(|| path.display().to_string())?;
    println!("written to {}", path.display());
    Ok(())
}

/// The middle value; 0 for none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn folder() -> Result<PathBuf> {
    let folder = super::workspace().join("target/bench");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}
