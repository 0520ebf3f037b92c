//! Whatever is sent, the answer is a receipt or a problem document about the sender's own mistake:
//! never a 5xx, never the secret it came with, and never a receipt for what is not in the ledger.
//!
//! One server takes all cases; it accepts and does not work on them (`ROLES=intake`), so nothing is
//! sent to the addresses that the cases name. The seed is fixed, so that a run says the same each
//! time: `PROPTEST_RNG_SEED` and `PROPTEST_CASES` vary it. What was found once stays in
//! `any_input.regressions` and is tried first.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, SECRET, workspace};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner, contextualize_config};
use serde_json::{Value, json};
use shared_types::http::{Problem, Receipt};

const SEED: u64 = 1;

/// What is posted: where, and which bytes.
#[derive(Debug, Clone)]
struct Post {
    path: &'static str,
    body: Body,
}

/// The bytes of a body, or how they are made.
#[derive(Debug, Clone)]
enum Body {
    Bytes(Vec<u8>),
    /// A sound request with these members, as JSON texts, put in; where one is there already, it is
    /// replaced or comes twice.
    Changed {
        changes: Vec<(&'static str, String)>,
        twice: bool,
    },
}

impl Body {
    /// The bytes; `number` makes every sender another one, so that nobody posts too often.
    fn bytes(&self, number: u32) -> Vec<u8> {
        let (changes, twice) = match self {
            Self::Bytes(bytes) => return bytes.clone(),
            Self::Changed { changes, twice } => (changes, *twice),
        };
        let sound = sound(number);
        let kept = sound.iter().filter(|(name, _)| twice || changes.iter().all(|(changed, _)| changed != name));
        let members: Vec<_> = kept.chain(changes).map(|(name, text)| format!("{}:{text}", json!(name))).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    }
}

fn sound(number: u32) -> [(&'static str, String); 9] {
    let checks = json!(["js: document.title === 'A'", "document.title", {"js": "true"}, "Repo has an MIT license"]);
    let csv = json!([{ "name": "data.csv", "url": "data:text/csv;base64,YSxiCjEsMgo=" }]);
    [
        ("email", json!(format!("student-{number}@example.com"))),
        ("secret", json!(SECRET)),
        ("task", json!("any-input")),
        ("round", json!(1)),
        ("nonce", json!(format!("n-{number}"))),
        ("brief", json!("\nShow `${seed}` {twice}.")),
        ("checks", checks),
        ("evaluation_url", json!("https://evaluator.example.com/notify")),
        ("attachments", csv),
    ]
    .map(|(name, value)| (name, value.to_string()))
}

fn posts() -> impl Strategy<Value = Post> {
    let bytes = vec(any::<u8>(), 0..600).prop_map(Body::Bytes);
    let document = json_texts().prop_map(|text| Body::Bytes(text.into_bytes()));
    let changed = (vec(change(), 0..4), any::<bool>()).prop_map(|(changes, twice)| Body::Changed { changes, twice });
    let body = prop_oneof![1 => bytes, 2 => document, 12 => changed];
    // Most sound requests are of round 1.
    let path = select(vec!["build", "build", "tasks", "revise"]);
    (path, body).prop_map(|(path, body)| Post { path, body })
}

/// One member and what stands in its place.
fn change() -> impl Strategy<Value = (&'static str, String)> {
    prop_oneof![
        (select(vec!["email"]), quoted(emails())),
        (select(vec!["secret"]), quoted(texts())),
        (select(vec!["task"]), quoted(names())),
        (select(vec!["round"]), numbers()),
        (select(vec!["nonce"]), quoted(names())),
        (select(vec!["brief"]), quoted(texts())),
        (select(vec!["checks"]), checks()),
        (select(vec!["evaluation_url"]), quoted(urls())),
        (select(vec!["attachments"]), attachments()),
        (
            select(vec![
                "email",
                "secret",
                "task",
                "round",
                "nonce",
                "brief",
                "checks",
                "evaluation_url",
                "attachments"
            ]),
            json_texts(),
        ),
        ("[a-z~/]{0,3}".prop_map(|_| "extra"), json_texts()),
    ]
}

fn quoted(texts: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    texts.prop_map(|text| Value::from(text).to_string())
}

/// Any JSON, and texts that are none by a hair.
fn json_texts() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        numbers(),
        quoted(texts()),
        select(vec!["null", "true", "false", "\"\\ud800\"", "\"\\u0000\"", "\"\t\"", "NaN", "", "'a'"])
            .prop_map(str::to_owned),
        (1_usize..200).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let list = vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(",")));
        let member = (quoted(texts()), inner).prop_map(|(name, value)| format!("{name}:{value}"));
        prop_oneof![list, vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")))]
    })
}

