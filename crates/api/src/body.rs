//! Reading a body: within its byte limit, its time, and what memory all bodies together may take.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use bytes::{Bytes, BytesMut};
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::problem::Fault;

/// Step in which memory is reserved for a growing body. Small, so that ten thousand bodies that have hardly begun take
/// no more than they need.
const PAGE_BYTES: usize = 4 << 10;
/// How long a body may take, whatever it sends.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes a second that a body must bring to be given longer than [`GRACE`]: less than any line that people submit over,
/// and enough that clients that begin a body and fall silent do not keep their share of the memory for long.
const LEAST_RATE: u64 = 16 << 10;
/// Bodies of the greatest size that may be held at once; smaller ones share the same memory.
const GREATEST_AT_ONCE: usize = 8;

/// Memory that all bodies in flight share. A body that does not fit any more is refused with 503, so that a rush can
/// never exhaust the machine.
#[derive(Debug, Clone)]
pub(crate) struct BodyBudget {
    pages: Arc<Semaphore>,
}

impl BodyBudget {
    pub(crate) fn for_bodies_of(max_body_bytes: usize) -> Self {
        let pages = max_body_bytes.div_ceil(PAGE_BYTES).saturating_mul(GREATEST_AT_ONCE);
        Self { pages: Arc::new(Semaphore::new(pages.clamp(1, Semaphore::MAX_PERMITS))) }
    }
}

/// The body of a request on its way in.
///
/// Whoever answers early keeps it until the answer is sent (see [`Self::held_by`]): actix reads the rest of a chunked
/// body that nobody holds any more for as long as the client likes to send it, whereas it closes the connection,
/// after a short while, over one that is held and was not read.
#[derive(Clone)]
pub(crate) struct Incoming(Rc<RefCell<Payload>>);

impl Incoming {
    pub(crate) fn new(payload: Payload) -> Self {
        Self(Rc::new(RefCell::new(payload)))
    }

    /// `body`, keeping this until it is sent.
    pub(crate) fn held_by(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Holding { body, _incoming: self })
    }

    async fn next(&self) -> Option<Result<Bytes, PayloadError>> {
        poll_fn(|context| Pin::new(&mut *self.0.borrow_mut()).poll_next(context)).await
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Incoming")
    }
}

struct Holding {
    body: BoxBody,
    _incoming: Incoming,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// A whole body. Its memory counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    _pages: Option<OwnedSemaphorePermit>,
}

/// Refuses what is declared to be something else than plain JSON. A request that declares nothing is taken at its
/// word later, by the parser.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Fault> {
    if let Some(declared) = headers.get(CONTENT_TYPE) {
        let essence = declared.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
        if !json && !essence.is_empty() {
            return Err(Fault::UnsupportedMediaType("Content-Type"));
        }
    }
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Fault::UnsupportedMediaType("Content-Encoding"))
        }
        _ => Ok(()),
    }
}

/// Reads `incoming` to its end: at most `max_bytes`, within `timeout`, and at no less than [`LEAST_RATE`].
pub(crate) async fn read(
    incoming: &Incoming,
    headers: &HeaderMap,
    max_bytes: usize,
    timeout: Duration,
    budget: &BodyBudget,
) -> Result<Body, Fault> {
    // What is declared to be too large need not be sent.
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|bytes| bytes > max_bytes) {
        return Err(Fault::TooLarge { limit_bytes: max_bytes });
    }
    let began = Instant::now();
    let mut bytes = BytesMut::new();
    let mut pages: Option<OwnedSemaphorePermit> = None;
    loop {
        let patience = patience(bytes.len(), timeout);
        let Ok(next) = tokio::time::timeout_at(began + patience, incoming.next()).await else {
            return Err(Fault::BodyTimeout(patience));
        };
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|_| Fault::IncompleteBody)?;
        let size = bytes.len() + chunk.len();
        if size > max_bytes {
            return Err(Fault::TooLarge { limit_bytes: max_bytes });
        }
        reserve(&mut pages, size.div_ceil(PAGE_BYTES), budget)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(Body { bytes: bytes.freeze(), _pages: pages })
}

/// How long a body of which `came` bytes are there may take in all.
fn patience(came: usize, timeout: Duration) -> Duration {
    let earned = Duration::from_millis((came as u64).saturating_mul(1000) / LEAST_RATE);
    timeout.min(GRACE.saturating_add(earned))
}

fn reserve(pages: &mut Option<OwnedSemaphorePermit>, needed: usize, budget: &BodyBudget) -> Result<(), Fault> {
    let missing = needed.saturating_sub(pages.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
    if missing == 0 {
        return Ok(());
    }
    let missing = u32::try_from(missing).map_err(|_| Fault::Busy)?;
    let more = budget.pages.clone().try_acquire_many_owned(missing).map_err(|_| Fault::Busy)?;
    match pages {
        Some(held) => held.merge(more),
        None => *pages = Some(more),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_earns_its_time() {
        let whole = Duration::from_secs(30);
        for (came, seconds) in [(0, 10), (16 << 10, 11), (160 << 10, 20), (1 << 30, 30)] {
            assert_eq!(patience(came, whole), Duration::from_secs(seconds), "{came} bytes");
        }
        assert_eq!(patience(1 << 20, Duration::from_secs(3)), Duration::from_secs(3));
    }

    #[test]
    fn bodies_share_their_memory_and_give_it_back() {
        let budget = BodyBudget::for_bodies_of(PAGE_BYTES);
        let mut first = None;
        assert!(reserve(&mut first, GREATEST_AT_ONCE - 1, &budget).is_ok());
        let mut second = None;
        assert!(matches!(reserve(&mut second, 2, &budget), Err(Fault::Busy)));
        assert!(reserve(&mut second, 1, &budget).is_ok());
        drop(first);
        assert!(reserve(&mut second, 3, &budget).is_ok());
        assert_eq!(second.map(|held| held.num_permits()), Some(3));
    }
}
