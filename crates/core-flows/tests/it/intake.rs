//! What the front door takes and what it refuses.

use expect_test::{Expect, expect};
use ports::{Refusal, Route};
use serde_json::{Value, json};

use crate::world::{World, request};

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
}

#[tokio::test]
async fn one_answer_names_every_field_that_failed() {
    check(
        Route::Build,
        |body| *body = json!({ "secret": 7, "checks": [], "round": 2, "task": "../../etc/passwd", "attachments": {} }),
        expect![[r#"
            /email: expected a text, but the field is missing
            /secret: expected a text, got a number
            /task: expected 1 to 100 of A-Z a-z 0-9 . _ - with at least one letter or digit, got another text
            /round: expected the integer 1 (later rounds go to /revise or /tasks), got 2
            /nonce: expected a text, but the field is missing
            /brief: expected a text, but the field is missing
            /checks: expected a list of at least one check, got an empty list
            /evaluation_url: expected a text, but the field is missing
            /attachments: expected a list or null, got an object
        "#]],
    )
    .await;
    check(
        Route::Build,
        |body| *body = json!([1]),
        expect![[r#"
        : expected an object, got a list
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
        /round: expected an integer from 2 to 99 (round 1 goes to /build or /tasks), got a text
    "#]],
    )
    .await;
    check(
        Route::Build,
        bad("checks", json!(["ok", 7, {"css": "x"}, " ", {"js": ""}, "JS: "])),
        expect![[r#"
            /checks/1: expected a text that is not empty or an object {"js": "<expression>"}, got a number
            /checks/2: expected a text that is not empty or an object {"js": "<expression>"}, got an object
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
        /evaluation_url: expected an http or https URL, got a text that is no URL
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
        too large: /brief: more than the limit of 102400 bytes
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
        /attachments/0/name: expected a relative path of at most 200 bytes that stays inside the site, got a name that is not
        /attachments/1/name: expected a relative path of at most 200 bytes that stays inside the site, got a name that is not
        /attachments/2/name: expected a relative path of at most 200 bytes that stays inside the site, got a name that is not
        /attachments/4/name: expected a name of its own, got one that is taken, or that is a folder where a file is
    "#]]).await;
    check(
        Route::Build,
        named(&["a", "a/b.txt", "LICENSE/x", "index.html/y"]),
        expect![[r#"
            /attachments/1/name: expected a name of its own, got one that is taken, or that is a folder where a file is
            /attachments/2/name: expected a name of its own, got one that is taken, or that is a folder where a file is
            /attachments/3/name: expected a name of its own, got one that is taken, or that is a folder where a file is
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
        /attachments/0/url: expected a data URI, got one whose base64 is broken
    "#]],
    )
    .await;
    check(
        Route::Build,
        with_url("nonsense"),
        expect![[r#"
        /attachments/0/url: expected a data URI, got a text that is none (a data URI is `data:<type>[;base64],<data>`)
    "#]],
    )
    .await;
    check(Route::Build, with_url("data:,"), expect!["accepted sales-7f3a9 round 1"]).await;
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
