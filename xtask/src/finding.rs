//! What a check says: which file, which rule, what is wrong and what to do next.

use std::fmt;
use std::process::ExitCode;

/// One violation of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path below the root, with `/`; a line number may follow after a colon.
    pub(crate) path: String,
    /// Short name of the rule, in words joined by `-`.
    pub(crate) rule: &'static str,
    /// What is wrong, as one sentence without a full stop.
    pub(crate) detail: String,
    /// The next step for the person who reads this.
    pub(crate) next: String,
}

impl Finding {
    pub(crate) fn new(
        path: impl Into<String>,
        rule: &'static str,
        detail: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), rule, detail: detail.into(), next: next.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: [{}] {}\n    next: {}", self.path, self.rule, self.detail, self.next)
    }
}

/// Prints every finding of `check` at once, and says with the exit code whether there was one.
pub(crate) fn report(check: &str, findings: &[Finding]) -> ExitCode {
    for finding in findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("{check}: holds");
        return ExitCode::SUCCESS;
    }
    eprintln!("{check}: {} violation(s)", findings.len());
    ExitCode::FAILURE
}
