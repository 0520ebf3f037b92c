//! Who may come in: one secret for everybody, or a class by its hashes.
//!
//! Invariants: an address that nobody has costs what a wrong secret costs; a right secret is
//! computed once in the life of the process, a wrong one each time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use ports::{Quotas, Tenant};
use secrecy::{ExposeSecret as _, SecretString};
use shared_types::Email;

use crate::Error;
use crate::argon::{Hash, MAX_SECRET_BYTES};
use crate::class::{self, Class};
use crate::hasher::{Hasher, Turn};
use crate::keyed::{Keyed, Tag};

/// One secret for everybody.
#[derive(Debug)]
pub(crate) struct Everybody {
    keyed: Keyed,
    expected: Tag,
}

impl Everybody {
    pub(crate) fn new(secret: &SecretString) -> Self {
        let keyed = Keyed::new();
        let expected = keyed.tag(&[secret.expose_secret()]);
        Self { keyed, expected }
    }

    pub(crate) fn admit(&self, email: &Email, secret: &SecretString) -> Option<Tenant> {
        let is_right = self.keyed.tag(&[secret.expose_secret()]) == self.expected;
        is_right.then(|| Tenant { email: email.clone(), quotas: Quotas::default() })
    }
}

/// A class.
#[derive(Debug)]
pub(crate) struct Members {
    /// By address, in small letters.
    members: HashMap<String, Member>,
    /// What to compute for an address that nobody has: one for each member, at that member's
    /// costs, so that strangers' costs are spread as members' are.
    decoys: Vec<Arc<Hash>>,
    keyed: Keyed,
    hasher: Hasher,
}

#[derive(Debug)]
struct Member {
    email: Email,
    hash: Arc<Hash>,
    quotas: Quotas,
    /// The tag of the secret, once it was shown.
    proven: OnceLock<Tag>,
}

impl Members {
    pub(crate) fn new(class: Class) -> Self {
        let mut by_costs = BTreeMap::new();
        let (mut members, mut decoys) = (HashMap::new(), Vec::new());
        for student in class.into_students() {
            let decoy = by_costs.entry(student.hash.costs()).or_insert_with(|| Arc::new(student.hash.decoy()));
            decoys.push(decoy.clone());
            let (key, proven) = (class::key(&student.email), OnceLock::new());
            members.insert(key, Member { email: student.email, hash: student.hash, quotas: student.quotas, proven });
        }
        Self { members, decoys, keyed: Keyed::new(), hasher: Hasher::new() }
    }

    pub(crate) fn hashes_computed(&self) -> u64 {
        self.hasher.computed()
    }

    /// The member, under the address that the file gives.
    ///
    /// # Errors
    /// [`Error::Busy`] and what keeps a hash from being computed.
    pub(crate) async fn admit(&self, email: &Email, secret: &SecretString) -> Result<Option<Tenant>, Error> {
        let key = class::key(email);
        let shown = self.keyed.tag(&[&key, secret.expose_secret()]);
        // No hash is of a secret that is too long; it costs what any other wrong one costs.
        let member = self.members.get(&key).filter(|_| secret.expose_secret().len() <= MAX_SECRET_BYTES);
        let Some(hash) = member.map(|member| &member.hash).or_else(|| self.decoy(&key)) else { return Ok(None) };
        let is_proven = || member.is_some_and(|member| member.proven.get() == Some(&shown));
        if !is_proven() {
            let turn = || if is_proven() { Turn::Known } else { Turn::Compute };
            if !self.hasher.is_of(hash.clone(), secret, turn).await? {
                return Ok(None);
            }
        }
        let Some(member) = member else { return Ok(None) };
        member.proven.get_or_init(|| shown);
        Ok(Some(Tenant { email: member.email.clone(), quotas: member.quotas }))
    }

    fn decoy(&self, key: &str) -> Option<&Arc<Hash>> {
        self.decoys.get(self.keyed.tag(&[key]).place(self.decoys.len())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argon::{self, Costs};

    /// Strangers meet the members' costs, as often as members do, and always the same ones.
    #[test]
    fn strangers_are_spread_over_the_costs_of_members() {
        let file: String = (1..=3).fold(String::new(), |file, number| {
            let costs = Costs { memory_kib: 7 * 1024, passes: 1 + number / 3, lanes: 1 };
            let hash = argon::hash_at(costs, &"a secret".into()).unwrap();
            format!("{file}[[student]]\nemail = \"s{number}@example.com\"\nsecret_hash = \"{hash}\"\n")
        });
        let members = Members::new(Class::parse(&file, |_| None).unwrap());
        let sorted = |hashes: Vec<&Arc<Hash>>| {
            let mut costs: Vec<_> = hashes.into_iter().map(|hash| hash.costs()).collect();
            costs.sort_unstable();
            costs
        };
        let of_members = members.members.values().map(|member| &member.hash).collect();
        assert_eq!(sorted(members.decoys.iter().collect()), sorted(of_members));
        for number in 0..100 {
            let key = format!("stranger-{number}@example.com");
            assert!(Arc::ptr_eq(members.decoy(&key).unwrap(), members.decoy(&key).unwrap()));
        }
        assert!(!members.decoys[0].is_of(&"a secret".into()).unwrap());
    }
}
