//! What a ledger of calls does.

use std::time::Duration;

use futures::future::join_all;
use shared_types::http::{ModelRunTotals, RunStatus, RunUnit};
use shared_types::{TaskId, TraceId};

use super::given::{accepted, at, request};
use super::run_cases;
use crate::{Ledger, NewRun, OverCap, RunEnd, RunId, RunLedger, RunPage, RunReader, SpendCap, SpendCaps};

/// Runs the cases of [`RunLedger`] and [`RunReader`].
pub async fn model_runs<L: Ledger + RunLedger + RunReader>(make: impl AsyncFn() -> L) {
    run_cases!(make:
        a_call_is_one_row_from_its_beginning_to_its_end,
        the_first_end_counts,
        rows_are_read_page_by_page,
        totals_are_the_sums_of_the_rows,
        a_cap_has_room_or_the_row_says_that_it_has_none,
        what_is_settled_gives_room_back,
        a_student_has_one_cap_a_day_over_all_tasks,
        many_at_once_do_not_get_past_a_cap,
        a_call_that_was_cut_off_stays_counted,
        other_units_are_rows_like_tokens,
    );
}

const NO_CAPS: SpendCaps = SpendCaps { per_task: None, per_student_day: None, per_day: None };
const DAY: u64 = 86_400;

async fn a_call_is_one_row_from_its_beginning_to_its_end<L: Ledger + RunLedger + RunReader>(ledger: L) {
    let id = begun(&ledger, run(1, 0, 500)).await;
    let row = all(&ledger).await.remove(0);
    assert_eq!((row.id, row.status, row.counted_micro_usd), (id.0, RunStatus::Running, 500));
    assert_eq!((row.alias.as_str(), row.model.as_str(), row.template.as_str()), ("app-generator", "m-1", "app"));
    assert_eq!((row.started_at, row.task, row.trace_id.clone()), (at(0), task(1), TraceId::from_random(1)));
    assert_eq!((row.cost_micro_usd, row.latency_ms, row.first_token_ms), (None, None, None));

    ledger.settle(id, end(RunStatus::Ok, 70)).await.unwrap();
    let row = all(&ledger).await.remove(0);
    assert_eq!((row.status, row.cost_micro_usd, row.counted_micro_usd), (RunStatus::Ok, Some(70), 70));
    assert_eq!((row.input, row.cached_input, row.output), (30, 10, 20));
    assert_eq!((row.latency_ms, row.first_token_ms), (Some(1500), Some(300)));
    assert_eq!((row.price_version.as_deref(), row.error), (Some("p-1"), None));
}

async fn the_first_end_counts<L: Ledger + RunLedger + RunReader>(ledger: L) {
    let id = begun(&ledger, run(1, 0, 500)).await;
    ledger.settle(id, end(RunStatus::Cancelled, 1)).await.unwrap();
    ledger.settle(id, end(RunStatus::Ok, 2)).await.unwrap();
    ledger.settle(RunId(99), end(RunStatus::Ok, 3)).await.unwrap();
    let rows = all(&ledger).await;
    assert_eq!((rows.len(), rows[0].status, rows[0].counted_micro_usd), (1, RunStatus::Cancelled, 1));
}

async fn rows_are_read_page_by_page<L: Ledger + RunLedger + RunReader>(ledger: L) {
    for n in [1, 2, 1, 2, 1] {
        begun(&ledger, run(n, 0, 1)).await;
    }
    let ids = async |task, before, limit| {
        let rows = ledger.runs(RunPage { task, before, limit }).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, None, 2).await, [5, 4]);
    assert_eq!(ids(None, Some(RunId(4)), 2).await, [3, 2]);
    assert_eq!(ids(None, Some(RunId(2)), 2).await, [1]);
    assert_eq!(ids(Some(task(1)), None, 2).await, [5, 3]);
    assert_eq!(ids(Some(task(1)), Some(RunId(3)), 2).await, [1]);
    assert_eq!(ids(Some(task(9)), None, 2).await, [0; 0]);
}

