-- Counters that bound how often something may happen: one row for each (policy, key) that
-- something was counted for in its current or last window. Ended windows are removed by and by.

CREATE TABLE rate_buckets (
    rate_bucket     INTEGER PRIMARY KEY,
    scope           TEXT    NOT NULL, -- what is counted, such as 'build'
    bucket          TEXT    NOT NULL, -- by whom, such as 'email'
    key             TEXT    NOT NULL, -- SHA-256 of whom
    window_start_ms INTEGER NOT NULL,
    window_end_ms   INTEGER NOT NULL,
    count           INTEGER NOT NULL,
    UNIQUE (key, scope, bucket)
) STRICT;

CREATE INDEX rate_buckets_ended ON rate_buckets (window_end_ms);
