//! How an answer comes in, while it does.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Of English text and code; services count tokens at the end only.
const BYTES_PER_TOKEN: usize = 4;

/// What came so far.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    bytes: usize,
    first: Option<Duration>,
}

/// Measures one call.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    reading: watch::Sender<Reading>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { began: Instant::now(), reading: watch::Sender::new(Reading::default()) }
    }
}

impl Meter {
    /// So many bytes more.
    pub(crate) fn wrote(&self, bytes: usize) {
        let elapsed = self.elapsed();
        self.reading.send_modify(|reading| {
            reading.bytes += bytes;
            reading.first.get_or_insert(elapsed);
        });
    }

    /// Since the call began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// From the beginning to the first token.
    pub(crate) fn first_token(&self) -> Option<Duration> {
        self.reading.borrow().first
    }

    /// An estimate of the tokens so far.
    pub(crate) fn tokens(&self) -> u64 {
        self.reading.borrow().bytes.div_ceil(BYTES_PER_TOKEN) as u64
    }

    /// Ends after `limit` without a first token; never, once there is one.
    pub(crate) async fn silent_for(&self, limit: Duration) {
        let mut reading = self.reading.subscribe();
        let first = reading.wait_for(|reading| reading.first.is_some());
        if tokio::time::timeout(limit, first).await.is_ok() {
            std::future::pending().await
        }
    }

    /// The estimates, each time that more came.
    pub(crate) async fn next(&self, told: &mut u64) -> u64 {
        let mut reading = self.reading.subscribe();
        // The sender is `self`, so it cannot have gone.
        let seen = reading.wait_for(|reading| reading.bytes.div_ceil(BYTES_PER_TOKEN) as u64 > *told).await;
        *told = seen.map_or(*told, |reading| reading.bytes.div_ceil(BYTES_PER_TOKEN) as u64);
        *told
    }
}
