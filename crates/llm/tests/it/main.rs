//! The gateway through its port, against a stand-in for a model service on this machine.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod cache;
mod chain;
mod fake;
mod log;
mod rows;
mod safety;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fake::{Fake, answer, refusal};
use llm::{Gateway, Options, Prices};
use ports::testing::{MemoryLedger, TokioClock};
use ports::{
    Completion, CompletionRequest, ErrorChain, FinishReason, Model as _, RunPage, RunReader as _, Usage, Verdict,
};
use secrets::Keeper;
use serde_json::json;
use shared_types::http::ModelRun;
use shared_types::{TaskId, TraceId};

/// More than an answer from this machine ever takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The service's key, put together at run time.
fn api_key() -> String {
    ["my-model-", "service-key"].concat()
}

/// Another secret of this deployment.
fn own_secret() -> String {
    ["deploy", "ment-token"].concat()
}

/// A token in costs one millionth of a dollar, from the cache a tenth, a token out five.
fn prices() -> Prices {
    let table = "version = \"test-1\"\n[models]\nmodel-1 = { input = 1.0, cached_input = 0.1, output = 5.0 }\n";
    Prices::from_toml(table).unwrap()
}

fn options(fake: &Fake) -> Options {
    let mut options = Options::new(fake.base_url(), prices());
    options.api_key = Some(api_key().into());
    options.aliases = [("app-generator".to_owned(), vec!["vendor/model-1".to_owned()])].into();
    options
}

/// The same with models that stand in for each other.
fn chained(fake: &Fake, models: &[&str]) -> Options {
    let models = models.iter().map(|model| (*model).to_owned()).collect();
    Options { aliases: [("app-generator".to_owned(), models)].into(), ..options(fake) }
}

fn gateway(options: Options) -> Gateway {
    with_ledger(options).0
}

/// A gateway, and the ledger that it writes its calls into.
fn with_ledger(options: Options) -> (Gateway, Arc<MemoryLedger>) {
    let students = secrets::Students::Shared("a student's secret".into());
    let keeper = Keeper::new(secrets::Options { students, own: vec![own_secret().into()] });
    let ledger = Arc::new(MemoryLedger::new());
    let gateway = Gateway::new(options, Arc::new(keeper.unwrap()), ledger.clone(), Arc::new(TokioClock::new()));
    (gateway.unwrap(), ledger)
}

/// Every row, oldest first.
async fn rows(ledger: &MemoryLedger) -> Vec<ModelRun> {
    let mut rows = ledger.runs(RunPage { task: None, before: None, limit: 1000 }).await.unwrap();
    rows.reverse();
    rows
}

fn request(brief: &str) -> CompletionRequest {
    CompletionRequest {
        alias: "app-generator".into(),
        template: "app".into(),
        values: json!({
            "brief": brief, "checks": ["#total is there"], "constraints": [],
            "attachments": [], "seed": "", "boundary": "0123456789abcdef",
            "pages_path": "/page/", "files": [], "evidence": "", "faults": [], "written": "", "fence": "fedcba9876543210",
        }),
        timeout: PATIENCE,
        task: TaskId::from_parts(1, 1),
        trace_id: TraceId::from_random(1),
    }
}

async fn ask(fake: &Fake) -> Result<Completion, ports::Error> {
    gateway(options(fake)).complete(request("Make a page")).await
}

#[tokio::test]
async fn a_completion_comes_with_its_tokens_and_its_model() {
    let fake = Fake::start([answer("the text", "stop")]);
    let completion = ask(&fake).await.unwrap();
    assert_eq!(
        completion,
        Completion {
            text: "the text".into(),
            finish: FinishReason::Complete,
            model: "vendor/model-1".into(),
            usage: Usage { input_tokens: 120, cached_input_tokens: 100, output_tokens: 34 },
        }
    );

    let call = fake.only_call();
    assert_eq!(call.authorization, Some(format!("Bearer {}", api_key())));
    assert_eq!((&call.body["model"], &call.body["max_tokens"]), (&json!("vendor/model-1"), &json!(16_384)));
    assert_eq!(
        (&call.body["messages"][0]["role"], &call.body["messages"][1]["role"]),
        (&json!("system"), &json!("user"))
    );
    assert!(call.body["messages"][1]["content"].as_str().unwrap().contains("\nBoundary: 0123456789abcdef\n"));
}

