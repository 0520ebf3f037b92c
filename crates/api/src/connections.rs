//! How many connections there are, and what becomes of those beyond the cap.
//!
//! A connection is counted from the moment it is accepted until it is closed, whatever it sends or does not send. One
//! that finds the cap reached is surplus: its first request is answered with 503 and `Connection: close`, without
//! looking at the request. Surplus connections are bounded as well ([`SURPLUS`]); what comes beyond them is not
//! accepted, waits in the system's backlog ([`BACKLOG`]), and what does not fit there is refused by the system.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::{Extensions, ServiceRequest};
use metrics::gauge;

/// Connections beyond the cap that are told so at once. As many as a rush may add in the time that a client needs to
/// read its answer and go.
pub(crate) const SURPLUS: usize = 1024;
/// Connections that the system keeps waiting once even these are there.
pub(crate) const BACKLOG: u32 = 1024;

/// Gauge: connections that are open.
pub(crate) const OPEN: &str = "sitewright_http_connections";

/// The count of open connections.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    open: Arc<AtomicUsize>,
    cap: usize,
}

/// A connection's place in the count, kept in the connection's extensions until it is closed.
#[derive(Debug)]
struct Seat {
    open: Arc<AtomicUsize>,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Within the cap.
    Served,
    /// Beyond it: to be told so and closed.
    Surplus,
}

impl Connections {
    pub(crate) fn up_to(cap: usize) -> Self {
        Self { open: Arc::default(), cap }
    }

    /// Counts a connection that was just accepted.
    pub(crate) fn enter(&self, extensions: &mut Extensions) {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        gauge!(OPEN).increment(1);
        let standing = if before < self.cap { Standing::Served } else { Standing::Surplus };
        extensions.insert(Seat { open: self.open.clone(), standing });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        gauge!(OPEN).decrement(1);
    }
}

/// How the connection of `request` stands. A request without a connection, as in a test, is served.
pub(crate) fn standing(request: &ServiceRequest) -> Standing {
    request.conn_data::<Seat>().map_or(Standing::Served, |seat| seat.standing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_is_gone() {
        let connections = Connections::up_to(2);
        let enter = || {
            let mut extensions = Extensions::new();
            connections.enter(&mut extensions);
            extensions
        };
        let standing = |extensions: &Extensions| extensions.get::<Seat>().map(|seat| seat.standing);
        let (first, second, third) = (enter(), enter(), enter());
        assert_eq!(standing(&first), Some(Standing::Served));
        assert_eq!(standing(&second), Some(Standing::Served));
        assert_eq!(standing(&third), Some(Standing::Surplus));
        drop(first);
        assert_eq!(standing(&enter()), Some(Standing::Surplus), "the third one is still there");
        drop(third);
        assert_eq!(standing(&enter()), Some(Standing::Served));
    }
}
