//! Names become addresses here, and nowhere else, so that what was checked is what is connected.
//!
//! One refused address refuses the whole name: an honest public host has none, and a name that
//! mixes public with private is how a check is tricked into passing.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::{self, AllowPrivate};

/// More than any honest name has.
const MAX_ADDRESSES: usize = 32;

/// The system's resolver behind the guard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardedResolver {
    pub(crate) allow: AllowPrivate,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow;
        Box::pin(async move {
            // Port 0 means "the URL's port" to the client.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let vetted: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
            for address in &vetted {
                guard::verdict(address.ip(), allow)?;
            }
            Ok(Box::new(vetted.into_iter()) as Addrs)
        })
    }
}
