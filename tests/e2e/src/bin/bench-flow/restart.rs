//! One process with much to do: its memory, its next start, and its accepts while a backup is made.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::load::{self, MARK, Request};
use e2e::measure::{Figure, percentile, usage};
use e2e::{Instance, Launch, Outside, SECRET};
use lab::evaluator::Answer;
use lab::model::Script;
use serde_json::json;

/// Flows that are open when the process is killed.
const OPEN: u64 = 1000;

/// Tasks that wait while memory is looked at.
const QUEUED: u64 = 5000;

/// Tasks in the ledger that is backed up.
const BACKED_UP: u64 = 20_000;

/// Accepts a second while it is, and for how long.
const RATE: u32 = 100;
const LOAD_S: u32 = 20;

const CONNECTIONS: usize = 64;
const LONG: Duration = Duration::from_secs(120);

/// An evaluator that is never there.
const NOBODY: &str = "http://127.0.0.1:65000/notify";

/// A request that is another one with each sending.
fn request(evaluation_url: &str) -> Request {
    let body = json!({
        "email": format!("student-{MARK}@example.com"),
        "secret": SECRET,
        "task": format!("t-{MARK}"),
        "round": 1,
        "nonce": MARK,
        "brief": "Publish a page that sums up the sales in data.csv and shows the total.",
        "checks": ["js: document.title.length > 0", "js: document.getElementById('total-sales') !== null"],
        "evaluation_url": evaluation_url,
        "attachments": [{ "name": "data.csv", "url": "data:text/csv;base64,YSxiCjEsMgo=" }],
    });
    Request::post("/build", &body.to_string())
}

fn launch() -> Launch {
    Launch::dry_run().without_browser().without_limits()
}

fn port(server: &Instance) -> Result<u16> {
    server.api()?.port().context("no port")
}

/// From the start after a SIGKILL until every flow that was interrupted goes on.
pub(crate) async fn resume() -> Result<Vec<Figure>> {
    const CONCURRENCY: usize = 16;
    const RESUMED: &str = "\"flow.resumed\"";
    let mut outside = Outside::new()?;
    let (_, launch) = outside.model(Script::instant(), launch().with("CONCURRENCY", CONCURRENCY.to_string()))?;
    // No flow ends: each that is begun waits for its evaluator.
    outside.evaluator.script(std::iter::repeat_n(Answer::after(200, Duration::from_secs(600)), OPEN as usize));
    let mut server = Instance::start(launch).await?;
    load::fill(port(&server)?, &request(outside.evaluator.url().as_str()), CONNECTIONS, OPEN).await?;
    outside.evaluator.wait_until("flows that wait", LONG, |received| received.len() >= CONCURRENCY).await?;
    server.kill().await?;
    ensure!(!server.log().contains(RESUMED), "something was resumed before the kill");
    let began = Instant::now();
    server.up().await?;
    while server.log().matches(RESUMED).count() < CONCURRENCY {
        ensure!(began.elapsed() < LONG, "they did not go on:\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(vec![Figure::at_most("resume_1000_s", began.elapsed().as_secs_f64(), "s", 2.0)])
}

/// What the memory of the process grows by when tasks wait.
pub(crate) async fn queued() -> Result<Vec<Figure>> {
    let server = Instance::start(launch().with("LOG", "warn").with("ROLES", "intake")).await?;
    let (port, pid) = (port(&server)?, server.pid().context("not running")?);
    // What a connection and a first group of tasks need stays, however many follow.
    load::fill(port, &request(NOBODY), CONNECTIONS, 1000).await?;
    let before = usage(pid)?.rss_mb;
    load::fill(port, &request(NOBODY), CONNECTIONS, QUEUED).await?;
    let grown = (usage(pid)?.rss_mb - before).max(0.0);
    Ok(vec![Figure::plain("mb_per_1000_queued", grown * 1000.0 / QUEUED as f64, "MB")])
}

/// The slowest accept under a steady load, with and without a backup beside it.
pub(crate) async fn backup() -> Result<Vec<Figure>> {
    let server = Instance::start(launch().with("LOG", "warn").with("ROLES", "intake")).await?;
    let (port, request) = (port(&server)?, request(NOBODY));
    load::fill(port, &request, CONNECTIONS, BACKED_UP).await?;
    let steady = || load::open_loop(port, &request, RATE, RATE * LOAD_S, CONNECTIONS);
    let quiet: Vec<f64> = steady().await?.into_iter().map(|answer| answer.ms).collect();
    let backups = async {
        let (began, mut made) = (Instant::now(), 0_u32);
        // Again and again, so that there is one all the time.
        while began.elapsed() < Duration::from_secs(u64::from(LOAD_S)) {
            let said = server.run(&["backup", "--keep", "1"]).await?;
            let text = String::from_utf8_lossy(&said.stderr).into_owned();
            // Two within a second would have one name.
            ensure!(said.status.success() || text.contains("wait a second"), "{text}");
            made += u32::from(said.status.success());
        }
        Ok(made)
    };
    let (busy, made) = tokio::join!(steady(), backups);
    let busy: Vec<f64> = busy?.into_iter().map(|answer| answer.ms).collect();
    Ok(vec![
        Figure::at_most("backup_stall_ms", percentile(busy.clone(), 1.0), "ms", 50.0),
        Figure::plain("backup_p99_ms", percentile(busy, 0.99), "ms"),
        Figure::plain("backup_none_max_ms", percentile(quiet.clone(), 1.0), "ms"),
        Figure::plain("backup_none_p99_ms", percentile(quiet, 0.99), "ms"),
        Figure::plain("backups_made", f64::from(made?), "backups"),
    ])
}
