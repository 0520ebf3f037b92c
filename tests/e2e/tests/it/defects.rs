//! Every planted defect is found, and nothing is said against a sound site: the corpus of `tests/fixtures/defects`.

use anyhow::{Result, ensure};
use e2e::corpus::{Prover, Which, hold, planted, sound};

async fn check(prover: Prover, which: Which) -> Result<()> {
    let specimens = [planted()?, sound()?].concat();
    let tally = hold(&prover, &specimens, which).await;
    prover.close().await;
    let tally = tally?;
    println!("{}", tally.table());
    ensure!(tally.missed.is_empty() && tally.flagged.is_empty(), "\n{}", tally.table());
    Ok(())
}

#[test]
fn the_corpus_is_large_enough_and_its_names_tell_sites_apart() -> Result<()> {
    let (planted, sound) = (planted()?, sound()?);
    ensure!(planted.len() >= 60 && sound.len() >= 30, "{} planted, {} sound", planted.len(), sound.len());
    let mut names: Vec<&str> = planted.iter().chain(&sound).map(|specimen| specimen.name.as_str()).collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    ensure!(twice.is_empty(), "{twice:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_files_show_is_found() -> Result<()> {
    check(Prover::by_files()?, Which::Files).await
}

mod browser {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_only_a_browser_sees_is_found() -> Result<()> {
        let Some(prover) = Prover::with_browser().await? else {
            println!("SKIPPED: pages were not opened, as there is no Chromium");
            return Ok(());
        };
        check(prover, Which::Pages).await
    }
}
