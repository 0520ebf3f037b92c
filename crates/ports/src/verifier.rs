//! Is this site right?

use async_trait::async_trait;
use bytes::Bytes;
use shared_types::http::CheckBody;
use shared_types::{Check, CheckReport, Phase, Round};
use url::Url;

use crate::{Attachment, Error, Leak, Site};

/// What to look at.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// All files.
    pub site: Site,
    /// Where the site is or will be served; ends in `/`.
    pub pages_url: Url,
    /// The files as given, or the public URL.
    pub target: Target,
    /// Candidate, repaired or live; copied into the report.
    pub phase: Phase,
    /// Checks of this and earlier rounds.
    pub checks: Vec<Check>,
    /// Attachments of this and earlier rounds, the newest of a path last.
    pub attachments: Vec<Attachment>,
    /// What the gatekeeper found; each becomes a blocker.
    pub leaks: Vec<Leak>,
}

/// What the browser opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The files of the inspection, served at `pages_url` without network.
    Files,
    /// Whatever `pages_url` serves.
    Network,
}

/// A report and its picture.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The report; `screenshot` is not set yet.
    pub report: CheckReport,
    /// PNG of the page, when a browser ran.
    pub screenshot: Option<Bytes>,
}

/// Reads checks and holds sites against them.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// Gives each item of a request's `checks` a reading.
    fn compile(&self, round: Round, checks: &[CheckBody]) -> Vec<Check>;

    /// Looks at a site. A page that fails is a report, not an error.
    async fn verify(&self, inspection: Inspection) -> Result<Verification, Error>;
}
