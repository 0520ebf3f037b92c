//! What is asked of a page, and what an answer to it means.

use shared_types::Oracle;

use crate::script::Runnable;

/// One question.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// What the browser evaluates.
    pub runnable: Runnable,
    /// Whose answer the value is, as JSON; without one, the value's truth decides.
    pub oracle: Option<Oracle>,
}

impl Question {
    /// A check's own expression: it holds when its value is truthy.
    pub(crate) fn truth(runnable: Runnable) -> Self {
        Self { runnable, oracle: None }
    }

    /// Our own expression, which only looks and gives JSON.
    pub(crate) fn about(oracle: Oracle, expression: String) -> Self {
        Self { runnable: Runnable { source: expression, acts: false, subject: None }, oracle: Some(oracle) }
    }

    /// Whether the expression is the check's own.
    pub(crate) fn is_own(&self) -> bool {
        self.oracle.is_none()
    }
}
