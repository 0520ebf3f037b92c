//! Which steps a round takes. Round 1 and later rounds are two plans over the same steps; nothing
//! else knows the difference.

use std::fmt;

use shared_types::Round;

/// One step of a flow: named, journaled, safe to run twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Read the checks and gather the attachments of all rounds.
    Prepare,
    /// Find the repository of the earlier rounds and read it.
    Fetch,
    /// Choose how the site is made.
    Decide,
    /// Make it.
    Generate,
    /// Hold it against the checks.
    Verify,
    /// Mend what failed, once.
    Repair,
    /// Make sure of the repository and compute the commit.
    Commit,
    /// Upload the commit and move the branch.
    Publish,
    /// Wait until the commit is served.
    Pages,
    /// Hold the live site against the checks.
    Confirm,
    /// Tell the evaluator.
    Notify,
    /// Close the books.
    Record,
}

const BUILD: [Step; 11] = [
    Step::Prepare,
    Step::Decide,
    Step::Generate,
    Step::Verify,
    Step::Repair,
    Step::Commit,
    Step::Publish,
    Step::Pages,
    Step::Confirm,
    Step::Notify,
    Step::Record,
];

const REVISE: [Step; 12] = [
    Step::Prepare,
    Step::Fetch,
    Step::Decide,
    Step::Generate,
    Step::Verify,
    Step::Repair,
    Step::Commit,
    Step::Publish,
    Step::Pages,
    Step::Confirm,
    Step::Notify,
    Step::Record,
];

impl Step {
    /// The name in the journal, in events and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Fetch => "fetch",
            Self::Decide => "decide",
            Self::Generate => "generate",
            Self::Verify => "verify",
            Self::Repair => "repair",
            Self::Commit => "commit",
            Self::Publish => "publish",
            Self::Pages => "pages",
            Self::Confirm => "confirm",
            Self::Notify => "notify",
            Self::Record => "record",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The steps of one round, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    steps: &'static [Step],
}

impl Plan {
    /// The plan of `round`.
    #[must_use]
    pub fn for_round(round: Round) -> Self {
        Self { steps: if round.is_first() { &BUILD } else { &REVISE } }
    }

    /// The steps in order; the last is always [`Step::Record`].
    #[must_use]
    pub fn steps(self) -> &'static [Step] {
        self.steps
    }
}

/// The names of the steps of `round`, in order.
#[must_use]
pub fn step_names(round: Round) -> &'static [&'static str] {
    const fn names<const N: usize>(steps: [Step; N]) -> [&'static str; N] {
        let mut names = [""; N];
        let mut i = 0;
        while i < N {
            names[i] = steps[i].as_str();
            i += 1;
        }
        names
    }
    const BUILD_NAMES: [&str; BUILD.len()] = names(BUILD);
    const REVISE_NAMES: [&str; REVISE.len()] = names(REVISE);
    if round.is_first() { &BUILD_NAMES } else { &REVISE_NAMES }
}
