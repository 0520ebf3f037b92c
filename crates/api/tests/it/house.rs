//! A service with everything it needs, and a story to tell.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{Options, Ports, Service};
use async_trait::async_trait;
use futures::StreamExt;
use ports::testing::{CountingIds, MemoryBlobs, MemoryLedger, TokioClock};
use ports::{
    Bus, Closing, Declined, Error, FlowQueue, HealthPart, Ids, Intake, Lease, Ledger, NewTask, Objection, Operator,
    OverLimit, Policy, Refusal, RepoChoice, Repositories, Route, StepRecord, Submission, Subscription, TaskRecord,
    TaskUpdate, WorkerId,
};
use secrecy::SecretString;
use shared_types::events::{StepFinished, StepStarted, Subject, TaskAccepted, TaskFinished};
use shared_types::http::{CheckBody, FieldError, Forgotten, NotificationAttempt, Outcome, Part, PartState, Receipt};
use shared_types::{Digest, Email, Envelope, Payload, Round, TaskId, Timestamp, TraceId};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::client::{Exchange, PATIENCE, Reply};

/// Small, so that a test can exceed it.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;

pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) blobs: Arc<MemoryBlobs>,
    pub(crate) intake: Arc<TestIntake>,
    pub(crate) operator: Arc<TestOperator>,
    bus: Arc<TestBus>,
    ids: CountingIds,
    stop: CancellationToken,
    _stops_when_dropped: DropGuard,
    running: JoinHandle<Result<(), api::Error>>,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}, Vec::new()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options), parts: Vec<Arc<dyn HealthPart>>) -> Self {
        let mut options = Options::new("127.0.0.1:0".parse().unwrap());
        options.max_body_bytes = MAX_BODY_BYTES;
        options.workers = 1;
        change(&mut options);
        let ledger = Arc::new(MemoryLedger::new());
        let blobs = Arc::new(MemoryBlobs::new());
        let intake = Arc::new(TestIntake::default());
        let bus = Arc::new(TestBus(broadcast::channel(16).0));
        let operator = Arc::new(TestOperator { ledger: ledger.clone(), asked: Mutex::default() });
        let ports = Ports {
            intake: intake.clone(),
            ledger: ledger.clone(),
            operator: operator.clone(),
            runs: ledger.clone(),
            bus: bus.clone(),
            blobs: blobs.clone(),
            clock: Arc::new(TokioClock::new()),
            ids: Arc::new(CountingIds::default()),
            parts,
            metrics: Arc::new(|| "up 1\n".to_owned()),
            plan: |_| &["generate", "verify"],
        };
        let service = Service::bind(options, ports).unwrap();
        let stop = CancellationToken::new();
        let address = service.local_addr();
        let running = tokio::spawn(service.run(stop.clone()));
        Self {
            address,
            ledger,
            blobs,
            intake,
            operator,
            bus,
            ids: CountingIds::default(),
            _stops_when_dropped: stop.clone().drop_guard(),
            stop,
            running,
        }
    }

    pub(crate) fn with_token(token: &str) -> impl Future<Output = Self> {
        let token = SecretString::from(token.to_owned());
        Self::with(move |options| options.admin_token = Some(token), Vec::new())
    }

    /// Sends a request and reads its answer. Further lines of the head follow the first one.
    pub(crate) async fn ask(&self, head: &[&str], body: &[u8]) -> Reply {
        Exchange::send(self.address, head, body).await.reply().await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask(&[&format!("GET {path} HTTP/1.1")], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &[u8]) -> Reply {
        let length = format!("Content-Length: {}", body.len());
        self.ask(&[&format!("POST {path} HTTP/1.1"), "Content-Type: application/json", &length], body).await
    }

    /// Stops the service; it must end by itself, and well.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap().unwrap();
    }

    pub(crate) fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Stores a task, and claims it.
    pub(crate) async fn task(&self, name: &str) -> Tale {
        let subject = Subject {
            id: self.ids.task_id(),
            name: name.parse().unwrap(),
            round: Round::FIRST,
            trace_id: self.ids.trace_id(),
        };
        let at = TokioClock::EPOCH;
        let accepted = Payload::TaskAccepted(TaskAccepted::default());
        let new = NewTask {
            id: subject.id,
            trace_id: subject.trace_id.clone(),
            email: "student@example.com".parse().unwrap(),
            task: subject.name.clone(),
            round: subject.round,
            nonce: "n1".parse().unwrap(),
            fingerprint: Digest::of(name.as_bytes()),
            brief: "Make a page.".to_owned(),
            checks: vec![CheckBody::Text("It is a page.".to_owned())],
            evaluation_url: "https://evaluator.example.com/".parse().unwrap(),
            attachments: Vec::new(),
            repo: RepoChoice::New(name.parse().unwrap()),
            accepted_at: at,
            deadline_at: at.plus(Duration::from_secs(600)),
            event: Envelope::new(self.ids.event_id(), at, &subject, accepted),
            takes: Vec::new(),
        };
        self.ledger.accept(new).await.unwrap();
        let worker = WorkerId("test".to_owned());
        let claim = self.ledger.claim(&worker, at, Duration::from_secs(3600)).await.unwrap().unwrap();
        assert_eq!(claim.lease.task, subject.id);
        Tale { lease: claim.lease, subject }
    }

    /// Adds an event to the task's tale, without telling anyone.
    pub(crate) async fn append(&self, tale: &Tale, payload: Payload) {
        let event = self.event(tale, payload);
        self.ledger.append(tale.lease, vec![event]).await.unwrap();
    }

    /// Journals a step with what became known of the task.
    pub(crate) async fn record(&self, tale: &Tale, step: &str, update: TaskUpdate) {
        let at = TokioClock::EPOCH;
        let (step, none) = (step.to_owned(), String::new);
        let event = self.event(tale, finished(&step));
        let record =
            StepRecord { step, outcome: none(), summary: none(), started_at: at, finished_at: at, attempts: 1 };
        self.ledger.record(tale.lease, record, update, vec![event]).await.unwrap();
    }

    /// Ends the task.
    pub(crate) async fn finish(&self, tale: &Tale) {
        let closing = Closing { outcome: Outcome::HandedIn, at: TokioClock::EPOCH, notification: None };
        let event = self.event(tale, Payload::TaskFinished(TaskFinished::default()));
        self.ledger.finish(tale.lease, closing, vec![event]).await.unwrap();
    }

    /// Tells the listeners that something was stored for the task.
    pub(crate) async fn wake(&self, tale: &Tale) {
        self.bus.publish(Arc::new(self.event(tale, started("any")))).await.unwrap();
    }

    fn event(&self, tale: &Tale, payload: Payload) -> Envelope {
        Envelope::new(self.ids.event_id(), TokioClock::EPOCH, &tale.subject, payload)
    }
}

