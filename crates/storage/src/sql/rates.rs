//! Counters within windows of time.

use std::time::Duration;

use ports::{Bucket, Count, OverLimit};
use rusqlite::{Connection, OptionalExtension, named_params};
use shared_types::Timestamp;

/// Ended windows removed for each one that begins: the table shrinks faster than it grows.
const REMOVED_AT_ONCE: u32 = 4;

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
    for bucket in buckets {
        if let Err(over) = bucket.admits_one_more(count(connection, bucket, now)?) {
            return Ok(Err(over));
        }
    }
    Ok(Ok(()))
}

/// Counts one in each of `buckets`, whether or not it is full.
pub(crate) fn add(connection: &Connection, buckets: &[Bucket], now: Timestamp) -> rusqlite::Result<()> {
    for bucket in buckets {
        // A running window is the common case, and leaves every index as it is.
        let mut update = connection.prepare_cached(
            "UPDATE rate_buckets SET count = count + 1
             WHERE key = ?1 AND scope = ?2 AND bucket = ?3 AND window_end_ms > ?4",
        )?;
        let policy = bucket.policy;
        if update.execute((bucket.key.as_str(), policy.scope, policy.bucket, now.unix_ms()))? == 0 {
            begin_window(connection, bucket, now)?;
        }
    }
    Ok(())
}

fn begin_window(connection: &Connection, bucket: &Bucket, now: Timestamp) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO rate_buckets (scope, bucket, key, window_start_ms, window_end_ms, count)
         VALUES (:scope, :bucket, :key, :start, :end, 1)
         ON CONFLICT (key, scope, bucket) DO UPDATE SET
             window_start_ms = excluded.window_start_ms, window_end_ms = excluded.window_end_ms, count = 1",
    )?;
    upsert.execute(named_params! {
        ":scope": bucket.policy.scope,
        ":bucket": bucket.policy.bucket,
        ":key": bucket.key.as_str(),
        ":start": now.unix_ms(),
        ":end": now.plus(bucket.policy.window).unix_ms(),
    })?;
    let mut remove = connection.prepare_cached(
        "DELETE FROM rate_buckets WHERE rate_bucket IN
             (SELECT rate_bucket FROM rate_buckets WHERE window_end_ms <= ?1 LIMIT ?2)",
    )?;
    remove.execute((now.unix_ms(), REMOVED_AT_ONCE)).map(|_| ())
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
