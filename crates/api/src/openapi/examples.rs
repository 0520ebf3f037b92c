//! Examples of the document; tests hold each against its type.

use std::time::Duration;

use ports::{Objection, OverLimit, Policy};
use serde_json::{Value, json};
use shared_types::{Digest, TaskId, TraceId};
use utoipa::ToSchema;

/// The bytes of a PNG, for the document only.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(crate) struct Png(#[expect(dead_code, reason = "stands for the bytes")] Vec<u8>);

const ID: &str = "01JD3T0M4QZ8V5W9R2K7XH1C6N";
const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

pub(crate) fn objection() -> Objection {
    let digest = Digest::of(b"a brief");
    Objection { rule: "weapons.instructions".to_owned(), place: "brief", digest }
}

pub(crate) fn task_id() -> TaskId {
    ID.parse().unwrap_or_else(|_| TaskId::from_parts(0, 0))
}

pub(crate) fn trace_id() -> TraceId {
    TraceId::from_random(TRACE)
}

pub(crate) fn outage() -> ports::Error {
    ports::Error::again("the database is locked")
}

pub(crate) fn over_limit() -> OverLimit {
    let policy = Policy { scope: "build", bucket: "email", limit: 20, window: Duration::from_secs(3600) };
    OverLimit { policy, resets_in: Duration::from_millis(1_234_567) }
}

pub(crate) fn request(round: u32) -> Value {
    let brief = match round {
        1 => "Publish a single page that fetches data.csv, sums its sales column and shows the total in #total-sales.",
        _ => "Add a Bootstrap table #product-sales that lists each product with its total sales.",
    };
    let check = match round {
        1 => "js: document.querySelector('#total-sales') !== null",
        _ => "js: document.querySelectorAll('#product-sales tbody tr').length >= 1",
    };
    json!({
        "email": "student@example.com",
        "secret": "the secret you registered",
        "task": "sales-summary-7f3a9",
        "round": round,
        "nonce": "0199c0de-0000-7000-8000-000000000001",
        "brief": brief,
        "checks": [check, "README.md is professional"],
        "evaluation_url": "https://evaluator.example.com/notify",
        "attachments": [{"name": "data.csv", "url": "data:text/csv;base64,cHJvZHVjdCxzYWxlcwpwZW4sMTIK"}],
    })
}

pub(crate) fn receipt(round: u32) -> Value {
    json!({
        "status": "accepted",
        "task": "sales-summary-7f3a9",
        "round": round,
        "id": ID,
        "trace_id": trace_id(),
        "status_url": format!("/v1/tasks/{ID}"),
        "stream_url": format!("/v1/tasks/{ID}/stream"),
    })
}

pub(crate) fn list() -> Value {
    json!({"tasks": [summary()], "next_before": ID})
}

fn summary() -> Value {
    json!({
        "id": ID,
        "task": "sales-summary-7f3a9",
        "round": 1,
        "state": "finished",
        "outcome": "handed_in",
        "attempt": 1,
        "accepted_at": "2026-11-21T12:00:00Z",
        "finished_at": "2026-11-21T12:01:10Z",
        "pages_url": "https://student.github.io/sales-summary-7f3a9-1c2d3e4f/",
    })
}

pub(crate) fn task() -> Value {
    let details = json!({
        "trace_id": trace_id(),
        "email": "s***@example.com",
        "nonce": "0199c0de-0000-7000-8000-000000000001",
        "brief": "Publish a single page that fetches data.csv and shows the total in #total-sales.",
        "deadline_at": "2026-11-21T12:10:00Z",
        "attachments": [{
            "name": "data.csv",
            "media_type": "text/csv",
            "size": 21,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }],
        "steps": [{
            "step": "prepare",
            "state": "done",
            "started_at": "2026-11-21T12:00:00Z",
            "finished_at": "2026-11-21T12:00:01Z",
            "attempts": 1,
            "summary": "2 checks, 1 attachment",
        }],
        "report": {
            "phase": "live",
            "browser": {"state": "ran", "browser": "HeadlessChrome/142.0.0.0"},
            "checks": [{
                "check": {
                    "round": 1,
                    "index": 0,
                    "source": "js: document.querySelector('#total-sales') !== null",
                    "oracle": {
                        "kind": "java_script",
                        "expression": "document.querySelector('#total-sales') !== null",
                    },
                },
                "verdict": "passed",
                "strict": true,
                "evidence": "true",
            }],
            "findings": [],
            "console_errors": [],
            "failed_requests": [],
            "duration_ms": 812,
        },
        "repo_url": "https://github.com/student/sales-summary-7f3a9-1c2d3e4f",
        "commit_sha": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "notifications": [{
            "attempt": 1,
            "at": "2026-11-21T12:01:09Z",
            "status": 200,
            "verdict": "accepted",
            "latency_ms": 143,
        }],
        "notes": [],
    });
    let mut task = summary();
    if let (Value::Object(task), Value::Object(details)) = (&mut task, details) {
        task.extend(details);
    }
    task
}

