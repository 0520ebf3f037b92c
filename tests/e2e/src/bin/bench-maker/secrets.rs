//! The labelled corpus of made-up secrets.

use anyhow::Result;
use e2e::measure::Figure;
use secrets::corpus::{self, Score};
use secrets::{Keeper, Students};

/// Draws of the corpus: what one draw happens to make easy, another does not.
const SEEDS: [u64; 3] = [1, 2, 3];

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let keeper = Keeper::new(secrets::Options { students: Students::Shared(corpus::own_secret()), own: Vec::new() })?;
    let mut all = Score::default();
    for seed in SEEDS {
        let score = corpus::measure(&keeper, seed).await?;
        all.planted += score.planted;
        all.found += score.found;
        all.innocent += score.innocent;
        all.false_alarms += score.false_alarms;
        all.faults.extend(score.faults);
    }
    all.faults.iter().for_each(|fault| println!("{fault}"));
    println!("{} secrets and {} files without one", all.planted, all.innocent);
    Ok(vec![
        Figure::at_least("secret_recall", all.recall(), "of all", 0.95),
        Figure::at_least("secret_precision", all.precision(), "of all", 0.90),
    ])
}
