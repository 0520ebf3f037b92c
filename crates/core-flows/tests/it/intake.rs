//! What the front door takes and what it refuses.

use expect_test::{Expect, expect};
use ports::{Refusal, Route};
use serde_json::{Value, json};

use crate::world::{SECRET, World, request};

async fn check(route: Route, change: impl FnOnce(&mut Value), expected: Expect) {
    let world = World::new();
    let mut body = request(if route == Route::Revise { 2 } else { 1 }, "n-1");
    change(&mut body);
    let answer = match world.post(route, body).await {
        Ok(receipt) => format!("accepted {} round {}", receipt.task, receipt.round),
        Err(Refusal::Invalid(errors)) => {
            errors.iter().map(|error| format!("{}: {}\n", error.pointer, error.detail)).collect()
        }
        Err(Refusal::TooLarge(errors)) => {
            errors.iter().map(|error| format!("too large: {}: {}\n", error.pointer, error.detail)).collect()
        }
        Err(other) => format!("{other}"),
    };
    expected.assert_eq(&answer);
}

#[tokio::test]
async fn a_sound_request_is_accepted() {
    check(Route::Build, |_| {}, expect!["accepted sales-7f3a9 round 1"]).await;
    check(Route::Revise, |_| {}, expect!["accepted sales-7f3a9 round 2"]).await;
    check(Route::Tasks, |body| body["round"] = json!(7), expect!["accepted sales-7f3a9 round 7"]).await;
    check(Route::Build, |body| body["attachments"] = Value::Null, expect!["accepted sales-7f3a9 round 1"]).await;
    check(Route::Build, |body| body["extra"] = json!([1]), expect!["accepted sales-7f3a9 round 1"]).await;
    check(Route::Build, |body| body["task"] = json!(" sales-7f3a9\n"), expect!["accepted sales-7f3a9 round 1"]).await;
    check(Route::Tasks, |body| body["round"] = json!(2.0), expect!["accepted sales-7f3a9 round 2"]).await;
    let shapes = json!(["Plain English", "js: true", "document.title", {"js": "true"}]);
    check(Route::Build, |body| body["checks"] = shapes, expect!["accepted sales-7f3a9 round 1"]).await;
}

