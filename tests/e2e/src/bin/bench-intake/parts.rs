//! What is measured, part by part.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::load::{self, Answer, CLASS_MARK, MARK, Request, SHORT_MARK};
use e2e::measure::{Figure, Usage, median, percentile, usage};
use e2e::{Instance, Launch, Outside, SECRET, free_port};
use serde_json::json;
use tokio::process::{Child, Command};

/// Connections of the closed loop.
const CONNECTIONS: usize = 64;
/// How long A and B are under load at each turn, and how many turns each has.
const TURN: Duration = Duration::from_secs(5);
const TURNS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(2);

/// An evaluator that is never there: what is measured is accepting.
const NOBODY: &str = "http://127.0.0.1:65000/notify";

/// The steady stream.
const RATE: u32 = 300;
const STREAM_S: u32 = 30;

/// Tasks of the burst.
const BURST: usize = 300;

/// Connections that drip.
const DRIPPING: usize = 10_000;
/// Requests a second of the healthy client beside them.
const HEALTHY_RATE: u32 = 100;
const HEALTHY_S: u32 = 20;

/// Something that answers at a port.
struct Target {
    port: u16,
    pid: u32,
}

/// Requests a second under one load, and how much processor each side used.
struct Rate {
    per_s: f64,
    server_cpu: f64,
    client_cpu: f64,
}

fn target(server: &Instance) -> Result<Target> {
    let port = server.api()?.port().context("no port")?;
    Ok(Target { port, pid: server.pid().context("not running")? })
}

/// A server that accepts and does nothing else, so that what is measured is accepting.
fn accepting() -> Launch {
    Launch::dry_run().without_browser().without_limits().with("ROLES", "intake")
}

fn this_program(arguments: &[String]) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().context("start this program again")
}

async fn bare() -> Result<(Child, Target)> {
    let port = free_port()?;
    let child = this_program(&["--bare".to_owned(), port.to_string()])?;
    let pid = child.id().context("the bare handler ended")?;
    let until = Instant::now() + Duration::from_secs(10);
    while load::Connection::open(port).await.is_err() {
        ensure!(Instant::now() < until, "the bare handler does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((child, Target { port, pid }))
}

/// A student of a class of 4,096.
fn of_a_class() -> String {
    format!("student-{CLASS_MARK}@example.com")
}

/// Somebody else each time.
fn a_stranger() -> String {
    format!("student-{MARK}@example.com")
}

/// A body of exactly 2 KB (2,048 bytes), with a nonce of its own.
fn small() -> Request {
    Request::post("/build", &body(NOBODY, &of_a_class(), "", 2048))
}

/// The same from somebody who never posted before.
fn small_of_strangers() -> Request {
    Request::post("/build", &body(NOBODY, &a_stranger(), "", 2048))
}

/// A body of exactly 200 KB (204,800 bytes), most of it an attachment that differs with each sending.
fn large() -> Request {
    Request::post("/build", &body(NOBODY, &of_a_class(), MARK, 200 * 1024))
}

/// A sound request of `bytes` bytes: filled up by its attachment when that begins with something, else by its brief.
fn body(evaluation_url: &str, email: &str, attachment: &str, bytes: usize) -> String {
    let make = |fill: &str| {
        let (brief, url) = match attachment {
            "" => (fill.to_owned(), "data:text/csv;base64,YSxiCjEsMgo=".to_owned()),
            start => (String::new(), format!("data:application/octet-stream;base64,{start}{fill}")),
        };
        let value = json!({
            "email": email,
            "secret": SECRET,
            "task": format!("sales-summary-{SHORT_MARK}"),
            "round": 1,
            "nonce": MARK,
            "brief": format!("Publish a page that sums up the sales in data.csv and shows the total. {brief}"),
            "checks": [
                "js: document.title.length > 0",
                "The page shows the total of all sales.",
                { "js": "document.getElementById('total-sales') !== null" },
            ],
            "evaluation_url": evaluation_url,
            "attachments": [{ "name": "data.csv", "url": url }],
        });
        value.to_string()
    };
    let missing = bytes.saturating_sub(make("").len());
    // Base64 comes in groups of four, the rest goes into white space, which JSON allows at the end.
    let fill = if attachment.is_empty() { missing } else { missing / 4 * 4 };
    let mut text = make(&"Lorem7ip".repeat(fill / 8 + 1)[..fill]);
    text.extend(std::iter::repeat_n(' ', bytes - text.len()));
    text
}

fn cpu_between(before: Usage, after: Usage, took: Duration) -> f64 {
    (after.cpu_s - before.cpu_s) / took.as_secs_f64()
}

/// One turn.
async fn turn(target: &Target, request: &Request, duration: Duration) -> Result<Rate> {
    let me = std::process::id();
    let (server_before, client_before, began) = (usage(target.pid)?, usage(me)?, Instant::now());
    let answers = load::closed_loop(target.port, request, CONNECTIONS, duration).await?;
    let took = began.elapsed();
    Ok(Rate {
        per_s: answers.len() as f64 / took.as_secs_f64(),
        server_cpu: cpu_between(server_before, usage(target.pid)?, took),
        client_cpu: cpu_between(client_before, usage(me)?, took),
    })
}

/// A and B in turns; the median of each.
async fn in_turns(a: &Target, b: &Target, request: &Request) -> Result<(f64, f64)> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    turn(a, request, WARM_UP).await?;
    turn(b, request, WARM_UP).await?;
    for _ in 0..TURNS {
        for (name, target, rates) in [("A", a, &mut of_a), ("B", b, &mut of_b)] {
            let rate = turn(target, request, TURN).await?;
            println!(
                "{name} {:>9.0} requests/s   cores: server {:.2}, client {:.2}",
                rate.per_s, rate.server_cpu, rate.client_cpu
            );
            rates.push(rate.per_s);
        }
    }
    Ok((median(of_a), median(of_b)))
}

pub(crate) async fn ratio() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let (_child, b) = bare().await?;
    for (name, request) in [("2kb", small()), ("200kb", large())] {
        println!("bodies of {name}; A is the server, B the bare handler");
        let server = Instance::start(accepting()).await?;
        let (of_a, of_b) = in_turns(&target(&server)?, &b, &request).await?;
        figures.push(Figure::at_least(&format!("accept_ratio_{name}"), of_a / of_b, "of B", 0.25));
        figures.push(Figure::plain(&format!("accept_rps_{name}"), of_a, "1/s"));
        figures.push(Figure::plain(&format!("bare_rps_{name}"), of_b, "1/s"));
    }
    for (name, launch, request) in [
        ("accept_rps_2kb_log_warn", accepting().with("LOG", "warn"), small()),
        ("accept_rps_2kb_strangers", accepting(), small_of_strangers()),
        ("accept_rps_2kb_all_roles", Launch::dry_run().without_browser().without_limits(), small()),
    ] {
        let server = Instance::start(launch).await?;
        turn(&target(&server)?, &request, WARM_UP).await?;
        let rate = turn(&target(&server)?, &request, TURN).await?;
        figures.push(Figure::plain(name, rate.per_s, "1/s"));
    }
    Ok(figures)
}

