//! Hashes of secrets: argon2id in PHC strings.
//!
//! A hash from a file costs whatever the file says, so its costs are bounded before anything is
//! computed. Neither `Debug` nor a complaint shows a hash.

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use constant_time_eq::constant_time_eq;
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;

/// A longer secret is nobody's: only so much of it is hashed.
pub const MAX_SECRET_BYTES: usize = 1024;

/// What new hashes cost: OWASP's recommendation for argon2id, of 19 MiB, two passes and one lane
/// (Password Storage Cheat Sheet, <https://cheatsheetseries.owasp.org/>, read in 2026).
const NEW: Costs = Costs { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

/// Bounds of the costs that a file may ask for. The least memory is the least that OWASP lists;
/// the most is twice that of RFC 9106's recommendation for machines with little memory, and what all
/// passes write together keeps one hash near a second.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 7 * 1024..=128 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;
const MAX_WRITTEN_KIB: u32 = 1024 * 1024;

/// Salt and tag of new hashes, as RFC 9106 recommends them in section 4.
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// A shorter tag could be met by chance.
const MIN_TAG_BYTES: usize = 16;

/// What one computation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Costs {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

/// The hash of one secret, read and found affordable.
#[derive(Clone)]
pub(crate) struct Hash {
    costs: Costs,
    params: Params,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

/// The PHC string of `secret` under a fresh salt, for a class file.
///
/// # Errors
/// [`Error::Length`] for a secret that is empty or longer than [`MAX_SECRET_BYTES`]; [`Error::Hash`]
/// when there is no memory for it.
pub fn hash(secret: &SecretString) -> Result<String, Error> {
    hash_at(NEW, secret)
}

/// The same at costs of the caller's choice.
pub(crate) fn hash_at(costs: Costs, secret: &SecretString) -> Result<String, Error> {
    if !(1..=MAX_SECRET_BYTES).contains(&secret.expose_secret().len()) {
        return Err(Error::Length { max_bytes: MAX_SECRET_BYTES });
    }
    let Costs { memory_kib, passes, lanes } = costs;
    let params = Params::new(memory_kib, passes, lanes, Some(TAG_BYTES)).map_err(Error::Hash)?;
    let mut made = Hash { costs, params, salt: vec![0; SALT_BYTES], tag: vec![0; TAG_BYTES] };
    rand::rng().fill_bytes(&mut made.salt);
    made.tag = made.tag_of(secret)?;
    Ok(made.phc()?.to_string())
}

impl Hash {
    /// Reads a PHC string.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let other = |_| "is not an argon2id PHC string; make one with `sitewright secret hash`".to_owned();
        let phc = PasswordHash::new(text).map_err(other)?;
        if phc.algorithm != ARGON2ID_IDENT {
            return Err("is made by another algorithm than argon2id".to_owned());
        }
        if phc.version != Some(Version::V0x13.into()) {
            return Err("is not of version 19 of argon2".to_owned());
        }
        let mut names: Vec<_> = phc.params.iter().map(|(name, _)| name.as_str().to_owned()).collect();
        names.sort_unstable();
        if names != ["m", "p", "t"] {
            return Err("has other parameters than m, t and p".to_owned());
        }
        let cost = |name: &str| phc.params.get_decimal(name).unwrap_or(0);
        let costs = Costs { memory_kib: cost("m"), passes: cost("t"), lanes: cost("p") };
        costs.check()?;
        let salt = phc.salt.map(|salt| salt.to_vec()).ok_or("has no salt")?;
        let tag = phc.hash.map(|tag| tag.as_bytes().to_vec()).ok_or("has no hash in it")?;
        if tag.len() < MIN_TAG_BYTES {
            return Err(format!("is shorter than {MIN_TAG_BYTES} bytes"));
        }
        let Costs { memory_kib, passes, lanes } = costs;
        let params = Params::new(memory_kib, passes, lanes, Some(tag.len()));
        let params = params.map_err(|_| "has parameters that argon2 does not know".to_owned())?;
        Ok(Self { costs, params, salt, tag })
    }

    /// A hash that costs what this one does and that no secret is known to have.
    pub(crate) fn decoy(&self) -> Self {
        let mut decoy = self.clone();
        rand::rng().fill_bytes(&mut decoy.salt);
        rand::rng().fill_bytes(&mut decoy.tag);
        decoy
    }

    pub(crate) fn costs(&self) -> Costs {
        self.costs
    }

    /// Whether this is the hash of `secret`. Takes the same time for every answer.
    pub(crate) fn is_of(&self, secret: &SecretString) -> Result<bool, Error> {
        Ok(constant_time_eq(&self.tag_of(secret)?, &self.tag))
    }

    fn tag_of(&self, secret: &SecretString) -> Result<Vec<u8>, Error> {
        let secret = secret.expose_secret().as_bytes();
        let secret = secret.get(..MAX_SECRET_BYTES).unwrap_or(secret);
        let mut tag = vec![0; self.tag.len()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        argon2.hash_password_into(secret, &self.salt, &mut tag).map_err(Error::Hash)?;
        Ok(tag)
    }

    fn phc(&self) -> Result<PasswordHash, Error> {
        let format = |_| Error::Format;
        let params = ParamsString::try_from(&self.params).map_err(|_| Error::Format)?;
        Ok(PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params,
            salt: Some(Salt::new(&self.salt).map_err(format)?),
            hash: Some(Output::new(&self.tag).map_err(format)?),
        })
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hash").field("costs", &self.costs).finish_non_exhaustive()
    }
}

impl Costs {
    fn check(self) -> Result<(), String> {
        let Self { memory_kib, passes, lanes } = self;
        let (least, most) = (MEMORY_KIB.start(), MEMORY_KIB.end());
        if !MEMORY_KIB.contains(&memory_kib) {
            return Err(format!("uses m={memory_kib}, which is not from {least} to {most} (KiB of memory)"));
        }
        if !(1..=MAX_PASSES).contains(&passes) {
            return Err(format!("uses t={passes}, which is not from 1 to {MAX_PASSES} (passes)"));
        }
        if !(1..=MAX_LANES).contains(&lanes) {
            return Err(format!("uses p={lanes}, which is not from 1 to {MAX_LANES} (lanes)"));
        }
        if memory_kib.saturating_mul(passes) > MAX_WRITTEN_KIB {
            return Err(format!("uses m x t above {MAX_WRITTEN_KIB} (KiB that all passes write)"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash that is cheap enough for an unoptimised build.
    fn cheap(secret: &str) -> String {
        hash_at(Costs { memory_kib: *MEMORY_KIB.start(), passes: 1, lanes: 1 }, &SecretString::from(secret)).unwrap()
    }

    #[test]
    fn a_hash_is_of_its_secret_alone_and_salted() {
        let text = hash(&"a secret".into()).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        let read = Hash::parse(&text).unwrap();
        assert!(read.is_of(&"a secret".into()).unwrap());
        assert_ne!(text, hash(&"a secret".into()).unwrap());
        let cheap = Hash::parse(&cheap("a secret")).unwrap();
        for (secret, expected) in [("a secret", true), ("a secret ", false), ("A secret", false), ("", false)] {
            assert_eq!(cheap.is_of(&secret.into()).unwrap(), expected, "{secret}");
            assert!(!cheap.decoy().is_of(&secret.into()).unwrap(), "{secret}");
        }
        assert_eq!(cheap.decoy().costs(), cheap.costs());
    }

    #[test]
    fn the_length_of_a_secret_is_bounded() {
        for length in [0, MAX_SECRET_BYTES + 1] {
            assert!(matches!(hash(&"x".repeat(length).into()), Err(Error::Length { .. })), "{length}");
        }
        assert!(hash(&"x".repeat(MAX_SECRET_BYTES).into()).is_ok());
    }

    #[test]
    fn what_is_no_affordable_argon2id_is_refused_and_not_quoted() {
        let text = cheap("a secret");
        let tag = text.rsplit('$').next().unwrap();
        let salt = text.rsplit('$').nth(1).unwrap();
        for (from, to, expected) in [
            ("$argon2id$", "$argon2i$", "another algorithm"),
            ("$v=19$", "$v=16$", "version 19"),
            ("$v=19$", "$", "version 19"),
            ("m=7168", "m=7167", "m=7167"),
            ("m=7168", "m=131073", "m=131073"),
            ("m=7168", "m=4294967295", "m=4294967295"),
            ("m=7168,t=1", "m=131072,t=9", "m x t"),
            ("t=1", "t=0", "t=0"),
            ("t=1", "t=17", "t=17"),
            ("p=1", "p=17", "p=17"),
            ("p=1", "p=1,keyid=QUJD", "other parameters"),
            (",p=1", "", "other parameters"),
            (tag, "QUJDREVGR0hJSktM", "shorter"),
            (tag, "", "not an argon2id PHC string"),
            (text.as_str(), "plain words", "not an argon2id PHC string"),
            (text.as_str(), "", "not an argon2id PHC string"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            let said = Hash::parse(&changed).unwrap_err();
            assert!(said.contains(expected), "{changed}: {said}");
            assert!(!said.contains(salt) && !said.contains(tag), "{said}");
        }
        let shown = format!("{:?}", Hash::parse(&text).unwrap());
        assert!(!shown.contains(salt) && !shown.contains(tag), "{shown}");
    }
}