/// A task whose flow the test holds.
pub(crate) struct Tale {
    lease: Lease,
    subject: Subject,
}

impl Tale {
    pub(crate) fn id(&self) -> TaskId {
        self.subject.id
    }
}

pub(crate) fn started(step: &str) -> Payload {
    Payload::StepStarted(StepStarted { step: step.to_owned(), attempt: 1 })
}

pub(crate) fn finished(step: &str) -> Payload {
    Payload::StepFinished(StepFinished { step: step.to_owned(), summary: "done".to_owned(), duration_ms: 1 })
}

/// Answers as the field `case` of the body says, and notes what it was asked.
#[derive(Default)]
pub(crate) struct TestIntake {
    pub(crate) asked: Mutex<Vec<(Route, TraceId)>>,
    pub(crate) clients: Mutex<Vec<IpAddr>>,
    held: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl TestIntake {
    /// Waits until `count` requests of the case `held` have come.
    pub(crate) async fn wait_for_held(&self, count: usize) {
        let mut held = self.held.subscribe();
        tokio::time::timeout(PATIENCE, held.wait_for(|held| *held >= count)).await.unwrap().unwrap();
    }

    /// Lets them be answered.
    pub(crate) fn let_held_go(&self) {
        self.open.send_replace(true);
    }
}

#[async_trait]
impl Intake for TestIntake {
    async fn accept(&self, submission: Submission) -> Result<Receipt, Refusal> {
        let Submission { route, body, trace_id, client } = submission;
        self.clients.lock().unwrap().push(client);
        self.asked.lock().unwrap().push((route, trace_id.clone()));
        let field = |pointer: &str| FieldError { pointer: pointer.to_owned(), detail: "expected better".to_owned() };
        let id = TaskId::from_parts(7, 7);
        if body["case"] == "held" {
            self.held.send_modify(|held| *held += 1);
            self.open.subscribe().wait_for(|open| *open).await.unwrap();
        }
        match body["case"].as_str().unwrap_or("") {
            "invalid" => Err(Refusal::Invalid(vec![field("/checks"), field("/attachments/0/url")])),
            "unauthorized" => Err(Refusal::Unauthorized),
            "large" => Err(Refusal::TooLarge(vec![field("/brief")])),
            "often" => {
                let policy = Policy { scope: "build", bucket: "email", limit: 20, window: Duration::from_secs(3600) };
                Err(Refusal::OverLimit(OverLimit { policy, resets_in: Duration::from_millis(1_234_567) }))
            }
            "unsafe" => Err(Refusal::Unsafe(Objection {
                rule: "weapons.instructions".to_owned(),
                place: "brief",
                digest: Digest::of(b"how to"),
            })),
            "conflict" => Err(Refusal::Conflict { id }),
            "unavailable" => Err(Refusal::Unavailable(Error::again("the disk is on fire"))),
            "later" => Err(Refusal::Unavailable(Error::later(Duration::from_secs(9), "the disk is busy"))),
            _ => Ok(Receipt {
                status: "accepted".to_owned(),
                task: "todo".parse().unwrap(),
                round: Round::FIRST,
                id,
                trace_id,
                status_url: format!("/v1/tasks/{id}"),
                stream_url: format!("/v1/tasks/{id}/stream"),
            }),
        }
    }
}

/// Notes what it was asked for. A task named `stuck` is never as it should be.
pub(crate) struct TestOperator {
    ledger: Arc<MemoryLedger>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl TestOperator {
    async fn task(&self, id: TaskId, lever: String) -> Result<TaskRecord, Declined> {
        let task = self.ledger.task(id).await?.ok_or(Declined::Unknown(id))?;
        if task.task.as_str() == "stuck" {
            return Err(Declined::NotNow("pull harder".to_owned()));
        }
        self.asked.lock().unwrap().push(format!("{lever} {}", task.task));
        Ok(task)
    }
}

#[async_trait]
impl Operator for TestOperator {
    async fn retry(&self, id: TaskId, from: Option<&str>) -> Result<TaskRecord, Declined> {
        self.task(id, format!("retry from {}", from.unwrap_or("-"))).await
    }

