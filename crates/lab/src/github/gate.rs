//! What every request to the API passes: it is counted, may meet a fault, and needs a token and
//! some of the hour's requests.

use std::collections::VecDeque;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::answer::{Answer, Body, Call, Refusal};
use super::faults::{Fault, Faults};
use super::state::Account;

/// GitHub's window for the primary limit.
const WINDOW: Duration = Duration::hours(1);
/// So many requests are remembered; more than any test or demonstration makes.
const LOG_MAX: usize = 100_000;

/// A request that came in, as the handle shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Among all requests, from 1.
    pub number: u64,
    /// Among those that may change something, from 1.
    pub mutation: Option<u64>,
    /// Upper case.
    pub method: String,
    /// With the query, as sent.
    pub path: String,
    /// Whose token it came with, once that is known.
    pub login: Option<String>,
    /// The answer's status, also when the connection was cut before it left; absent while there
    /// is none, and for a request that was cut before it took effect.
    pub status: Option<u16>,
}

/// One call of the REST API with its whole answer, kept for [`super::Options::keep_exchanges`].
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Upper case.
    pub method: String,
    /// Percent-encoded, without the query.
    pub path: String,
    /// What follows `?`, encoded.
    pub query: String,
    /// The body as JSON; null where there was none.
    pub body: Value,
    /// The answer's status.
    pub status: u16,
    /// The answer's body as JSON; null where there was none.
    pub answer: Value,
}

#[derive(Debug)]
pub(super) struct Gate {
    pub(super) exchanges: Vec<Exchange>,
    exchanges_max: usize,
    pub(super) faults: Faults,
    pub(super) log: VecDeque<Seen>,
    /// The first one's figures stand in answers to nobody.
    passes: Vec<Pass>,
    current: usize,
    scopes: String,
    limit: u32,
    requests: u64,
    mutations: u64,
}

/// An account's way in.
#[derive(Debug)]
pub(super) struct Pass {
    account: Account,
    /// `None`: any token that is not empty.
    token: Option<String>,
    used: u32,
    window_ends: OffsetDateTime,
}

impl Pass {
    pub(super) fn new(account: Account, token: Option<String>) -> Self {
        Self { account, token, used: 0, window_ends: OffsetDateTime::UNIX_EPOCH }
    }
}

