//! Incoming secrets are checked, leaked ones found.

use async_trait::async_trait;
use secrecy::SecretString;
use shared_types::{Email, SitePath};

use crate::{Error, Site};

/// Whoever proved to know the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The student.
    pub email: Email,
    /// What the deployment granted this student in particular.
    pub quotas: Quotas,
}

/// What a student may do beyond or below the rest of the class. `None`: the deployment's own limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// First rounds an hour.
    pub builds_per_hour: Option<u32>,
    /// Later rounds an hour.
    pub revisions_per_hour: Option<u32>,
}

/// A secret found where none may be. It is named by kind and place, never quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Such as `github_token`.
    pub kind: String,
    /// The file; a secret in its path reads `[redacted]`.
    pub path: SitePath,
    /// Line from 1; `None` when the path itself holds the secret.
    pub line: Option<u32>,
}

/// A secret found in a text that is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLeak {
    /// Such as `github_token`.
    pub kind: String,
    /// Line from 1.
    pub line: u32,
}

/// Knows the secrets of this deployment.
#[async_trait]
pub trait Gatekeeper: Send + Sync {
    /// The tenant, when the secret is theirs. Takes the same time for any wrong pair.
    /// `later` when too many secrets are being checked.
    async fn authenticate(&self, email: &Email, secret: &SecretString) -> Result<Option<Tenant>, Error>;

    /// A search for `secret`, with which a request came, in that request's own content. It knows nothing of other
    /// secrets, so that nobody can guess at ours through it.
    fn search_for(&self, secret: &SecretString) -> Box<dyn SecretSearch>;

    /// Every secret found in the site, its paths too. Takes up to seconds, on threads of its own. `again` when the
    /// search broke off: then nothing is known, and nothing may be published.
    async fn scan(&self, site: &Site) -> Result<Vec<Leak>, Error>;

    /// Every secret found in a text that goes out beside the site, such as a commit message.
    fn scan_text(&self, text: &str) -> Vec<TextLeak>;

    /// `text` with our own secrets and anything that looks like one replaced by `[redacted]`.
    fn redact(&self, text: &str) -> String;
}

/// Looks for one secret, in plain and in encodings that are read back easily. Finds nothing for a secret that is so
/// short that it would be found in innocent text.
pub trait SecretSearch: Send + Sync {
    /// Whether `bytes` hold it.
    fn is_in(&self, bytes: &[u8]) -> bool;

    /// `text` with it replaced by `[redacted]`.
    fn redact(&self, text: &str) -> String;
}
