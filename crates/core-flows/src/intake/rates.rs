//! How often something may happen, and by whom it is counted.
//!
//! Pure: what to count and what counts mean. Requirements, C-104.
//!
//! Failed authentications are counted three ways. A pair of client and e-mail that has failed too
//! often waits, whoever it is. An e-mail or a client that has failed too often waits as well, but
//! not in a pair that has authenticated before: so neither strangers who guess at an e-mail nor
//! one student's wrong secret lock out those whose secret is right.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use ports::{Bucket, Count, OverLimit, Policy, Quotas};
use serde::Deserialize;
use shared_types::{Digest, Email, Round, TaskId, TaskName};

/// How long a pair of client and e-mail stays known after it has authenticated.
const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

const HOUR: Duration = Duration::from_secs(3600);

/// So often within a window that begins with the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How often.
    pub limit: NonZeroU32,
    /// Seconds.
    pub window_s: NonZeroU32,
}

/// Wrong secrets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthFailures {
    /// For one e-mail from one address.
    pub per_client_and_email: Rate,
    /// For one e-mail from anywhere.
    pub per_email: Rate,
    /// From one address for any e-mail.
    pub per_client: Rate,
}

/// Accepted tasks of round 1.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Builds {
    /// Of one student; the class file may set another limit an hour.
    pub per_email: Rate,
}

/// Accepted tasks of later rounds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Revisions {
    /// Of one task of one student; the class file may set another limit an hour.
    pub per_task: Rate,
    /// Of one student.
    pub per_email: Rate,
}

/// Notifications sent again because a finished task was posted again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Renotifications {
    /// Of one accepted request.
    pub per_task: Rate,
}

/// All limits, as `configs/limits.toml` documents them. What a file leaves out has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Wrong secrets.
    pub auth_failures: AuthFailures,
    /// Round 1.
    pub build: Builds,
    /// Later rounds.
    pub revise: Revisions,
    /// Notifications sent again.
    pub renotify: Renotifications,
}

impl Default for AuthFailures {
    fn default() -> Self {
        Self { per_client_and_email: rate(10, 600), per_email: rate(50, 600), per_client: rate(300, 600) }
    }
}

impl Default for Builds {
    fn default() -> Self {
        Self { per_email: rate(20, 3600) }
    }
}

impl Default for Revisions {
    fn default() -> Self {
        Self { per_task: rate(5, 3600), per_email: rate(60, 3600) }
    }
}

impl Default for Renotifications {
    fn default() -> Self {
        Self { per_task: rate(1, 10) }
    }
}

fn rate(limit: u32, window_s: u32) -> Rate {
    // Zero would be a defect of this table; one is the strictest limit there is.
    let non_zero = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Rate { limit: non_zero(limit), window_s: non_zero(window_s) }
}

/// The counters that speak about one attempt to authenticate.
#[derive(Debug)]
pub(super) struct Gate {
    pair: Bucket,
    email: Bucket,
    client: Bucket,
    known: Bucket,
}

/// Whether a secret may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Anyone,
    /// Others have failed too often: only when the pair has authenticated before.
    IfKnown(OverLimit),
    /// The pair itself has failed too often.
    Never(OverLimit),
}

/// Whether a pair of client and e-mail has authenticated before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    Known,
    Stranger,
}

impl Gate {
    pub(super) fn new(limits: &AuthFailures, client: IpAddr, email: &Email) -> Self {
        const SCOPE: &str = "auth-failure";
        let (client, email) = (network(client).to_string(), &*folded(email));
        let known = Policy { scope: "known", bucket: "client-and-email", limit: u32::MAX, window: KNOWN_FOR };
        Self {
            pair: bucket(SCOPE, "client-and-email", limits.per_client_and_email, key(email, &[&client])),
            email: bucket(SCOPE, "email", limits.per_email, key(email, &[])),
            client: bucket(SCOPE, "client", limits.per_client, key(&client, &[])),
            known: Bucket { policy: known, key: key(email, &[&client]) },
        }
    }

    /// What must be read to [`Self::admits`].
    pub(super) fn failures(&self) -> Vec<Bucket> {
        vec![self.pair.clone(), self.email.clone(), self.client.clone()]
    }

    /// Whether a secret may be tried, by the counts of [`Self::failures`].
    pub(super) fn admits(&self, counts: &[Count]) -> Admission {
        let count = |at: usize| counts.get(at).copied().unwrap_or_default();
        if let Err(over) = self.pair.admits_one_more(count(0)) {
            return Admission::Never(over);
        }
        let others = self.email.admits_one_more(count(1)).and_then(|()| self.client.admits_one_more(count(2)));
        others.map_or_else(Admission::IfKnown, |()| Admission::Anyone)
    }

    /// Counts something when the pair is known.
    pub(super) fn known(&self) -> Bucket {
        self.known.clone()
    }

    /// What a wrong secret is counted in.
    pub(super) fn failed(self, pair: Pair) -> Vec<Bucket> {
        match pair {
            Pair::Known => vec![self.pair],
            Pair::Stranger => vec![self.pair, self.email, self.client],
        }
    }
}

impl Rates {
    /// What accepting a task is counted in.
    pub(super) fn task(&self, round: Round, email: &Email, task: &TaskName, quotas: Quotas) -> Vec<Bucket> {
        let (email, task) = (&*folded(email), task.as_str());
        if round.is_first() {
            let per_email = bucket("build", "email", self.build.per_email, key(email, &[]));
            return vec![with_quota(per_email, quotas.builds_per_hour)];
        }
        let per_task = bucket("revise", "task", self.revise.per_task, key(email, &[task]));
        let per_email = bucket("revise", "email", self.revise.per_email, key(email, &[]));
        vec![with_quota(per_task, quotas.revisions_per_hour), per_email]
    }
}

