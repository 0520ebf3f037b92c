//! How often, over HTTP: what a client that is over a limit is told, and that a restart forgives
//! nothing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, SECRET, case};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};
use shared_types::http::{Problem, TaskState};

/// Two builds an hour and two wrong secrets in ten minutes.
const NARROW: &str = "
    [auth_failures]
    per_client_and_email = { limit = 2, window_s = 600 }
    [build]
    per_email = { limit = 2, window_s = 3600 }
";

fn launch(folder: &tempfile::TempDir) -> Result<Launch> {
    let path = folder.path().join("limits.toml");
    std::fs::write(&path, NARROW)?;
    Ok(Launch::dry_run().without_browser().with("LIMITS_FILE", path.display().to_string()))
}

fn build(outside: &Outside, email: &str, nonce: &str, secret: &str) -> Result<Map<String, Value>> {
    let mut request = case("sales-summary")?.rounds[0].request.clone();
    request.insert("evaluation_url".to_owned(), json!(outside.evaluator.url()));
    request.insert("email".to_owned(), json!(email));
    request.insert("nonce".to_owned(), json!(nonce));
    request.insert("secret".to_owned(), json!(secret));
    Ok(request)
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    problem: Option<Problem>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// POSTs as somebody for whom a proxy on this machine speaks.
async fn post(server: &Instance, forwarded_for: &str, request: &Map<String, Value>) -> Result<Answer> {
    let url = server.api()?.join("build")?;
    let sent = lab::client()?.post(url).header("x-forwarded-for", forwarded_for).json(request).send().await?;
    let (status, headers) = (sent.status().as_u16(), sent.headers().clone());
    Ok(Answer { status, headers, problem: serde_json::from_slice(&sent.bytes().await?).ok() })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_of_two_builds_is_told_when_to_come_back_and_a_restart_forgives_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut server, outside) = (Instance::start(launch(&folder)?).await?, Outside::new()?);
    let ann = |nonce: &str| build(&outside, "ann@example.com", nonce, SECRET);
    for nonce in ["n-1", "n-2"] {
        ensure!(post(&server, "", &ann(nonce)?).await?.status == 200);
    }
    for restarted in [false, true] {
        if restarted {
            server.kill().await?;
            server.up().await?;
        }
        let refused = post(&server, "", &ann("n-3")?).await?;
        let problem = refused.problem.as_ref().context("no problem document")?;
        ensure!((refused.status, problem.code.as_str()) == (429, "over_limit"), "{problem:?}");
        let wait_ms = problem.retry_after_ms.context("no retry_after_ms")?;
        let wait_s: u64 = refused.header("retry-after").parse()?;
        ensure!((3_000..=3_600).contains(&wait_s) && wait_s == wait_ms.div_ceil(1000), "{wait_s} s, {wait_ms} ms");
        ensure!(refused.header("ratelimit") == format!("\"build-per-email\";r=0;t={wait_s}"));
        ensure!(refused.header("ratelimit-policy") == "\"build-per-email\";q=2;w=3600");
    }
    ensure!(post(&server, "", &ann("n-1")?).await?.status == 200, "a repeat is not counted");
    ensure!(post(&server, "", &build(&outside, "bob@example.com", "n-1", SECRET)?).await?.status == 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_a_client_is_says_only_a_trusted_proxy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let outside = Outside::new()?;
    for (proxies, statuses) in [("127.0.0.0/8", [401, 401, 401, 200]), ("10.0.0.0/8", [401, 401, 429, 429])] {
        let server = Instance::start(launch(&folder)?.with("TRUSTED_PROXIES", proxies)).await?;
        let wrong = build(&outside, "ann@example.com", "n-1", "wrong")?;
        let right = build(&outside, "ann@example.com", "n-1", SECRET)?;
        let mut got = Vec::new();
        for (client, request) in
            [("192.0.2.1", &wrong), ("192.0.2.1", &wrong), ("192.0.2.2", &wrong), ("192.0.2.3", &right)]
        {
            got.push(post(&server, client, request).await?.status);
        }
        ensure!(got == statuses, "TRUSTED_PROXIES={proxies}: {got:?}");
        let client = if proxies.starts_with("127") { "192.0.2.1" } else { "127.0.0.1" };
        let failed = |line: &&str| line.contains("auth.failed") && line.contains(&format!("\"{client}\""));
        ensure!(server.log().lines().filter(failed).count() == 2, "{}", server.log());
        let metrics = server.get("metrics").await?;
        ensure!(metrics.contains("sitewright_auth_failures_total"), "{metrics}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_task_posted_again_is_told_again_once() -> Result<()> {
    let outside = Outside::new()?;
    let server = Instance::start(Launch::dry_run().without_browser()).await?;
    let request = build(&outside, "ann@example.com", "n-1", SECRET)?;
    ensure!(post(&server, "", &request).await?.status == 200);
    outside.accepted(1, Duration::from_secs(60)).await?;
    let list = server.get("v1/tasks").await?;
    let id = serde_json::from_str::<Value>(&list)?["tasks"][0]["id"].as_str().context("no task")?.parse()?;
    server.task_until(id, Duration::from_secs(60), |task| task.summary.state == TaskState::Finished).await?;
    for _ in 0..5 {
        ensure!(post(&server, "", &request).await?.status == 200);
    }
    outside.accepted(2, Duration::from_secs(60)).await?;
    let told = server.task_until(id, Duration::from_secs(60), |task| task.notifications.len() == 2).await?;
    ensure!(told.notifications.iter().all(|attempt| attempt.verdict == "accepted"), "{told:#?}");
    let bodies: Vec<_> = outside.evaluator.received().into_iter().map(|received| received.body).collect();
    ensure!(bodies.len() == 2 && bodies[0] == bodies[1], "the same bytes: {bodies:?}");
    Ok(())
}
