//! A small world: every port is a fake, time is tokio's paused clock.

mod archive;
mod host;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use core_flows::{Ports, followup, intake, last_known, operator, plan, relay, renotify, runner};
use futures::StreamExt as _;
use ports::testing::{CountingIds, MemoryBlobs, MemoryLastKnown, MemoryLedger, TokioClock};
use ports::*;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared_types::http::{CheckBody, Receipt, TaskState};
use shared_types::*;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use archive::FakeArchive;
pub(crate) use host::FakeHost;

pub(crate) const SECRET: &str = "open sesame";

/// The fakes that a test sets and looks into.
pub(crate) struct World {
    pub(crate) host: Arc<FakeHost>,
    pub(crate) notifier: Arc<FakeNotifier>,
    pub(crate) verifier: Arc<FakeVerifier>,
    pub(crate) ports: Ports,
    pub(crate) memory: Arc<MemoryLedger>,
    pub(crate) intake: intake::Service,
    pub(crate) shutdown: CancellationToken,
    relay: Option<relay::Service>,
    renotify: Option<renotify::Service>,
    outbox: relay::Handle,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_model(None)
    }

    pub(crate) fn with_model(model: Option<Arc<dyn Model>>) -> Self {
        Self::over(model, Arc::new(FakeHost::default()), Arc::new(MemoryLastKnown::default()))
    }

    /// The world after its ledger was lost: what is at the host is there, and what was last known of it.
    pub(crate) fn without_its_ledger(&self) -> Self {
        Self::over(self.ports.model.clone(), self.host.clone(), self.ports.last_known.clone())
    }

    fn over(model: Option<Arc<dyn Model>>, host: Arc<FakeHost>, last_known: Arc<dyn LastKnown>) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        let notifier = Arc::new(FakeNotifier { host: host.clone(), ..FakeNotifier::default() });
        let verifier = Arc::new(FakeVerifier::default());
        let bus = Arc::new(FakeBus::default());
        let ports = Ports {
            ledger: ledger.clone(),
            last_known,
            queue: ledger.clone(),
            rates: ledger.clone(),
            blobs: Arc::new(MemoryBlobs::new()),
            bus: bus.clone(),
            host: host.clone(),
            model,
            moderator: Arc::new(FakeModerator),
            verifier: verifier.clone(),
            notifier: notifier.clone(),
            gatekeeper: Arc::new(FakeGatekeeper),
            clock: Arc::new(TokioClock::new()),
            ids: Arc::new(CountingIds::default()),
        };
        let memory = ledger.clone();
        let relay = relay::Service::new("test", ledger, bus);
        let outbox = relay.handle();
        let options = intake::Options { allow_http_evaluators: true, ..intake::Options::default() };
        let renotify = renotify::Service::new(options.rates.renotify.clone(), ports.clone(), outbox.clone());
        Self {
            intake: intake::Service::new(options, ports.clone(), outbox.clone(), renotify.handle()),
            renotify: Some(renotify),
            host,
            notifier,
            verifier,
            ports,
            memory,
            shutdown: CancellationToken::new(),
            relay: Some(relay),
            outbox,
        }
    }

    pub(crate) async fn post(&self, route: Route, body: Value) -> Result<Receipt, Refusal> {
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.post_from(client, route, body).await
    }

    pub(crate) async fn post_from(&self, client: IpAddr, route: Route, body: Value) -> Result<Receipt, Refusal> {
        self.intake.accept(Submission { route, body, trace_id: self.ports.ids.trace_id(), client }).await
    }

    /// Whoever pulls the levers of this world.
    pub(crate) fn operator(&self) -> operator::Service {
        self.operator_with(None)
    }

    /// The same where copies of tasks lie elsewhere.
    pub(crate) fn operator_with(&self, archive: Option<Arc<dyn Archive>>) -> operator::Service {
        let Ports { ledger, notifier, gatekeeper, clock, ids, host, .. } = self.ports.clone();
        let teller = Some((notifier, gatekeeper));
        let memory = self.memory.clone();
        let (levers, oblivion, answers) = (memory.clone(), memory.clone(), memory);
        let world =
            operator::World { ledger, levers, oblivion, answers, archive, host: Some(host), clock, ids, teller };
        operator::Service::new(world, Duration::from_secs(600), self.outbox.clone())
    }

    /// Starts relay and runner; they run until `stop`.
    pub(crate) fn start(&mut self) -> tokio::task::JoinHandle<()> {
        self.start_with_attempts(5)
    }

    /// The same with so many tries of a step and of the notification.
    pub(crate) fn start_with_attempts(&mut self, max_attempts: u32) -> tokio::task::JoinHandle<()> {
        let options = runner::Options { max_attempts, ..runner::Options::default() };
        let runner = runner::Service::new(options, self.ports.clone(), self.outbox.clone(), WorkerId("w".to_owned()));
        let (relay, renotify) = (self.relay.take(), self.renotify.take());
        let followup = followup::Service::new(self.ports.clone(), self.outbox.clone());
        let known = last_known::Service::new(self.ports.ledger.clone(), self.ports.last_known.clone());
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            let relay = async {
                if let Some(relay) = relay {
                    relay.run(shutdown.clone()).await;
                }
            };
            let renotify = async {
                if let Some(renotify) = renotify {
                    renotify.run(shutdown.clone()).await;
                }
            };
            let looking_after = followup.run(shutdown.clone());
            tokio::join!(relay, renotify, looking_after, known.run(shutdown.clone()), runner.run(shutdown.clone()));
        })
    }

    /// The record of `id` once it is finished.
    pub(crate) async fn finished(&self, id: TaskId) -> TaskRecord {
        // A flow that is put back may take a day.
        for pause_ms in std::iter::repeat_n(100, 10_000).chain(std::iter::repeat_n(60_000, 1_500)) {
            let task = self.ports.ledger.task(id).await.unwrap().unwrap();
            if task.state == TaskState::Finished {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
        panic!("{id} did not finish: {:?}", self.kinds(id).await);
    }

    pub(crate) async fn events(&self, id: TaskId) -> Vec<Envelope> {
        self.ports.ledger.task_events(id, 0, 1000).await.unwrap()
    }

    pub(crate) async fn kinds(&self, id: TaskId) -> Vec<&'static str> {
        self.events(id).await.iter().map(Envelope::kind).collect()
    }
}

