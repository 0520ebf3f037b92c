//! One host accepts, others work: over nats-server, against the lab's GitHub.

use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::measure::Figure;
use e2e::{Instance, Launch, Outside, case, free_port};
use lab::evaluator::Answer;
use serde_json::{Value, json};
use shared_types::http::StepState;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// What the lab's GitHub is opened with.
const TOKEN: &str = "any-token-will-do";

/// Tasks at once.
const TASKS: usize = 200;

const LONG: Duration = Duration::from_secs(600);

/// Longer than a take-over takes.
const STALL: Duration = Duration::from_secs(60);

/// A broker with its data.
struct Broker {
    _process: Child,
    _data: TempDir,
    url: String,
}

impl Broker {
    fn start() -> Result<Self> {
        let (data, port) = (tempfile::tempdir()?, free_port()?);
        // Where Debian puts it is not on every user's PATH.
        let debian = Path::new("/usr/sbin/nats-server");
        let program = if debian.exists() { debian } else { Path::new("nats-server") };
        let process = Command::new(program)
            .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
            .arg(data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("start nats-server (Debian: apt-get install nats-server)")?;
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < until, "nats-server did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { _process: process, _data: data, url: format!("nats://127.0.0.1:{port}") })
    }
}

/// An intake and some runners.
struct Hosts {
    outside: Outside,
    intake: Instance,
    runners: Vec<Instance>,
    _broker: Broker,
}

impl Hosts {
    async fn start(runners: usize, log: &str) -> Result<Self> {
        let (broker, mut outside) = (Broker::start()?, Outside::new()?);
        let (_, launch) = outside.github(TOKEN)?;
        let launch = launch.without_limits().with("LOG", log).with("CONCURRENCY", "16").with("NATS_URL", &broker.url);
        let role = |role: &str| -> Launch { launch.clone().with("ROLES", role) };
        let intake = Instance::start(role("intake")).await?;
        let mut started = Vec::new();
        for _ in 0..runners {
            started.push(Instance::start(role("runner")).await?);
        }
        Ok(Self { outside, intake, runners: started, _broker: broker })
    }

    /// Waits until the runners have ended so many flows.
    async fn ended(&self, flows: usize) -> Result<()> {
        const COUNTER: &str = "sitewright_flows_finished_total";
        let until = Instant::now() + LONG;
        loop {
            let mut ended = 0.0;
            for runner in &self.runners {
                let metrics = runner.get("metrics").await?;
                let counts = metrics.lines().filter(|line| line.starts_with(COUNTER));
                ended += counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>();
            }
            if ended >= flows as f64 {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{ended} of {flows} flows ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Flows a second with more and more runner processes. They share this machine's processors with everything else.
///
/// GitHub lets a token publish some twenty rounds a minute, and runners keep to that. So that the engine is what is
/// measured, an attachment holds that token: such a site is made and verified, and refused before GitHub is asked.
pub(crate) async fn throughput() -> Result<Vec<Figure>> {
    let mut request = case("sales-summary")?.rounds[0].request.clone();
    let leak = json!({ "name": "note.txt", "url": format!("data:text/plain,{TOKEN}") });
    request.get_mut("attachments").and_then(Value::as_array_mut).context("no attachments")?.push(leak);
    let mut figures = Vec::new();
    for runners in [1, 2, 4] {
        let hosts = Hosts::start(runners, "warn").await?;
        // Connections, streams and consumers are there before the clock runs.
        hosts.outside.post(&hosts.intake, "/build", &request).await?;
        hosts.ended(1).await?;
        let began = Instant::now();
        let posts = (0..TASKS).map(|_| hosts.outside.post(&hosts.intake, "/build", &request));
        futures::future::join_all(posts).await.into_iter().collect::<Result<Vec<_>>>()?;
        hosts.ended(1 + TASKS).await?;
        let per_s = TASKS as f64 / began.elapsed().as_secs_f64();
        println!("{runners} runners: {per_s:.1} flows/s");
        figures.push(Figure::plain(&format!("flows_per_s_nats_{runners}"), per_s, "flows/s"));
    }
    Ok(figures)
}

/// From the kill of a runner until another one goes on with what it had.
pub(crate) async fn takeover() -> Result<Vec<Figure>> {
    const RESUMED: &str = "\"flow.resumed\"";
    let mut hosts = Hosts::start(2, "info").await?;
    // The flow is in its last step when its runner is killed.
    hosts.outside.evaluator.script([Answer::after(200, STALL)]);
    let receipt = hosts.outside.post(&hosts.intake, "/build", &case("sales-summary")?.rounds[0].request).await?;
    let notifies = |step: &shared_types::http::StepView| step.step == "notify" && step.state == StepState::Running;
    hosts.intake.task_until(receipt.id, LONG, |task| task.steps.iter().any(notifies)).await?;
    let id = receipt.id.to_string();
    let victim = hosts.runners.iter().position(|runner| runner.log().contains(&id)).context("nobody has it")?;
    let began = Instant::now();
    hosts.runners[victim].kill().await?;
    while !hosts.runners[1 - victim].log().contains(RESUMED) {
        ensure!(began.elapsed() < LONG, "nobody went on with it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(vec![Figure::at_most("takeover_s", began.elapsed().as_secs_f64(), "s", 35.0)])
}
