//! What no issuer should send: each is answered with a 4xx that names the field, nothing is lost,
//! and the server goes on.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, case};
use lab::instructor::Instructor;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use shared_types::http::Outcome;

/// One field of a sound request replaced, and the answer that this must get.
fn cases() -> Vec<(&'static str, Value, u16, &'static str)> {
    let csv = "data:text/csv,a";
    let attached = |names: &[&str]| names.iter().map(|name| json!({ "name": name, "url": csv })).collect::<Value>();
    vec![
        ("secret", json!("wrong"), 401, ""),
        ("round", json!(2), 400, "/round"),
        ("checks", json!([{ "xpath": "//a" }]), 400, "/checks/0"),
        ("checks", json!(["js: "]), 400, "/checks/0"),
        ("checks", json!([]), 400, "/checks"),
        ("attachments", json!([{ "name": "a.csv", "url": "data:text/csv;base64,%%%" }]), 400, "/attachments/0/url"),
        ("attachments", attached(&["../../etc/passwd"]), 400, "/attachments/0/name"),
        ("attachments", attached(&["CON"]), 400, "/attachments/0/name"),
        ("attachments", attached(&["a.csv", "A.csv"]), 400, "/attachments/1/name"),
        (
            "attachments",
            json!([{ "name": "a.csv", "url": format!("data:;a={},x", "b".repeat(600)) }]),
            400,
            "/attachments/0/url",
        ),
        ("attachments", json!([{ "name": "a", "url": data_uri(11 << 20) }]), 413, "/attachments/0/url"),
        ("attachments", json!([7]), 400, "/attachments/0"),
        ("task", json!("../../etc/passwd"), 400, "/task"),
        ("task", json!("x".repeat(101)), 400, "/task"),
        ("nonce", json!("n\0"), 400, "/nonce"),
        ("evaluation_url", json!("not a URL"), 400, "/evaluation_url"),
        ("brief", json!("x".repeat(1 << 20)), 413, "/brief"),
        ("email", json!("nobody"), 400, "/email"),
    ]
}