/// A sound request; `round` and `nonce` vary.
pub(crate) fn request(round: u32, nonce: &str) -> Value {
    json!({
        "email": "student@example.com", "secret": SECRET, "task": "sales-7f3a9", "round": round, "nonce": nonce,
        "brief": "Show the sum of `sales` in #total-sales. The title is \"Sales\".",
        "checks": [{"js": "document.title === \"Sales\""}, "Repo has an MIT license"],
        "evaluation_url": "http://127.0.0.1:9000/notify",
        "attachments": [{"name": "data.csv", "url": "data:text/csv;base64,bmFtZSxzYWxlcwpMYW1wLDEuNQo="}],
    })
}

struct PlainSearch(String);

impl SecretSearch for PlainSearch {
    fn is_in(&self, bytes: &[u8]) -> bool {
        String::from_utf8_lossy(bytes).contains(&self.0)
    }

    fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "[redacted]")
    }
}

/// Refuses briefs with the word UNSAFE.
struct FakeModerator;

impl Moderator for FakeModerator {
    fn objects_to_brief(&self, brief: &str) -> Option<Objection> {
        let digest = Digest::of(brief.as_bytes());
        brief.contains("UNSAFE").then(|| Objection { rule: "test.rule".to_owned(), place: "brief", digest })
    }
}

pub(crate) struct FakeGatekeeper;

#[async_trait]
impl Gatekeeper for FakeGatekeeper {
    async fn authenticate(&self, email: &Email, secret: &SecretString) -> Result<Option<Tenant>, Error> {
        let tenant = Tenant { email: email.clone(), quotas: ports::Quotas::default() };
        Ok((secret.expose_secret() == SECRET).then_some(tenant))
    }

