//! What each step leaves for the steps after it, and how that is written into the journal.
//!
//! An outcome is small JSON: bytes are blobs, named by digest. Journals are read by later versions
//! of this program, so fields are only ever added, with a default.

use std::collections::BTreeMap;

use ports::{Attachment, Blobs, Repo, Site, StepRecord};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared_types::{Check, CheckReport, CommitSha, Digest, SitePath};
use url::Url;

use crate::plan::Step;

/// A journal does not say what this program expects of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The outcome of a step is not of its form.
    #[error("read the outcome of step {step} from the journal")]
    Unreadable {
        step: String,
        #[source]
        source: serde_json::Error,
    },
    /// A step before this one has no record.
    #[error("the journal has no outcome of step {0}, which must come first")]
    Missing(Step),
}

/// The files of a site by digest.
pub(crate) type Manifest = BTreeMap<SitePath, Digest>;

/// What `prepare` found in the request and its earlier rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// Of this and all earlier rounds, oldest first.
    pub(crate) checks: Vec<Check>,
    /// Of this and all earlier rounds, oldest first; a later file replaces an earlier of its path.
    pub(crate) attachments: Vec<Attachment>,
    /// Briefs of this and all earlier rounds, oldest first.
    pub(crate) briefs: Vec<String>,
}

/// What `fetch` read at the code host.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Fetched {
    /// The repository, when there is one.
    pub(crate) repo: Option<Repo>,
    /// Its files.
    pub(crate) base: Manifest,
}

/// What `decide` chose.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// Alias of a model, or [`SCAFFOLD`].
    pub(crate) chosen: String,
}

/// Name of the candidate that needs no model.
pub(crate) const SCAFFOLD: &str = "scaffold";

/// A site on its way: what `generate` and `repair` made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Made {
    /// All files.
    pub(crate) site: Manifest,
    /// Who made it.
    pub(crate) source: String,
}

/// What `commit` computed before anything was uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Planned {
    /// Where it goes; its head is the parent.
    pub(crate) repo: Repo,
    /// The id the commit will have.
    pub(crate) sha: CommitSha,
}

/// What `publish` reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Published {
    /// The commit that is on the branch: ours, or the one that stood in the way.
    pub(crate) commit: CommitSha,
    /// The request to merge ours, when it could not go onto the branch.
    #[serde(default)]
    pub(crate) pull_request: Option<Url>,
    /// The files that are on the branch, when they are more than ours: somebody else's went in first.
    #[serde(default)]
    pub(crate) site: Option<Manifest>,
}

/// What `pages` saw.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Served {
    /// The site's URL.
    pub(crate) url: Url,
    /// Whether the published bytes were seen there.
    pub(crate) live: bool,
    /// The commit that took the place of the published one, when the host would not build that.
    #[serde(default)]
    pub(crate) commit: Option<CommitSha>,
}

/// How `notify` ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Notified {
    /// The evaluator's last word.
    pub(crate) end: NotifyEnd,
    /// The exact bytes that were sent.
    pub(crate) body: String,
    /// What went wrong, when it did.
    #[serde(default)]
    pub(crate) reason: String,
}

/// The evaluator's last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NotifyEnd {
    /// 2xx.
    Accepted,
    /// 400 and the like: never again.
    Refused,
    /// No attempt got through in time.
    Undelivered,
}

/// The outcome of one step.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Prepare(Prepared),
    Fetch(Fetched),
    Decide(Decided),
    Generate(Made),
    Verify(CheckReport),
    /// `None`: there was nothing to mend, or nobody to mend it.
    Repair(Option<(Made, CheckReport)>),
    Commit(Planned),
    Publish(Published),
    Pages(Served),
    /// `None`: the live site could not be looked at.
    Confirm(Option<CheckReport>),
    Notify(Notified),
}

/// Everything known so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    prepared: Option<Prepared>,
    fetched: Option<Fetched>,
    decided: Option<Decided>,
    generated: Option<Made>,
    verified: Option<CheckReport>,
    repaired: Option<Option<(Made, CheckReport)>>,
    planned: Option<Planned>,
    published: Option<Published>,
    served: Option<Served>,
    confirmed: Option<Option<CheckReport>>,
    notified: Option<Notified>,
}

impl Outcome {
    /// As the journal holds it.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Prepare(outcome) => serde_json::to_string(outcome),
            Self::Fetch(outcome) => serde_json::to_string(outcome),
            Self::Decide(outcome) => serde_json::to_string(outcome),
            Self::Generate(outcome) => serde_json::to_string(outcome),
            Self::Verify(outcome) => serde_json::to_string(outcome),
            Self::Repair(outcome) => serde_json::to_string(outcome),
            Self::Commit(outcome) => serde_json::to_string(outcome),
            Self::Publish(outcome) => serde_json::to_string(outcome),
            Self::Pages(outcome) => serde_json::to_string(outcome),
            Self::Confirm(outcome) => serde_json::to_string(outcome),
            Self::Notify(outcome) => serde_json::to_string(outcome),
        }
    }

    /// As the journal held it; none for a step that leaves no record.
    pub(crate) fn read(step: Step, record: &StepRecord) -> Result<Option<Self>, Error> {
        Ok(Some(match step {
            Step::Prepare => Self::Prepare(parse(record)?),
            Step::Fetch => Self::Fetch(parse(record)?),
            Step::Decide => Self::Decide(parse(record)?),
            Step::Generate => Self::Generate(parse(record)?),
            Step::Verify => Self::Verify(parse(record)?),
            Step::Repair => Self::Repair(parse(record)?),
            Step::Commit => Self::Commit(parse(record)?),
            Step::Publish => Self::Publish(parse(record)?),
            Step::Pages => Self::Pages(parse(record)?),
            Step::Confirm => Self::Confirm(parse(record)?),
            Step::Notify => Self::Notify(parse(record)?),
            // Closing the books ends the flow; it leaves no record.
            Step::Record => return Ok(None),
        }))
    }
}