async fn totals_are_the_sums_of_the_rows<L: Ledger + RunLedger + RunReader>(ledger: L) {
    assert_eq!(ledger.run_totals(None).await.unwrap(), ModelRunTotals::default());
    for n in [1, 2, 1] {
        let id = begun(&ledger, run(n, 0, 500)).await;
        ledger.settle(id, end(RunStatus::Ok, 70 * n)).await.unwrap();
    }
    let id = begun(&ledger, run(1, 0, 500)).await;
    ledger.settle(id, RunEnd { cost_micro_usd: None, ..end(RunStatus::Timeout, 9) }).await.unwrap();
    begun(&ledger, run(1, 0, 500)).await;

    let rows = all(&ledger).await;
    let sums = rows.iter().fold(ModelRunTotals::default(), ModelRunTotals::plus);
    assert_eq!(ledger.run_totals(None).await.unwrap(), sums);
    assert_eq!((sums.runs, sums.cost_micro_usd, sums.unknown_costs, sums.counted_micro_usd), (5, 280, 2, 789));
    assert_eq!((sums.input_tokens, sums.cached_input_tokens, sums.output_tokens), (120, 40, 80));
    let of_two = ledger.run_totals(Some(task(2))).await.unwrap();
    assert_eq!((of_two.runs, of_two.cost_micro_usd), (1, 140));
}

async fn a_cap_has_room_or_the_row_says_that_it_has_none<L: Ledger + RunLedger + RunReader>(ledger: L) {
    accepted(&ledger, request(1, "ann", 1)).await;
    accepted(&ledger, request(2, "ben", 1)).await;
    let caps = SpendCaps { per_task: Some(100), per_student_day: Some(1000), per_day: Some(150) };
    ledger.begin(run(1, 0, 100), caps).await.unwrap().unwrap();
    let over = |cap, limit, counted, asked| {
        Err(OverCap { cap, limit_micro_usd: limit, counted_micro_usd: counted, asked_micro_usd: asked })
    };
    assert_eq!(ledger.begin(run(1, 0, 1), caps).await.unwrap(), over(SpendCap::Task, 100, 100, 1));
    assert_eq!(ledger.begin(run(2, 0, 51), caps).await.unwrap(), over(SpendCap::Day, 150, 100, 51));
    ledger.begin(run(2, 0, 50), caps).await.unwrap().unwrap();
    // Another day, another cap; the task's own goes on.
    ledger.begin(run(2, DAY, 50), caps).await.unwrap().unwrap();
    assert_eq!(ledger.begin(run(1, DAY, 1), caps).await.unwrap(), over(SpendCap::Task, 100, 100, 1));

    let refused: Vec<_> = all(&ledger).await.into_iter().filter(|row| row.status == RunStatus::OverQuota).collect();
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|row| (row.counted_micro_usd, row.cost_micro_usd) == (0, Some(0))));
    assert!(refused[1].error.as_ref().unwrap().starts_with("over_quota: the cap per day of 150"), "{refused:?}");
}

async fn what_is_settled_gives_room_back<L: Ledger + RunLedger + RunReader>(ledger: L) {
    let caps = SpendCaps { per_task: Some(100), ..NO_CAPS };
    let id = ledger.begin(run(1, 0, 100), caps).await.unwrap().unwrap();
    assert!(ledger.begin(run(1, 0, 30), caps).await.unwrap().is_err());
    ledger.settle(id, end(RunStatus::Ok, 70)).await.unwrap();
    assert!(ledger.begin(run(1, 0, 31), caps).await.unwrap().is_err());
    assert!(ledger.begin(run(1, 0, 30), caps).await.unwrap().is_ok());
}

