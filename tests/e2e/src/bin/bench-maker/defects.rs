//! Planted defects and sound sites.

use anyhow::Result;
use e2e::corpus::{Prover, Which, hold, planted, sound};
use e2e::measure::Figure;

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let prover = match Prover::with_browser().await? {
        Some(prover) => prover,
        None => {
            println!("there is no Chromium: defects that only a browser sees count as missed");
            Prover::by_files()?
        }
    };
    let tally = hold(&prover, &[planted()?, sound()?].concat(), Which::All).await;
    prover.close().await;
    let tally = tally?;
    println!("{}", tally.table());
    let planted = tally.planted() as f64;
    Ok(vec![
        Figure::at_least("defects_planted", planted, "sites", 60.0),
        Figure::at_least("defects_found", tally.found() as f64, "sites", planted),
        Figure::at_least("sound_sites", tally.sound as f64, "sites", 30.0),
        Figure::at_most("sound_flagged", tally.flagged.len() as f64, "sites", 0.0),
    ])
}
