//! What a model holds of a site: shown, never counted.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{Completion, CompletionRequest, Error, Model, Route, TaskRecord};
use serde_json::json;
use shared_types::{Opinion, Verdict};

use crate::world::{FakeModel, World, file, request};

/// A model in every role.
struct WithJudge(FakeModel);

#[async_trait]
impl Model for WithJudge {
    fn serves(&self, _: &str) -> bool {
        true
    }

    async fn complete(&self, request: CompletionRequest) -> Result<Completion, Error> {
        self.0.complete(request).await
    }
}

/// Runs round 1 with a check that nothing decides and a judge that answers by `judge`.
async fn judged(judge: impl Fn(usize) -> Result<String, Error> + Send + Sync + 'static) -> TaskRecord {
    let answer = move |request: &CompletionRequest| match request.alias.as_str() {
        "judge" => judge(request.values["checks"].as_array().unwrap().len()),
        "check-compiler" => Err(Error::stop("no idea")),
        _ => Ok(file(request, "index.html", "<h1>Sales</h1>")),
    };
    let mut world = World::with_model(Some(Arc::new(WithJudge(FakeModel(Box::new(answer))))));
    let mut body = request(1, "n-1");
    body["checks"] = json!(["Repo has an MIT license", "UNREAD: the page is friendly"]);
    let receipt = world.post(Route::Build, body).await.unwrap();
    world.start();
    let task = world.finished(receipt.id).await;
    world.shutdown.cancel();
    task
}

/// An answer of the form asked for: everything passes, but for the first item.
fn verdicts(items: usize) -> String {
    let of = |item| {
        let verdict = if item == 1 { "fail" } else { "pass" };
        json!({ "item": item, "verdict": verdict, "path": "index.html", "quote": "<h1>Sales</h1>", "reason": "r" })
    };
    json!({ "verdicts": (1..=items).map(of).collect::<Vec<_>>() }).to_string()
}

#[tokio::test(start_paused = true)]
async fn opinions_are_shown_and_not_counted() {
    let task = judged(|items| Ok(verdicts(items))).await;
    let report = task.report.unwrap();
    let first = &report.judgements[0];
    assert_eq!((first.item.as_str(), first.opinion), ("UNREAD: the page is friendly", Opinion::Fail));
    assert!(report.judgements[1..].iter().all(|judged| judged.opinion == Opinion::Pass));
    assert_eq!((report.total(), report.count(Verdict::Failed)), (2, 0), "an opinion is no verdict");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_not_judged() {
    for answer in ["I like it.", "{\"verdicts\": []}"] {
        let task = judged(move |_| Ok(answer.to_owned())).await;
        assert!(task.report.unwrap().judgements.is_empty());
        assert!(task.notes.iter().any(|note| note.starts_with("nothing was judged: ")), "{:?}", task.notes);
    }
}