async fn a_student_has_one_cap_a_day_over_all_tasks<L: Ledger + RunLedger + RunReader>(ledger: L) {
    for (n, who) in [(1, "ann"), (2, "ann"), (3, "ben")] {
        accepted(&ledger, request(n, who, 1)).await;
    }
    let caps = SpendCaps { per_student_day: Some(100), ..NO_CAPS };
    let cap_of = async |n, second, micro_usd| {
        ledger.begin(run(n, second, micro_usd), caps).await.unwrap().err().map(|over| over.cap)
    };
    assert_eq!(cap_of(1, 0, 60).await, None);
    assert_eq!(cap_of(2, 0, 60).await, Some(SpendCap::StudentDay));
    assert_eq!(cap_of(3, 0, 60).await, None);
    assert_eq!(cap_of(2, 0, 40).await, None);
    assert_eq!(cap_of(2, DAY, 60).await, None);
}

async fn many_at_once_do_not_get_past_a_cap<L: Ledger + RunLedger + RunReader>(ledger: L) {
    let caps = SpendCaps { per_day: Some(50), ..NO_CAPS };
    let begun = join_all((0..40).map(|_| ledger.begin(run(1, 0, 10), caps))).await;
    assert_eq!(begun.into_iter().filter(|begun| begun.as_ref().unwrap().is_ok()).count(), 5);
    assert_eq!(ledger.run_totals(None).await.unwrap().counted_micro_usd, 50);
}

async fn a_call_that_was_cut_off_stays_counted<L: Ledger + RunLedger + RunReader>(ledger: L) {
    begun(&ledger, run(1, 0, 500)).await;
    let ended = begun(&ledger, run(1, 0, 500)).await;
    ledger.settle(ended, end(RunStatus::Ok, 70)).await.unwrap();
    assert_eq!(ledger.close_interrupted().await.unwrap(), 1);
    assert_eq!(ledger.close_interrupted().await.unwrap(), 0);
    let rows = all(&ledger).await;
    assert_eq!(
        (rows[1].status, rows[1].counted_micro_usd, rows[1].cost_micro_usd),
        (RunStatus::Interrupted, 500, None)
    );
    assert_eq!(rows[0].status, RunStatus::Ok);
}

/// A provider of speech counts characters: the same row, and no tokens in the sums.
async fn other_units_are_rows_like_tokens<L: Ledger + RunLedger + RunReader>(ledger: L) {
    let speech = NewRun { alias: "narrator".to_owned(), unit: RunUnit::Characters, ..run(1, 0, 90) };
    let id = begun(&ledger, speech).await;
    ledger.settle(id, RunEnd { input: 400, output: 0, ..end(RunStatus::Ok, 60) }).await.unwrap();
    let row = all(&ledger).await.remove(0);
    assert_eq!((row.unit, row.input, row.cost_micro_usd), (RunUnit::Characters, 400, Some(60)));
    let totals = ledger.run_totals(None).await.unwrap();
    assert_eq!((totals.runs, totals.input_tokens, totals.cost_micro_usd), (1, 0, 60));
}

fn task(n: u64) -> TaskId {
    request(n, "any", 1).id
}

/// A call for the request `n`, `second` seconds after the beginning.
fn run(n: u64, second: u64, reserve_micro_usd: u64) -> NewRun {
    NewRun {
        started_at: at(second),
        task: task(n),
        trace_id: TraceId::from_random(u128::from(n)),
        alias: "app-generator".to_owned(),
        model: "m-1".to_owned(),
        template: "app".to_owned(),
        prompt_hash: "9f86".to_owned(),
        unit: RunUnit::Tokens,
        reserve_micro_usd,
    }
}

fn end(status: RunStatus, micro_usd: u64) -> RunEnd {
    RunEnd {
        status,
        input: 30,
        cached_input: 10,
        output: 20,
        cost_micro_usd: Some(micro_usd),
        counted_micro_usd: micro_usd,
        price_version: Some("p-1".to_owned()),
        latency: Duration::from_millis(1500),
        first_token: Some(Duration::from_millis(300)),
        error: None,
    }
}

async fn begun<L: RunLedger>(ledger: &L, run: NewRun) -> RunId {
    ledger.begin(run, NO_CAPS).await.unwrap().unwrap()
}

/// Every row, newest first.
async fn all<L: RunReader>(ledger: &L) -> Vec<shared_types::http::ModelRun> {
    ledger.runs(RunPage { task: None, before: None, limit: 1000 }).await.unwrap()
}
