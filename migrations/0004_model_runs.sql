-- Calls that cost money: one row each, written before the call and settled after it.
--
-- Money is in millionths of a US dollar. `counted_micro_usd` is what the caps count: what was
-- reserved while the call runs, what it cost (or an estimate) after it.

CREATE TABLE model_runs (
    run               INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at_ms     INTEGER NOT NULL,
    day               INTEGER NOT NULL, -- of started_at_ms in UTC, from 1970-01-01
    task              TEXT    NOT NULL, -- tasks.id
    trace_id          TEXT    NOT NULL,
    alias             TEXT    NOT NULL,
    model             TEXT    NOT NULL,
    template          TEXT    NOT NULL,
    prompt_hash       TEXT    NOT NULL,
    unit              TEXT    NOT NULL, -- of input and output: tokens, characters, seconds
    status            TEXT    NOT NULL,
    input             INTEGER NOT NULL DEFAULT 0,
    cached_input      INTEGER NOT NULL DEFAULT 0,
    output            INTEGER NOT NULL DEFAULT 0,
    cost_micro_usd    INTEGER,          -- null: not known
    counted_micro_usd INTEGER NOT NULL,
    price_version     TEXT,             -- null: the model has no known price
    latency_ms        INTEGER,
    first_token_ms    INTEGER,
    error             TEXT
) STRICT;

CREATE INDEX model_runs_of_task ON model_runs (task, run);
-- Covers the sums of a day, which every reservation reads.
CREATE INDEX model_runs_of_day ON model_runs (day, task, counted_micro_usd);
CREATE INDEX model_runs_open ON model_runs (run) WHERE status = 'running';