/// One that decodes to so many bytes.
fn data_uri(bytes: usize) -> String {
    format!("data:,{}", "x".repeat(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_names_its_field() -> Result<()> {
    let (server, outside) = (Instance::start(Launch::dry_run().without_browser()).await?, Outside::new()?);
    let instructor = Instructor::new(server.api()?, SecretString::from(e2e::SECRET))?;
    let mut sound: Map<String, Value> = case("sales-summary")?.rounds[0].request.clone();
    sound.insert("evaluation_url".to_owned(), json!(outside.evaluator.url()));
    for (field, value, status, pointer) in cases() {
        let mut request = sound.clone();
        request.insert(field.to_owned(), value);
        let answer = instructor.post_as_is("/build", request).await?;
        let problem = answer.problem().with_context(|| format!("{field}: {:?}", answer.body))?;
        ensure!((answer.status, problem.status) == (status, status), "{field}: {problem:?}");
        let named = problem.errors.iter().any(|error| error.pointer == pointer);
        ensure!(named || pointer.is_empty(), "{field}: {problem:?}");
        ensure!(!String::from_utf8_lossy(&answer.body).contains(e2e::SECRET), "{field}: the secret is quoted");
    }
    for (body, code) in [
        (b"{\"email\": \"\xff\"}".to_vec(), "malformed_json"),
        ("[".repeat(100_000).into_bytes(), "malformed_json"),
        (b"{".to_vec(), "malformed_json"),
        (b"7".to_vec(), "invalid_request"),
    ] {
        let request = lab::client()?.post(server.api()?.join("build")?).header("content-type", "application/json");
        let answer = request.body(body).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        ensure!(status == 400 && text.contains(code), "{status}: {text}");
    }

    // An attachment that is called like one of our files is kept beside it.
    let mut request = sound.clone();
    request.insert("attachments".to_owned(), json!([{ "name": "LICENSE", "url": "data:,theirs" }]));
    let receipt = outside.post(&server, "/build", &request).await?;
    let task = server.finished(receipt.id, Duration::from_secs(60)).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    let pages_url = task.summary.pages_url.context("no pages")?;
    let kept = lab::client()?.get(format!("{pages_url}attachments/LICENSE")).send().await?.text().await?;
    let ours = lab::client()?.get(format!("{pages_url}LICENSE")).send().await?.text().await?;
    ensure!(kept == "theirs" && ours.contains("is hereby granted"), "{kept} / {ours}");
    Ok(())
}

/// The limits are settings, and settings that do not fit each other are named at the start.
#[tokio::test(flavor = "multi_thread")]
async fn the_limits_can_be_set() -> Result<()> {
    let small = [
        ("MAX_BODY_BYTES", "262144"),
        ("MAX_ATTACHMENT_BYTES", "100"),
        ("MAX_ATTACHMENTS_BYTES", "150"),
        ("MAX_ATTACHMENTS", "2"),
        ("MAX_BRIEF_BYTES", "1000"),
        ("MAX_CHECKS", "2"),
        ("MAX_CHECK_BYTES", "50"),
    ];
    let launch = Launch::dry_run().without_browser().with("ROLES", "intake");
    let launch = small.iter().fold(launch, |launch, (name, value)| launch.with(name, *value));
    let server = Instance::start(launch).await?;
    let instructor = Instructor::new(server.api()?, SecretString::from(e2e::SECRET))?;
    let mut sound: Map<String, Value> = case("sales-summary")?.rounds[0].request.clone();
    let attached = |sizes: &[usize]| -> Value {
        let file = |(index, size): (usize, &usize)| json!({ "name": format!("f{index}"), "url": data_uri(*size) });
        sizes.iter().enumerate().map(file).collect()
    };
    sound.extend([
        ("brief".to_owned(), json!("x".repeat(1000))),
        ("checks".to_owned(), json!(["x".repeat(50), "y"])),
        ("attachments".to_owned(), attached(&[100, 50])),
    ]);
    let taken = instructor.post_as_is("/build", sound.clone()).await?;
    ensure!(taken.status == 200, "what reaches the limits is taken: {taken:?}");
    for (field, value, status, pointer) in [
        ("brief", json!("x".repeat(1001)), 413, "/brief"),
        ("brief", json!("x".repeat(300_000)), 413, ""),
        ("checks", json!(["x".repeat(51)]), 413, "/checks/0"),
        ("checks", json!(["a", "b", "c"]), 400, "/checks"),
        ("attachments", attached(&[101]), 413, "/attachments/0/url"),
        ("attachments", attached(&[100, 51]), 413, "/attachments"),
        ("attachments", attached(&[1, 1, 1]), 400, "/attachments"),
    ] {
        let mut request = sound.clone();
        request.insert(field.to_owned(), value);
        let problem = instructor.post_as_is("/build", request).await?.problem().with_context(|| field)?;
        let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        let expected: &[&str] = if pointer.is_empty() { &[] } else { &[pointer] };
        ensure!((problem.status, pointers.as_slice()) == (status, expected), "{field}: {problem:?}");
    }

    let odd = [("DRY_RUN", "1"), ("MAX_ATTACHMENT_BYTES", "2"), ("MAX_ATTACHMENTS_BYTES", "1"), ("MAX_CHECKS", "0")];
    let ended = tokio::process::Command::new(e2e::program()).arg("serve").env_clear().envs(odd).output().await?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ensure!(ended.status.code() == Some(64), "{:?}: {said}", ended.status);
    ensure!(said.contains("MAX_ATTACHMENT_BYTES  wrong") && said.contains("MAX_CHECKS            wrong"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_identical_requests_are_one_task() -> Result<()> {
    let (server, outside) = (Instance::start(Launch::dry_run().without_browser()).await?, Outside::new()?);
    let instructor = Instructor::new(server.api()?, SecretString::from(e2e::SECRET))?;
    let mut request = case("sales-summary")?.rounds[0].request.clone();
    request.insert("evaluation_url".to_owned(), json!(outside.evaluator.url()));
    let posts = (0..100).map(|_| instructor.post_as_is("/build", request.clone()));
    let mut receipts = Vec::new();
    for answer in futures::future::join_all(posts).await {
        receipts.push(answer?.receipt()?);
    }
    ensure!(receipts.iter().all(|receipt| *receipt == receipts[0]), "one id and one trace");
    server.finished(receipts[0].id, Duration::from_secs(60)).await?;
    ensure!(outside.evaluator.received().len() == 1, "one notification");
    request.insert("brief".to_owned(), json!("something else"));
    ensure!(instructor.post_as_is("/build", request).await?.status == 409);
    Ok(())
}
