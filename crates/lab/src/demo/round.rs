//! One round: posted, followed to its end, and held against what the evaluator received.

use std::time::Duration;

use serde_json::{Map, Value};
use shared_types::http::{Notification, Outcome, TaskState, TaskView};
use shared_types::{CheckReport, CommitSha};
use tokio::time::{Instant, sleep};
use url::Url;

use super::progress::Progress;
use super::{Session, follow};
use crate::Error;
use crate::cases::CaseRound;
use crate::evaluator::Received;
use crate::instructor::{Answer, Nonce};

/// The stream's last event and the task's last state are one commit; this is for reading it.
const FINISHED_WITHIN: Duration = Duration::from_secs(10);
const FINISHED_EVERY: Duration = Duration::from_millis(50);
/// The evaluator's record is made before its answer, so it is there already; bounded all the same.
const CALLBACK_WITHIN: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How a round came out.
#[derive(Debug, Clone)]
pub struct Row {
    /// The round's number.
    pub round: u64,
    /// Whether it was handed in and confirmed.
    pub standing: Standing,
    /// The latest report of its checks.
    pub report: Option<CheckReport>,
    /// The published commit.
    pub commit: Option<CommitSha>,
    /// The published site.
    pub pages_url: Option<String>,
    /// The repository, as the server names it.
    pub repo_url: Option<String>,
    /// Seconds from the POST to the evaluator's acceptance.
    pub seconds: Option<f64>,
}

/// Whether a round was handed in and confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The evaluator accepted seven right fields, and the page answers 200.
    Confirmed,
    /// It was not, for these reasons.
    Unconfirmed(Vec<String>),
}

impl Row {
    /// Why the round is not confirmed, each reason a line; none when it is.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        match &self.standing {
            Standing::Confirmed => Vec::new(),
            Standing::Unconfirmed(reasons) => {
                reasons.iter().map(|reason| format!("round {}: {reason}", self.round)).collect()
            }
        }
    }

    /// What `git clone` takes: the repository beside the pages, on their port.
    #[must_use]
    pub fn clone_url(&self) -> Option<String> {
        if let Some(url) = self.repo_url.as_ref().filter(|url| url.ends_with(".git")) {
            return Some(url.clone());
        }
        let mut url = Url::parse(self.pages_url.as_ref()?).ok()?;
        let path = format!("/git/{}.git", url.path().trim_matches('/'));
        url.set_path(&path);
        Some(url.into())
    }
}

/// Plays the round at place `index` of the case.
pub(super) async fn play(
    session: &Session<'_>,
    index: usize,
    round: &CaseRound,
    progress: &mut Progress,
) -> Result<Row, Error> {
    let number = round.number().unwrap_or(index as u64 + 1);
    let path = if number <= 1 { "/build" } else { "/revise" };
    progress.working(&format!("round {number}  POST {path}"));
    let answer = session.instructor.post(path, &round.request, &session.evaluator.url(), Nonce::Fresh).await?;
    if answer.status != 200 {
        let reasons = refusal(path, &answer);
        progress.line(&format!("round {number}  refused: {}", reasons.join("; ")));
        return Ok(refused(number, reasons));
    }
    let receipt = answer.receipt()?;
    let stream = resolve(session, &receipt.stream_url);
    follow::to_the_end(&session.client, &stream, number, progress).await?;
    let view = finished(session, &resolve(session, &receipt.status_url)).await?;
    let callback = callback(session, &answer, &view).await;

    let mut reasons = troubles(&view, &answer.request, callback.as_ref().and_then(Received::accepted));
    if let Some(page) = &view.summary.pages_url {
        reasons.extend(page_trouble(session, page).await);
    }
    Ok(Row {
        round: number,
        standing: if reasons.is_empty() { Standing::Confirmed } else { Standing::Unconfirmed(reasons) },
        report: view.report,
        commit: view.commit_sha,
        pages_url: view.summary.pages_url,
        repo_url: view.repo_url,
        seconds: callback.map(|received| received.at.saturating_duration_since(answer.sent_at).as_secs_f64()),
    })
}

fn refused(round: u64, reasons: Vec<String>) -> Row {
    let standing = Standing::Unconfirmed(reasons);
    Row { round, standing, report: None, commit: None, pages_url: None, repo_url: None, seconds: None }
}

/// The server's own words, field by field where it gives them.
fn refusal(path: &str, answer: &Answer) -> Vec<String> {
    let head = format!("POST {path} was answered with HTTP {}", answer.status);
    match answer.problem() {
        None => vec![head],
        Some(problem) => {
            let fields = problem.errors.into_iter().map(|error| format!("{}: {}", error.pointer, error.detail));
            std::iter::once(format!("{head}: {}", problem.detail)).chain(fields).collect()
        }
    }
}

