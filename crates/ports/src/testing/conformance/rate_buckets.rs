//! What counters do.

use std::time::Duration;

use futures::future::join_all;
use shared_types::Digest;

use super::given::at;
use super::run_cases;
use crate::{Bucket, Count, OverLimit, Policy, RateBuckets};

/// Runs the cases of [`RateBuckets`].
pub async fn rate_buckets<R: RateBuckets>(make: impl AsyncFn() -> R) {
    run_cases!(make:
        one_more_than_the_limit_is_refused_until_the_window_ends,
        buckets_are_told_apart_by_policy_and_key,
        all_are_counted_or_none,
        many_at_once_do_not_get_past_the_limit,
    );
}

const WINDOW: Duration = Duration::from_secs(3600);
const HELLO: Policy = Policy { scope: "hello", bucket: "client", limit: 5, window: WINDOW };

/// Requirement A-24: five an hour, the sixth is over the limit.
async fn one_more_than_the_limit_is_refused_until_the_window_ends<R: RateBuckets>(rates: R) {
    let bucket = vec![of(HELLO, "ann")];
    for second in 1..=5 {
        assert_eq!(rates.take(bucket.clone(), at(second)).await.unwrap(), Ok(()));
    }
    // The window began with the first.
    for second in [5, 6, 3600] {
        let over = OverLimit { policy: HELLO, resets_in: Duration::from_secs(3601 - second) };
        assert_eq!(rates.take(bucket.clone(), at(second)).await.unwrap(), Err(over));
        let count = Count { used: 5, resets_in: over.resets_in };
        assert_eq!(rates.counts(bucket.clone(), at(second)).await.unwrap(), [count]);
    }
    assert_eq!(rates.counts(bucket.clone(), at(3601)).await.unwrap(), [Count::default()]);
    assert_eq!(rates.take(bucket.clone(), at(3601)).await.unwrap(), Ok(()));
    assert_eq!(rates.counts(bucket, at(3602)).await.unwrap(), [Count { used: 1, resets_in: WINDOW - second() }]);
}

async fn buckets_are_told_apart_by_policy_and_key<R: RateBuckets>(rates: R) {
    let other_scope = Policy { scope: "build", ..HELLO };
    let other_bucket = Policy { bucket: "email", ..HELLO };
    let all = vec![of(HELLO, "ann"), of(HELLO, "bob"), of(other_scope, "ann"), of(other_bucket, "ann")];
    rates.take(vec![all[0].clone()], at(1)).await.unwrap().unwrap();
    let used: Vec<_> = rates.counts(all, at(1)).await.unwrap().iter().map(|count| count.used).collect();
    assert_eq!(used, [1, 0, 0, 0]);
    assert_eq!(rates.counts(Vec::new(), at(1)).await.unwrap(), []);
}

async fn all_are_counted_or_none<R: RateBuckets>(rates: R) {
    let narrow = Policy { limit: 1, ..HELLO };
    let both = vec![of(HELLO, "ann"), of(narrow, "bob")];
    assert_eq!(rates.take(both.clone(), at(1)).await.unwrap(), Ok(()));
    let over = OverLimit { policy: narrow, resets_in: WINDOW };
    assert_eq!(rates.take(both.clone(), at(1)).await.unwrap(), Err(over));
    let used: Vec<_> = rates.counts(both, at(1)).await.unwrap().iter().map(|count| count.used).collect();
    assert_eq!(used, [1, 1]);
}

async fn many_at_once_do_not_get_past_the_limit<R: RateBuckets>(rates: R) {
    let takes = (0..50).map(|_| rates.take(vec![of(HELLO, "ann")], at(1)));
    let admitted = join_all(takes).await.into_iter().filter(|taken| *taken.as_ref().unwrap() == Ok(())).count();
    assert_eq!(admitted, 5);
}

fn of(policy: Policy, whom: &str) -> Bucket {
    Bucket { policy, key: Digest::of(whom.as_bytes()) }
}

fn second() -> Duration {
    Duration::from_secs(1)
}