fn numbers() -> impl Strategy<Value = String> {
    let odd = [
        "1.0",
        "1e0",
        "10E-1",
        "2.0",
        "-0",
        "-0.0",
        "1.5",
        "1e400",
        "18446744073709551617",
        "99",
        "100",
        "01",
        "\"1\"",
    ];
    prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}"))
    ]
}

/// Any text; with the secret in it at times, since issuers mix fields up.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~\\t\\n]{0,80}",
        select(vec![
            "\0",
            "\u{feff}",
            "\u{202e}a",
            " ",
            "js:",
            "JS : ",
            "{{7*7}}",
            "<script>",
            "'; DROP TABLE tasks; --"
        ])
        .prop_map(str::to_owned),
        near(&[100 << 10, 10 << 10, 200]),
        ("[ -~]{0,70}", "[ -~]{0,5}").prop_map(|(before, after)| format!("{before}{SECRET}{after}")),
    ]
}

/// Texts about as long as a limit.
fn near(limits: &[usize]) -> impl Strategy<Value = String> + use<> {
    let letters = select(vec!["x", "é", "\u{1F600}"]);
    (select(limits.to_vec()), 0_usize..4, letters)
        .prop_map(|(limit, more, letter)| letter.repeat((limit + more - 2) / letter.len()))
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9._-]{1,110}", "[ -~]{0,20}", near(&[100, 200]), texts()]
}

fn emails() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{8}@[a-z]{3}",
        "[ -~]{0,9}@[ -~]{0,9}",
        near(&[254]).prop_map(|text| format!("a@{text}")),
        texts()
    ]
}

fn urls() -> impl Strategy<Value = String> {
    let odd = [
        "https://[::1]/",
        "http://0x7f.1/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://bücher.example/",
        "https:\\\\example.com",
        "https://a@example.com/",
        "https:///",
        "//example.com",
        "file:///etc/passwd",
        "https://%00/",
        "https://xn--/",
        "https://1.2.3.4.5/",
        "HTTPS://EXAMPLE.COM/#a",
        "data:,",
        "https://example.com/\u{202e}",
    ];
    prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        "(https?|ftp|HTTPS)://[a-z0-9.:@\\[\\]%-]{0,20}/[ -~]{0,20}",
        near(&[2048 - 20]).prop_map(|text| format!("https://example.com/{text}")),
        texts(),
    ]
}

fn checks() -> impl Strategy<Value = String> {
    let item = prop_oneof![quoted(texts()), quoted(texts()).prop_map(|js| format!("{{\"js\":{js}}}")), json_texts()];
    let many = (98_usize..103).prop_map(|count| vec!["\"a\"".to_owned(); count]);
    prop_oneof![3 => vec(item, 0..4), 1 => many].prop_map(|items| format!("[{}]", items.join(",")))
}

fn attachments() -> impl Strategy<Value = String> {
    let member = |name: &'static str, texts: BoxedStrategy<String>| {
        prop_oneof![6 => quoted(texts), 1 => json_texts()].prop_map(move |text| format!("\"{name}\":{text}"))
    };
    let item = (member("name", paths().boxed()), member("url", data_uris().boxed()));
    let item = prop_oneof![8 => item.prop_map(|(name, url)| format!("{{{name},{url}}}")), 1 => json_texts()];
    vec(item, 0..4).prop_map(|items| format!("[{}]", items.join(",")))
}

fn paths() -> impl Strategy<Value = String> {
    let odd = [
        "../../etc/passwd",
        "LICENSE",
        "index.html",
        "a/b",
        "a",
        "A",
        "CON.txt",
        ".git/config",
        "é",
        "e\u{301}",
        ".g\u{200d}it",
        "a\0b",
        "attachments/license",
        "a.",
        "~",
        "-rf",
        "%2e%2e/x",
    ];
    prop_oneof![select(odd.to_vec()).prop_map(str::to_owned), "[a-zé./ ~:\\\\]{0,12}", near(&[200]), texts()]
}

