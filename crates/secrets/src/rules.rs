//! What foreign secrets look like: data only, a file a group.
//!
//! Patterns follow the formats that the providers publish or register with GitHub's secret
//! scanning. They are ASCII, and a group named `secret` narrows the finding to the part that is
//! secret. A rule without a telling prefix needs telling neighbours: a wrong alarm keeps a good
//! page from being published. `README.md` says how to add one.

mod anyone;
mod cloud;
mod code;
mod data;
mod messages;
mod models;
mod money;
mod work;

/// One kind of secret.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Name in findings.
    pub(crate) kind: &'static str,
    /// Name for people.
    pub(crate) name: &'static str,
    /// Every match holds one of these, in any case of letters. Empty: the pattern is always tried.
    pub(crate) keywords: &'static [&'static str],
    /// A regular expression over bytes.
    pub(crate) pattern: &'static str,
    /// Bits per byte that the secret has at least, by Shannon; less is a stand-in.
    pub(crate) min_entropy: f64,
    /// Words that say, within [`NEAR_BYTES`] and in any case, that the value is public by design.
    pub(crate) public_near: &'static [&'static str],
    /// What a pattern cannot say.
    pub(crate) judge: Judge,
}

/// How far away a neighbour may be.
pub(crate) const NEAR_BYTES: usize = 400;

/// What decides beside the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    /// Nothing.
    Pattern,
    /// The claims of the token: some are made for browsers or for documentation.
    Claims,
    /// The groups `user` and `host`: `postgres:postgres@` is what a fresh installation has, `example.com` a host of
    /// documentation.
    Login,
    /// The group `name` and how random the value is. Gives way to any other finding at its place.
    Assignment,
}

/// Random tokens of 16 characters and more have above 3 bits even in hexadecimal; rows of a few
/// characters have less than this.
const MIN_ENTROPY: f64 = 2.5;

const fn rule(
    kind: &'static str,
    name: &'static str,
    keywords: &'static [&'static str],
    pattern: &'static str,
) -> Rule {
    Rule { kind, name, keywords, pattern, min_entropy: MIN_ENTROPY, public_near: &[], judge: Judge::Pattern }
}

impl Rule {
    const fn min_entropy(self, min_entropy: f64) -> Self {
        Self { min_entropy, ..self }
    }

    const fn public_near(self, public_near: &'static [&'static str]) -> Self {
        Self { public_near, ..self }
    }

    const fn judged(self, judge: Judge) -> Self {
        Self { judge, ..self }
    }
}

/// The pattern of a value that only the name before it tells: `$name`, some more of the name, a sign
/// of assignment, `$value`, and nothing that would make the value longer.
macro_rules! named {
    ($name:literal, $value:literal) => {
        concat!(
            r"(?i:",
            $name,
            r#")[\w.-]{0,30}(?:\\?["'`]|""|&quot;)?\s{0,4}(?:=>|:=|[:=,])\s{0,4}(?:\\?["'`]|""|&quot;)?(?P<secret>"#,
            $value,
            r")(?:[^\w-]|$)"
        )
    };
}
use named;

/// Every rule, group by group.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    let groups = [
        code::RULES,
        cloud::RULES,
        data::RULES,
        models::RULES,
        messages::RULES,
        money::RULES,
        work::RULES,
        anyone::RULES,
    ];
    groups.into_iter().flatten()
}
