//! What became of all specimens.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};

use super::sign::complaints;
use super::{Prover, Specimen};

/// Sites in work at the same time; the verifier has its own limit on pages.
const AT_ONCE: usize = 4;

/// Counts, and what stands behind them.
#[derive(Debug, Default)]
pub struct Tally {
    /// Planted and found, by family.
    families: BTreeMap<String, (usize, usize)>,
    /// Planted defects that were not found, with what was seen instead.
    pub missed: Vec<String>,
    /// Those of them that are known to be missed, with the reason.
    pub open: Vec<String>,
    /// Defects that are found although their table says that they are not.
    pub found_after_all: Vec<String>,
    /// Sound sites.
    pub sound: usize,
    /// Sound sites that something was said against, with what was said.
    pub flagged: Vec<String>,
}

/// Which specimens a prover is given: those that it can judge without a browser, those that take one, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Defects that files show, and all sound sites.
    Files,
    /// Defects that only a browser sees, and all sound sites.
    Pages,
    /// All.
    All,
}

/// Holds every one of `specimens` that is asked for.
///
/// # Errors
/// A part failed: nothing is known then.
pub async fn hold(prover: &Prover, specimens: &[Specimen], which: Which) -> Result<Tally> {
    let asked = specimens.iter().filter(|specimen| {
        let takes = specimen.sign.as_ref().map(|sign| sign.takes_a_browser(&prover.checks(specimen)));
        match (which, takes) {
            (Which::All, _) | (_, None) => true,
            (Which::Files, Some(takes)) => !takes,
            (Which::Pages, Some(takes)) => takes,
        }
    });
    let proofs = futures::stream::iter(asked.map(async |specimen| {
        let proof = prover.prove(specimen).await.with_context(|| format!("judge {:?}", specimen.name))?;
        anyhow::Ok((specimen, proof))
    }));
    let proofs: Vec<_> = proofs.buffered(AT_ONCE).try_collect().await?;
    let mut tally = Tally::default();
    for (specimen, proof) in proofs {
        let Specimen { name, family, sign, open, .. } = specimen;
        let mut said = complaints(&proof.report);
        said.extend(proof.fixes.iter().map(|fix| format!("{} {}: {}", fix.rule, fix.path, fix.what)));
        let said = said.join("; ");
        let Some(sign) = sign else {
            tally.sound += 1;
            tally.flagged.extend((!said.is_empty()).then(|| format!("{name}: {said}")));
            continue;
        };
        let found = sign.shows_in(&proof);
        let (planted, counted) = tally.families.entry(family.clone()).or_default();
        *planted += 1;
        *counted += usize::from(found);
        match (found, open) {
            (true, None) => {}
            (true, Some(_)) => tally.found_after_all.push(format!("{family}: {name}")),
            (false, Some(reason)) => tally.open.push(format!("{family}: {name}: {reason}")),
            (false, None) => tally.missed.push(format!("{family}: {name}: said was [{said}]")),
        }
    }
    Ok(tally)
}

impl Tally {
    /// Planted defects.
    #[must_use]
    pub fn planted(&self) -> usize {
        self.families.values().map(|(planted, _)| planted).sum()
    }

    /// Those of them that were found.
    #[must_use]
    pub fn found(&self) -> usize {
        self.families.values().map(|(_, found)| found).sum()
    }

    /// What was found and flagged by family, then each defect that was missed and each sound site that was flagged.
    #[must_use]
    pub fn table(&self) -> String {
        let row = |(family, (planted, found)): (&String, &(usize, usize))| {
            format!("{family:<12} {found:>4} of {planted:>4} found\n")
        };
        let list = |title: &str, lines: &[String]| -> String {
            lines.iter().map(|line| format!("{title}: {line}\n")).collect()
        };
        let families: String = self.families.iter().map(row).collect();
        let sound = format!("{:<12} {:>4} of {:>4} flagged\n", "sound", self.flagged.len(), self.sound);
        [
            families,
            sound,
            list("missed", &self.missed),
            list("missed, as known", &self.open),
            list("found, though its table says open", &self.found_after_all),
            list("flagged", &self.flagged),
        ]
        .concat()
    }
}
