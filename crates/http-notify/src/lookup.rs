//! Names become addresses here, and nowhere else, so that what was checked is what is connected.
//!
//! One refused address refuses the whole name: an honest public host has none, and a name that
//! mixes public with private is how a check is tricked into passing.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::guard::{self, AllowPrivate, Refusal};

/// More than any honest name has.
const MAX_ADDRESSES: usize = 32;

/// Whoever knows the addresses of names.
#[async_trait]
pub trait Lookup: fmt::Debug + Send + Sync {
    /// The addresses of `name` in the order in which they should be tried.
    ///
    /// # Errors
    /// There is no answer.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Lookups of one [`SystemLookup`] at the same time.
const MAX_LOOKUPS: usize = 32;

/// The system's resolver, on tokio's blocking threads.
///
/// A lookup cannot be called off: one that a name server drags out keeps its thread when nobody waits
/// for it any more. So their number is bounded, and whoever asks for slow names takes threads from
/// nobody but from those who share this value.
#[derive(Debug, Clone)]
pub struct SystemLookup {
    places: Arc<Semaphore>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        // A task of its own, so that the place is taken until the lookup has really ended.
        let lookup = tokio::spawn(async move {
            let found = tokio::net::lookup_host((name, 0)).await;
            drop(place);
            found.map(|found| found.take(MAX_ADDRESSES).map(|address| address.ip()).collect())
        });
        lookup.await.map_err(io::Error::other)?
    }
}

/// Why a name has no address that may be connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    /// The lookup.
    #[error("look up the name")]
    Lookup(#[source] io::Error),
    /// It was answered with nothing.
    #[error("the name has no address")]
    NoAddress,
    /// One of its addresses is closed to us.
    #[error("the name leads to where it may not")]
    Refused(#[source] Refusal),
}

/// The addresses of `name`, all of them allowed.
pub(crate) async fn vetted(lookup: &dyn Lookup, name: &str, allow: AllowPrivate) -> Result<Vec<IpAddr>, Unresolved> {
    let mut found = lookup.addresses(name).await.map_err(Unresolved::Lookup)?;
    found.truncate(MAX_ADDRESSES);
    for address in &found {
        guard::verdict(*address, allow).map_err(Unresolved::Refused)?;
    }
    if found.is_empty() { Err(Unresolved::NoAddress) } else { Ok(found) }
}

/// The HTTP client's resolver: a lookup behind the guard.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) allow: AllowPrivate,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { lookup, allow } = self.clone();
        Box::pin(async move {
            let addresses = vetted(lookup.as_ref(), name.as_str(), allow).await?;
            // Port 0 means "the URL's port" to the client.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
