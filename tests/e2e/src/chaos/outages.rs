//! X4: the broker loses its streams, is away, or its connections are cut. All tasks end; how long healing took is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream;
use futures::TryStreamExt as _;
use lab::proxy::{Line, Proxy};
use shared_types::TaskId;
use tokio_util::sync::CancellationToken;

use super::hosts::{Hosts, Struck};
use super::judge::{Asked, Rule, Told};
use super::tally::Tally;
use super::world::{Options, World, tasks_of};
use crate::measure::Figure;

const LONG: Duration = Duration::from_secs(300);

/// Tasks under way when it happens, and as many that come meanwhile.
const TASKS: usize = 6;

/// How the streams of object stores are called.
const BUCKETS: &str = "OBJ_";

/// What nobody can promise of lines of the journal that only the broker had, once its streams are deleted: their steps run
/// again, and a commit of which no record is left is found on the branch like somebody else's.
const NOT_KEPT: [Rule; 4] = [Rule::StepsOnce, Rule::Resumed, Rule::OneCommitARound, Rule::OneAcceptance];

/// An accept waits for no broker.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What happens to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Every stream is deleted, one after the other, but the bucket of blobs: what a step has made there is nowhere else.
    StreamsDeleted,
    /// It is killed and comes back after so long.
    Away(Duration),
    /// Every connection is cut, and none is taken for so long.
    Cut(Duration),
}

/// Each outage once, with its heal time.
///
/// # Errors
/// Something could not be tried at all.
pub async fn run(name: &str, outage: Outage, options: Options) -> Result<Tally> {
    let world = World::new(name, options)?;
    let mut hosts = Hosts::start(&world, 2, 4, Struck::Nobody).await?;
    let task = tasks_of(name);
    let mut asked = Vec::new();
    for n in 0..TASKS {
        asked.push(post(&world, &hosts, &format!("{task}-before-{n}")).await?);
    }
    // In mid-flight: somebody has begun.
    let begun = async {
        while world.log().is_ok_and(|log| log.is_empty()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, begun).await.context("nobody begins")?;
    let meanwhile = async |hosts: &Hosts, asked: &mut Vec<Asked>| {
        for n in 0..TASKS {
            let began = Instant::now();
            asked.push(post(&world, hosts, &format!("{task}-meanwhile-{n}")).await?);
            ensure!(began.elapsed() < AT_ONCE, "an accept waited {:?} for the broker", began.elapsed());
        }
        anyhow::Ok(())
    };
    match outage {
        Outage::StreamsDeleted => {
            delete_streams(&hosts.broker.url()).await?;
            meanwhile(&hosts, &mut asked).await?;
        }
        Outage::Away(length) => {
            hosts.broker.kill().await?;
            meanwhile(&hosts, &mut asked).await?;
            tokio::time::sleep(length).await;
            hosts.broker.up().await?;
        }
        Outage::Cut(length) => {
            hosts.line.otherwise(Line::Reset);
            hosts.line.cut();
            meanwhile(&hosts, &mut asked).await?;
            tokio::time::sleep(length).await;
            hosts.line.otherwise(Line::Sound);
        }
    }
    let healing = Instant::now();
    let mut told: BTreeMap<TaskId, Told> = BTreeMap::new();
    for request in &asked {
        let logs = || hosts.runners.iter().map(crate::Instance::log).collect::<Vec<_>>().join("\n---\n");
        told.insert(request.id, Told::at_the_end(&hosts.intake, request.id, LONG).await.with_context(logs)?);
    }
    let healed = Figure::plain(&format!("{name}_healed"), healing.elapsed().as_secs_f64(), "s");
    let mut violations = world.judge(&asked, &told)?;
    if outage == Outage::StreamsDeleted {
        violations.retain(|violation| !NOT_KEPT.contains(&violation.rule));
    }
    Ok(Tally::new(name, asked.len(), &violations).note(healed))
}

async fn post(world: &World, hosts: &Hosts, task: &str) -> Result<Asked> {
    let id = world.request(task, 1)?.post(&hosts.intake, LONG).await?;
    Ok(Asked { task: task.to_owned(), round: 1, id, cuts: None, retold: None })
}

async fn delete_streams(url: &str) -> Result<()> {
    let context = jetstream::new(async_nats::connect(url).await?);
    let names: Vec<String> = context.stream_names().try_collect().await?;
    let of_work: Vec<_> = names.iter().filter(|name| !name.starts_with(BUCKETS)).collect();
    ensure!(!of_work.is_empty(), "there is no stream");
    for name in of_work {
        context.delete_stream(name).await?;
    }
    Ok(())
}

/// A proxy in front of the broker at `port`, for as long as the token is not cancelled.
///
/// # Errors
/// No port is free.
pub fn line_to(port: u16, stop: CancellationToken) -> Result<lab::proxy::Handle> {
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let proxy = Proxy::bind(loopback(0), loopback(port))?;
    let handle = proxy.handle();
    tokio::spawn(proxy.run(stop));
    Ok(handle)
}
