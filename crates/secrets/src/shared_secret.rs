//! The secret that every request carries, compared without telling anything about it.
//!
//! What is kept and compared are HMACs under a key that this process drew at its start: equal
//! length whatever came, and useless to whoever reads the memory of another process.

use std::fmt;

use constant_time_eq::constant_time_eq_32;
use hmac::digest::Key;
use hmac::{Hmac, Mac as _};
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

pub(crate) struct SharedSecret {
    keyed: Hmac<Sha256>,
    expected: [u8; 32],
}

impl SharedSecret {
    pub(crate) fn new(secret: &SecretString) -> Self {
        // One block of the hash, the length at which the key is used as it is.
        let mut key = Key::<Hmac<Sha256>>::default();
        rand::rng().fill_bytes(&mut key);
        let keyed = Hmac::new(&key);
        let expected = tag(&keyed, secret);
        Self { keyed, expected }
    }

    pub(crate) fn matches(&self, secret: &SecretString) -> bool {
        constant_time_eq_32(&tag(&self.keyed, secret), &self.expected)
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}

fn tag(keyed: &Hmac<Sha256>, secret: &SecretString) -> [u8; 32] {
    keyed.clone().chain_update(secret.expose_secret()).finalize().into_bytes().into()
}
