//! The live stream of one task (server-sent events).
//!
//! The ledger is the truth: a wake-up from the bus is only a reason to look, and a slow poll stands in for wake-ups
//! that were lost. So each event is sent once, in order, whatever the bus does. The stream is pulled: a client that
//! reads slowly costs no memory.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use ports::{ErrorChain, Ledger, Subscription};
use shared_types::{Envelope, Payload, TaskId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Events read, and sent in one piece, at a time.
pub(crate) const PAGE_EVENTS: u32 = 256;

/// What the client is told first: to come back three seconds after the connection broke.
const OPENING: &str = "retry: 3000\n\n";
/// Says nothing, and keeps proxies from closing an idle connection.
const COMMENT: &str = ": keep-alive\n\n";

/// How often to do something without being woken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// A look at the ledger.
    poll: Duration,
    /// A comment after this long without an event.
    keep_alive: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll: Duration::from_secs(1), keep_alive: Duration::from_secs(15) }
    }
}

/// Follows one task from an event on.
pub(crate) struct Follower {
    ledger: Arc<dyn Ledger>,
    id: TaskId,
    /// `seq` of the last event sent.
    after: u64,
    /// Nothing but what is in the ledger now will come.
    ended: bool,
    wakeups: Subscription,
    ending: CancellationToken,
}

impl Follower {
    /// Of task `id`, after the event `after`; `ended` when the task has ended. `wakeups` must be older than the
    /// first look at the ledger.
    pub(crate) fn new(
        ledger: Arc<dyn Ledger>,
        id: TaskId,
        after: u64,
        ended: bool,
        wakeups: Subscription,
        ending: CancellationToken,
    ) -> Self {
        Self { ledger, id, after, ended, wakeups, ending }
    }

    /// Pieces of the answer: first `replay`, the events already read after `after`. Holds `permit` until dropped.
    pub(crate) fn into_stream(
        mut self,
        replay: Vec<Envelope>,
        pace: Pace,
        permit: OwnedSemaphorePermit,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let opening = OPENING.to_owned() + &self.frames(&replay);
        let first = futures::stream::once(async move { Ok(Bytes::from(opening)) });
        first.chain(futures::stream::unfold((self, permit), move |(mut follower, permit)| async move {
            let piece = follower.next(pace).await?;
            Some((Ok(piece), (follower, permit)))
        }))
    }

    /// The next piece; none when the task's end was sent, the ledger failed (the client comes back and goes on) or
    /// the service ends.
    async fn next(&mut self, pace: Pace) -> Option<Bytes> {
        let comment_at = Instant::now() + pace.keep_alive;
        loop {
            if self.ending.is_cancelled() {
                return None;
            }
            let events = match self.ledger.task_events(self.id, self.after, PAGE_EVENTS).await {
                Ok(events) => events,
                Err(error) => {
                    let error = ErrorChain(&error);
                    let task_id = self.id;
                    warn!(event = "stream.broken", %task_id, %error, "a live stream ends: its events cannot be read");
                    return None;
                }
            };
            if !events.is_empty() {
                return Some(self.frames(&events).into());
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                () = self.ending.cancelled() => return None,
                () = woken(&mut self.wakeups, self.id) => {}
                () = tokio::time::sleep(pace.poll) => {}
                () = tokio::time::sleep_until(comment_at) => return Some(Bytes::from_static(COMMENT.as_bytes())),
            }
        }
    }

    /// `events` as text, noting how far the client has come.
    fn frames(&mut self, events: &[Envelope]) -> String {
        let mut text = String::new();
        for event in events {
            self.after = self.after.max(event.seq);
            match event.payload {
                Some(Payload::TaskFinished(_)) => self.ended = true,
                Some(Payload::TaskRetried(_)) => self.ended = false,
                _ => {}
            }
            // Serialized JSON holds no line break, so one `data:` line is enough. Writing to a String cannot fail.
            let data = serde_json::to_string(event).unwrap_or_default();
            let _ = write!(text, "id: {}\nevent: {}\ndata: {data}\n\n", event.seq, event.kind());
        }
        text
    }
}

/// Returns when an event of the task was published; never when the bus has closed.
async fn woken(wakeups: &mut Subscription, id: TaskId) {
    while let Some(event) = wakeups.next().await {
        if event.task_id() == Some(id) {
            return;
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use ports::testing::MemoryLedger;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_idle_stream_says_every_15_s_that_it_lives_and_gives_its_place_back() {
        let places = Arc::new(Semaphore::new(1));
        let permit = places.clone().try_acquire_owned().unwrap();
        let ending = CancellationToken::new();
        // A bus that has closed wakes nobody, and ends nothing either.
        let silence = futures::stream::empty().boxed();
        let id = TaskId::from_parts(1, 1);
        let follower = Follower::new(Arc::new(MemoryLedger::new()), id, 0, false, silence, ending.clone());
        {
            let mut pieces = pin!(follower.into_stream(Vec::new(), Pace::default(), permit));
            let began = Instant::now();
            for (expected, at_s) in [(OPENING, 0), (COMMENT, 15), (COMMENT, 30)] {
                assert_eq!(pieces.next().await, Some(Ok(Bytes::from(expected))));
                assert_eq!(began.elapsed().as_secs(), at_s);
            }
            ending.cancel();
            assert_eq!(pieces.next().await, None);
        }
        assert_eq!(places.available_permits(), 1);
    }
}
