//! One process on embedded defaults: at rest, without a browser, with one.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::measure::{Figure, median, usage};
use e2e::{Instance, Launch, Outside, case};
use lab::model::Script;
use serde_json::{Map, Value};
use shared_types::TaskId;
use tempfile::TempDir;

/// Tasks of the run without a browser.
const TASKS: usize = 200;

/// Tasks of the run with the browser, after one that warms it.
const WITH_BROWSER: usize = 15;

/// Linux keeps files of this folder in memory.
const MEMORY: &str = "/dev/shm";

const LONG: Duration = Duration::from_secs(300);

/// Embedded defaults with a model that answers at once.
fn launch(outside: &mut Outside) -> Result<Launch> {
    let launch = Launch::dry_run().without_limits().with("LOG", "warn").with("CONCURRENCY", "16");
    Ok(outside.model(Script::instant(), launch)?.1)
}

/// What the server needs at rest.
pub(crate) async fn rest() -> Result<Vec<Figure>> {
    let mut outside = Outside::new()?;
    at_rest(&launch(&mut outside)?).await
}

/// Many tasks at once, without a browser: with repositories on the disk, as shipped, and with a code host that answers
/// at once, so that what is left is the ledger and our own work.
pub(crate) async fn sqlite() -> Result<Vec<Figure>> {
    let mut outside = Outside::new()?;
    let launch = launch(&mut outside)?;
    let request = &case("sales-summary")?.rounds[0].request;
    let shipped = many(&launch, &outside, request, None).await?;
    let memory = Path::new(MEMORY).is_dir().then(|| tempfile::tempdir_in(MEMORY)).transpose()?;
    let instant = many(&launch, &outside, request, memory.as_ref().map(TempDir::path)).await?;
    let (times, count) = instant.steps.values().flatten().fold((0.0, 0.0), |(sum, count), ms| (sum + ms, count + 1.0));
    let mut figures = vec![
        Figure::at_least("flows_per_s_no_browser", shipped.per_s, "flows/s", 50.0),
        Figure::at_least("flows_per_s_sqlite", instant.per_s, "flows/s", 100.0),
        Figure::plain("ms_per_step_sqlite", times / count, "ms"),
        Figure::plain("cpu_ms_per_flow", instant.cpu_ms, "ms"),
        Figure::plain("storage_share", instant.storage_share, "of time"),
    ];
    figures.extend(
        instant.steps.into_iter().map(|(step, times)| Figure::plain(&format!("ms_{step}"), median(times), "ms")),
    );
    Ok(figures)
}

/// Tasks one by one, from POST to callback, with a browser.
pub(crate) async fn browser() -> Result<Vec<Figure>> {
    let mut outside = Outside::new()?;
    let launch = launch(&mut outside)?;
    let sample = &case("sales-summary")?.rounds[0].request;
    let (first_s, median_s) = with_browser(&launch, &passing(sample)).await?;
    let mut figures = vec![
        Figure::at_most("post_to_callback_browser_ms", 1000.0 * median_s, "ms", 1500.0),
        Figure::plain("post_to_callback_first_ms", 1000.0 * first_s, "ms"),
    ];
    // The instant model's page does not add up sales: it is verified, asked for again and verified.
    let (_, median_s) = with_browser(&launch, sample).await?;
    figures.push(Figure::plain("post_to_callback_repaired_ms", 1000.0 * median_s, "ms"));
    Ok(figures)
}

/// The sample with checks that the instant model's page passes.
fn passing(sample: &Map<String, Value>) -> Map<String, Value> {
    let mut request = sample.clone();
    let checks = [
        "js: document.getElementById('total-sales') !== null",
        "js: document.title.length > 0",
        "js: document.body.textContent.trim().length > 0",
    ];
    request.insert("checks".to_owned(), checks.into_iter().map(Value::from).collect());
    request
}

async fn at_rest(launch: &Launch) -> Result<Vec<Figure>> {
    let began = Instant::now();
    let server = Instance::start(launch.clone().without_browser()).await?;
    let ready_s = began.elapsed().as_secs_f64();
    let rss_mb = usage(server.pid().context("not running")?)?.rss_mb;
    Ok(vec![Figure::at_most("ready_s", ready_s, "s", 0.5), Figure::at_most("rss_at_rest_mb", rss_mb, "MB", 60.0)])
}

/// What many tasks at once showed.
struct Many {
    per_s: f64,
    /// Processor time of the server, a flow.
    cpu_ms: f64,
    /// The share of the flows' time that they wait for storage.
    storage_share: f64,
    /// Milliseconds of each.
    steps: BTreeMap<String, Vec<f64>>,
}

/// `repositories`: the folder of the code host, in place of one in the data folder.
async fn many(
    launch: &Launch,
    outside: &Outside,
    request: &Map<String, Value>,
    repositories: Option<&Path>,
) -> Result<Many> {
    let mut server = Instance::new(launch.clone().without_browser())?;
    if let Some(repositories) = repositories {
        let data = server.data().join("data");
        std::fs::create_dir(&data).context("make the data folder")?;
        std::os::unix::fs::symlink(repositories, data.join("repos")).context("link the repositories")?;
    }
    server.up().await?;
    let pid = server.pid().context("not running")?;
    let (before, cpu_before_s) = (outside.evaluator.received().len(), usage(pid)?.cpu_s);
    let began = Instant::now();
    let posts = (0..TASKS).map(|_| outside.post(&server, "/build", request));
    let receipts = futures::future::join_all(posts).await.into_iter().collect::<Result<Vec<_>>>()?;
    outside.accepted(before + TASKS, LONG).await?;
    let per_s = TASKS as f64 / began.elapsed().as_secs_f64();
    let cpu_ms = 1000.0 * (usage(pid)?.cpu_s - cpu_before_s) / TASKS as f64;
    let mut steps: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for receipt in &receipts {
        for (step, ms) in step_times(&server, receipt.id).await? {
            steps.entry(step).or_default().push(ms);
        }
    }
    let metrics = server.get("metrics").await?;
    let storage_share = sum(&metrics, "sitewright_storage_seconds_sum") / sum(&metrics, "sitewright_flow_seconds_sum");
    Ok(Many { per_s, cpu_ms, storage_share, steps })
}

/// Seconds of the first task, which starts the browser, and the median of the rest.
async fn with_browser(launch: &Launch, request: &Map<String, Value>) -> Result<(f64, f64)> {
    let outside = Outside::new()?;
    let server = Instance::start(launch.clone()).await?;
    let mut seconds = Vec::new();
    for n in 0..=WITH_BROWSER {
        let began = Instant::now();
        let receipt = outside.post(&server, "/build", request).await?;
        outside.accepted(n + 1, LONG).await?;
        seconds.push(began.elapsed().as_secs_f64());
        let report = server.finished(receipt.id, LONG).await?.report.context("no report")?;
        ensure!(matches!(report.browser, shared_types::BrowserRun::Ran { .. }), "{:?}", report.browser);
    }
    let first_s = seconds.remove(0);
    Ok((first_s, median(seconds)))
}

/// Milliseconds a step, by the events.
async fn step_times(server: &Instance, id: TaskId) -> Result<Vec<(String, f64)>> {
    let task = server.finished(id, LONG).await?;
    let times = task.steps.iter().filter_map(|step| {
        let (started, finished) = (step.started_at?, step.finished_at?);
        Some((step.step.clone(), finished.since(started).as_millis() as f64))
    });
    Ok(times.collect())
}

/// The sum of all series of a metric.
fn sum(metrics: &str, name: &str) -> f64 {
    let values = metrics.lines().filter(|line| line.starts_with(name));
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
