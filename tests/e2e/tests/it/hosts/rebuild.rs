//! The disk of the host with the ledger is lost: `sitewright rebuild` makes the ledger anew of what lies at the broker.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream;
use e2e::{SECRET, case};
use lab::evaluator::Answer;
use lab::instructor::{Instructor, Nonce};
use secrecy::SecretString;
use serde_json::Value;
use shared_types::TaskId;
use shared_types::http::Receipt;

use super::{Hosts, SOON, is_running};

/// Part of what is documented in the README of event-bus.
const STREAM: &str = "SITEWRIGHT_LEDGER_V1";

/// The same request each time.
async fn post_kept(hosts: &Hosts) -> Result<Receipt> {
    let instructor = Instructor::new(hosts.intake.api()?, SecretString::from(SECRET))?;
    let (request, evaluator) = (&case("sales-summary")?.rounds[0].request, hosts.outside.evaluator.url());
    Ok(instructor.post("/tasks", request, &evaluator, Nonce::Keep).await?.receipt()?)
}

/// Waits until `enough` holds for the copy of a task.
async fn copied(hosts: &Hosts, id: TaskId, enough: impl Fn(&Value) -> bool) -> Result<()> {
    let client = async_nats::connect(format!("127.0.0.1:{}", hosts.port)).await?;
    let stream = jetstream::new(client).get_stream(STREAM).await?;
    let until = Instant::now() + SOON;
    while Instant::now() < until {
        let found = stream.get_last_raw_message_by_subject(&format!("sitewright.ledger.v1.*.{id}")).await;
        let copy = found.ok().and_then(|message| serde_json::from_slice::<Value>(&message.payload).ok());
        if copy.is_some_and(|copy| enough(&copy["copy"])) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("task {id} was not copied")
}

/// What had ended is there as it was, and what had not goes on, with what its runner did meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_is_made_anew() -> Result<()> {
    let mut hosts = Hosts::start().await?;
    let first = post_kept(&hosts).await?;
    let before = hosts.handed_in(first.id, SOON).await?;
    hosts.outside.evaluator.script([Answer::after(200, Duration::from_secs(8))]);
    let open = hosts.post("sales-summary", 1).await?;
    hosts.intake.task_until(open, SOON, |task| is_running(task, "notify")).await?;
    copied(&hosts, first.id, |copy| copy["record"]["state"] == "finished").await?;
    copied(&hosts, open, |copy| copy["journal"].as_array().is_some_and(|steps| steps.len() > 3)).await?;
    hosts.intake.kill().await?;
    let data = hosts.intake.data().join("data");
    std::fs::remove_dir_all(&data)?;

    let said = hosts.intake.run(&["rebuild"]).await?;
    let (out, err) = (String::from_utf8(said.stdout)?, String::from_utf8(said.stderr)?);
    ensure!(said.status.success() && out.contains("restored: 2 tasks (1 have not ended and go on)"), "{out}\n{err}");
    let again = hosts.intake.run(&["rebuild"]).await?;
    let err = String::from_utf8(again.stderr)?;
    ensure!(!again.status.success() && err.contains("overwrites nothing"), "{err}");

    hosts.intake.up().await?;
    hosts.handed_in(open, SOON).await?;
    let after = hosts.intake.task(first.id).await?;
    ensure!(after == before, "{after:#?}\n{before:#?}");
    ensure!(post_kept(&hosts).await?.id == first.id, "a repeat gets the old receipt");
    let third = hosts.post("sales-summary", 2).await?;
    hosts.handed_in(third, SOON).await?;
    ensure!(hosts.rounds() == [3], "one repository with three rounds: {:?}", hosts.rounds());
    // Two of the rounds once, and the first once more for its repeat.
    let sent = hosts.outside.evaluator.received();
    let rounds: Vec<_> = sent.iter().filter_map(|one| one.accepted()).map(|body| body.round.get()).collect();
    ensure!(rounds.iter().filter(|round| **round == 2).count() == 1, "{rounds:?}");
    Ok(())
}

/// A broker without copies is no reason to make an empty ledger.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_of_nothing() -> Result<()> {
    let mut hosts = Hosts::start().await?;
    hosts.intake.kill().await?;
    let data = hosts.intake.data().join("data");
    std::fs::remove_dir_all(&data)?;
    let said = hosts.intake.run(&["rebuild"]).await.context("run it")?;
    let err = String::from_utf8(said.stderr)?;
    ensure!(!said.status.success() && err.contains("there is no copy of a task"), "{err}");
    ensure!(
        !data.join("sitewright.db").exists() && !data.join("sitewright.db.rebuilding").exists(),
        "it left something"
    );
    Ok(())
}
