//! Trials, and those without a violation.

use anyhow::{Context as _, Result};

use super::judge::Violation;
use crate::measure::Figure;

/// Violations printed for each line of the table; all of them are counted.
const SHOWN: usize = 20;

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Its name, such as `x1_sqlite`.
    pub name: String,
    /// How often something was done to the service.
    pub trials: usize,
    /// What broke the promise: each counts as one trial.
    pub violations: Vec<String>,
    /// What else is to be known, such as the time that healing took.
    pub notes: Vec<Figure>,
}

impl Tally {
    /// `trials` and what broke the promise in them; violations of one round are one trial's.
    #[must_use]
    pub fn new(name: &str, trials: usize, violations: &[Violation]) -> Self {
        let mut by_round: Vec<(&str, u32, String)> = Vec::new();
        for violation in violations {
            match by_round.last_mut().filter(|last| (last.0, last.1) == (&violation.task, violation.round)) {
                Some((_, _, seen)) => seen.push_str(&format!("\n  {violation}")),
                None => by_round.push((&violation.task, violation.round, violation.to_string())),
            }
        }
        let violations = by_round.into_iter().map(|(_, _, seen)| seen).collect();
        Self { name: name.to_owned(), trials, violations, notes: Vec::new() }
    }

    /// Trials that ended as promised.
    #[must_use]
    pub fn held(&self) -> usize {
        self.trials.saturating_sub(self.violations.len())
    }

    /// The same with another figure.
    #[must_use]
    pub fn note(mut self, figure: Figure) -> Self {
        self.notes.push(figure);
        self
    }
}

/// Prints the tallies, with every violation, and writes `target/chaos.json`: `value` is trials without a violation, `aim`
/// is trials. Says whether all held.
///
/// # Errors
/// The file cannot be written.
pub fn report(tallies: &[Tally]) -> Result<bool> {
    let mut figures = Vec::new();
    for tally in tallies {
        for seen in tally.violations.iter().take(SHOWN) {
            println!("{}: {seen}", tally.name);
        }
        let (held, trials) = (tally.held() as f64, tally.trials as f64);
        // Nothing was shown where nothing was tried.
        let figure = Figure::at_least(&tally.name, held, "trials", trials);
        figures.push(Figure { holds: Some(tally.trials > 0 && held >= trials), ..figure });
        figures.extend(tally.notes.iter().cloned());
    }
    crate::measure::print(&figures);
    let path = crate::workspace().join("target/chaos.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&figures)?).with_context(|| path.display().to_string())?;
    println!("written to {}", path.display());
    Ok(figures.iter().all(|figure| figure.holds != Some(false)))
}
