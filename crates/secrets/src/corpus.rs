//! A labelled corpus for measuring the scanner: secrets of every kind in the places where they slip out, and texts
//! that look alike and are none. Nothing of it stands in the sources: formats are filled with drawn characters.
//!
//! The formats are written apart from the rules, from what providers publish, so that a rule that is too narrow is
//! seen. The same seed gives the same corpus.

mod draw;
mod formats;
mod innocent;
mod places;

use std::collections::BTreeSet;

use ports::{Gatekeeper, Site};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use secrecy::SecretString;
use shared_types::SitePath;

pub use formats::{Example, examples};
pub use innocent::LOOK_ALIKES;

/// How often each format is filled and placed.
const FILLS: usize = 3;

/// A file with one secret, or with none.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its place in a site.
    pub path: SitePath,
    /// Its content.
    pub text: String,
    /// What is in it.
    pub secret: Option<Planted>,
}

/// The secret of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// As findings call it.
    pub kind: &'static str,
    /// The line it begins on, from 1.
    pub line: u32,
}

/// How well a corpus was told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// Planted secrets.
    pub planted: usize,
    /// Those that were found, by their kind and at their line.
    pub found: usize,
    /// Files without a secret.
    pub innocent: usize,
    /// Findings that are no secret: any in an innocent file, and any at another line of the others.
    pub false_alarms: usize,
    /// What went wrong, each as `missed <kind> in <path>` or `false alarm <kind> in <path> line <n>`.
    pub faults: Vec<String>,
}

impl Score {
    /// The part of the planted secrets that was found; 1 when none was planted.
    #[must_use]
    pub fn recall(&self) -> f64 {
        ratio(self.found, self.planted)
    }

    /// The part of the findings that are secrets; 1 when nothing was found.
    #[must_use]
    pub fn precision(&self) -> f64 {
        ratio(self.found, self.found + self.false_alarms)
    }
}

/// A secret that a keeper under measurement must be given as its own: the corpus holds it in several forms.
#[must_use]
pub fn own_secret() -> SecretString {
    SecretString::from(formats::own_secret())
}

/// All samples, as `seed` draws them.
#[must_use]
pub fn samples(seed: u64) -> Vec<Sample> {
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut samples = Vec::new();
    for fill in 0..FILLS {
        for (at, example) in examples(rng).into_iter().enumerate() {
            samples.push(places::planted(rng, &example, fill * 7 + at));
        }
    }
    for (at, text) in innocent::texts(rng).into_iter().enumerate() {
        samples.push(places::innocent(rng, &text, at));
    }
    // Files stand side by side in one site.
    for (at, sample) in samples.iter_mut().enumerate() {
        if let Ok(path) = format!("{at:04}/{}", sample.path).parse() {
            sample.path = path;
        }
    }
    samples
}

/// Holds what `gatekeeper` finds in the corpus of `seed` against its labels. The gatekeeper must know [`own_secret`].
///
/// # Errors
/// The scan broke off.
pub async fn measure(gatekeeper: &dyn Gatekeeper, seed: u64) -> Result<Score, ports::Error> {
    let mut score = Score::default();
    for sample in samples(seed) {
        // One by one: a site's leaks are bounded.
        let site: Site = [(sample.path.clone(), sample.text.clone().into())].into_iter().collect();
        let leaks = gatekeeper.scan(&site).await?;
        let found: BTreeSet<_> = leaks.iter().map(|leak| (leak.kind.as_str(), leak.line)).collect();
        let line = sample.secret.as_ref().map(|secret| secret.line);
        match &sample.secret {
            Some(secret) => {
                score.planted += 1;
                if found.contains(&(secret.kind, Some(secret.line))) {
                    score.found += 1;
                } else {
                    score.faults.push(format!("missed {} in {}", secret.kind, sample.path));
                }
            }
            None => score.innocent += 1,
        }
        for (kind, at) in found.into_iter().filter(|(_, at)| line.is_none() || *at != line) {
            score.false_alarms += 1;
            score.faults.push(format!("false alarm {kind} in {} line {}", sample.path, at.unwrap_or_default()));
        }
    }
    Ok(score)
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}
