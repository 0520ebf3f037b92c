//! What becomes of checks on their way through a flow: readings by a model, checks that cannot hold,
//! checks of earlier rounds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ports::{Completion, CompletionRequest, Error, FinishReason, Model, Route, TaskRecord, Usage};
use serde_json::{Value, json};
use shared_types::{Confidence, Earlier, Oracle, Verdict};

use crate::world::{World, file, request};

/// Answers check-compile with `readings`, pages by `page`; notes every template that is asked for.
struct Scripted {
    readings: Option<String>,
    page: fn(&CompletionRequest) -> &'static str,
    asked: Mutex<Vec<(String, Value)>>,
}

impl Scripted {
    fn new(readings: Option<&str>, page: fn(&CompletionRequest) -> &'static str) -> Arc<Self> {
        Arc::new(Self { readings: readings.map(ToOwned::to_owned), page, asked: Mutex::default() })
    }

    fn count(&self, template: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|(asked, _)| asked == template).count()
    }

    /// The constraints of the last call.
    fn constraints(&self) -> Vec<String> {
        serde_json::from_value(self.asked.lock().unwrap().last().unwrap().1["constraints"].clone()).unwrap()
    }
}

#[async_trait]
impl Model for Scripted {
    fn serves(&self, alias: &str) -> bool {
        alias != "judge"
    }

    async fn complete(&self, request: CompletionRequest) -> Result<Completion, Error> {
        self.asked.lock().unwrap().push((request.template.clone(), request.values.clone()));
        let text = match (request.template.as_str(), &self.readings) {
            ("check-compile", Some(readings)) => readings.clone(),
            ("check-compile", None) => std::future::pending().await,
            _ => file(&request, "index.html", (self.page)(&request)),
        };
        Ok(Completion { text, finish: FinishReason::Complete, model: "fake".to_owned(), usage: Usage::default() })
    }
}

/// Runs rounds, each with these checks beside a brief; gives their records.
async fn rounds(model: &Arc<Scripted>, checks: &[Value]) -> Vec<TaskRecord> {
    let mut world = World::with_model(Some(model.clone()));
    world.start();
    let mut records = Vec::new();
    for (round, checks) in (1..).zip(checks) {
        let mut body = request(round, &format!("n-{round}"));
        body["checks"] = checks.clone();
        let route = if round == 1 { Route::Build } else { Route::Revise };
        let receipt = world.post(route, body).await.unwrap();
        records.push(world.finished(receipt.id).await);
    }
    world.shutdown.cancel();
    records
}

const FIGURE: &str = "UNREAD a figure named total";

#[tokio::test(start_paused = true)]
async fn what_no_rule_reads_a_model_reads_once() {
    let readings = r#"[{"check": 1, "confidence": "certain",
        "oracle": {"kind": "elements", "elements": [{"id": "total"}], "presence": "present"}}]"#;
    let model = Scripted::new(Some(readings), |_| "<p>good</p>");
    let records = rounds(&model, &[json!([FIGURE, "UNREAD pretty"]), json!(["Another check"])]).await;
    let report = records[1].report.clone().unwrap();
    let read = &report.checks[0].check;
    assert!(matches!(read.oracle, Oracle::Elements { .. }), "{read:?}");
    assert_eq!((read.confidence, read.source.as_str()), (Confidence::Likely, FIGURE));
    assert_eq!(report.checks[1].check.oracle, Oracle::Judge);
    let asked = model.asked.lock().unwrap().iter().find(|(name, _)| name == "check-compile").unwrap().1.clone();
    assert_eq!(asked["checks"], json!([FIGURE, "UNREAD pretty"]));
    assert_eq!(asked["attachments"], json!(["data.csv"]));
    let sentence = "Check 1: An element with the id `total` exists in the served page.";
    assert!(model.constraints().contains(&sentence.to_owned()), "{:?}", model.constraints());
}

#[tokio::test(start_paused = true)]
async fn a_model_that_reads_nothing_costs_little_and_changes_nothing() {
    for (readings, words) in [
        (Some("Certainly! The first check is about an element."), "not of the form asked for"),
        (Some("[{\"check\": 1}]"), "not of the form asked for"),
        (None, "no answer within 18 s"),
    ] {
        let model = Scripted::new(readings, |_| "<p>good</p>");
        let began = tokio::time::Instant::now();
        let records = rounds(&model, &[json!([FIGURE])]).await;
        assert!(began.elapsed() < Duration::from_secs(60));
        assert_eq!(records[0].report.as_ref().unwrap().checks[0].check.oracle, Oracle::Judge);
        assert!(records[0].notes.iter().any(|note| note.contains(words)), "{:?}", records[0].notes);
    }
    let model = Scripted::new(Some("[]"), |_| "<p>good</p>");
    rounds(&model, &[json!(["A check with a reading"])]).await;
    assert_eq!(model.count("check-compile"), 0, "nothing was left over");
}

/// The attached data.csv adds up to 1.5.
const TOO_MUCH: &str = "Math.abs(parseFloat(document.getElementById('total-sales').textContent) - 15000) < 0.005";

#[tokio::test(start_paused = true)]
async fn what_cannot_hold_is_said_and_never_repaired() {
    let model = Scripted::new(None, |_| "<p>good</p>");
    let records = rounds(&model, &[json!([{ "js": TOO_MUCH }, "Repo has an MIT license"])]).await;
    let results = &records[0].report.as_ref().unwrap().checks;
    assert_eq!([results[0].verdict, results[1].verdict], [Verdict::Unsatisfiable, Verdict::Passed]);
    let reason = results[0].check.unsatisfiable.as_deref().unwrap();
    assert_eq!(reason, "the column sales of data.csv adds up to 1.5, not 15000");
    assert_eq!(model.count("repair"), 0);
    assert!(model.constraints()[0].contains("cannot hold (the column sales"), "{:?}", model.constraints());
}

#[tokio::test(start_paused = true)]
async fn an_earlier_check_that_passed_must_go_on_passing() {
    let model = Scripted::new(None, |request| match request.template.as_str() {
        "revise" => "<p>BREAKS The first holds</p>",
        _ => "<p>good</p>",
    });
    let records = rounds(&model, &[json!(["The first holds"]), json!(["The second holds"])]).await;
    assert_eq!(model.count("repair"), 1, "a regression is repaired");
    let report = records[1].report.as_ref().unwrap();
    let earlier: Vec<_> = report.checks.iter().map(|result| (result.verdict, result.check.earlier)).collect();
    assert_eq!(earlier, [(Verdict::Passed, Some(Earlier::Passed)), (Verdict::Passed, None)]);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_check_that_never_passed_holds_nothing_up() {
    let model = Scripted::new(None, |_| "<p>BREAKS The first holds</p>");
    let records = rounds(&model, &[json!(["The first holds", "So does this"]), json!(["The second holds"])]).await;
    let before = model.count("repair");
    assert!(before >= 1, "in its own round it is repaired");
    let result = &records[1].report.as_ref().unwrap().checks[0];
    assert_eq!((result.verdict, result.check.earlier), (Verdict::Failed, Some(Earlier::NotPassed)));
    assert!(!result.is_blocking() && !result.is_regression());
    let after_revise = model
        .asked
        .lock()
        .unwrap()
        .iter()
        .skip_while(|(name, _)| name != "revise")
        .filter(|(name, _)| name == "repair")
        .count();
    assert_eq!(after_revise, 0);
}
