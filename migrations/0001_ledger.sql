-- The ledger: accepted tasks, their flows, the journal, the events.
--
-- Times are milliseconds since the Unix epoch. `ord` is the order of acceptance. What never
-- changes (a brief may have a megabyte) and what changes often are two tables, because SQLite
-- rewrites a whole row for each change of it.

CREATE TABLE repos (
    repo  INTEGER PRIMARY KEY AUTOINCREMENT,
    name  TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    task  TEXT NOT NULL
) STRICT;

-- Later rounds look for the newest repository of an (email, task).
CREATE INDEX repos_of_task ON repos (email, task, repo);

CREATE TABLE tasks (
    ord            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT    NOT NULL UNIQUE,
    trace_id       TEXT    NOT NULL,
    email          TEXT    NOT NULL,
    task           TEXT    NOT NULL,
    round          INTEGER NOT NULL,
    nonce          TEXT    NOT NULL,
    fingerprint    TEXT    NOT NULL,
    brief          TEXT    NOT NULL,
    checks         TEXT    NOT NULL, -- JSON, as they came
    evaluation_url TEXT    NOT NULL,
    attachments    TEXT    NOT NULL, -- JSON; the bytes are blobs
    repo           INTEGER NOT NULL REFERENCES repos (repo),
    repo_known     INTEGER NOT NULL, -- an earlier request belongs to the same repository
    accepted_at_ms INTEGER NOT NULL,
    deadline_at_ms INTEGER NOT NULL,
    UNIQUE (email, task, round, nonce)
) STRICT;

CREATE INDEX tasks_of_repo ON tasks (repo, ord);

-- One flow a task. `is_head` marks the earliest unfinished flow of a repository: it alone may
-- run, so rounds run in order of acceptance. `not_before_ms` 0 means that nothing is waited for.
CREATE TABLE flows (
    ord            INTEGER PRIMARY KEY REFERENCES tasks (ord),
    repo           INTEGER NOT NULL REFERENCES repos (repo),
    state          TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'finished')),
    is_head        INTEGER NOT NULL CHECK (is_head IN (0, 1)),
    epoch          INTEGER NOT NULL DEFAULT 0,
    worker         TEXT,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    not_before_ms  INTEGER NOT NULL DEFAULT 0,
    outcome        TEXT,
    finished_at_ms INTEGER,
    CHECK (state <> 'running' OR is_head = 1),
    CHECK ((state = 'finished') = (outcome IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX flows_one_running ON flows (repo) WHERE state = 'running';
CREATE UNIQUE INDEX flows_one_head ON flows (repo) WHERE is_head = 1;
-- Claiming reads the first entry, however many flows wait.
CREATE INDEX flows_ready ON flows (ord) WHERE state = 'queued' AND is_head = 1 AND not_before_ms = 0;
CREATE INDEX flows_delayed ON flows (not_before_ms) WHERE state = 'queued' AND not_before_ms > 0;
CREATE INDEX flows_leased ON flows (lease_until_ms) WHERE state = 'running';
CREATE INDEX flows_waiting ON flows (repo, ord) WHERE state = 'queued';

-- What is known of a task's site. A row is made with the first thing known.
CREATE TABLE sites (
    ord        INTEGER PRIMARY KEY REFERENCES tasks (ord),
    report     TEXT,                       -- JSON, the latest
    repo_url   TEXT,
    commit_sha TEXT,
    pages_url  TEXT,
    notes      TEXT NOT NULL DEFAULT '[]'  -- JSON, a list of texts
) STRICT;

-- The journal. The first record of a step stays.
CREATE TABLE steps (
    position       INTEGER PRIMARY KEY AUTOINCREMENT,
    ord            INTEGER NOT NULL REFERENCES tasks (ord),
    step           TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,
    summary        TEXT    NOT NULL,
    started_at_ms  INTEGER NOT NULL,
    finished_at_ms INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    UNIQUE (ord, step)
) STRICT;

-- Append-only: the live stream, the outbox and the attempts to notify are read from here.
CREATE TABLE events (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    ord      INTEGER NOT NULL REFERENCES tasks (ord),
    kind     TEXT    NOT NULL,
    envelope BLOB    NOT NULL -- protobuf sitewright.events.v1.Envelope, its seq unset
) STRICT;

CREATE INDEX events_of_task ON events (ord, seq);

-- How far each reader of the outbox has come.
CREATE TABLE cursors (
    reader TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The exact bytes that the evaluator was or shall be sent.
CREATE TABLE notifications (
    ord  INTEGER PRIMARY KEY REFERENCES tasks (ord),
    body BLOB NOT NULL
) STRICT;

-- One row that the health check counts up, to see that writing works.
CREATE TABLE probes (
    probe INTEGER PRIMARY KEY CHECK (probe = 1),
    count INTEGER NOT NULL
) STRICT;
