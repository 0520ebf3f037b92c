//! Each call is a row, whatever becomes of it, and the rows are what is spent.

use std::time::Duration;

use llm::Options;
use ports::{Model as _, RunReader as _, SpendCaps, Verdict};
use shared_types::http::{ModelRunTotals, RunStatus};
use shared_types::{TaskId, TraceId};

use crate::fake::{self, Fake, answer, refusal};
use crate::{PATIENCE, chained, options, request, rows, with_ledger};

#[tokio::test]
async fn an_answer_is_a_row_with_its_tokens_and_its_cost() {
    let fake = Fake::start([answer("the text", "stop")]);
    let (gateway, ledger) = with_ledger(options(&fake));
    gateway.complete(request("Make a page")).await.unwrap();
    let row = rows(&ledger).await.remove(0);
    assert_eq!(
        (row.alias.as_str(), row.model.as_str(), row.template.as_str()),
        ("app-generator", "vendor/model-1", "app")
    );
    assert_eq!((row.task, row.trace_id.clone()), (TaskId::from_parts(1, 1), TraceId::from_random(1)));
    assert_eq!((row.status, row.input, row.cached_input, row.output), (RunStatus::Ok, 120, 100, 34));
    // 20 fresh tokens, 100 at a tenth, 34 at five.
    assert_eq!((row.cost_micro_usd, row.counted_micro_usd), (Some(200), 200));
    assert_eq!((row.price_version.as_deref(), row.prompt_hash.len()), (Some("test-1"), 64));
    assert!(row.first_token_ms <= row.latency_ms && row.first_token_ms.is_some(), "{row:?}");
}

#[tokio::test]
async fn a_prompt_is_known_again_whatever_its_boundary() {
    let fake = Fake::start([answer("x", "stop")]);
    let (gateway, ledger) = with_ledger(options(&fake));
    for (brief, boundary) in [("one", "0011223344556677"), ("one", "8899aabbccddeeff"), ("two", "0011223344556677")] {
        let mut request = request(brief);
        request.values["boundary"] = boundary.into();
        gateway.complete(request).await.unwrap();
    }
    let hashes: Vec<_> = rows(&ledger).await.into_iter().map(|row| row.prompt_hash).collect();
    assert!(hashes[0] == hashes[1] && hashes[1] != hashes[2], "{hashes:?}");
}

#[tokio::test]
async fn failures_are_rows_as_well() {
    let quota = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    for (reply, status, cost) in [
        (refusal(429, "{}"), RunStatus::Error, Some(0)),
        (refusal(429, quota), RunStatus::Error, Some(0)),
        (refusal(503, "{}"), RunStatus::Error, Some(0)),
        (answer("half", "length"), RunStatus::Truncated, Some(200)),
        (answer("never", "content_filter"), RunStatus::Refused, None),
        (fake::stall(), RunStatus::Timeout, None),
        (fake::begins("A beginning of some length"), RunStatus::Timeout, None),
    ] {
        let fake = Fake::start([reply.clone()]);
        let (gateway, ledger) = with_ledger(options(&fake));
        let call = ports::CompletionRequest { timeout: Duration::from_millis(300), ..request("x") };
        let failed = gateway.complete(call).await.is_err();
        let rows = rows(&ledger).await;
        assert_eq!((rows.len(), rows[0].status, rows[0].cost_micro_usd), (1, status, cost), "{reply:?} {rows:?}");
        assert_eq!(rows[0].error.is_some(), failed, "{rows:?}");
        // What may have been billed counts, though its cost is not known.
        assert_eq!(rows[0].counted_micro_usd > 0, cost != Some(0), "{rows:?}");
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_settled() {
    let fake = Fake::start([fake::begins("A beginning")]);
    let (gateway, ledger) = with_ledger(options(&fake));
    {
        let mut call = std::pin::pin!(gateway.complete(request("x")));
        let begun = async {
            while fake.calls().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut call => panic!("it never ends"),
            () = begun => {}
        }
    }
    let settled = async {
        while rows(&ledger).await[0].status == RunStatus::Running {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.unwrap();
    let row = rows(&ledger).await.remove(0);
    assert_eq!((row.status, row.cost_micro_usd), (RunStatus::Cancelled, None));
    assert!(row.counted_micro_usd > 0 && row.counted_micro_usd < 20_000, "{row:?}");
}

#[tokio::test]
async fn a_model_without_a_price_has_no_cost_and_counts_at_the_dearest() {
    let fake = Fake::start([answer("x", "stop")]);
    let (gateway, ledger) = with_ledger(chained(&fake, &["stranger"]));
    gateway.complete(request("x")).await.unwrap();
    let row = rows(&ledger).await.remove(0);
    assert_eq!((row.cost_micro_usd, row.counted_micro_usd, row.price_version), (None, 200, None));
}

#[tokio::test]
async fn a_cap_stops_calls_before_they_are_made() {
    let fake = Fake::start([answer("x", "stop")]);
    let caps = |micro_usd| SpendCaps { per_task: Some(micro_usd), ..SpendCaps::default() };
    // 16,384 tokens of an answer at five, and some prompt: a call may cost that much.
    let (gateway, ledger) = with_ledger(Options { caps: caps(100_000), ..options(&fake) });
    gateway.complete(request("x")).await.unwrap();
    gateway.complete(request("x")).await.unwrap();
    let (gateway, poor) = with_ledger(Options { caps: caps(80_000), ..options(&fake) });
    let error = gateway.complete(request("x")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp);
    let chain = ports::ErrorChain(&error).to_string();
    assert!(chain.starts_with("ask app-generator: over_quota: the cap per task of 80000 micro-USD"), "{chain}");

    assert_eq!(fake.calls().len(), 2);
    assert_eq!(ledger.run_totals(None).await.unwrap().counted_micro_usd, 400);
    let row = rows(&poor).await.remove(0);
    assert_eq!((row.status, row.cost_micro_usd, row.counted_micro_usd), (RunStatus::OverQuota, Some(0), 0));
}

#[tokio::test]
async fn the_rows_come_to_the_totals_and_to_what_the_service_served() {
    let fake = Fake::start([answer("x", "stop"), refusal(503, "{}"), answer("y", "length"), answer("z", "stop")]);
    let (gateway, ledger) = with_ledger(options(&fake));
    let mut served = 0;
    for _ in 0..4 {
        served += u64::from(gateway.complete(request("x")).await.is_ok());
    }
    let rows = rows(&ledger).await;
    let sums = rows.iter().fold(ModelRunTotals::default(), ModelRunTotals::plus);
    assert_eq!(ledger.run_totals(None).await.unwrap(), sums);
    assert_eq!((sums.runs, fake.calls().len()), (4, 4));
    assert_eq!((sums.input_tokens, sums.output_tokens), (served * 120, served * 34));
    assert_eq!(sums.cost_micro_usd, served * 200);
}
