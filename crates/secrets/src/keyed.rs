//! Keyed digests: what this process keeps of secrets that it was shown.
//!
//! The key is drawn at the start of the process, so a digest has the same length whatever came and
//! is useless to whoever reads the memory of another process.

use std::fmt;

use constant_time_eq::constant_time_eq_32;
use hmac::digest::Key;
use hmac::{Hmac, Mac as _};
use rand::RngCore as _;
use sha2::Sha256;

/// A digest under this process's key. Equality takes the same time for any two.
#[derive(Clone, Copy)]
pub(crate) struct Tag([u8; 32]);

/// Makes tags under one key.
#[derive(Clone)]
pub(crate) struct Keyed(Hmac<Sha256>);

impl Keyed {
    /// Under a fresh key.
    pub(crate) fn new() -> Self {
        // One block of the hash, the length at which the key is used as it is.
        let mut key = Key::<Hmac<Sha256>>::default();
        rand::rng().fill_bytes(&mut key);
        Self(Hmac::new(&key))
    }

    /// The tag of `parts`; ("ab", "c") and ("a", "bc") have different ones.
    pub(crate) fn tag(&self, parts: &[&str]) -> Tag {
        let mut keyed = self.0.clone();
        for part in parts {
            keyed.update(&(part.len() as u64).to_le_bytes());
            keyed.update(part.as_bytes());
        }
        Tag(keyed.finalize().into_bytes().into())
    }
}

impl Tag {
    /// One of `count` places, the same for the same tag. `None` when there are none.
    pub(crate) fn place(self, count: usize) -> Option<usize> {
        let first = self.0.first_chunk().copied().map_or(0, u64::from_le_bytes);
        first.checked_rem(count as u64).and_then(|place| usize::try_from(place).ok())
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq_32(&self.0, &other.0)
    }
}

impl Eq for Tag {}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed")
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_parts_and_keys_apart() {
        let keyed = Keyed::new();
        assert_eq!(keyed.tag(&["ab", "c"]), keyed.tag(&["ab", "c"]));
        assert_ne!(keyed.tag(&["ab", "c"]), keyed.tag(&["a", "bc"]));
        assert_ne!(keyed.tag(&["ab"]), Keyed::new().tag(&["ab"]));
        assert_eq!(keyed.tag(&["ab"]).place(0), None);
        assert_eq!(keyed.tag(&["ab"]).place(1), Some(0));
    }
}