#[tokio::test]
async fn an_answer_that_the_limit_cut_says_so() {
    let fake = Fake::start([answer("half a", "length")]);
    assert_eq!(ask(&fake).await.unwrap().finish, FinishReason::Truncated);
}

#[tokio::test]
async fn an_answer_without_a_text_is_asked_for_again_and_a_filtered_one_is_not() {
    for (fault, expected) in [
        (answer("", "stop"), Verdict::RetryWithBackoff),
        (answer("never", "content_filter"), Verdict::GiveUp),
        (fake::raw(200, "text/html", "<html>captive portal</html>"), Verdict::RetryWithBackoff),
        (fake::raw(200, "application/json", "{\"choices\":"), Verdict::RetryWithBackoff),
        (fake::raw(200, "application/json", "{}"), Verdict::RetryWithBackoff),
        (fake::raw(200, "text/event-stream", "data: {\"choices\":\n\n"), Verdict::RetryWithBackoff),
        (fake::raw(200, "text/event-stream", "data: [DONE]\n\n"), Verdict::RetryWithBackoff),
        (fake::breaks(json!({"message": "overloaded", "code": 529})), Verdict::RetryWithBackoff),
        (fake::breaks(json!({"message": "no money", "code": "insufficient_quota"})), Verdict::RetryWithBackoff),
        (fake::breaks(json!({"message": "no money", "code": "insufficient_quota", "status": 429})), Verdict::GiveUp),
        (fake::raw(302, "text/plain", ""), Verdict::GiveUp),
    ] {
        let fake = Fake::start([fault.clone()]);
        let error = ask(&fake).await.unwrap_err();
        assert_eq!(error.verdict(), expected, "{fault:?}: {}", ErrorChain(&error));
    }
}

