//! Where requests of the service do not go: a canary on this machine listens, and hears nothing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, case};
use lab::instructor::Instructor;
use secrecy::SecretString;
use serde_json::json;
use shared_types::http::Outcome;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

/// Long enough for a flow whose pages cannot be looked at.
const ROUND: Duration = Duration::from_secs(120);

/// A port that counts who connects.
struct Canary {
    port: u16,
    hits: tokio::sync::watch::Receiver<usize>,
    listening: tokio::task::JoinHandle<()>,
}

impl Canary {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (count, hits) = tokio::sync::watch::channel(0);
        let listening = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                count.send_modify(|hits| *hits += 1);
                drop(connection);
            }
        });
        Ok(Self { port, hits, listening })
    }

    /// Connections but the one that this makes; it comes last, so all others are counted by then.
    async fn hits(self) -> Result<usize> {
        let mut last = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let _ = last.read(&mut [0]).await;
        self.listening.abort();
        Ok(*self.hits.borrow() - 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluator_on_this_machine_is_never_connected_to() -> Result<()> {
    let (canary, mut outside) = (Canary::start().await?, Outside::new()?);
    let (_github, launch) = outside.github(&["ghp", "_outgoing"].concat())?;
    // As in production: nothing private is open.
    let server = Instance::start(launch.with("ALLOW_INSECURE_EVALUATORS", "0")).await?;
    let instructor = Instructor::new(server.api()?, SecretString::from(e2e::SECRET))?;
    let mut accepted = Vec::new();
    let hosts = ["127.0.0.1", "2130706433", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]", "a@127.0.0.1", "localhost"];
    for (at, host) in hosts.into_iter().enumerate() {
        for scheme in ["http", "https"] {
            let mut request = case("sales-summary")?.rounds[0].request.clone();
            request.insert("evaluation_url".to_owned(), json!(format!("{scheme}://{host}:{}/notify", canary.port)));
            request.insert("nonce".to_owned(), json!(format!("outgoing-{scheme}-{at}")));
            let answer = instructor.post_as_is("/build", request).await?;
            // Only a name tells nothing of where it leads.
            if answer.status == 200 && host == "localhost" {
                accepted.push(answer.receipt()?.id);
            } else {
                let problem = answer.problem().with_context(|| format!("{host}: {:?}", answer.body))?;
                let named = problem.errors.iter().any(|error| error.pointer == "/evaluation_url");
                ensure!(problem.status == 400 && named, "{scheme} {host}: {problem:?}");
            }
        }
    }
    // It is looked up when it is notified, and refused then.
    ensure!(!accepted.is_empty(), "a name that leads to this machine is refused before it was looked up");
    for id in accepted {
        let task = server.finished(id, ROUND).await?;
        ensure!(task.summary.outcome == Some(Outcome::Refused), "{task:#?}");
    }
    ensure!(canary.hits().await? == 0, "the canary was connected to");
    Ok(())
}

/// The control: the same address, opened by the operator.
#[tokio::test(flavor = "multi_thread")]
async fn an_evaluator_that_the_operator_allows_is_connected_to() -> Result<()> {
    let canary = Canary::start().await?;
    lab::install_crypto_provider();
    let server = Instance::start(Launch::dry_run().without_browser()).await?;
    let instructor = Instructor::new(server.api()?, SecretString::from(e2e::SECRET))?;
    let mut request = case("sales-summary")?.rounds[0].request.clone();
    request.insert("evaluation_url".to_owned(), json!(format!("http://127.0.0.1:{}/notify", canary.port)));
    instructor.post_as_is("/build", request).await?.receipt()?;
    let mut hits = canary.hits.clone();
    tokio::time::timeout(ROUND, hits.wait_for(|hits| *hits > 0)).await.context("it was never notified")??;
    Ok(())
}

mod browser {
    use lab::model::{Reply, Script};

    use super::*;

    /// A model's page that asks this machine for something while it is verified, and again when live.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_published_page_cannot_reach_this_machine() -> Result<()> {
        let (canary, mut outside) = (Canary::start().await?, Outside::new()?);
        let port = canary.port;
        let page = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sales Summary</title></head><body>\
             <p id=\"p\">x</p><img src=\"http://127.0.0.1:{port}/a.png\" alt=\"\"><iframe src=\"http://localhost:{port}/\">\
             </iframe><script>fetch('http://127.0.0.1:{port}/b').catch(() => {{}}); new WebSocket('ws://[::1]:{port}/');\
             navigator.sendBeacon('http://localhost:{port}/c', 'x');</script></body></html>\n"
        );
        let script = Script::new().otherwise([Reply::Files(vec![("index.html".to_owned(), page)])]);
        let (_, launch) = outside.model(script, Launch::dry_run())?;
        let server = Instance::start(launch).await?;
        let mut request = case("sales-summary")?.rounds[0].request.clone();
        request.insert("checks".to_owned(), json!(["js: document.title === 'Sales Summary'"]));
        let receipt = outside.post(&server, "/build", &request).await?;
        let task = server.finished(receipt.id, ROUND).await?;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
        let report = task.report.as_ref().context("no report")?;
        // The live page was seen at its address on this machine, which is the one that is open.
        ensure!(report.phase == shared_types::Phase::Live && report.passed() == 1, "{report:#?}");
        ensure!(!report.failed_requests.is_empty(), "what the page asked for is in its report: {report:#?}");
        ensure!(canary.hits().await? == 0, "the canary was connected to");
        Ok(())
    }
}
