//! The deployment of the tests, and texts that are long and harmless.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use secrecy::ExposeSecret as _;
use secrets::corpus;

const ALNUM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HEX: &str = "0123456789abcdef";

pub(crate) fn student_secret() -> String {
    ["open ", "sesame ", "2026"].concat()
}

pub(crate) fn own_secret() -> String {
    corpus::own_secret().expose_secret().to_owned()
}

/// One secret of each form, with what tells it.
pub(crate) fn examples() -> Vec<corpus::Example> {
    corpus::examples(&mut StdRng::seed_from_u64(1))
}

pub(crate) fn github_token() -> String {
    examples().into_iter().find(|example| example.kind == "github_token").unwrap().text
}

/// Long rows of hexadecimal and base64 digits, as in hashes, source maps and pictures.
pub(crate) fn innocent_by_the_thousand() -> Vec<String> {
    let mut rng = StdRng::seed_from_u64(2);
    let mut row = |alphabet: &str, count: usize| -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..count).map(|_| letters[rng.random_range(0..letters.len())]).collect()
    };
    let picture = row(&format!("{ALNUM}+/"), 200_000);
    let digests = (0..2000).map(|_| row(HEX, 64) + " ").collect();
    vec![picture, digests]
}