    fn search_for(&self, secret: &SecretString) -> Box<dyn SecretSearch> {
        Box::new(PlainSearch(secret.expose_secret().to_owned()))
    }

    async fn scan(&self, site: &Site) -> Result<Vec<Leak>, Error> {
        let leaking = site.iter().filter(|(_, bytes)| bytes.windows(11).any(|word| word == b"LEAKED-HERE"));
        let leak = |path: &SitePath| Leak { kind: "test".to_owned(), path: path.clone(), line: Some(1) };
        Ok(leaking.map(|(path, _)| leak(path)).collect())
    }

    fn scan_text(&self, text: &str) -> Vec<TextLeak> {
        let leaking = (1..).zip(text.lines()).filter(|(_, line)| line.contains("LEAKED-HERE"));
        leaking.map(|(line, _)| TextLeak { kind: "test".to_owned(), line }).collect()
    }

    fn redact(&self, text: &str) -> String {
        text.replace(SECRET, "[redacted]")
    }
}

pub(crate) struct FakeBus(broadcast::Sender<Arc<Envelope>>);

impl Default for FakeBus {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

#[async_trait]
impl Bus for FakeBus {
    async fn publish(&self, event: Arc<Envelope>) -> Result<(), Error> {
        // Nobody listening is fine.
        let _ = self.0.send(event);
        Ok(())
    }

    fn subscribe(&self) -> Subscription {
        let receiver = self.0.subscribe();
        futures::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.ok().map(|event| (event, receiver))
        })
        .boxed()
    }
}

/// Mends MENDABLE pages, and fails over UNMENDABLE ones. Every check passes, unless a file holds the word BROKEN, or
/// BREAKS and the check's text. A check with the word UNREAD has no reading.
#[derive(Default)]
pub(crate) struct FakeVerifier {
    pub(crate) broken: Mutex<bool>,
}

#[async_trait]
impl Verifier for FakeVerifier {
    fn compile(&self, round: Round, checks: &[CheckBody]) -> Vec<Check> {
        let read = |(index, check): (usize, &CheckBody)| {
            let (source, oracle) = match check {
                CheckBody::Text(text) if text.contains("UNREAD") => (text.clone(), Oracle::Judge),
                CheckBody::Text(text) => (text.clone(), Oracle::Licence),
                CheckBody::JavaScript { js } => (js.clone(), Oracle::JavaScript { expression: js.clone() }),
            };
            Check::new(round, index as u32, source, oracle)
        };
        checks.iter().enumerate().map(read).collect()
    }

    async fn autofix(&self, draft: Draft) -> Result<Fixed, Error> {
        let Draft { mut site, attached, .. } = draft;
        assert!(attached.iter().all(|(path, bytes)| site.get(path.as_str()) == Some(bytes)));
        let page = site.text("index.html").unwrap_or_default().to_owned();
        if page.contains("UNMENDABLE") {
            return Err(Error::stop("out of glue"));
        }
        let mut fixes = Vec::new();
        if page.contains("MENDABLE") {
            let path: SitePath = "index.html".parse().unwrap();
            site.insert(path.clone(), page.replace("MENDABLE", "mended"));
            fixes.push(Fix { rule: "test.rule".to_owned(), path, what: format!("mended, {SECRET}") });
        }
        Ok(Fixed { site, fixes })
    }