fn data_uris() -> impl Strategy<Value = String> {
    let head =
        prop_oneof!["(data|DATA|da\nta|http)?:?[a-z/]{0,9}", "[ -~]{0,20}", near(&[512]), Just("data:".to_owned())];
    let parameters = "(;charset=utf-8|;charset=\"a,b\"|; base64|;BASE64|;base64|;a=1){0,3}";
    let data = prop_oneof!["[A-Za-z0-9+/=]{0,40}", "([ -~]|%[0-9A-Fa-f]{0,2}|\n){0,40}", any::<String>()];
    (head, parameters, prop_oneof![8 => Just(","), 1 => Just("")], data)
        .prop_map(|(head, parameters, comma, data)| format!("{head}{parameters}{comma}{data}"))
}

/// The codes that `docs/errors.md` explains.
fn known_codes() -> Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(workspace().join("docs/errors.md"))?;
    Ok(text.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect())
}

/// Whether `pointer` leads to something in `body`, or to a member that its object lacks.
fn leads_somewhere(body: &Value, pointer: &str) -> bool {
    let lacking = || {
        let (parent, name) = pointer.rsplit_once('/')?;
        Some(!body.pointer(parent)?.as_object()?.contains_key(name))
    };
    body.pointer(pointer).is_some() || lacking() == Some(true)
}

fn came_with_secret(body: &[u8]) -> bool {
    let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
    body.get("secret").and_then(Value::as_str).is_some_and(|secret| secret.trim() == SECRET)
}

struct Asker {
    server: Instance,
    client: reqwest::Client,
    codes: BTreeSet<String>,
    posted: AtomicU32,
    accepted: AtomicU32,
    named: AtomicU32,
}

impl Asker {
    async fn check(&self, post: &Post) -> Result<()> {
        let number = self.posted.fetch_add(1, Ordering::Relaxed);
        let body = post.body.bytes(number);
        let url = self.server.api()?.join(post.path)?;
        let sent = self.client.post(url).header("content-type", "application/json").body(body.clone()).send().await;
        let answer = sent.context("no answer")?;
        let status = answer.status().as_u16();
        let media_type = answer.headers().get("content-type").context("no media type")?.to_owned();
        let text = answer.text().await?;
        if status == 200 {
            self.accepted.fetch_add(1, Ordering::Relaxed);
            return self.check_stored(&serde_json::from_str(&text)?).await;
        }
        // Only its own: were ours looked for, a stranger could guess at it in any other field.
        ensure!(!came_with_secret(&body) || !text.contains(SECRET), "the secret is quoted: {text}");
        ensure!((400..500).contains(&status) && media_type == "application/problem+json", "{status}: {text}");
        let problem: Problem = serde_json::from_str(&text)?;
        ensure!(problem.status == status && self.codes.contains(&problem.code), "{text}");
        ensure!(status != 429, "nobody here asks too often: {text}");
        if problem.code == "invalid_request" {
            let body: Value = serde_json::from_slice(&body)?;
            ensure!(!problem.errors.is_empty(), "{text}");
            for error in &problem.errors {
                ensure!(leads_somewhere(&body, &error.pointer) && error.detail.len() < 1000, "{error:?}");
            }
            self.named.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn check_stored(&self, receipt: &Receipt) -> Result<()> {
        let answer = self.client.get(self.server.api()?.join(&receipt.status_url)?).send().await?;
        ensure!(answer.status().as_u16() == 200, "{answer:?}");
        let task: Value = answer.json().await?;
        let stored = (&task["id"], &task["task"], &task["round"]);
        ensure!(stored == (&json!(receipt.id), &json!(receipt.task), &json!(receipt.round)), "{task}");
        Ok(())
    }
}

#[test]
fn no_input_breaks_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let launch = Launch::dry_run().without_browser().without_limits().with("ROLES", "intake");
    let asker = Asker {
        server: runtime.block_on(Instance::start(launch)).unwrap(),
        client: lab::client().unwrap(),
        codes: known_codes().unwrap(),
        posted: AtomicU32::new(0),
        accepted: AtomicU32::new(0),
        named: AtomicU32::new(0),
    };
    let regressions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/any_input.regressions");
    let config = contextualize_config(Config {
        cases: 768,
        rng_seed: RngSeed::Fixed(SEED),
        max_shrink_time: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        ..Config::default()
    });
    println!("{:?}, {} cases", config.rng_seed, config.cases);
    let cases = config.cases;
    let outcome = TestRunner::new(config).run(&posts(), |post| {
        runtime.block_on(asker.check(&post)).map_err(|fault| TestCaseError::fail(format!("{fault:#}")))
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // A test of refusals alone would see little of the way behind them.
    let (accepted, named) = (asker.accepted.into_inner(), asker.named.into_inner());
    assert!(accepted > cases / 20 && named > cases / 5, "{accepted} accepted, {named} with fields named, of {cases}");
}