impl Progress {
    /// What `journal` says of `steps`.
    pub(crate) fn replay(steps: &[Step], journal: &[StepRecord]) -> Result<Self, Error> {
        let mut progress = Self::default();
        for record in journal {
            let step = steps.iter().find(|step| step.as_str() == record.step);
            if let Some(outcome) = step.map(|step| Outcome::read(*step, record)).transpose()?.flatten() {
                progress.apply(outcome);
            }
        }
        Ok(progress)
    }

    /// Adds the outcome of a step.
    pub(crate) fn apply(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Prepare(outcome) => self.prepared = Some(outcome),
            Outcome::Fetch(outcome) => self.fetched = Some(outcome),
            Outcome::Decide(outcome) => self.decided = Some(outcome),
            Outcome::Generate(outcome) => self.generated = Some(outcome),
            Outcome::Verify(outcome) => self.verified = Some(outcome),
            Outcome::Repair(outcome) => self.repaired = Some(outcome),
            Outcome::Commit(outcome) => self.planned = Some(outcome),
            Outcome::Publish(outcome) => self.published = Some(outcome),
            Outcome::Pages(outcome) => self.served = Some(outcome),
            Outcome::Confirm(outcome) => self.confirmed = Some(outcome),
            Outcome::Notify(outcome) => self.notified = Some(outcome),
        }
    }

    pub(crate) fn prepared(&self) -> Result<&Prepared, Error> {
        self.prepared.as_ref().ok_or(Error::Missing(Step::Prepare))
    }

    /// `None` in round 1, whose plan fetches nothing.
    pub(crate) fn fetched(&self) -> Option<&Fetched> {
        self.fetched.as_ref()
    }

    pub(crate) fn decided(&self) -> Result<&Decided, Error> {
        self.decided.as_ref().ok_or(Error::Missing(Step::Decide))
    }

    pub(crate) fn generated(&self) -> Result<&Made, Error> {
        self.generated.as_ref().ok_or(Error::Missing(Step::Generate))
    }

    pub(crate) fn verified(&self) -> Result<&CheckReport, Error> {
        self.verified.as_ref().ok_or(Error::Missing(Step::Verify))
    }

    /// The site to publish and the report on it: the repaired one when there is one.
    pub(crate) fn best(&self) -> Result<(&Made, &CheckReport), Error> {
        match self.repaired.as_ref().and_then(Option::as_ref) {
            Some((made, report)) => Ok((made, report)),
            None => Ok((self.generated()?, self.verified()?)),
        }
    }

    pub(crate) fn planned(&self) -> Result<&Planned, Error> {
        self.planned.as_ref().ok_or(Error::Missing(Step::Commit))
    }

    pub(crate) fn published(&self) -> Result<&Published, Error> {
        self.published.as_ref().ok_or(Error::Missing(Step::Publish))
    }

    pub(crate) fn served(&self) -> Result<&Served, Error> {
        self.served.as_ref().ok_or(Error::Missing(Step::Pages))
    }

    /// The commit that stands for this round, and that the evaluator is told.
    pub(crate) fn handed_in(&self) -> Result<&CommitSha, Error> {
        let replaced = self.served.as_ref().and_then(|served| served.commit.as_ref());
        replaced.map_or_else(|| Ok(&self.published()?.commit), Ok)
    }

    pub(crate) fn notified(&self) -> Result<&Notified, Error> {
        self.notified.as_ref().ok_or(Error::Missing(Step::Notify))
    }
}

/// Stores the files of `site`.
pub(crate) async fn store(blobs: &dyn Blobs, site: &Site) -> Result<Manifest, ports::Error> {
    let mut manifest = Manifest::new();
    for (path, bytes) in site.iter() {
        manifest.insert(path.clone(), blobs.put(bytes.clone()).await?);
    }
    Ok(manifest)
}

/// The files that `manifest` names.
pub(crate) async fn load(blobs: &dyn Blobs, manifest: &Manifest) -> Result<Site, ports::Error> {
    let mut site = Site::new();
    for (path, digest) in manifest {
        site.insert(path.clone(), blobs.get(digest).await?);
    }
    Ok(site)
}

fn parse<T: DeserializeOwned>(record: &StepRecord) -> Result<T, Error> {
    serde_json::from_str(&record.outcome).map_err(|source| Error::Unreadable { step: record.step.clone(), source })
}