pub(crate) async fn latency() -> Result<Vec<Figure>> {
    let server = Instance::start(accepting()).await?;
    let port = target(&server)?.port;
    turn(&target(&server)?, &small(), WARM_UP).await?;
    let answers = load::open_loop(port, &small(), RATE, RATE * STREAM_S, CONNECTIONS).await?;
    ensure!(answers.len() == (RATE * STREAM_S) as usize, "{} answers", answers.len());
    Ok(vec![
        Figure::plain("p50_ms_at_300rps", percentile(times(&answers), 0.5), "ms"),
        Figure::at_most("p99_ms_at_300rps", percentile(times(&answers), 0.99), "ms", 25.0),
        Figure::plain("max_ms_at_300rps", percentile(times(&answers), 1.0), "ms"),
    ])
}

pub(crate) async fn burst() -> Result<Vec<Figure>> {
    let outside = Outside::new()?;
    let server = Instance::start(Launch::dry_run().without_browser()).await?;
    let target = target(&server)?;
    let request = Request::post("/build", &body(outside.evaluator.url().as_str(), &a_stranger(), "", 2048));
    let began = Instant::now();
    let answers = load::burst(target.port, &request, BURST).await?;
    let after = usage(target.pid)?;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    outside.accepted(accepted, Duration::from_secs(300)).await?;
    let handed_in_s = began.elapsed().as_secs_f64();
    let at_rest = usage(target.pid)?;
    Ok(vec![
        Figure::at_least("burst_300_accepted", accepted as f64, "tasks", BURST as f64),
        Figure::at_most("burst_300_max_ms", percentile(times(&answers), 1.0), "ms", 2000.0),
        Figure::plain("burst_300_handed_in_s", handed_in_s, "s"),
        Figure::plain("rss_mb_after_burst", after.rss_mb, "MB"),
        Figure::plain("rss_mb_after_handing_in", at_rest.rss_mb, "MB"),
        Figure::plain("rss_mb_peak", at_rest.peak_mb, "MB"),
    ])
}

