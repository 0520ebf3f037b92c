//! The SQLite ledger: tasks, journal, outbox, blobs, migrations.
