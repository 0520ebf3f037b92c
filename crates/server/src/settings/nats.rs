//! The broker: for listeners elsewhere, and for work on several hosts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::Fault;
use super::read::{alone, flag, missing};

/// The broker.
#[derive(Debug, Clone)]
pub struct Nats {
    /// `NATS_URL`: one or more addresses, separated by commas.
    pub url: SecretString,
    /// `NATS_CREDS_FILE`: who this process is.
    pub creds_file: Option<PathBuf>,
    /// `NATS_CA_FILE`: whom it believes; with it a connection has TLS or is none.
    pub ca_file: Option<PathBuf>,
    /// `NATS_COPY`: whether the ledger is copied there, for `sitewright rebuild`. Default on.
    pub copy: bool,
}

/// The broker of the environment or the file, for what needs no other setting. `None` without one.
#[must_use]
pub fn nats_alone(environment: &BTreeMap<String, String>) -> Option<Nats> {
    let path = |name| alone(environment, name).map(PathBuf::from);
    let url = alone(environment, "nats_url")?.into();
    Some(Nats { url, creds_file: path("nats_creds_file"), ca_file: path("nats_ca_file"), copy: true })
}

/// The texts as they were found.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Raw {
    nats_url: Option<SecretString>,
    nats_creds_file: Option<PathBuf>,
    nats_ca_file: Option<PathBuf>,
    nats_copy: Option<String>,
}

pub(super) fn read(raw: Raw, faults: &mut Vec<Fault>) -> Option<Nats> {
    let Raw { nats_url, nats_creds_file, nats_ca_file, nats_copy } = raw;
    let copy = flag("NATS_COPY", Some(nats_copy.as_deref().unwrap_or("on")), faults);
    if nats_url.is_none() && (nats_creds_file.is_some() || nats_ca_file.is_some()) {
        missing("NATS_URL", "the broker that NATS_CREDS_FILE and NATS_CA_FILE are for", faults);
    }
    Some(Nats { url: nats_url?, creds_file: nats_creds_file, ca_file: nats_ca_file, copy })
}