#[tokio::test]
async fn a_refusal_says_again_later_or_stop() {
    let quota = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    for (status, body, expected) in [
        (429, "{}", Verdict::RetryAfter(Duration::from_secs(7))),
        (429, quota, Verdict::GiveUp),
        (400, "{}", Verdict::GiveUp),
        (401, "{}", Verdict::GiveUp),
        (404, "{}", Verdict::GiveUp),
        (500, "{}", Verdict::RetryWithBackoff),
        (503, "{}", Verdict::RetryWithBackoff),
        (529, "{}", Verdict::RetryWithBackoff),
    ] {
        let fake = Fake::start([refusal(status, body)]);
        let error = ask(&fake).await.unwrap_err();
        assert_eq!(error.verdict(), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn one_call_is_one_request() {
    let fake = Fake::start([refusal(503, "{}"), answer("late", "stop")]);
    ask(&fake).await.unwrap_err();
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test]
async fn a_stalled_service_costs_the_time_out() {
    let fake = Fake::start([fake::stall()]);
    let short = Duration::from_millis(300);
    let began = Instant::now();
    let call = CompletionRequest { timeout: short, ..request("x") };
    let error = gateway(options(&fake)).complete(call).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff);
    assert!(error.to_string().starts_with("ask app-generator: no answer within "), "{error}");
    assert!(began.elapsed() >= short && began.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_service_that_is_down_is_asked_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = Options::new(format!("http://{}/v1", free.local_addr().unwrap()).parse().unwrap(), prices());
    options.default_models = vec!["any".into()];
    drop(free);
    let error = gateway(options).complete(request("x")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff);
    assert_eq!(error.to_string(), "ask app-generator: the model service cannot be reached");
}

#[tokio::test]
async fn no_secret_leaves_in_a_prompt() {
    let fake = Fake::start([answer("ok", "stop")]);
    let (own, foreign) = (own_secret(), ["gh", "p_", &"aB3dE6gH9".repeat(4)].concat());
    let mut request = request(&format!("Use {own} and {foreign}"));
    request.values["attachments"] = json!([{"path": "a.txt", "media_type": "text/plain", "size": 9, "shown": "", "excerpt": format!("key={foreign}")}]);
    request.values["files"] = json!([{"path": "b.js", "lines": 1, "shown": "", "text": format!("let k = '{own}'")}]);
    request.values["evidence"] = json!(format!("CONSOLE: {}", api_key()));
    gateway(options(&fake)).complete(request).await.unwrap();

    let sent = fake.only_call().body.to_string();
    for secret in [&own, &foreign, &api_key()] {
        assert!(!sent.contains(secret), "{sent}");
    }
    assert!(sent.contains("Use [redacted] and [redacted]") && sent.contains("let k = '[redacted]'"), "{sent}");
}

#[tokio::test]
async fn no_secret_comes_back_in_an_error() {
    let echo = json!({ "error": { "message": format!(
        "Incorrect API key:\n{} for {}. {}", api_key(), own_secret(), "x y ".repeat(5000)
    ) } });
    let fake = Fake::start([refusal(401, &echo.to_string())]);
    let error = ask(&fake).await.unwrap_err();
    let shown = format!("{} {error:?}", ErrorChain(&error));
    assert!(!shown.contains(&api_key()) && !shown.contains(&own_secret()), "{shown}");
    let expected = "ask app-generator: HTTP 401: Incorrect API key: [redacted] for [redacted]. x y";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert!(error.to_string().len() < 350, "{error}");
}

#[tokio::test]
async fn without_a_key_no_authorization_is_sent() {
    let fake = Fake::start([answer("ok", "stop")]);
    let options = Options { api_key: None, ..options(&fake) };
    gateway(options).complete(request("x")).await.unwrap();
    assert_eq!(fake.only_call().authorization, None);
}

#[tokio::test]
async fn an_alias_is_served_when_it_or_the_default_names_a_model() {
    let fake = Fake::start([answer("ok", "stop")]);
    let named = gateway(options(&fake));
    assert!(named.serves("app-generator") && !named.serves("readme-writer"));
    let unknown = CompletionRequest { alias: "readme-writer".into(), ..request("x") };
    let error = named.complete(unknown.clone()).await.unwrap_err();
    assert_eq!(
        (error.verdict(), error.to_string().as_str()),
        (Verdict::GiveUp, "no model is configured for readme-writer")
    );

    let any = gateway(Options { default_models: vec!["default-model".into()], ..options(&fake) });
    assert!(any.serves("app-generator") && any.serves("readme-writer"));
    any.complete(unknown).await.unwrap();
    assert_eq!(fake.only_call().body["model"], "default-model");
}

#[tokio::test]
async fn values_that_do_not_fit_the_template_are_never_sent() {
    let fake = Fake::start([answer("ok", "stop")]);
    let bad = CompletionRequest { values: json!({"brief": "x"}), ..request("x") };
    let error = gateway(options(&fake)).complete(bad).await.unwrap_err();
    assert_eq!((error.verdict(), error.to_string().as_str()), (Verdict::GiveUp, "render the prompt template app"));
    assert_eq!(fake.calls().len(), 0);
}

#[tokio::test]
async fn each_call_is_one_line_without_a_word_of_the_prompt_or_the_answer() {
    let fake = Fake::start([answer("the answer", "stop"), refusal(401, "{}")]);
    let gateway = gateway(options(&fake));
    let (log, _guard) = log::capture();
    gateway.complete(request("the brief")).await.unwrap();
    gateway.complete(request("the brief")).await.unwrap_err();

    let lines = log.lines_with("a model was asked");
    let fields = |line: &String, wanted: &[&str]| wanted.iter().all(|field| line.contains(field));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        fields(&lines[0], &["alias=app-generator", "model=vendor/model-1", "prompt_hash=", "latency_ms="]),
        "{lines:?}"
    );
    assert!(fields(&lines[0], &["input_tokens=120", "output_tokens=34", "status=\"ok\""]), "{lines:?}");
    assert!(fields(&lines[1], &["input_tokens=0", "status=\"error\""]), "{lines:?}");
    for text in ["the brief", "the answer", &api_key()] {
        assert!(!log.text().contains(text), "{}", log.text());
    }
}

#[test]
fn options_and_gateway_show_no_key() {
    let mut options = Options::new("https://models.example.com/v1".parse().unwrap(), prices());
    options.api_key = Some(api_key().into());
    let shown = format!("{options:?} {:?}", gateway(options.clone()));
    assert!(!shown.contains(&api_key()), "{shown}");
}