    async fn verify(&self, inspection: Inspection) -> Result<Verification, Error> {
        if *self.broken.lock().unwrap() {
            return Err(Error::stop("the browser is on fire"));
        }
        let page: String = inspection.site.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
        let broken = page.contains("BROKEN");
        let verdict = |check: &Check| match &check.unsatisfiable {
            Some(_) => Verdict::Unsatisfiable,
            None if broken || page.contains(&format!("BREAKS {}", check.source)) => Verdict::Failed,
            None => Verdict::Passed,
        };
        let result =
            |check: Check| CheckResult { verdict: verdict(&check), check, strict: Some(!broken), evidence: None };
        let finding = |leak: Leak| Finding {
            severity: Severity::Blocker,
            rule: format!("secret.{}", leak.kind),
            path: leak.path,
            line: leak.line,
            message: "a secret".to_owned(),
        };
        let report = CheckReport {
            phase: inspection.phase,
            browser: BrowserRun::Ran { browser: "fake".to_owned() },
            checks: inspection.checks.into_iter().map(result).collect(),
            findings: inspection.leaks.into_iter().map(finding).collect(),
            judgements: Vec::new(),
            console_errors: Vec::new(),
            failed_requests: Vec::new(),
            screenshot: None,
            phone_screenshot: None,
            duration_ms: 0,
        };
        Ok(Verification { report, screenshot: None, phone_screenshot: None })
    }
}

use shared_types::Verdict;

/// Plays a script of statuses, then 200; knows when each delivery came. Probes see the host's site.
#[derive(Default)]
pub(crate) struct FakeNotifier {
    pub(crate) script: Mutex<Vec<u16>>,
    pub(crate) deliveries: Mutex<Vec<(Duration, Bytes)>>,
    pub(crate) ids: Mutex<Vec<String>>,
    began: Mutex<Option<tokio::time::Instant>>,
    host: Arc<FakeHost>,
}

impl FakeNotifier {
    /// Seconds between deliveries.
    pub(crate) fn gaps(&self) -> Vec<u64> {
        let deliveries = self.deliveries.lock().unwrap();
        deliveries.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_secs()).collect()
    }
}

#[async_trait]
impl Notifier for FakeNotifier {
    fn refuses(&self, url: &Url) -> Option<String> {
        (url.host_str() == Some("refused.example")).then(|| "refused.example is never asked".to_owned())
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<Answer, Error> {
        let now = tokio::time::Instant::now();
        let began = *self.began.lock().unwrap().get_or_insert(now);
        self.deliveries.lock().unwrap().push((now - began, delivery.body.clone()));
        self.ids.lock().unwrap().push(delivery.id.clone());
        let mut script = self.script.lock().unwrap();
        let status = if script.is_empty() { 200 } else { script.remove(0) };
        if status == 0 {
            return Err(Error::again("connection refused"));
        }
        Ok(Answer { status, retry_after: None, body: Bytes::new(), latency: Duration::from_millis(1) })
    }

    async fn probe(&self, url: &Url, _: Duration) -> Result<Answer, Error> {
        if let Some(why) = self.refuses(url) {
            return Err(Error::stop(why));
        }
        let mut not_served = self.host.not_served.lock().unwrap();
        if *not_served > 0 {
            *not_served -= 1;
            let body = Bytes::from_static(b"<h1>404</h1>");
            return Ok(Answer { status: 404, retry_after: None, body, latency: Duration::from_millis(1) });
        }
        let body = self.host.last_page();
        Ok(Answer { status: 200, retry_after: None, body, latency: Duration::from_millis(1) })
    }
}

/// What a model answers to a request.
type Respond = dyn Fn(&CompletionRequest) -> Result<String, Error> + Send + Sync;

/// Answers with what the closure makes of the request, in every role but the judge's.
pub(crate) struct FakeModel(pub(crate) Box<Respond>);

#[async_trait]
impl Model for FakeModel {
    fn serves(&self, alias: &str) -> bool {
        alias != "judge"
    }

    async fn complete(&self, request: CompletionRequest) -> Result<Completion, Error> {
        Ok(Completion {
            text: (self.0)(&request)?,
            finish: FinishReason::Complete,
            model: "fake".to_owned(),
            usage: Usage::default(),
        })
    }
}

/// A model's answer with one file.
pub(crate) fn file(request: &CompletionRequest, path: &str, text: &str) -> String {
    let boundary = request.values["boundary"].as_str().unwrap();
    format!("<<<FILE {boundary} {path}\n{text}\nFILE>>> {boundary}\n")
}

pub(crate) fn steps() -> Vec<&'static str> {
    plan::step_names(Round::FIRST).to_vec()
}
