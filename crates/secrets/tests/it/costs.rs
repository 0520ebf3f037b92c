//! An address that nobody has must cost what a wrong secret costs, else strangers learn who takes
//! the course.

use std::time::{Duration, Instant};

use ports::Gatekeeper as _;
use secrets::Keeper;
use shared_types::Email;

use crate::class::{hash, keeper, student};

/// Tries of each kind in a round, one of each kind in turn, so that whatever else the machine does
/// meets both.
const TRIES: usize = 25;

/// The best round counts: load only ever drives the two apart.
const ROUNDS: usize = 8;

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
    for _ in 0..TRIES {
        of_known.push(refusal(keeper, known).await);
        of_unknown.push(refusal(keeper, unknown).await);
    }
    median(of_unknown) / median(of_known)
}

#[tokio::test]
async fn an_unknown_address_costs_what_a_wrong_secret_costs() {
    let keeper = keeper(&student("ada@example.com", &hash("ada's"), ""));
    let (known, unknown) = ("ada@example.com".parse().unwrap(), "eve@example.com".parse().unwrap());
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let ratio = ratio(&keeper, &known, &unknown).await;
        seen.push(ratio);
        if (0.8..=1.25).contains(&ratio) {
            return;
        }
    }
    panic!("unknown over known, by round: {seen:?}");
}