impl Gate {
    pub(super) fn new(passes: Vec<Pass>, scopes: String, limit: u32, exchanges_max: usize) -> Self {
        Self {
            exchanges: Vec::new(),
            exchanges_max,
            faults: Faults::default(),
            log: VecDeque::new(),
            passes,
            current: 0,
            scopes,
            limit,
            requests: 0,
            mutations: 0,
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    pub(super) fn scopes(&self) -> &str {
        &self.scopes
    }

    pub(super) fn mutations(&self) -> u64 {
        self.mutations
    }

    /// Counts a request and returns its number and the fault it meets.
    pub(super) fn count(&mut self, method: &str, path: &str, query: &str) -> (u64, Option<Fault>) {
        self.requests += 1;
        let mutation = (!matches!(method, "GET" | "HEAD")).then(|| {
            self.mutations += 1;
            self.mutations
        });
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        let separator = if query.is_empty() { "" } else { "?" };
        self.log.push_back(Seen {
            number: self.requests,
            mutation,
            method: method.to_owned(),
            path: format!("{path}{separator}{query}"),
            login: None,
            status: None,
        });
        (self.requests, self.faults.strike(self.requests, mutation, method, path))
    }

    /// Who asks, if the request may go on: a good token, and requests left in this hour.
    pub(super) fn admit(
        &mut self,
        number: u64,
        authorization: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Account, Answer> {
        let given = authorization.and_then(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("token ")));
        let account = self.check(number, given)?;
        let Some(pass) = self.passes.get_mut(self.current) else { return Ok(account) };
        if now >= pass.window_ends {
            pass.window_ends = now + WINDOW;
            pass.used = 0;
        }
        if pass.used >= self.limit {
            let message = format!("API rate limit exceeded for user ID {}.", account.id);
            let docs = "using-the-rest-api/rate-limits-for-the-rest-api";
            return Err(Refusal::new(403, message).into_answer(docs));
        }
        pass.used += 1;
        Ok(account)
    }

    /// Who asks by git's protocol, if that may go on. It takes nothing from the hour's requests.
    pub(super) fn admit_git(&mut self, number: u64, authorization: Option<&str>) -> Result<Account, Answer> {
        let pair = authorization.and_then(|text| text.strip_prefix("Basic "));
        let pair =
            pair.and_then(|text| BASE64_STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
        self.check(number, pair.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password))
    }

    fn check(&mut self, number: u64, given: Option<&str>) -> Result<Account, Answer> {
        let refused = |why: &str| Err(Refusal::new(401, why).into_answer(""));
        let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) else {
            return refused("Requires authentication");
        };
        let opens = |pass: &Pass| pass.token.as_deref().is_none_or(|token| token == given);
        let Some(at) = self.passes.iter().position(opens) else { return refused("Bad credentials") };
        self.current = at;
        let account = self.passes[at].account.clone();
        if let Some(seen) = self.seen_mut(number) {
            seen.login = Some(account.login.clone());
        }
        Ok(account)
    }

    /// From now on the account has this token and no other.
    pub(super) fn replace_token(&mut self, login: &str, token: &str) {
        for pass in self.passes.iter_mut().filter(|pass| pass.account.login.eq_ignore_ascii_case(login)) {
            pass.token = Some(token.to_owned());
        }
    }

    /// Uses up the rest of the hour's requests of all accounts.
    pub(super) fn exhaust(&mut self, now: OffsetDateTime) {
        for pass in &mut self.passes {
            (pass.window_ends, pass.used) = (now + WINDOW, self.limit);
        }
    }

    /// Notes the answer in the log.
    pub(super) fn answered(&mut self, number: u64, status: u16) {
        if let Some(seen) = self.seen_mut(number) {
            seen.status = Some(status);
        }
    }

    /// Requests end out of order, but the newest are at the back.
    fn seen_mut(&mut self, number: u64) -> Option<&mut Seen> {
        self.log.iter_mut().rev().find(|seen| seen.number == number)
    }

    /// Keeps the exchange, as long as there is room for it.
    pub(super) fn keep(&mut self, call: &Call, answer: &Answer) {
        if self.exchanges.len() == self.exchanges_max {
            return;
        }
        self.exchanges.push(Exchange {
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            body: serde_json::from_slice(&call.body).unwrap_or_default(),
            status: answer.status,
            answer: match &answer.body {
                Body::Json(body) => body.clone(),
                Body::Empty | Body::Raw(..) => Value::Null,
            },
        });
    }

    /// The headers that every answer carries.
    pub(super) fn headers(&self, number: u64) -> Vec<(&'static str, String)> {
        let (used, window_ends) =
            self.passes.get(self.current).map_or((0, OffsetDateTime::UNIX_EPOCH), |pass| (pass.used, pass.window_ends));
        vec![
            ("x-oauth-scopes", self.scopes.clone()),
            ("x-accepted-oauth-scopes", "repo".to_owned()),
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-remaining", self.limit.saturating_sub(used).to_string()),
            ("x-ratelimit-used", used.to_string()),
            ("x-ratelimit-reset", window_ends.unix_timestamp().to_string()),
            ("x-ratelimit-resource", "core".to_owned()),
            ("x-github-media-type", "github.v3; format=json".to_owned()),
            ("x-github-api-version-selected", "2022-11-28".to_owned()),
            ("x-github-request-id", format!("1AB0:{number:X}")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::state::AccountKind;

    /// The status and message that a gate with token `t` and two requests an hour gives.
    fn check(gate: &mut Gate, authorization: Option<&str>, at_s: i64, expected: &str) {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::seconds(at_s);
        let seen = match gate.admit(0, authorization, now) {
            Ok(account) => format!("admitted {}", account.login),
            Err(Answer { status, body: Body::Json(body), .. }) => {
                format!("{status} {}", body["message"].as_str().unwrap_or_default())
            }
            Err(other) => format!("{other:?}"),
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_token_is_needed_and_an_hour_has_its_limit() {
        let pass = |id, login: &str, token: &str| {
            Pass::new(Account { id, login: login.to_owned(), kind: AccountKind::User }, Some(token.to_owned()))
        };
        let mut gate = Gate::new(vec![pass(7, "ada", "t"), pass(8, "bob", "u")], "repo".to_owned(), 2, 0);
        check(&mut gate, None, 0, "401 Requires authentication");
        check(&mut gate, Some("Basic dDp0"), 0, "401 Requires authentication");
        check(&mut gate, Some("Bearer x"), 0, "401 Bad credentials");
        check(&mut gate, Some("Bearer t"), 0, "admitted ada");
        check(&mut gate, Some("token t"), 1, "admitted ada");
        check(&mut gate, Some("Bearer t"), 2, "403 API rate limit exceeded for user ID 7.");
        check(&mut gate, Some("Bearer u"), 2, "admitted bob");
        check(&mut gate, Some("Bearer t"), 3601, "admitted ada");
        gate.replace_token("ada", "v");
        check(&mut gate, Some("Bearer t"), 3602, "401 Bad credentials");
        check(&mut gate, Some("Bearer v"), 3602, "admitted ada");
    }
}
