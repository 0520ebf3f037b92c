//! The Pages of one repository: how it is built, its builds, and which commit is live.
//!
//! A build moves on only when somebody asks for it over the API, so a test decides when. Serving
//! the built tree is `site`'s work.

use std::collections::VecDeque;

use time::OffsetDateTime;

use super::objects::ObjectId;

/// What will become of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPlan {
    /// So many questions are answered `queued` and then `building` before the build ends; 0 ends
    /// it at once.
    pub polls: u32,
    /// How it ends.
    pub end: BuildEnd,
}

/// How a build ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEnd {
    /// `built`, and the commit is live.
    Built,
    /// `errored` with this message; what was live stays live.
    Errored(String),
    /// `errored` with this message, and yet the commit is live.
    FailedButLive(String),
    /// `errored`, cancelled; and so is every later build of the same commit.
    Cancelled,
    /// It does not end.
    Never,
}

/// How a site comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildType {
    /// From a branch, at every push.
    Legacy,
    /// By the repository's own workflow.
    Workflow,
}

/// Where a legacy site is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) branch: String,
    /// `/` or `/docs`.
    pub(super) path: String,
}

#[derive(Debug)]
pub(super) struct Build {
    pub(super) id: u64,
    pub(super) commit: ObjectId,
    pub(super) status: Status,
    /// A workflow's deployment is no entry of the list of builds.
    pub(super) listed: bool,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    plan: BuildPlan,
    polled: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    Queued,
    Building,
    Built,
    Errored(String),
}

#[derive(Debug)]
pub(super) struct Pages {
    pub(super) build_type: BuildType,
    pub(super) source: Source,
    pub(super) builds: Vec<Build>,
    /// The commit that is served.
    pub(super) live: Option<ObjectId>,
    /// What was served before that, which a cache may still have.
    pub(super) before: Option<ObjectId>,
    cancelled: Vec<ObjectId>,
}

/// The fates of the builds to come: those set one by one first, then the same for all.
#[derive(Debug)]
pub(super) struct Plans {
    pub(super) next: VecDeque<BuildPlan>,
    pub(super) otherwise: BuildPlan,
}

impl BuildPlan {
    /// Built and live at once.
    #[must_use]
    pub fn immediate() -> Self {
        Self::after_polls(0)
    }

    /// Built after `polls` answers that say otherwise.
    #[must_use]
    pub fn after_polls(polls: u32) -> Self {
        Self { polls, end: BuildEnd::Built }
    }

    /// Fails at once.
    #[must_use]
    pub fn errored(message: &str) -> Self {
        Self { polls: 0, end: BuildEnd::Errored(message.to_owned()) }
    }

    /// Fails at once by its own account, and is live.
    #[must_use]
    pub fn failed_but_live(message: &str) -> Self {
        Self { polls: 0, end: BuildEnd::FailedButLive(message.to_owned()) }
    }

    /// Cancelled at once, for good.
    #[must_use]
    pub fn cancelled() -> Self {
        Self { polls: 0, end: BuildEnd::Cancelled }
    }

    /// Stays in the queue.
    #[must_use]
    pub fn stuck() -> Self {
        Self { polls: 0, end: BuildEnd::Never }
    }
}

impl Default for BuildPlan {
    fn default() -> Self {
        Self::immediate()
    }
}

impl Plans {
    pub(super) fn take(&mut self) -> BuildPlan {
        self.next.pop_front().unwrap_or_else(|| self.otherwise.clone())
    }
}

impl Pages {
    pub(super) fn new(build_type: BuildType, source: Source) -> Self {
        Self { build_type, source, builds: Vec::new(), live: None, before: None, cancelled: Vec::new() }
    }

    /// Starts a build of `commit`. One that had not ended is given up, as GitHub cancels what is
    /// overtaken.
    pub(super) fn start(&mut self, id: u64, commit: ObjectId, plan: BuildPlan, now: OffsetDateTime) {
        for build in self.builds.iter_mut().filter(|build| !build.has_ended()) {
            build.status = Status::Errored("Page build was superseded by a newer one.".to_owned());
            build.updated_at = now;
        }
        let plan = if self.cancelled.contains(&commit) { BuildPlan::cancelled() } else { plan };
        self.builds.push(Build {
            id,
            commit,
            status: Status::Queued,
            listed: self.build_type == BuildType::Legacy,
            created_at: now,
            updated_at: now,
            plan,
            polled: 0,
        });
        self.settle(now);
    }

    /// Somebody asks: the newest build moves on by one.
    pub(super) fn poll(&mut self, now: OffsetDateTime) {
        self.settle(now);
        if let Some(build) = self.builds.last_mut().filter(|build| !build.has_ended()) {
            build.status = if build.polled == 0 { Status::Queued } else { Status::Building };
            build.polled += 1;
            build.updated_at = now;
        }
    }

    /// Ends the newest build when its time has come.
    fn settle(&mut self, now: OffsetDateTime) {
        let Some(build) = self.builds.last_mut() else { return };
        if build.has_ended() || build.polled < build.plan.polls {
            return;
        }
        let (status, is_live) = match &build.plan.end {
            BuildEnd::Built => (Status::Built, true),
            BuildEnd::Errored(message) => (Status::Errored(message.clone()), false),
            BuildEnd::FailedButLive(message) => (Status::Errored(message.clone()), true),
            BuildEnd::Cancelled => {
                self.cancelled.push(build.commit);
                (Status::Errored("The deployment was cancelled.".to_owned()), false)
            }
            BuildEnd::Never => return,
        };
        build.status = status;
        build.updated_at = now;
        if is_live && self.live != Some(build.commit) {
            self.before = self.live.replace(build.commit);
        }
    }

    pub(super) fn latest_listed(&self) -> Option<&Build> {
        self.builds.iter().rev().find(|build| build.listed)
    }
}

impl Build {
    fn has_ended(&self) -> bool {
        matches!(self.status, Status::Built | Status::Errored(_))
    }
}

impl Status {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Building => "building",
            Self::Built => "built",
            Self::Errored(_) => "errored",
        }
    }

    pub(super) fn message(&self) -> Option<&str> {
        match self {
            Self::Errored(message) => Some(message),
            _ => None,
        }
    }
}

impl BuildType {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Workflow => "workflow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::objects::Object;

    /// Polls a fresh site `polls` times and tells the states seen, and whether it is live then.
    fn check(plan: BuildPlan, polls: u32, seen: &str, is_live: bool) {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut pages = Pages::new(BuildType::Legacy, Source { branch: "main".to_owned(), path: "/".to_owned() });
        pages.start(1, Object::tree(Vec::new()).id(), plan, now);
        let states: Vec<_> = (0..polls)
            .map(|_| {
                pages.poll(now);
                pages.builds[0].status.as_str()
            })
            .collect();
        assert_eq!(states.join(" "), seen);
        assert_eq!(pages.live.is_some(), is_live);
    }

    #[test]
    fn a_build_ends_as_planned() {
        check(BuildPlan::immediate(), 1, "built", true);
        check(BuildPlan::after_polls(2), 2, "queued building", false);
        check(BuildPlan::after_polls(2), 3, "queued building built", true);
        check(BuildPlan::errored("no"), 1, "errored", false);
        check(BuildPlan::failed_but_live("no"), 1, "errored", true);
        check(BuildPlan::cancelled(), 2, "errored errored", false);
        check(BuildPlan::stuck(), 3, "queued building building", false);
    }
}
