//! With `NATS_URL`, subscribers elsewhere read the same events, in order and without gaps (requirements B-34, B-35, B-65).

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream;
use e2e::{Instance, Launch, Outside, case, free_port};
use futures::StreamExt as _;
use prost::Message as _;
use shared_types::Envelope;

/// Part of the contract: documented in the README of event-bus.
const STREAM: &str = "SITEWRIGHT_EVENTS_V1";

/// Starts nats-server with JetStream; it ends with the child.
pub(crate) async fn broker(port: u16, store: &std::path::Path) -> Result<tokio::process::Child> {
    // Where Debian puts it is not on every user's PATH.
    let debian = std::path::Path::new("/usr/sbin/nats-server");
    let program = if debian.exists() { debian } else { std::path::Path::new("nats-server") };
    let child = tokio::process::Command::new(program)
        .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
        .arg(store)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("start nats-server (Debian: apt-get install nats-server)")?;
    let until = Instant::now() + Duration::from_secs(20);
    while async_nats::connect(format!("127.0.0.1:{port}")).await.is_err() {
        ensure!(Instant::now() < until, "nats-server did not come up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(child)
}

/// All mirrored events, as soon as there are `n`.
async fn mirrored(port: u16, n: usize) -> Result<Vec<Envelope>> {
    let context = jetstream::new(async_nats::connect(format!("127.0.0.1:{port}")).await?);
    // The mirror makes the stream when it next tries, some seconds after the broker is back.
    let until = Instant::now() + Duration::from_secs(60);
    let stream = loop {
        match context.get_stream(STREAM).await {
            Ok(stream) => break stream,
            Err(_) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(error) => return Err(error.into()),
        }
    };
    let config = jetstream::consumer::pull::OrderedConfig::default();
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    let mut events = Vec::new();
    while events.len() < n {
        let next = tokio::time::timeout(Duration::from_secs(30), messages.next()).await;
        let message = next.context("no further event")?.context("the stream ended")??;
        events.push(Envelope::decode(message.payload.clone())?);
    }
    Ok(events)
}

/// A broker that is away holds up nobody; what it missed it gets later, in order.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_mirrored_in_order() -> Result<()> {
    let (port, store) = (free_port()?, tempfile::tempdir()?);
    let outside = Outside::new()?;
    let url = format!("nats://127.0.0.1:{port}");
    let server = Instance::start(Launch::dry_run().without_browser().with("NATS_URL", url)).await?;
    let round = &case("sales-summary")?.rounds[0].request;

    let first = outside.post(&server, "/build", round).await?;
    server.finished(first.id, Duration::from_secs(60)).await?;
    let _broker = broker(port, store.path()).await?;
    let second = outside.post(&server, "/build", round).await?;
    server.finished(second.id, Duration::from_secs(60)).await?;

    let mut told = Vec::new();
    for id in [first.id, second.id] {
        let stream = server.get(&format!("v1/tasks/{id}/stream?after=0")).await?;
        let events = stream.lines().filter_map(|line| line.strip_prefix("data: "));
        told.extend(events.map(serde_json::from_str::<Envelope>).collect::<Result<Vec<_>, _>>()?);
    }
    told.sort_by_key(|event| event.seq);
    let mirrored = mirrored(port, told.len()).await?;
    ensure!(mirrored == told, "the mirror has what subscribers saw, in order");
    Ok(())
}
