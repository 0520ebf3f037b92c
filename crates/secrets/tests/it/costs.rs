//! An address that nobody has must cost what a wrong secret costs, else strangers learn who takes
//! the course.

use std::time::{Duration, Instant};

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use ports::Gatekeeper as _;
use secrets::Keeper;
use shared_types::Email;

use crate::class::{keeper, student};

/// Tries of each kind in a round, one of each kind in turn, so that whatever else the machine does
/// meets both.
const TRIES: usize = 51;

/// The best round counts: load only ever drives the two apart.
const ROUNDS: usize = 12;

/// A hash at the least costs that a file may have: the sooner one is done, the more tries there can be.
fn cheap_hash(secret: &str) -> String {
    let params = Params::new(7 * 1024, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(secret.as_bytes(), b"0123456789abcdef")
        .unwrap()
        .to_string()
}

async fn refusal(keeper: &Keeper, email: &Email) -> Duration {
    let began = Instant::now();
    let tenant = keeper.authenticate(email, &"wrong".into()).await.unwrap();
    let took = began.elapsed();
    assert!(tenant.is_none());
    took
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// The median for an unknown address over that for a known one, in one round.
async fn ratio(keeper: &Keeper, known: &Email, unknown: &Email) -> f64 {
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    for pair in 0..TRIES {
        // Whatever comes second in each pair must not always be the same.
        if pair % 2 == 0 {
            of_known.push(refusal(keeper, known).await);
            of_unknown.push(refusal(keeper, unknown).await);
        } else {
            of_unknown.push(refusal(keeper, unknown).await);
            of_known.push(refusal(keeper, known).await);
        }
    }
    // The first try of all meets cold caches.
    of_known.remove(0);
    of_unknown.remove(0);
    median(of_unknown) / median(of_known)
}

#[tokio::test]
async fn an_unknown_address_costs_what_a_wrong_secret_costs() {
    let keeper = keeper(&student("ada@example.com", &cheap_hash("ada's"), ""));
    let (known, unknown) = ("ada@example.com".parse().unwrap(), "eve@example.com".parse().unwrap());
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let ratio = ratio(&keeper, &known, &unknown).await;
        seen.push(ratio);
        println!("unknown over known: {ratio:.3}");
        if (0.8..=1.25).contains(&ratio) {
            return;
        }
    }
    panic!("unknown over known, by round: {seen:?}");
}
