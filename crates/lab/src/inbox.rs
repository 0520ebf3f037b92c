//! What a stand-in received, in order, for whoever waits for it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::Error;

/// More than any test sends; beyond it a stand-in answers 503 instead of growing.
const CAPACITY: usize = 20_000;

/// A bounded list that can be waited on.
pub(crate) struct Inbox<T> {
    items: Mutex<Vec<T>>,
    count: watch::Sender<usize>,
}

impl<T: Clone> Inbox<T> {
    /// An empty inbox.
    pub(crate) fn new() -> Self {
        Self { items: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// Adds an item, unless the inbox is full.
    pub(crate) fn push(&self, item: T) -> Result<(), Full> {
        let mut items = self.lock();
        if items.len() >= CAPACITY {
            return Err(Full);
        }
        items.push(item);
        self.count.send_replace(items.len());
        Ok(())
    }

    /// All items so far.
    pub(crate) fn snapshot(&self) -> Vec<T> {
        self.lock().clone()
    }

    /// The items, once `enough` holds for them.
    pub(crate) async fn wait_until(
        &self,
        what: &str,
        timeout: Duration,
        enough: impl Fn(&[T]) -> bool,
    ) -> Result<Vec<T>, Error> {
        // Subscribed before the first look, so that no arrival falls between look and wait.
        let mut count = self.count.subscribe();
        let arrival = async {
            loop {
                let items = self.snapshot();
                if enough(&items) {
                    return items;
                }
                if count.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(timeout, arrival)
            .await
            .map_err(|_| Error::Waited { what: what.to_owned(), waited: timeout })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // A panic elsewhere cannot leave a half-pushed item.
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("count", &*self.count.borrow()).finish_non_exhaustive()
    }
}

/// The inbox holds as much as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_sees_what_came_before_and_after_it() {
        let inbox = std::sync::Arc::new(Inbox::new());
        inbox.push(1).unwrap();
        let waiter = tokio::spawn({
            let inbox = std::sync::Arc::clone(&inbox);
            async move { inbox.wait_until("two", Duration::from_secs(5), |items| items.len() == 2).await }
        });
        tokio::task::yield_now().await;
        inbox.push(2).unwrap();
        assert_eq!(waiter.await.unwrap().unwrap(), [1, 2]);
        let error = inbox.wait_until("three", Duration::from_secs(5), |items| items.len() == 3).await.unwrap_err();
        assert_eq!(error.to_string(), "wait for three: not within 5.0 s");
    }

    #[test]
    fn it_is_bounded() {
        let inbox = Inbox::new();
        for n in 0..CAPACITY {
            inbox.push(n).unwrap();
        }
        assert_eq!(inbox.push(0), Err(Full));
        assert_eq!(inbox.snapshot().len(), CAPACITY);
    }
}