    async fn cancel(&self, id: TaskId) -> Result<TaskRecord, Declined> {
        self.task(id, "cancel".to_owned()).await
    }

    async fn forget(&self, email: &Email, repositories: Repositories) -> Result<Forgotten, Declined> {
        let with = if repositories == Repositories::Delete { " with repositories" } else { "" };
        self.asked.lock().unwrap().push(format!("forget {}{with}", email.as_str()));
        Ok(Forgotten {
            at_broker: 0,
            at: epoch(),
            tasks: 1,
            rows: BTreeMap::new(),
            blobs: 0,
            blobs_left: 0,
            cached_answers: 0,
            repositories: Vec::new(),
            deleted: 0,
            deleted_repositories: Vec::new(),
            undeleted: Vec::new(),
            not_covered: Vec::new(),
        })
    }

    async fn renotify(&self, id: TaskId) -> Result<NotificationAttempt, Declined> {
        self.task(id, "renotify".to_owned()).await?;
        Ok(NotificationAttempt {
            attempt: 2,
            at: epoch(),
            status: Some(200),
            verdict: "accepted".to_owned(),
            latency_ms: 3,
            error: None,
        })
    }
}

/// A bus in one process.
struct TestBus(broadcast::Sender<Arc<Envelope>>);

#[async_trait]
impl Bus for TestBus {
    async fn publish(&self, event: Arc<Envelope>) -> Result<(), Error> {
        // Nobody listening is no error.
        let _ = self.0.send(event);
        Ok(())
    }

    fn subscribe(&self) -> Subscription {
        BroadcastStream::new(self.0.subscribe()).filter_map(|event| async { event.ok() }).boxed()
    }
}

/// A part in the state it was given, or one that hangs.
pub(crate) enum TestPart {
    Is(&'static str, PartState, bool),
    Hangs,
}

#[async_trait]
impl HealthPart for TestPart {
    async fn look(&self) -> Part {
        match self {
            Self::Is(name, state, needed) => {
                Part { name: (*name).to_owned(), state: *state, needed: *needed, detail: String::new() }
            }
            Self::Hangs => std::future::pending().await,
        }
    }
}

/// The first moment of the tests' clock.
pub(crate) fn epoch() -> Timestamp {
    TokioClock::EPOCH
}