/// The server may answer with paths or with whole URLs of its own.
fn resolve(session: &Session<'_>, reference: &str) -> Url {
    session.server.join(reference).unwrap_or_else(|_| session.server.clone())
}

async fn finished(session: &Session<'_>, url: &Url) -> Result<TaskView, Error> {
    let request = || format!("GET {}", url.path());
    let began = Instant::now();
    while began.elapsed() < FINISHED_WITHIN {
        let fail = |source| Error::Http { request: request(), source };
        let response = session.client.get(url.clone()).timeout(REQUEST_TIMEOUT).send().await.map_err(fail)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Error::Status { request: request(), expected: "HTTP 200", status });
        }
        let body = response.bytes().await.map_err(fail)?;
        let view: TaskView =
            serde_json::from_slice(&body).map_err(|source| Error::Body { request: request(), source })?;
        if view.summary.state == TaskState::Finished {
            return Ok(view);
        }
        sleep(FINISHED_EVERY).await;
    }
    Err(Error::Waited { what: "the task to be finished after its last event".to_owned(), waited: FINISHED_WITHIN })
}

/// The notification that was accepted for this request, if the task says that there is one.
async fn callback(session: &Session<'_>, answer: &Answer, view: &TaskView) -> Option<Received> {
    if view.summary.outcome != Some(Outcome::HandedIn) {
        return None;
    }
    let nonce = answer.request.get("nonce")?.as_str()?;
    let ours = |received: &Received| received.accepted().is_some_and(|told| told.nonce.as_str() == nonce);
    let wait = session.evaluator.wait_until("the callback", CALLBACK_WITHIN, |all| all.iter().any(ours));
    wait.await.ok()?.into_iter().find(ours)
}

/// Everything that keeps the round from being confirmed, but for the page itself.
fn troubles(view: &TaskView, request: &Map<String, Value>, told: Option<&Notification>) -> Vec<String> {
    if view.summary.outcome != Some(Outcome::HandedIn) {
        let outcome = view.summary.outcome.map_or("without an outcome", Outcome::as_str);
        let error = view.notifications.iter().rev().find_map(|attempt| attempt.error.clone());
        let why = error.or_else(|| view.notes.last().cloned()).map_or_else(String::new, |why| format!(": {why}"));
        return vec![format!("the task ended {outcome}{why}")];
    }
    let Some(told) = told else {
        return vec!["the evaluator accepted no notification of it".to_owned()];
    };
    let asked = |field: &str| request.get(field).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let round = request.get("round").map(Value::to_string).unwrap_or_default();
    let commit = view.commit_sha.as_ref().map(ToString::to_string);
    let pairs = [
        ("email", told.email.as_str().to_owned(), asked("email")),
        ("task", told.task.to_string(), asked("task")),
        ("round", told.round.to_string(), round),
        ("nonce", told.nonce.as_str().to_owned(), asked("nonce")),
        ("repo_url", told.repo_url.clone(), view.repo_url.clone().unwrap_or_default()),
        ("commit_sha", told.commit_sha.to_string(), commit.unwrap_or_default()),
        ("pages_url", told.pages_url.clone(), view.summary.pages_url.clone().unwrap_or_default()),
    ];
    let differ = pairs.into_iter().filter(|(_, told, expected)| told != expected);
    differ.map(|(field, told, expected)| format!("{field}: the evaluator got {told:?} for {expected:?}")).collect()
}

async fn page_trouble(session: &Session<'_>, page: &str) -> Option<String> {
    let answer = session.client.get(page).timeout(REQUEST_TIMEOUT).send().await;
    match answer.map(|response| response.status().as_u16()) {
        Ok(200) => None,
        Ok(status) => Some(format!("the page answers HTTP {status}")),
        Err(_) => Some("the page does not answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_cloned_beside_its_pages() {
        fn check(repo_url: Option<&str>, pages_url: Option<&str>, expected: Option<&str>) {
            let mut row = refused(1, Vec::new());
            row.repo_url = repo_url.map(str::to_owned);
            row.pages_url = pages_url.map(str::to_owned);
            assert_eq!(row.clone_url().as_deref(), expected);
        }
        let git = "http://127.0.0.1:8081/git/o/r.git";
        check(Some("http://127.0.0.1:8081/o/r"), Some("http://127.0.0.1:8081/o/r/"), Some(git));
        check(Some(git), None, Some(git));
        check(None, None, None);
    }
}
