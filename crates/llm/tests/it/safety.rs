//! What does not leave, and what is not asked for.

use std::sync::Mutex;

use llm::{Moderation, Options};
use ports::{Model as _, Objection, Progress, Verdict, Watch};
use serde_json::json;
use shared_types::Digest;
use shared_types::http::RunStatus;

use crate::fake::{Fake, answer};
use crate::{gateway, options, request, rows, with_ledger};

#[tokio::test]
async fn no_address_leaves_and_the_answer_has_it_again() {
    let fake = Fake::start([answer("<a href=\"mailto:person-1@redacted.invalid\">Write</a>", "stop")]);
    let mut request = request("The contact is ann@example.com.");
    request.values["checks"] = json!(["js: document.querySelector('a[href=\"mailto:ann@example.com\"]')"]);
    request.values["files"] = json!([{"path": "b.js", "lines": 1, "shown": "", "text": "let to = 'ben@example.org'"}]);
    let completion = gateway(options(&fake)).complete(request).await.unwrap();
    let sent = fake.only_call().body.to_string();
    assert!(!sent.contains("ann@example.com") && !sent.contains("ben@example.org"), "{sent}");
    // One address is one stand-in. Which is numbered first is the order of the values.
    let number = if completion.text.contains("ann@example.com") { 1 } else { 2 };
    assert_eq!(sent.matches(&format!("person-{number}@redacted.invalid")).count() >= 2, number == 1, "{sent}");
    assert!(!completion.text.contains("redacted.invalid"), "{}", completion.text);
}

/// Notes the objections.
#[derive(Default)]
struct Heard(Mutex<Vec<Objection>>);

impl Watch for Heard {
    fn progressed(&self, _: Progress) {}

    fn refused(&self, objection: Objection) {
        self.0.lock().unwrap().push(objection);
    }
}

fn moderation() -> Moderation {
    Moderation::from_toml("[[rule]]\nid = \"test.rule\"\nabout = \"a test\"\npatterns = [\"forbidden +word\"]\n")
        .unwrap()
}

#[tokio::test]
async fn a_refused_brief_is_asked_of_nobody_and_named_by_its_digest() {
    let fake = Fake::start([answer("x", "stop")]);
    let (gateway, ledger) = with_ledger(Options { moderation: moderation(), ..options(&fake) });
    let heard = Heard::default();
    let brief = "Say the Forbidden  word.";
    let error = gateway.complete_watched(request(brief), &heard).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp);
    assert_eq!(error.to_string(), "ask app-generator: refused by the rule test.rule for its brief");
    let objection = Objection { rule: "test.rule".to_owned(), place: "brief", digest: Digest::of(brief.as_bytes()) };
    assert_eq!(*heard.0.lock().unwrap(), [objection]);
    assert_eq!(fake.calls().len(), 0);
    let row = rows(&ledger).await.remove(0);
    assert_eq!((row.status, row.cost_micro_usd), (RunStatus::Refused, Some(0)));

    gateway.complete(request("Say another word.")).await.unwrap();
}

#[tokio::test]
async fn a_refused_answer_is_paid_and_not_given_out() {
    let fake = Fake::start([answer("a forbidden word", "stop")]);
    let (gateway, ledger) = with_ledger(Options { moderation: moderation(), ..options(&fake) });
    let heard = Heard::default();
    gateway.complete_watched(request("x"), &heard).await.unwrap_err();
    assert_eq!(heard.0.lock().unwrap()[0].place, "answer");
    let row = rows(&ledger).await.remove(0);
    assert_eq!((row.status, row.cost_micro_usd, row.output), (RunStatus::Refused, Some(200), 34));
}
