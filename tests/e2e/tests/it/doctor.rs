//! `sitewright doctor`: one line a part, and the remedy for what is wrong.

use anyhow::{Result, ensure};
use e2e::{Instance, Launch, Outside};

/// What the doctor prints, and whether it ends with 0.
async fn doctor(launch: Launch, arguments: &[&str]) -> Result<(String, bool)> {
    let instance = Instance::new(launch)?;
    let output = instance.run(&[&["doctor"], arguments].concat()).await?;
    Ok((String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?, output.status.success()))
}

fn check(report: &str, lines: &[&str]) -> Result<()> {
    for line in lines {
        ensure!(report.lines().any(|said| said.starts_with(line)), "no line begins with {line:?}:\n{report}");
    }
    Ok(())
}

#[tokio::test]
async fn a_dry_run_needs_nothing_but_tells_what_is_not_there() -> Result<()> {
    let (report, sound) = doctor(Launch::dry_run().without_browser(), &[]).await?;
    ensure!(sound, "{report}");
    check(
        &report,
        &[
            "ok    data       SQLite",
            "ok    code host  local repositories",
            "skip  model      none is configured",
            "warn  browser    checks in JavaScript are not run",
            "skip  evaluator  ",
            "skip  nats       NATS_URL is not set",
            "tasks can be done; 1 of the lines above",
        ],
    )
}

#[tokio::test]
async fn a_token_a_model_and_an_evaluator_are_tried() -> Result<()> {
    let mut outside = Outside::new()?;
    let token = ["a", "-token-", "to-look-for"].concat();
    let (handle, launch) = outside.github(&token)?;
    let evaluator = outside.evaluator.url();
    let (report, sound) = doctor(launch.clone(), &["--evaluator", evaluator.as_str()]).await?;
    ensure!(sound, "{report}");
    check(
        &report,
        &[
            "ok    github     signed in as ",
            "ok    github     repositories can be made for ",
            "warn  pages      none of the newest 0 repositories",
            "ok    requests   ",
            "ok    model      app-generator: scripted answered in ",
            "ok    model      app-reviser: scripted answered in ",
            "ok    evaluator  127.0.0.1 answers ",
        ],
    )?;
    ensure!(handle.repos().is_empty(), "the doctor made a repository");
    ensure!(!report.contains(&token), "the token is shown:\n{report}");

    let wrong = ["another", "-token"].concat();
    let (report, sound) =
        doctor(launch.with("GITHUB_TOKEN", &wrong).with("LLM_BASE_URL", "http://127.0.0.1:9/v1/"), &[]).await?;
    ensure!(!sound && !report.contains(&wrong), "{report}");
    check(
        &report,
        &["FAIL  github     ", "FAIL  model      app-generator: ", "tasks will fail: 3 of the lines above"],
    )?;
    ensure!(report.contains("set a new GITHUB_TOKEN"), "{report}");
    Ok(())
}
