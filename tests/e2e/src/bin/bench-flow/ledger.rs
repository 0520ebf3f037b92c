//! What the ledger's queue costs by itself.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::measure::{Figure, median};
use ports::{Acceptance, FlowQueue as _, Ledger as _, NewTask, RepoChoice, WorkerId};
use shared_types::events::{Subject, TaskAccepted};
use shared_types::{Digest, Envelope, EventId, Payload, Round, TaskId, Timestamp, TraceId};
use storage::Store;

/// Claims that are timed; each is given back in between, so that as many flows wait as before.
const CLAIMS: usize = 200;

/// Accepts that share a commit while the ledger is filled.
const TOGETHER: u64 = 256;

const LEASE: Duration = Duration::from_secs(30);

/// The same claim on ledgers of three sizes.
pub(crate) async fn claims() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for waiting in [10, 1000, 100_000] {
        let us = claim_us(waiting).await?;
        println!("{waiting} waiting: {us:.0} us");
        figures.push(Figure::plain(&format!("claim_us_{waiting}"), us, "us"));
    }
    Ok(figures)
}

async fn claim_us(waiting: u64) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(storage::Options::new(folder.path()))?;
    for first in (0..waiting).step_by(TOGETHER as usize) {
        let accepts = (first..waiting.min(first + TOGETHER)).map(async |n| Ok(store.accept(task(n)?).await?));
        for accepted in futures::future::join_all(accepts).await {
            let accepted: Result<Acceptance> = accepted;
            ensure!(accepted? == Acceptance::New, "not accepted");
        }
    }
    let (worker, now) = (WorkerId("bench".to_owned()), at(waiting));
    let mut times = Vec::new();
    for _ in 0..CLAIMS {
        let began = Instant::now();
        let claim = store.claim(&worker, now, LEASE).await?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
        let lease = claim.ok_or_else(|| anyhow::anyhow!("nothing waits"))?.lease;
        store.release(lease, now, Vec::new()).await?;
    }
    store.close().await?;
    Ok(median(times))
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_700_000_000_000).plus(Duration::from_secs(second))
}

fn task(n: u64) -> Result<NewTask> {
    let (id, trace_id) = (TaskId::from_parts(n + 1, 7), TraceId::from_random(u128::from(n) + 1));
    let subject = Subject { id, name: "sales-summary".parse()?, round: Round::FIRST, trace_id: trace_id.clone() };
    let (accepted_at, deadline_at) = (at(n), at(n + 600));
    let accepted = TaskAccepted { checks: 1, ..TaskAccepted::default() };
    Ok(NewTask {
        id,
        trace_id,
        email: format!("student-{n}@example.com").parse()?,
        task: subject.name.clone(),
        round: subject.round,
        nonce: format!("nonce-{n}").parse()?,
        fingerprint: Digest::of(&n.to_be_bytes()),
        brief: "Publish a page that sums up the sales in data.csv and shows the total.".to_owned(),
        checks: vec![serde_json::from_value(serde_json::json!("js: document.title.length > 0"))?],
        evaluation_url: "http://evaluator.example.com/notify".parse()?,
        attachments: Vec::new(),
        repo: RepoChoice::New(format!("sales-summary-{n}").parse().map_err(anyhow::Error::msg)?),
        accepted_at,
        deadline_at,
        event: Envelope::new(EventId::from_parts(n + 1, 0), accepted_at, &subject, Payload::TaskAccepted(accepted)),
        takes: Vec::new(),
    })
}
