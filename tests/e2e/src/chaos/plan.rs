//! What shall happen to a process, and at which exact moment of a flow.
//!
//! The experiment plans a cut by writing a small file; the process under test finds it when a flow comes to that
//! moment, takes it away, so that it strikes once whoever comes there, and strikes itself. See `sitewright-chaos`.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

/// A moment in the life of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Its start is on record; nothing of it has been done.
    Begun,
    /// It has just changed something outside, and nobody here knows yet how that went.
    Effect,
    /// It has ended, and its outcome is about to be journaled.
    Done,
    /// Its outcome is in the journal; what comes next has not begun.
    Journaled,
}

/// What a process does to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Stop,
}

/// A blow at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Name of the step.
    pub step: String,
    /// When.
    pub moment: Moment,
    /// What.
    pub blow: Blow,
}

/// A folder of plans, shared by whoever plans and whoever is struck.
#[derive(Debug, Clone)]
pub struct Plans {
    folder: PathBuf,
}

/// The steps of the first round, in order.
pub const BUILD: &[&str] =
    &["prepare", "decide", "generate", "verify", "repair", "commit", "publish", "pages", "confirm", "notify", "record"];

/// The steps of a later round, in order.
pub const REVISE: &[&str] = &[
    "prepare", "fetch", "decide", "generate", "verify", "repair", "commit", "publish", "pages", "confirm", "notify",
    "record",
];

/// Steps that change or ask something outside, in a first and in a later round.
const OUTSIDE: [&[&str]; 2] = [&["commit", "publish", "pages", "notify"], &["publish", "pages", "notify"]];

/// The steps of `round`.
#[must_use]
pub fn steps(round: u32) -> &'static [&'static str] {
    if round == 1 { BUILD } else { REVISE }
}

/// Every moment of every step of `round`. The last step has no start of its own: it is one commit.
#[must_use]
pub fn moments(round: u32) -> Vec<(&'static str, Moment)> {
    let outside = OUTSIDE[usize::from(round != 1)];
    let mut all = Vec::new();
    for step in steps(round) {
        if *step != "record" {
            all.push((*step, Moment::Begun));
        }
        if outside.contains(step) {
            all.push((*step, Moment::Effect));
        }
        all.extend([(*step, Moment::Done), (*step, Moment::Journaled)]);
    }
    all
}

impl Moment {
    const NAMES: [(&'static str, Self); 4] =
        [("begun", Self::Begun), ("effect", Self::Effect), ("done", Self::Done), ("journaled", Self::Journaled)];
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES.iter().find(|(_, moment)| moment == self).map_or("", |(name, _)| name))
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blow = if self.blow == Blow::Kill { "kill" } else { "stop" };
        write!(f, "{} {} {blow}", self.step, self.moment)
    }
}

impl FromStr for Cut {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> Result<Self> {
        let [step, moment, blow] = text.split_whitespace().collect::<Vec<_>>()[..] else { bail!("no cut: {text:?}") };
        let moment = Moment::NAMES.iter().find(|(name, _)| *name == moment);
        let (_, moment) = moment.with_context(|| format!("no moment: {text:?}"))?;
        let blow = match blow {
            "kill" => Blow::Kill,
            "stop" => Blow::Stop,
            _ => bail!("no blow: {text:?}"),
        };
        Ok(Self { step: step.to_owned(), moment: *moment, blow })
    }
}

impl Plans {
    /// The plans in `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn at(folder: &Path) -> Result<Self> {
        for part in ["planned", "struck"] {
            fs::create_dir_all(folder.join(part)).with_context(|| folder.display().to_string())?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Plans a cut for a round of a task.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add(&self, task: &str, round: u32, cut: &Cut) -> Result<()> {
        fs::write(self.file("planned", task, round), cut.to_string()).context("plan a cut")
    }

    /// The blow that is planned for this moment, taken off the plan.
    #[must_use]
    pub fn take(&self, task: &str, round: u32, step: &str, moment: Moment) -> Option<Blow> {
        let planned = self.file("planned", task, round);
        let cut: Cut = fs::read_to_string(&planned).ok()?.parse().ok()?;
        if cut.step != step || cut.moment != moment {
            return None;
        }
        let struck = self.file("struck", task, round);
        // Of two that come here at once, one can rename it.
        fs::rename(planned, &struck).ok()?;
        let mut file = fs::File::options().append(true).open(struck).ok()?;
        write!(file, "\n{}", std::process::id()).ok()?;
        Some(cut.blow)
    }

    /// The process that was struck in a round of a task.
    #[must_use]
    pub fn struck(&self, task: &str, round: u32) -> Option<u32> {
        fs::read_to_string(self.file("struck", task, round)).ok()?.lines().nth(1)?.parse().ok()
    }

    /// Plans that nobody came to.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn left(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.folder.join("planned"))?.count())
    }

    fn file(&self, part: &str, task: &str, round: u32) -> PathBuf {
        self.folder.join(part).join(format!("{task}.{round}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_strikes_once_and_at_its_moment_only() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let plans = Plans::at(folder.path())?;
        let cut = Cut { step: "publish".to_owned(), moment: Moment::Effect, blow: Blow::Stop };
        assert_eq!(cut.to_string().parse::<Cut>()?, cut);
        plans.add("a-task", 2, &cut)?;
        assert_eq!(plans.take("a-task", 1, "publish", Moment::Effect), None);
        assert_eq!(plans.take("a-task", 2, "publish", Moment::Done), None);
        assert_eq!((plans.left()?, plans.struck("a-task", 2)), (1, None));
        assert_eq!(plans.take("a-task", 2, "publish", Moment::Effect), Some(Blow::Stop));
        assert_eq!(plans.take("a-task", 2, "publish", Moment::Effect), None);
        assert_eq!((plans.left()?, plans.struck("a-task", 2)), (0, Some(std::process::id())));
        Ok(())
    }

    #[test]
    fn every_step_has_its_moments() {
        assert_eq!(moments(1).len(), 11 * 3 - 1 + 4);
        assert_eq!(moments(2).len(), 12 * 3 - 1 + 3);
    }
}
