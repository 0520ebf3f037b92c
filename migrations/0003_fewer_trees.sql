-- Accepting a task changes a page in each tree that it has a row in, and a commit writes each of
-- those pages: so what is kept twice goes.

-- The identity of tasks finds the repositories of an (email, task) as well.
DROP INDEX repos_of_task;

-- The row is its key; it was stored apart from it before.
CREATE TABLE counters (
    key             TEXT    NOT NULL, -- SHA-256 of whom
    scope           TEXT    NOT NULL, -- what is counted, such as 'build'
    bucket          TEXT    NOT NULL, -- by whom, such as 'email'
    window_start_ms INTEGER NOT NULL,
    window_end_ms   INTEGER NOT NULL,
    count           INTEGER NOT NULL,
    PRIMARY KEY (key, scope, bucket)
) STRICT, WITHOUT ROWID;

INSERT INTO counters (key, scope, bucket, window_start_ms, window_end_ms, count)
SELECT key, scope, bucket, window_start_ms, window_end_ms, count FROM rate_buckets;

DROP TABLE rate_buckets;
ALTER TABLE counters RENAME TO rate_buckets;
CREATE INDEX rate_buckets_ended ON rate_buckets (window_end_ms);
