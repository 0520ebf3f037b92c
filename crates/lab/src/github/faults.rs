//! Bad days on order: which request goes wrong, and how.
//!
//! A fault is consumed by the request it strikes. Faults are looked through in the order they were
//! set; a request is struck by the first that matches.

use std::time::Duration;

use serde_json::{Value, json};

/// Which request is struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// The n-th request of all, from 1.
    Request(u64),
    /// The n-th request that may change something (any method but GET and HEAD), from 1.
    Mutation(u64),
    /// The next request of this method whose path matches: `*` stands for one segment, a final
    /// `**` for any number of them.
    Matching {
        /// Upper case, or `*`.
        method: String,
        /// Such as `/repos/*/*/git/trees`.
        path: String,
    },
}

/// What happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed and nothing happens.
    CutBefore,
    /// The request takes effect, but the connection is closed before any answer.
    CutAfter,
    /// Nothing happens and this is the answer.
    Answer(Reply),
    /// The request takes effect after a wait.
    Delay(Duration),
    /// A push is answered, and every ref of it declined for this reason.
    DeclinePush(String),
}

/// An answer out of turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// JSON, or a text, which is sent as a page.
    pub body: Value,
}

/// The faults that still wait for their request.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Waiting>);

#[derive(Debug)]
struct Waiting {
    when: When,
    fault: Fault,
    times: u32,
}

impl When {
    /// The next request of `method` whose path matches `path`.
    #[must_use]
    pub fn matching(method: &str, path: &str) -> Self {
        Self::Matching { method: method.to_owned(), path: path.to_owned() }
    }
}

impl Reply {
    /// `status` with GitHub's error body.
    #[must_use]
    pub fn refusal(status: u16, message: &str) -> Self {
        let body = json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        });
        Self { status, headers: Vec::new(), body }
    }

    /// A page of a proxy or of the site itself instead of an answer of the API.
    #[must_use]
    pub fn page(status: u16, html: &str) -> Self {
        Self { status, headers: Vec::new(), body: Value::String(html.to_owned()) }
    }

    /// Too many requests at once: 403 with `retry-after`.
    #[must_use]
    pub fn secondary_limit(retry_after_s: u32) -> Self {
        Self::refusal(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
            .with_header("retry-after", &retry_after_s.to_string())
    }

    /// The token lacks a permission, such as `contents=write`.
    #[must_use]
    pub fn lacks_permission(needed: &str) -> Self {
        Self::refusal(403, "Resource not accessible by personal access token")
            .with_header("x-accepted-github-permissions", needed)
    }

    /// Push protection found something that looks like a secret.
    #[must_use]
    pub fn push_protection() -> Self {
        let mut reply = Self::refusal(409, "Repository rule violations found\n\nSecret detected in content");
        reply.body["metadata"] = json!({ "secret_scanning": { "bypass_placeholders": [] } });
        reply
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Faults {
    pub(super) fn add(&mut self, times: u32, when: When, fault: Fault) {
        if times > 0 {
            self.0.push(Waiting { when, fault, times });
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn waiting(&self) -> usize {
        self.0.len()
    }

    /// The fault for a request, taken off the list.
    pub(super) fn strike(&mut self, number: u64, mutation: Option<u64>, method: &str, path: &str) -> Option<Fault> {
        let at = self.0.iter().position(|waiting| match &waiting.when {
            When::Request(wanted) => *wanted == number,
            When::Mutation(wanted) => Some(*wanted) == mutation,
            When::Matching { method: wanted, path: pattern } => {
                (wanted == "*" || wanted == method) && path_matches(pattern, path)
            }
        })?;
        let fault = self.0[at].fault.clone();
        self.0[at].times -= 1;
        if self.0[at].times == 0 {
            self.0.remove(at);
        }
        Some(fault)
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        match (wanted, segments.next()) {
            ("**", _) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        fn check(pattern: &str, path: &str, expected: bool) {
            assert_eq!(path_matches(pattern, path), expected, "{pattern} on {path}");
        }
        check("/user/repos", "/user/repos", true);
        check("/repos/*/*", "/repos/a/b", true);
        check("/repos/*/*", "/repos/a/b/pages", false);
        check("/repos/*/*/git/**", "/repos/a/b/git/refs/heads/main", true);
        check("/repos/*/*/git/trees", "/repos/a/b/git/blobs", false);
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_was_set() {
        let mut faults = Faults::default();
        faults.add(2, When::matching("GET", "/user"), Fault::CutBefore);
        faults.add(1, When::Mutation(1), Fault::CutAfter);
        assert_eq!(faults.strike(1, None, "GET", "/user"), Some(Fault::CutBefore));
        assert_eq!(faults.strike(2, Some(1), "POST", "/user/repos"), Some(Fault::CutAfter));
        assert_eq!(faults.strike(3, None, "GET", "/user"), Some(Fault::CutBefore));
        assert_eq!(faults.strike(4, None, "GET", "/user"), None);
        assert_eq!(faults.waiting(), 0);
    }
}