pub(crate) async fn overload() -> Result<Vec<Figure>> {
    const PLACES: usize = 32;
    const PAUSE: Duration = Duration::from_millis(200);
    let server = Instance::start(accepting().with("MAX_IN_FLIGHT", PLACES.to_string())).await?;
    let port = target(&server)?.port;
    load::closed_loop(port, &small(), PLACES, WARM_UP).await?;
    let within = load::closed_loop(port, &small(), PLACES, TURN).await?;
    let beyond = load::insist(port, &small(), 16 * PLACES, TURN, PAUSE).await?;
    let of = |status: u16| times(&beyond.iter().copied().filter(|answer| answer.status == status).collect::<Vec<_>>());
    ensure!(!of(503).is_empty() && !of(200).is_empty(), "nothing was refused, or everything");
    let normal = percentile(times(&within), 0.99);

    let server = Instance::start(accepting().with("MAX_CONNECTIONS", PLACES.to_string())).await?;
    let port = target(&server)?.port;
    let crowd = load::insist(port, &small(), 16 * PLACES, TURN, PAUSE).await?;
    let refused: Vec<_> = crowd.iter().copied().filter(|answer| answer.status == 503).collect();
    ensure!(!refused.is_empty(), "no connection was refused");
    Ok(vec![
        Figure::plain("normal_p99_ms_at_32", normal, "ms"),
        Figure::plain("accepted_p99_ms_overload", percentile(of(200), 0.99), "ms"),
        Figure::plain("accepted_share_overload", of(200).len() as f64 / beyond.len() as f64, "of all"),
        Figure::at_most("busy_p99_ms", percentile(of(503), 0.99), "ms", 50.0),
        Figure::plain("busy_max_ms", percentile(of(503), 1.0), "ms"),
        Figure::at_most("surplus_p99_ms", percentile(times(&refused), 0.99), "ms", 50.0),
        Figure::plain("surplus_max_ms", percentile(times(&refused), 1.0), "ms"),
    ])
}

pub(crate) async fn slow() -> Result<Vec<Figure>> {
    let server = Instance::start(accepting()).await?;
    let target = target(&server)?;
    let request = small();
    let healthy = || load::open_loop(target.port, &request, HEALTHY_RATE, HEALTHY_RATE * HEALTHY_S, 8);
    turn(&target, &request, WARM_UP).await?;
    let before = usage(target.pid)?;
    let alone = healthy().await?;
    // The dripping clients shall take the machine from nobody: what is measured is what they take from the server.
    let mut drip = Command::new("nice");
    drip.args(["-n", "19"]).arg(std::env::current_exe()?);
    drip.args(["--drip", &DRIPPING.to_string(), "--to", &target.port.to_string()]);
    let _drip = drip.stdout(Stdio::null()).kill_on_drop(true).spawn().context("start the dripping clients")?;
    connections(&server, DRIPPING).await?;
    let cpu = (usage(target.pid)?, Instant::now());
    let beside = healthy().await?;
    let during = usage(target.pid)?;
    let there = connections(&server, DRIPPING * 9 / 10).await?;
    println!("{there} connections; the server used {:.2} cores", cpu_between(cpu.0, during, cpu.1.elapsed()));
    let p99 = |answers: &[Answer]| percentile(times(answers), 0.99);
    Ok(vec![
        Figure::plain("healthy_p99_ms_alone", p99(&alone), "ms"),
        Figure::plain("healthy_p99_ms_beside_10k_slow", p99(&beside), "ms"),
        Figure::at_most("slow_10k_p99_ratio", p99(&beside) / p99(&alone), "of alone", 2.0),
        Figure::plain("rss_mb_before_slow", before.rss_mb, "MB"),
        Figure::at_most("rss_mb_with_10k_slow", during.peak_mb, "MB", 400.0),
    ])
}

/// The open connections once there are at least `enough`, as the server counts them.
async fn connections(server: &Instance, enough: usize) -> Result<f64> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let metrics = server.get("metrics").await?;
        let open = metrics.lines().find_map(|line| line.strip_prefix("sitewright_http_connections "));
        let open: f64 = open.context("connections are not counted")?.trim().parse()?;
        if open >= enough as f64 {
            return Ok(open);
        }
        ensure!(Instant::now() < until, "only {open} connections of {enough}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

pub(crate) async fn tasks(count: u64) -> Result<Vec<Figure>> {
    let request = small();
    let (empty, full) = (Instance::start(accepting()).await?, Instance::start(accepting()).await?);
    let began = Instant::now();
    // By the way that every task takes; in steps, so that one can see that it goes on.
    for step in 0..10 {
        load::fill(target(&full)?.port, &request, CONNECTIONS, count / 10).await?;
        println!("{} tasks after {:.0} s", count / 10 * (step + 1), began.elapsed().as_secs_f64());
    }
    let filled_s = began.elapsed().as_secs_f64();
    // What the system still has to write of the filling is not what is measured.
    let synced = tokio::process::Command::new("sync").status().await.context("run sync")?;
    ensure!(synced.success(), "sync failed");
    println!("A is the server with {count} tasks, B the one that began empty");
    let (of_full, of_empty) = in_turns(&target(&full)?, &target(&empty)?, &request).await?;
    let database = std::fs::metadata(full.data().join("data/sitewright.db"))?.len() as f64 / 1e6;
    let used = usage(target(&full)?.pid)?;
    let suffix = if count == 1_000_000 { "1m".to_owned() } else { count.to_string() };
    Ok(vec![
        Figure::at_least(&format!("ratio_with_{suffix}_tasks"), of_full / of_empty, "of empty", 0.9),
        Figure::plain(&format!("fill_{suffix}_s"), filled_s, "s"),
        Figure::plain(&format!("database_mb_{suffix}"), database, "MB"),
        Figure::plain(&format!("rss_mb_{suffix}"), used.rss_mb, "MB"),
    ])
}

fn times(answers: &[Answer]) -> Vec<f64> {
    answers.iter().map(|answer| answer.ms).collect()
}
