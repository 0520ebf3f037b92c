//! Counters within windows of time.

use std::time::Duration;

use ports::{Bucket, Count, OverLimit};
use rusqlite::{Connection, OptionalExtension, named_params};
use shared_types::Timestamp;

/// Rows that are looked at when something is counted, to remove those whose window has ended: more than are added, so
/// that ended ones stay a small part of the table.
const LOOKED_AT: u32 = 8;

/// How full each of `buckets` is.
pub(crate) fn counts(connection: &Connection, buckets: &[Bucket], now: Timestamp) -> rusqlite::Result<Vec<Count>> {
    buckets.iter().map(|bucket| count(connection, bucket, now)).collect()
}

/// The first of `buckets` that is full.
pub(crate) fn full(
    connection: &Connection,
    buckets: &[Bucket],
    now: Timestamp,
) -> rusqlite::Result<Result<(), OverLimit>> {
    for bucket in buckets.iter().filter(|bucket| is_limited(bucket)) {
        if let Err(over) = bucket.admits_one_more(count(connection, bucket, now)?) {
            return Ok(Err(over));
        }
    }
    Ok(Ok(()))
}

/// Counts one in each of `buckets`, whether or not it is full. What has no limit is not counted on while its window
/// runs: that there is a row says all.
pub(crate) fn add(connection: &Connection, buckets: &[Bucket], now: Timestamp) -> rusqlite::Result<()> {
    for bucket in buckets {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO rate_buckets (scope, bucket, key, window_start_ms, window_end_ms, count)
             VALUES (:scope, :bucket, :key, :now, :end, 1)
             ON CONFLICT (key, scope, bucket) DO UPDATE SET
                 count = iif(window_end_ms > :now, count + 1, 1),
                 window_start_ms = iif(window_end_ms > :now, window_start_ms, :now),
                 window_end_ms = iif(window_end_ms > :now, window_end_ms, :end)
             WHERE :limited OR window_end_ms <= :now",
        )?;
        upsert.execute(named_params! {
            ":scope": bucket.policy.scope,
            ":bucket": bucket.policy.bucket,
            ":key": bucket.key.as_str(),
            ":now": now.unix_ms(),
            ":end": now.plus(bucket.policy.window).unix_ms(),
            ":limited": is_limited(bucket),
        })?;
    }
    buckets.last().map_or(Ok(()), |bucket| clean(connection, bucket, now))
}

fn is_limited(bucket: &Bucket) -> bool {
    bucket.policy.limit < u32::MAX
}

/// Removes ended windows among the rows that follow this one. Keys are digests, so they are anybody's; they stand on the
/// page that was written anyway, and no index need be kept to find them.
fn clean(connection: &Connection, beside: &Bucket, now: Timestamp) -> rusqlite::Result<()> {
    let mut remove = connection.prepare_cached(
        "DELETE FROM rate_buckets WHERE window_end_ms <= ?1 AND (key, scope, bucket) IN
             (SELECT key, scope, bucket FROM rate_buckets WHERE key > ?2 ORDER BY key LIMIT ?3)",
    )?;
    remove.execute((now.unix_ms(), beside.key.as_str(), LOOKED_AT)).map(|_| ())
}

/// Until when each scope has a window that runs, by its last one.
pub(crate) fn last_windows(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let mut select = connection.prepare("SELECT scope, max(window_end_ms) FROM rate_buckets GROUP BY scope")?;
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn count(connection: &Connection, bucket: &Bucket, now: Timestamp) -> rusqlite::Result<Count> {
    let mut select = connection.prepare_cached(
        "SELECT count, window_end_ms FROM rate_buckets
         WHERE key = ?1 AND scope = ?2 AND bucket = ?3 AND window_end_ms > ?4",
    )?;
    let policy = bucket.policy;
    let found = select
        .query_row((bucket.key.as_str(), policy.scope, policy.bucket, now.unix_ms()), |row| {
            let left_ms = row.get::<_, i64>("window_end_ms")?.saturating_sub(now.unix_ms());
            let resets_in = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
            Ok(Count { used: row.get("count")?, resets_in })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ports::Policy;
    use shared_types::Digest;

    use super::*;
    use crate::migrate::{MIGRATIONS, migrate};

    const HOUR: Duration = Duration::from_secs(3600);

    /// A table that grows with every stranger would fill the disk: counting removes about as many windows as it adds.
    #[test]
    fn ended_windows_go_as_others_are_counted() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, MIGRATIONS).unwrap();
        let policy = Policy { scope: "hello", bucket: "client", limit: 5, window: HOUR };
        let by = |who: String| Bucket { policy, key: Digest::of(who.as_bytes()) };
        let began = Timestamp::from_unix_ms(0);
        let later = began.plus(2 * HOUR);
        for n in 0..200 {
            add(&connection, &[by(format!("earlier-{n}"))], began).unwrap();
        }
        for n in 0..200 {
            add(&connection, &[by(format!("later-{n}"))], later).unwrap();
        }
        let rows = |ends: &str| -> u32 {
            let count = format!("SELECT count(*) FROM rate_buckets WHERE window_end_ms {ends} {}", later.unix_ms());
            connection.query_row(&count, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(rows(">"), 200);
        assert!(rows("<=") < 20, "{} ended windows are left", rows("<="));
    }
}