/// [`summary`] with `changes`.
fn changed(changes: Value) -> Value {
    let mut task = summary();
    if let (Value::Object(task), Value::Object(changes)) = (&mut task, changes) {
        task.extend(changes);
        task.retain(|_, value| !value.is_null());
    }
    task
}

pub(crate) fn retried() -> Value {
    changed(json!({"state": "queued", "outcome": null, "finished_at": null, "attempt": 2}))
}

pub(crate) fn cancelled() -> Value {
    changed(json!({"outcome": "cancelled", "pages_url": null}))
}

pub(crate) fn notified() -> Value {
    json!({"attempt": 2, "at": "2026-11-21T12:30:00Z", "status": 200, "verdict": "accepted", "latency_ms": 143})
}

pub(crate) fn forget() -> Value {
    json!({"email": "student@example.com", "repos": true})
}

pub(crate) fn forgotten() -> Value {
    json!({
        "at": "2026-11-21T12:30:00Z",
        "tasks": 3,
        "rows": {"events": 97, "tasks": 3},
        "blobs": 21,
        "blobs_left": 0,
        "cached_answers": 0,
        "repositories": ["photo-card-5be11-9a8b7c6d"],
        "deleted": 1,
        "deleted_repositories": ["sales-summary-7f3a9-1c2d3e4f"],
        "undeleted": [{
            "repository": "photo-card-5be11-9a8b7c6d",
            "reason": "it does not carry our marker: what is there is not ours to delete",
        }],
        "not_covered": ["backups that were made before"],
    })
}

pub(crate) fn model_runs() -> Value {
    let run = json!({
        "id": 42,
        "started_at": "2026-11-21T12:00:02Z",
        "task": ID,
        "trace_id": trace_id(),
        "alias": "app-generator",
        "model": "gpt-5-mini",
        "template": "app",
        "prompt_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "unit": "tokens",
        "input": 4200,
        "cached_input": 2048,
        "output": 3100,
        "cost_micro_usd": 6790,
        "counted_micro_usd": 6790,
        "price_version": "2025-11-01",
        "latency_ms": 21_450,
        "first_token_ms": 890,
        "status": "ok",
    });
    let totals = json!({
        "runs": 1,
        "input_tokens": 4200,
        "cached_input_tokens": 2048,
        "output_tokens": 3100,
        "cost_micro_usd": 6790,
        "unknown_costs": 0,
        "counted_micro_usd": 6790,
    });
    json!({"runs": [run], "totals": totals, "next_before": 42})
}

pub(crate) fn stream() -> String {
    let event = json!({
        "event_id": "01JD3T0M4R0000000000000000",
        "occurred_at_ms": 1_795_262_400_000_u64,
        "producer": "sitewright/0.1.0",
        "schema_version": 1,
        "trace_id": trace_id(),
        "task": {"id": ID, "name": "sales-summary-7f3a9", "round": 1},
        "seq": 7,
        "payload": {"step_started": {"step": "verify", "attempt": 1}},
    });
    format!("retry: 3000\n\nid: 7\nevent: step_started\ndata: {event}\n\n")
}

pub(crate) fn health(ok: bool) -> Value {
    let (state, detail) = if ok { ("up", "SQLite 3.53.0, WAL") } else { ("down", "disk full: free some space") };
    json!({
        "ok": ok,
        "ts": "2026-11-21T12:00:00Z",
        "version": "0.1.0",
        "parts": [
            {"name": "database", "state": state, "needed": true, "detail": detail},
            {"name": "browser", "state": "degraded", "needed": false, "detail": "no Chromium: apt-get install chromium"},
        ],
    })
}

pub(crate) fn healthz() -> Value {
    json!({"ok": true, "ts": "2026-11-21T12:00:00Z"})
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use shared_types::Envelope;
    use shared_types::http::{
        ForgetRequest, Forgotten, Health, Healthz, ModelRunList, NotificationAttempt, Receipt, TaskList, TaskRequest,
        TaskSummary, TaskView,
    };

    use super::*;

    #[track_caller]
    fn check<T: DeserializeOwned>(example: Value) {
        serde_json::from_value::<T>(example).unwrap();
    }

    #[test]
    fn examples_are_what_they_are_examples_of() {
        check::<TaskRequest>(request(1));
        check::<TaskRequest>(request(2));
        check::<Receipt>(receipt(1));
        check::<TaskList>(list());
        check::<ModelRunList>(model_runs());
        check::<TaskView>(task());
        check::<TaskSummary>(retried());
        check::<TaskSummary>(cancelled());
        check::<NotificationAttempt>(notified());
        check::<ForgetRequest>(forget());
        check::<Forgotten>(forgotten());
        check::<Health>(health(true));
        check::<Healthz>(healthz());
        let stream = stream();
        let data = stream.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        check::<Envelope>(serde_json::from_str(data).unwrap());
        assert_eq!(task_id().to_string(), ID);
    }
}
