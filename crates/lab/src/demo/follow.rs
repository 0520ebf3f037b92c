//! Follows a task's event stream to its end and turns events into lines.

use std::time::Duration;

use reqwest::StatusCode;
use shared_types::{Envelope, Payload};
use tokio::time::{sleep, timeout};
use tracing::debug;
use url::Url;

use super::progress::Progress;
use crate::Error;
use crate::sse::{Event, Parser};

/// A task has 600 s; the rest is for closing it.
const FOLLOW_LIMIT: Duration = Duration::from_secs(660);
/// A stream that broke is taken up again after this.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);
/// The longest name of a step is `generate`; two spaces more keep the columns apart.
const STEP_WIDTH: usize = 9;

/// Reads the stream at `url` until the task ends, and says each step on `progress`. A stream that
/// breaks off is taken up where it broke.
pub(super) async fn to_the_end(
    client: &reqwest::Client,
    url: &Url,
    round: u64,
    progress: &mut Progress,
) -> Result<(), Error> {
    let follow = async {
        let mut last_id = None;
        while let Progressed::BrokeOff(id) = read_once(client, url, last_id, round, progress).await? {
            debug!(%url, last_id = id.as_deref(), "the event stream broke off");
            last_id = id;
            sleep(RECONNECT_AFTER).await;
        }
        Ok(())
    };
    timeout(FOLLOW_LIMIT, follow)
        .await
        .map_err(|_| Error::Waited { what: format!("the end of round {round}"), waited: FOLLOW_LIMIT })?
}

/// How far one connection got.
enum Progressed {
    /// The task ended.
    Ended,
    /// The stream broke off behind the event of this id.
    BrokeOff(Option<String>),
}

async fn read_once(
    client: &reqwest::Client,
    url: &Url,
    last_id: Option<String>,
    round: u64,
    progress: &mut Progress,
) -> Result<Progressed, Error> {
    let mut request = client.get(url.clone()).header("accept", "text/event-stream");
    if let Some(id) = &last_id {
        request = request.header("last-event-id", id);
    }
    let Ok(mut response) = request.send().await else { return Ok(Progressed::BrokeOff(last_id)) };
    match response.status() {
        StatusCode::OK => {}
        // The stream is over and there is nothing newer than what we saw.
        StatusCode::NO_CONTENT => return Ok(Progressed::Ended),
        status => {
            let request = format!("GET {}", url.path());
            return Err(Error::Status { request, expected: "an event stream", status: status.as_u16() });
        }
    }
    let mut parser = Parser::default();
    while let Ok(Some(chunk)) = response.chunk().await {
        for event in parser.push(&chunk)? {
            if show(&event, round, progress) == Course::Ended {
                return Ok(Progressed::Ended);
            }
        }
    }
    Ok(Progressed::BrokeOff(parser.last_id().map(str::to_owned).or(last_id)))
}

/// Whether more will come.
#[derive(Debug, PartialEq, Eq)]
enum Course {
    GoesOn,
    Ended,
}

fn show(event: &Event, round: u64, progress: &mut Progress) -> Course {
    // An event of a later version is none of ours to show, and no reason to stop.
    let Ok(envelope) = serde_json::from_str::<Envelope>(&event.data) else { return Course::GoesOn };
    let Some(payload) = &envelope.payload else { return Course::GoesOn };
    if let Payload::StepStarted(started) = payload {
        progress.working(&format!("round {round}  {}", started.step));
    }
    if let Some(line) = line(payload) {
        progress.line(&format!("round {round}  {line}"));
    }
    match payload {
        Payload::TaskFinished(_) => Course::Ended,
        _ => Course::GoesOn,
    }
}

/// One line for the events that a person waits for.
fn line(payload: &Payload) -> Option<String> {
    let row = |step: &str, text: &str| format!("{step:<STEP_WIDTH$} {text}");
    match payload {
        Payload::StepFinished(done) => {
            Some(row(&done.step, &format!("{}  {:.1} s", done.summary, seconds(done.duration_ms))))
        }
        Payload::StepRetrying(again) => {
            Some(row(&again.step, &format!("again in {:.1} s: {}", seconds(again.wait_ms), again.reason)))
        }
        Payload::NotificationAttempted(tried) if tried.verdict != "accepted" => {
            let answer = if tried.status == 0 { tried.error.clone() } else { format!("HTTP {}", tried.status) };
            Some(row("notify", &format!("attempt {}: {answer}", tried.attempt)))
        }
        Payload::FlowResumed(resumed) => Some(row("resume", &format!("after {}", resumed.after_step))),
        Payload::PullRequestOpened(opened) => Some(row("publish", &format!("pull request {}", opened.url))),
        Payload::TaskFinished(finished) if finished.outcome != "handed_in" => {
            Some(row("ended", &format!("{}: {}", finished.outcome, finished.reason)))
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal; exact up to 2^53 ms")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use shared_types::events::{NotificationAttempted, StepFinished, TaskFinished};

    use super::*;

    #[test]
    fn steps_and_troubles_are_lines() {
        let verify = StepFinished { step: "verify".into(), summary: "3/3 checks passed".into(), duration_ms: 912 };
        assert_eq!(line(&Payload::StepFinished(verify)).unwrap(), "verify    3/3 checks passed  0.9 s");
        let accepted = NotificationAttempted { verdict: "accepted".into(), ..Default::default() };
        assert_eq!(line(&Payload::NotificationAttempted(accepted)), None);
        let failed = NotificationAttempted { verdict: "again".into(), status: 500, attempt: 1, ..Default::default() };
        assert_eq!(line(&Payload::NotificationAttempted(failed)).unwrap(), "notify    attempt 1: HTTP 500");
        let refused = TaskFinished { outcome: "refused".into(), reason: "HTTP 400".into(), ..Default::default() };
        assert_eq!(line(&Payload::TaskFinished(refused)).unwrap(), "ended     refused: HTTP 400");
    }

    #[test]
    fn only_the_tasks_end_ends_the_stream() {
        let mut progress = Progress::plain(std::io::sink());
        let event = |data: &str| Event { data: data.to_owned(), ..Event::default() };
        assert_eq!(show(&event("{}"), 1, &mut progress), Course::GoesOn);
        assert_eq!(show(&event("not json"), 1, &mut progress), Course::GoesOn);
        let ended = Envelope { payload: Some(Payload::TaskFinished(TaskFinished::default())), ..Envelope::default() };
        let ended = serde_json::to_string(&ended).unwrap();
        assert_eq!(show(&event(&ended), 1, &mut progress), Course::Ended);
    }
}