impl Renotifications {
    /// What sending the notification of the request `id` again is counted in.
    pub(crate) fn of(&self, id: TaskId) -> Bucket {
        bucket("renotify", "task", self.per_task, key(&id.to_string(), &[]))
    }
}

/// The keys of all counters that can be told to count this person, these tasks of theirs, and these requests. Those of a
/// pair with a client cannot: they end by themselves.
pub(crate) fn keys_of<'a>(email: &Email, tasks: impl Iterator<Item = (&'a TaskName, TaskId)>) -> Vec<Digest> {
    let email = &*folded(email);
    let of_tasks = tasks.flat_map(|(task, id)| [key(email, &[task.as_str()]), key(&id.to_string(), &[])]);
    std::iter::once(key(email, &[])).chain(of_tasks).collect()
}

fn with_quota(bucket: Bucket, per_hour: Option<u32>) -> Bucket {
    let Some(limit) = per_hour else { return bucket };
    Bucket { policy: Policy { limit, window: HOUR, ..bucket.policy }, ..bucket }
}

fn bucket(scope: &'static str, by: &'static str, rate: Rate, key: Digest) -> Bucket {
    let window = Duration::from_secs(rate.window_s.get().into());
    Bucket { policy: Policy { scope, bucket: by, limit: rate.limit.get(), window }, key }
}

/// Capitals make no other student, or each way to write an e-mail would have guesses of its own.
fn folded(email: &Email) -> String {
    email.as_str().to_lowercase()
}

/// The key of what is counted for `whom`, together with `more`. All keys of one person begin alike, so that their
/// counters stand on one page of the ledger: accepting a task writes to two of them.
///
/// E-mails and names hold no control characters, so one between them keeps two lists apart.
fn key(whom: &str, more: &[&str]) -> Digest {
    /// 64 bits: no two persons share them, and the rest is far more than enough to tell their counters apart.
    const ALIKE: usize = 16;
    let person = Digest::of(whom.as_bytes());
    if more.is_empty() {
        return person;
    }
    let all = Digest::of([&[whom], more].concat().join("\n").as_bytes());
    // Digits of two digests are digits of a digest.
    let joined = [&person.as_str()[..ALIKE], &all.as_str()[ALIKE..]].concat();
    joined.parse().unwrap_or(all)
}

/// Who an address stands for: a home or an office has a whole IPv6 network of 64 bits, so one
/// address in it means nothing.
fn network(client: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match client.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & NETWORK).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(client: &str, email: &str) -> Gate {
        Gate::new(&AuthFailures::default(), client.parse().unwrap(), &email.parse().unwrap())
    }

    #[track_caller]
    fn check(pair: u32, email: u32, client: u32, expected: &str) {
        let count = |used| Count { used, resets_in: Duration::from_secs(9) };
        let admission = match gate("192.0.2.1", "ann@example.com").admits(&[pair, email, client].map(count)) {
            Admission::Anyone => "anyone".to_owned(),
            Admission::IfKnown(over) => format!("if known: {}", over.policy),
            Admission::Never(over) => format!("never: {}", over.policy),
        };
        assert_eq!(admission, expected);
    }

    #[test]
    fn a_known_pair_waits_only_for_itself() {
        check(0, 0, 0, "anyone");
        check(9, 49, 299, "anyone");
        check(0, 50, 0, "if known: auth-failure-per-email");
        check(9, 0, 300, "if known: auth-failure-per-client");
        check(10, 0, 0, "never: auth-failure-per-client-and-email");
        check(10, 50, 300, "never: auth-failure-per-client-and-email");
    }

    #[test]
    fn clients_are_networks_and_pairs_are_kept_apart() {
        let key = |client, email| gate(client, email).pair.key;
        let ann = "ann@example.com";
        assert_eq!(key("2001:db8::1", ann), key("2001:db8::ffff:1", ann));
        assert_ne!(key("2001:db8::1", ann), key("2001:db8:0:1::1", ann));
        assert_eq!(key("192.0.2.1", ann), key("::ffff:192.0.2.1", ann));
        assert_ne!(key("192.0.2.1", ann), key("192.0.2.2", ann));
        assert_eq!(key("192.0.2.1", ann), key("192.0.2.1", "Ann@Example.com"));
        assert_ne!(key("192.0.2.1", ann), key("192.0.2.1", "bob@example.com"));
    }

    #[test]
    fn a_student_may_have_limits_of_their_own() {
        let (email, task) = ("ann@example.com".parse().unwrap(), "todo".parse().unwrap());
        let quotas = Quotas { builds_per_hour: Some(40), revisions_per_hour: Some(7) };
        let limits = |round, quotas| {
            let buckets = Rates::default().task(Round::try_from(round).unwrap(), &email, &task, quotas);
            buckets.iter().map(|bucket| (bucket.policy.to_string(), bucket.policy.limit)).collect::<Vec<_>>()
        };
        let named = |name: &str, limit| (name.to_owned(), limit);
        assert_eq!(limits(1, Quotas::default()), [named("build-per-email", 20)]);
        assert_eq!(limits(1, quotas), [named("build-per-email", 40)]);
        assert_eq!(limits(2, quotas), [named("revise-per-task", 7), named("revise-per-email", 60)]);
    }
}
