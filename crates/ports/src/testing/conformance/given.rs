//! What the cases begin with.

use std::time::Duration;

use shared_types::events::{Subject, TaskAccepted};
use shared_types::http::CheckBody;
use shared_types::{Digest, Envelope, EventId, Nonce, Payload, Round, TaskId, Timestamp, TraceId};

use crate::testing::TokioClock;
use crate::{Acceptance, Attachment, Claim, FlowQueue, Ledger, NewTask, RepoChoice, RepoName, StepRecord, WorkerId};

/// How long the leases of [`claim`] last.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// A valid request. `n` decides its id, trace, nonce and times; `who` the student; round 1 gets
/// the new repository `<who>-<n>`, a later one the latest, otherwise that name.
#[must_use]
pub fn request(n: u64, who: &str, round: u32) -> NewTask {
    let id = TaskId::from_parts(n, 7);
    let trace_id = TraceId::from_random(u128::from(n));
    let round = Round::try_from(round).unwrap();
    let nonce: Nonce = format!("nonce-{n}").parse().unwrap();
    let name: RepoName = format!("{who}-{n}").parse().unwrap();
    let accepted_at = at(n);
    let accepted = TaskAccepted { checks: 2, attachments: 1, ..TaskAccepted::default() };
    let subject = Subject { id, name: "sales-summary".parse().unwrap(), round, trace_id: trace_id.clone() };
    NewTask {
        id,
        trace_id,
        email: format!("{who}@example.com").parse().unwrap(),
        task: subject.name.clone(),
        round,
        fingerprint: Digest::of(format!("{who} {round} {nonce}").as_bytes()),
        nonce,
        brief: "\nShow `${total}` of {data.csv}\n".to_owned(),
        checks: vec![
            CheckBody::Text("js: document.title === 'Sales'".to_owned()),
            CheckBody::JavaScript { js: "!!document.querySelector('#total')".to_owned() },
        ],
        evaluation_url: "http://evaluator.example.com/notify?a=1".parse().unwrap(),
        attachments: vec![Attachment {
            path: "data.csv".parse().unwrap(),
            media_type: "text/csv".to_owned(),
            sniffed_type: Some("text/plain".to_owned()),
            size: 8,
            sha256: Digest::of(b"a,b\n1,2\n"),
        }],
        repo: if round.is_first() { RepoChoice::New(name) } else { RepoChoice::Latest { otherwise: name } },
        accepted_at,
        deadline_at: accepted_at.plus(Duration::from_secs(600)),
        event: Envelope::new(EventId::from_parts(n, 0), accepted_at, &subject, Payload::TaskAccepted(accepted)),
        takes: Vec::new(),
    }
}

/// An event about the request `n` of [`request`].
#[must_use]
pub fn event(n: u64, payload: Payload) -> Envelope {
    let subject = Subject {
        id: TaskId::from_parts(n, 7),
        name: "sales-summary".parse().unwrap(),
        round: Round::FIRST,
        trace_id: TraceId::from_random(u128::from(n)),
    };
    Envelope::new(EventId::from_parts(n, 1), at(n), &subject, payload)
}

/// A step's record.
#[must_use]
pub fn step(name: &str) -> StepRecord {
    StepRecord {
        step: name.to_owned(),
        outcome: format!("{{\"of\":\"{name}\"}}"),
        summary: format!("{name} is done"),
        started_at: at(1),
        finished_at: at(2),
        attempts: 3,
    }
}

/// `n` seconds after the beginning.
pub(super) fn at(n: u64) -> Timestamp {
    TokioClock::EPOCH.plus(Duration::from_secs(n))
}

/// Accepts a request that must be new.
pub(super) async fn accepted<L: Ledger + ?Sized>(ledger: &L, new: NewTask) -> TaskId {
    let id = new.id;
    assert_eq!(ledger.accept(new).await.unwrap(), Acceptance::New);
    id
}

/// The next flow at `now`, for a worker whose name does not matter.
pub(super) async fn claim<Q: FlowQueue + ?Sized>(queue: &Q, now: Timestamp) -> Option<Claim> {
    queue.claim(&WorkerId("worker".to_owned()), now, LEASE).await.unwrap()
}
