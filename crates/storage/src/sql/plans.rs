//! What a claim costs: by the plans that SQLite makes for its statements, and by the steps that they take however many
//! flows wait.

use rusqlite::{Connection, StatementStatus};

use super::flows::{TAKE, WAKE};
use crate::migrate;

/// A ledger in which `running` flows run, `delayed` ones wait for their time, and `waiting` ones may run.
fn ledger(running: u32, delayed: u32, waiting: u32) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection, migrate::MIGRATIONS).unwrap();
    // Only the queue is looked at: its tasks need not be there.
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let insert = |count: u32, from: u32, state: &str, not_before_ms: i64| {
        let sql = format!(
            "WITH RECURSIVE n (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM n WHERE n + 1 < {from} + {count})
             INSERT INTO flows (ord, repo, state, is_head, not_before_ms, lease_until_ms)
             SELECT n, n, '{state}', 1, {not_before_ms}, 9000 FROM n WHERE {count} > 0"
        );
        connection.execute_batch(&sql).unwrap();
    };
    insert(running, 1, "running", 0);
    insert(delayed, 1_000_000, "queued", 5000);
    insert(waiting, 2_000_000, "queued", 0);
    connection
}

#[test]
fn each_statement_of_a_claim_goes_by_an_index() {
    let connection = ledger(1, 1, 1);
    let wanted = [(TAKE, "flows_ready"), (WAKE[0], "flows_delayed"), (WAKE[1], "flows_leased")];
    for (sql, index) in wanted {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = explain.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get::<_, String>("detail").unwrap());
        }
        assert!(plan.iter().any(|line| line.contains(index)), "{sql}: {plan:?}");
        let whole = plan.iter().find(|line| line.starts_with("SCAN") && !line.contains("INDEX"));
        assert_eq!(whole, None, "{sql} reads a whole table: {plan:?}");
    }
}

/// SQLite's own steps, which are the same on every machine.
#[test]
fn a_claim_takes_the_same_steps_however_many_flows_wait() {
    let steps = |waiting: u32| {
        let connection = ledger(8, waiting, waiting);
        let mut sum = 0;
        for sql in WAKE {
            let mut statement = connection.prepare(sql).unwrap();
            assert_eq!(statement.execute([4000]).unwrap(), 0);
            sum += statement.get_status(StatementStatus::VmStep);
        }
        let mut take = connection.prepare(TAKE).unwrap();
        let taken: i64 = take.query_row(("worker", 9000), |row| row.get("ord")).unwrap();
        assert_eq!(taken, 2_000_000);
        sum + take.get_status(StatementStatus::VmStep)
    };
    let few = steps(10);
    assert!(few > 0, "nothing was counted");
    for waiting in [1000, 100_000] {
        assert_eq!(steps(waiting), few, "{waiting} waiting flows");
    }
}
