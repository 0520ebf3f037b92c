//! Is this site right?

use async_trait::async_trait;
use bytes::Bytes;
use shared_types::http::CheckBody;
use shared_types::{Check, CheckReport, Phase, Round, SitePath};
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

/// A report and its pictures.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The report; its screenshots are not set yet.
    pub report: CheckReport,
    /// PNG of the page, when a browser ran.
    pub screenshot: Option<Bytes>,
    /// PNG of the page on a phone, when a browser ran.
    pub phone_screenshot: Option<Bytes>,
}

/// A site as its author left it, and what is known of what it should be.
#[derive(Debug, Clone)]
pub struct Draft {
    /// All files.
    pub site: Site,
    /// Where the site will be served; ends in `/`, and its path is what links must stay below.
    pub pages_url: Url,
    /// Checks of this and earlier rounds.
    pub checks: Vec<Check>,
    /// The attachments' own bytes, by path.
    pub attached: Site,
    /// Text for `LICENSE` where the site has none.
    pub licence: String,
    /// A whole README, from which missing sections are taken.
    pub readme: String,
}

/// One thing that was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Name of the rule, such as `link.absolute`.
    pub rule: String,
    /// The file.
    pub path: SitePath,
    /// What was done, in one sentence without a full stop. Quotes nothing longer than a path.
    pub what: String,
}

/// A site after its mending.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// All files; those that no fix names are byte for byte as they were.
    pub site: Site,
    /// In the order in which they were made; none for a site that needed none.
    pub fixes: Vec<Fix>,
}

/// Reads checks, mends sites, and holds them against the checks.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// Gives each item of a request's `checks` a reading.
    fn compile(&self, round: Round, checks: &[CheckBody]) -> Vec<Check>;

    /// Mends what rules alone can mend, with the smallest changes that do. Mending twice changes nothing more.
    async fn autofix(&self, draft: Draft) -> Result<Fixed, Error>;

    /// Looks at a site. A page that fails is a report, not an error.
    async fn verify(&self, inspection: Inspection) -> Result<Verification, Error>;
}
