//! Rounds played against a server that only knows its lines: the demo's own part, apart from any
//! real server.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use expect_test::{Expect, expect};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared_types::events::{StepFinished, TaskFinished};
use shared_types::{Envelope, Payload};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Afterwards, BrowserNote, Options, Outside, Progress, Session};
use crate::cases::{Case, CaseRound};
use crate::instructor::Instructor;

const ID: &str = "01JD3T0M4QZ8V5W9R2K7XH1C6N";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const AT: &str = "2026-11-21T12:00:00Z";
const LOCALHOST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How the server plays.
#[derive(Debug, Clone, Copy)]
struct Play {
    /// The status of `POST /build`.
    receipt: u16,
    /// The outcome that the task has in the end.
    outcome: &'static str,
    /// The commit that the evaluator is told of; `a` repeated is the right one.
    told: char,
    /// The status of the published page.
    page: u16,
}

const GOOD: Play = Play { receipt: 200, outcome: "handed_in", told: 'a', page: 200 };

#[tokio::test]
async fn a_round_is_followed_to_its_end_and_held_against_the_callback() {
    let good = expect![[r#"
        round 1  verify    3/3 checks passed  0.9 s
        confirmed: true
    "#]];
    let other_commit = expect![[r#"
        round 1  verify    3/3 checks passed  0.9 s
        round 1: commit_sha: the evaluator got "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" for "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        confirmed: false
    "#]];
    let no_page = expect![[r#"
        round 1  verify    3/3 checks passed  0.9 s
        round 1: the page answers HTTP 404
        confirmed: false
    "#]];
    let undelivered = expect![[r#"
        round 1  verify    3/3 checks passed  0.9 s
        round 1  ended     undelivered: no answer
        round 1: the task ended undelivered: a remark
        confirmed: false
    "#]];
    let refused = expect![[r#"
        round 1  refused: POST /build was answered with HTTP 400: Two fields failed; /brief: expected a string
        round 1: POST /build was answered with HTTP 400: Two fields failed
        round 1: /brief: expected a string
        confirmed: false
    "#]];
    // At once, since each spends its time on waiting for servers to end.
    tokio::join!(
        check(GOOD, good),
        check(Play { told: 'b', ..GOOD }, other_commit),
        check(Play { page: 404, ..GOOD }, no_page),
        check(Play { outcome: "undelivered", ..GOOD }, undelivered),
        check(Play { receipt: 400, ..GOOD }, refused),
    );
}

/// Plays one round and compares what was shown, the reasons and the verdict.
async fn check(play: Play, expected: Expect) {
    let (listener, addr) = crate::http::listen("rehearsal", LOCALHOST).unwrap();
    let server = crate::http::url_of(addr, "/");
    let stop = CancellationToken::new();
    let stage = Data::new((play, server.clone()));
    let configure = move |config: &mut web::ServiceConfig| {
        config
            .app_data(Data::clone(&stage))
            .route("/build", web::post().to(build))
            .route("/v1/tasks/{id}/stream", web::get().to(stream))
            .route("/v1/tasks/{id}", web::get().to(task))
            .route("/o/r/", web::get().to(page));
    };
    let serving = tokio::spawn(crate::http::serve("rehearsal", listener, configure, stop.clone()));
    let outside = Outside::start().unwrap();

    let options = options();
    let session = Session {
        options: &options,
        instructor: Instructor::new(server.clone(), SecretString::from("x")).unwrap(),
        client: crate::client().unwrap(),
        evaluator: outside.evaluator.clone(),
        server,
    };
    let shown = Shown::default();
    let summary = session.play(&mut Progress::plain(shown.clone())).await.unwrap();
    let reasons: String = summary.rows.iter().flat_map(super::Row::reasons).map(|line| line + "\n").collect();
    expected.assert_eq(&format!("{}{reasons}confirmed: {}\n", shown.text(), summary.confirmed()));
    assert_eq!(summary.rows[0].seconds.is_some(), play.receipt == 200 && play.outcome == "handed_in");

    // Open connections would hold up the end of both.
    drop(session);
    outside.stop().await;
    stop.cancel();
    serving.await.unwrap().unwrap();
}

fn options() -> Options {
    let request = json!({"email": "student@example.com", "task": "t-1", "round": 1, "brief": "x", "checks": ["y"]});
    let round = CaseRound { request: request.as_object().unwrap().clone(), facts: Value::Null };
    Options {
        server: PathBuf::new(),
        case: Case { id: "t".to_owned(), rounds: vec![round] },
        data: None,
        port: None,
        pages_port: None,
        environment: Vec::new(),
        afterwards: Afterwards::Stop,
        browser_note: BrowserNote::Say,
    }
}

fn links(server: &Url, commit: char) -> (String, String, String) {
    (format!("{server}o/r"), commit.to_string().repeat(40), format!("{server}o/r/"))
}

/// Accepts, and tells the evaluator at once.
async fn build(stage: Data<(Play, Url)>, body: Json<Value>) -> HttpResponse {
    let (play, server) = &**stage;
    if play.receipt != 200 {
        return HttpResponse::BadRequest().content_type("application/problem+json").body(
            json!({"type": "/docs/errors", "title": "t", "status": play.receipt, "code": "invalid_request",
                "detail": "Two fields failed", "trace_id": TRACE,
                "errors": [{"pointer": "/brief", "detail": "expected a string"}]})
            .to_string(),
        );
    }
    assert_eq!(body["secret"], "x");
    if play.outcome == "handed_in" {
        let (repo_url, commit_sha, pages_url) = links(server, play.told);
        let told = json!({"email": body["email"], "task": body["task"], "round": body["round"],
            "nonce": body["nonce"], "repo_url": repo_url, "commit_sha": commit_sha, "pages_url": pages_url});
        let url = body["evaluation_url"].as_str().unwrap();
        crate::client().unwrap().post(url).json(&told).send().await.unwrap().error_for_status().unwrap();
    }
    HttpResponse::Ok().json(json!({"status": "accepted", "task": "t-1", "round": 1, "id": ID, "trace_id": TRACE,
        "status_url": format!("/v1/tasks/{ID}"), "stream_url": format!("/v1/tasks/{ID}/stream")}))
}

/// Breaks off behind the first event; goes on from there when asked to.
async fn stream(stage: Data<(Play, Url)>, request: HttpRequest) -> HttpResponse {
    let verify = StepFinished { step: "verify".into(), summary: "3/3 checks passed".into(), duration_ms: 912 };
    let end = TaskFinished { outcome: stage.0.outcome.into(), reason: "no answer".into(), ..TaskFinished::default() };
    let (id, payload) = match request.headers().get("last-event-id").map(|id| id.to_str().unwrap()) {
        None => (7, Payload::StepFinished(verify)),
        Some("7") => (8, Payload::TaskFinished(end)),
        Some(_) => return HttpResponse::BadRequest().finish(),
    };
    let data = serde_json::to_string(&Envelope { payload: Some(payload), ..Envelope::default() }).unwrap();
    HttpResponse::Ok().content_type("text/event-stream").body(format!(": hello\n\nid: {id}\ndata: {data}\n\n"))
}

async fn task(stage: Data<(Play, Url)>) -> HttpResponse {
    let (play, server) = &**stage;
    let (repo_url, commit_sha, pages_url) = links(server, 'a');
    HttpResponse::Ok().json(json!({
        "id": ID, "task": "t-1", "round": 1, "state": "finished", "outcome": play.outcome, "accepted_at": AT,
        "pages_url": pages_url, "trace_id": TRACE, "email": "s***@example.com", "nonce": "n", "brief": "x",
        "deadline_at": AT, "attachments": [], "steps": [], "repo_url": repo_url, "commit_sha": commit_sha,
        "notifications": [], "notes": ["a remark"],
    }))
}

async fn page(stage: Data<(Play, Url)>) -> HttpResponse {
    HttpResponse::build(actix_web::http::StatusCode::from_u16(stage.0.page).unwrap()).finish()
}

/// What was written, for a look at it afterwards.
#[derive(Debug, Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Shown {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