#[tokio::test]
async fn one_answer_names_every_field_that_failed() {
    check(
        Route::Build,
        |body| *body = json!({ "secret": 7, "checks": [], "round": 2, "task": "../../etc/passwd", "attachments": {} }),
        expect![[r#"
            /email: expected a text, got nothing: the field is missing
            /secret: expected a text, got a number
            /task: expected 1 to 100 of A-Z a-z 0-9 . _ - with at least one letter or digit, got '/' as character 3: "../../etc/passwd"
            /round: expected the integer 1 (later rounds go to /revise or /tasks), got 2
            /nonce: expected a text, got nothing: the field is missing
            /brief: expected a text, got nothing: the field is missing
            /checks: expected a list of at least one check, got an empty list
            /evaluation_url: expected a text, got nothing: the field is missing
            /attachments: expected a list or null, got an object of 0 members
        "#]],
    )
    .await;
    check(
        Route::Build,
        |body| *body = json!([1]),
        expect![[r#"
            : expected an object, got a list of 1 item
        "#]],
    )
    .await;
}

#[tokio::test]
async fn each_field_says_what_was_expected() {
    let bad = |field: &'static str, value: Value| move |body: &mut Value| body[field] = value;
    check(
        Route::Build,
        bad("round", json!(1.5)),
        expect![[r#"
        /round: expected the integer 1 (later rounds go to /revise or /tasks), got 1.5
    "#]],
    )
    .await;
    check(
        Route::Revise,
        bad("round", json!("2")),
        expect![[r#"
            /round: expected an integer from 2 to 99 (round 1 goes to /build or /tasks), got a text: "2"
        "#]],
    )
    .await;
    check(
        Route::Build,
        bad("checks", json!(["ok", 7, {"css": "x"}, " ", {"js": ""}, "JS: "])),
        expect![[r#"
            /checks/1: expected a text that is not empty or an object {"js": "<expression>"}, got a number
            /checks/2: expected a text that is not empty or an object {"js": "<expression>"}, got an object without the member "js"
            /checks/3: expected a text that is not empty or an object {"js": "<expression>"}, got one without content
            /checks/4/js: expected a text that is not empty or an object {"js": "<expression>"}, got one without content
            /checks/5: expected a text that is not empty or an object {"js": "<expression>"}, got one without content
        "#]],
    )
    .await;
    check(
        Route::Build,
        bad("evaluation_url", json!("not a url")),
        expect![[r#"
            /evaluation_url: expected an http or https URL, got a text of 9 characters that is none (relative URL without a base)
        "#]],
    )
    .await;
    check(
        Route::Build,
        bad("evaluation_url", json!("https://refused.example/x")),
        expect![[r#"
        /evaluation_url: expected an http or https URL, got one that is never called: refused.example is never asked
    "#]],
    )
    .await;
    check(
        Route::Build,
        bad("evaluation_url", json!("ftp://example.com/x")),
        expect![[r#"
        /evaluation_url: expected an http or https URL, got a URL with the scheme ftp
    "#]],
    )
    .await;
    check(
        Route::Build,
        bad("evaluation_url", json!("https://u:p@example.com/")),
        expect![[r#"
        /evaluation_url: expected an http or https URL, got a URL with credentials
    "#]],
    )
    .await;
    check(
        Route::Build,
        bad("brief", json!("x".repeat(1 << 20))),
        expect![[r#"
            too large: /brief: expected at most 102400 bytes, got 1048576
        "#]],
    )
    .await;
    check(Route::Build, bad("secret", json!("wrong")), expect!["the secret is not right"]).await;
}

#[tokio::test]
async fn attachments_stay_inside_the_site() {
    let csv = "data:text/csv,a";
    let named = |names: &'static [&'static str]| {
        move |body: &mut Value| {
            body["attachments"] = names.iter().map(|name| json!({ "name": name, "url": csv })).collect();
        }
    };
    check(Route::Build, named(&["../../etc/passwd", "CON", "/abs", "ok.csv", "OK.csv"]), expect![[r#"
        /attachments/0/name: expected a relative path of at most 200 bytes that stays inside the site, got the segment `.` or `..`: "../../etc/passwd"
        /attachments/1/name: expected a relative path of at most 200 bytes that stays inside the site, got a name that Windows reserves: "CON"
        /attachments/2/name: expected a relative path of at most 200 bytes that stays inside the site, got an empty segment (`/` at an end, or two together): "/abs"
        /attachments/4/name: expected a name of its own, got one that is taken, or that is a folder where a file is: "OK.csv"
    "#]]).await;
    check(
        Route::Build,
        named(&["a", "a/b.txt", "LICENSE/x", "index.html/y"]),
        expect![[r#"
            /attachments/1/name: expected a name of its own, got one that is taken, or that is a folder where a file is: "a/b.txt"
            /attachments/2/name: expected a name of its own, got one that is taken, or that is a folder where a file is: "LICENSE/x"
            /attachments/3/name: expected a name of its own, got one that is taken, or that is a folder where a file is: "index.html/y"
        "#]],
    )
    .await;
    check(Route::Build, named(&["LICENSE", "assets/data.csv"]), expect!["accepted sales-7f3a9 round 1"]).await;
    let with_url = |url: &'static str| move |body: &mut Value| body["attachments"][0]["url"] = json!(url);
    check(
        Route::Build,
        with_url("https://example.com/data.csv"),
        expect![[r#"
        /attachments/0/url: expected a data URI, got a URL with the scheme https
    "#]],
    )
    .await;
    check(
        Route::Build,
        with_url("data:text/csv;base64,@@@"),
        expect![[r#"
            /attachments/0/url: expected a data URI, got one whose base64 is broken: symbol with codepoint 64 not expected
        "#]],
    )
    .await;
    check(
        Route::Build,
        with_url("nonsense"),
        expect![[r#"
            /attachments/0/url: expected a data URI, got a text of 8 characters that is none (it is `data:<type>[;base64],<data>`)
        "#]],
    )
    .await;
    check(Route::Build, with_url("data:,"), expect!["accepted sales-7f3a9 round 1"]).await;
}

/// Issuers mix fields up; what they meant to keep secret is not repeated, wherever it came.
#[tokio::test]
async fn the_secret_is_never_quoted() {
    check(
        Route::Build,
        |body| {
            for field in ["task", "round", "nonce", "evaluation_url"] {
                body[field] = json!(format!("{SECRET}: !"));
            }
            body["attachments"] = json!([{ "name": SECRET.to_uppercase() + "/", "url": format!("{SECRET}:x") }]);
        },
        expect![[r#"
            /task: expected 1 to 100 of A-Z a-z 0-9 . _ - with at least one letter or digit, got ' ' as character 5
            /round: expected the integer 1 (later rounds go to /revise or /tasks), got a text
            /nonce: expected 1 to 200 printable ASCII characters without spaces, got ' ' as character 5
            /evaluation_url: expected an http or https URL, got a text of 14 characters that is none (relative URL without a base)
            /attachments/0/name: expected a relative path of at most 200 bytes that stays inside the site, got an empty segment (`/` at an end, or two together)
            /attachments/0/url: expected a data URI, got a text of 13 characters that is none (it is `data:<type>[;base64],<data>`)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_bytes_look_like_is_recorded_beside_what_was_declared() {
    let world = World::new();
    let mut body = request(1, "n-1");
    body["attachments"] = json!([
        { "name": "data.csv", "url": "data:application/json,a%2Cb" },
        { "name": "dot.png", "url": "data:;base64,iVBORw0KGgoAAAANSUhEUg==" },
        { "name": "empty", "url": "data:," },
    ]);
    let receipt = world.post(Route::Build, body).await.unwrap();
    let task = world.ports.ledger.task(receipt.id).await.unwrap().unwrap();
    let types: Vec<_> =
        task.attachments.iter().map(|file| (file.media_type.as_str(), file.sniffed_type.as_deref())).collect();
    let ascii = "text/plain;charset=US-ASCII";
    assert_eq!(types, [("application/json", Some("text/plain")), (ascii, Some("image/png")), (ascii, None)]);
}

#[tokio::test]
async fn a_repeat_gets_the_first_receipt_and_another_body_is_a_conflict() {
    let world = World::new();
    let first = world.post(Route::Build, request(1, "n-1")).await.unwrap();
    let again = world.post(Route::Tasks, request(1, "n-1")).await.unwrap();
    assert_eq!(first, again);
    let mut other = request(1, "n-1");
    other["brief"] = json!("something else");
    assert!(matches!(world.post(Route::Build, other).await, Err(Refusal::Conflict { id }) if id == first.id));
}

#[tokio::test]
async fn an_unsafe_brief_is_refused_to_whoever_knows_the_secret() {
    let world = World::new();
    let mut body = request(1, "n-1");
    body["brief"] = json!("An UNSAFE page");
    let refusal = world.post(Route::Build, body.clone()).await.unwrap_err();
    assert_eq!(refusal.to_string(), "the brief is refused by the rule test.rule");
    assert_eq!(world.ports.ledger.events_after(0, 10).await.unwrap(), []);
    body["secret"] = json!("wrong");
    assert!(matches!(world.post(Route::Build, body).await, Err(Refusal::Unauthorized)));
}
