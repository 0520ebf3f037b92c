//! More than the machine can take: the excess is told to come again, nothing is half-written, and the service goes on
//! by itself when there is room again.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, SECRET, case};
use rustix::process::{Pid, Resource, getrlimit, prlimit};
use serde_json::{Map, Value, json};
use shared_types::TaskId;
use shared_types::http::{Health, Outcome, PartState, Problem, Receipt, TaskList};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(90);

/// Lets no file of the server grow beyond `bytes`, or any length again. To whoever writes this is a full disk: part of
/// a write goes in, and the rest is refused. Unlike a full disk it needs no rights, and ends when we say so.
fn files_may_have(server: &Instance, bytes: Option<u64>) -> Result<()> {
    let pid = server.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())).context("not running")?;
    let mut limit = getrlimit(Resource::Fsize);
    limit.current = bytes.or(limit.maximum);
    prlimit(Some(pid), Resource::Fsize, limit).context("limit the size of files")?;
    Ok(())
}

/// Posts requests that differ in student and nonce, and keeps account of what was answered.
struct Class<'a> {
    server: &'a Instance,
    request: Map<String, Value>,
    next: u32,
    accepted: BTreeSet<TaskId>,
    refused: Vec<Map<String, Value>>,
}

impl Class<'_> {
    /// A request with a brief of `bytes` bytes; returns whether it was accepted.
    async fn post(&mut self, bytes: usize) -> Result<bool> {
        self.next += 1;
        let mut request = self.request.clone();
        request.insert("email".to_owned(), format!("student-{}@example.com", self.next).into());
        request.insert("nonce".to_owned(), format!("nonce-{}", self.next).into());
        request.insert("brief".to_owned(), format!("Show the total. {}", "x".repeat(bytes)).into());
        self.send(request).await
    }

    async fn send(&mut self, request: Map<String, Value>) -> Result<bool> {
        let answer = lab::client()?.post(self.server.api()?.join("build")?).json(&request).send().await?;
        if answer.status() == 200 {
            self.accepted.insert(answer.json::<Receipt>().await?.id);
            return Ok(true);
        }
        let wait = answer.headers().get("retry-after").context("no Retry-After")?.to_str()?.parse::<u32>()?;
        let problem = answer.json::<Problem>().await?;
        ensure!((problem.status, problem.code.as_str()) == (503, "unavailable") && wait > 0, "{problem:?}");
        self.refused.push(request);
        Ok(false)
    }

    /// What the ledger holds is what was answered with 200, neither less nor more.
    async fn check_ledger(&self) -> Result<()> {
        let list: TaskList = serde_json::from_str(&self.server.get("v1/tasks?limit=200").await?)?;
        let there: BTreeSet<_> = list.tasks.iter().map(|task| task.id).collect();
        ensure!(there == self.accepted, "in the ledger: {there:#?}; accepted: {:#?}", self.accepted);
        Ok(())
    }
}

async fn health(server: &Instance) -> Result<(u16, Health)> {
    let answer = lab::client()?.get(server.api()?.join("health")?).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_recovers() -> Result<()> {
    /// Fewer than the log of the database takes before it is folded in, which would make room.
    const ROOM: u64 = 400 << 10;
    const LARGE: usize = 90 << 10;
    let outside = Outside::new()?;
    let mut server = Instance::start(Launch::dry_run().without_browser()).await?;
    let mut request = case("sales-summary")?.rounds[0].request.clone();
    request.insert("secret".to_owned(), SECRET.into());
    request.insert("evaluation_url".to_owned(), json!(outside.evaluator.url()));
    let mut class = Class { server: &server, request, next: 0, accepted: BTreeSet::new(), refused: Vec::new() };
    ensure!(class.post(10).await?, "there is room");

    let log = std::fs::metadata(server.data().join("data/sitewright.db-wal"))?.len();
    files_may_have(&server, Some(log + ROOM))?;
    let mut posts = 0;
    while class.post(LARGE).await? {
        posts += 1;
        ensure!(posts < 50, "the disk does not fill");
    }
    for bytes in [LARGE, 10, LARGE] {
        class.post(bytes).await?;
    }
    class.check_ledger().await?;

    // Not a byte: what a file system that became read-only does.
    files_may_have(&server, Some(0))?;
    ensure!(!class.post(10).await?, "nothing can be stored");
    let (status, said) = health(&server).await?;
    let down: Vec<_> = said.parts.iter().filter(|part| part.state == PartState::Down).map(|part| &part.name).collect();
    ensure!(status == 503 && !said.ok && down == ["database"], "{status} {said:#?}");
    class.check_ledger().await?;

    files_may_have(&server, None)?;
    while health(&server).await?.0 != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for request in std::mem::take(&mut class.refused) {
        ensure!(class.send(request).await?, "there is room again");
    }
    class.check_ledger().await?;
    for id in &class.accepted {
        let task = server.finished(*id, SOON).await?;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    }
    let Class { accepted, .. } = class;
    server.terminate().await?;
    server.up().await?;
    for id in &accepted {
        server.finished(*id, SOON).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_connections_the_answer_is_503_and_the_next_one_is_served() -> Result<()> {
    let server = Instance::start(Launch::dry_run().without_browser().with("MAX_CONNECTIONS", "3")).await?;
    let address = server.api()?.socket_addrs(|| None)?;
    // The harness's own connection may still be there, and one may end meanwhile: the fourth is refused, or a later one.
    let mut idle = Vec::new();
    let refused = loop {
        ensure!(idle.len() <= 10, "ten connections are served");
        let mut stream = TcpStream::connect(&*address).await?;
        stream.write_all(b"GET /v1/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer[..length]).to_ascii_lowercase();
        if !answer.starts_with("http/1.1 200") {
            break answer;
        }
        idle.push(stream);
    };
    ensure!(refused.starts_with("http/1.1 503"), "{refused}");
    ensure!(refused.contains("\r\nconnection: close\r\n") && refused.contains("\r\nretry-after: "), "{refused}");
    drop(idle);
    while server.get("v1/healthz").await.is_err() {}
    Ok(())
}

/// Accepting is left out, the rest goes on: what was accepted before is finished.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_the_intake_accepts_nothing() -> Result<()> {
    let outside = Outside::new()?;
    let mut server = Instance::start(Launch::dry_run().without_browser().with("ROLES", "intake")).await?;
    let receipt = outside.post(&server, "/build", &case("sales-summary")?.rounds[0].request).await?;
    server.terminate().await?;
    server.relaunch(Launch::dry_run().without_browser().with("ROLES", "runner, relay"));
    server.up().await?;
    let request = json!({ "secret": SECRET });
    let answer = lab::client()?.post(server.api()?.join("build")?).json(&request).send().await?;
    ensure!(answer.status() == 503 && answer.headers().contains_key("retry-after"), "{answer:?}");
    let task = server.finished(receipt.id, SOON).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    Ok(())
}
