//! Statuses, error bodies and headers as GitHub publishes them, and the faults.

use std::time::{Duration, Instant};

use lab::github::{Fault, Options, Reply, When};
use serde_json::{Value, json};

use super::{Answer, Lab};

const NO_SUCH_OBJECT: &str = "0123456789012345678901234567890123456789";

/// Status and message of an answer, and `errors[0]`'s field where there is one.
fn told(answer: &Answer) -> String {
    let told = format!("{} {}", answer.status, answer.text("/message").replace("\n\n", " "));
    match answer.body.pointer("/errors/0/field").and_then(Value::as_str) {
        Some(field) => format!("{told} [{field}]"),
        None => told,
    }
}

async fn check(lab: &Lab, method: &str, path: &str, body: Option<Value>, expected: &str) {
    let answer = lab.send(method, path, body.clone()).await.unwrap();
    assert_eq!(told(&answer), expected, "{method} {path} {body:?}");
    if answer.status >= 400 {
        let docs = answer.text("/documentation_url");
        assert!(docs.starts_with("https://docs.github.com/rest"), "{method} {path}: {docs}");
        assert_eq!(answer.text("/status"), answer.status.to_string());
    }
}

#[tokio::test]
async fn without_a_good_token_nothing_is_answered() {
    let lab = Lab::start(Options::default());
    for (authorization, expected) in [
        (None, "401 Requires authentication"),
        (Some("Bearer another".to_owned()), "401 Bad credentials"),
        (Some(format!("Bearer {}", lab.token)), "200 "),
        (Some(format!("token {}", lab.token)), "200 "),
    ] {
        let request = lab.client.get(lab.api.join("/user").unwrap());
        let request = match authorization {
            Some(text) => request.header("authorization", text),
            None => request,
        };
        let answer = Answer::read(request.send().await.unwrap()).await.unwrap();
        assert_eq!(told(&answer), expected);
        assert_eq!(answer.header("x-ratelimit-limit"), "5000");
        assert_eq!(answer.header("x-oauth-scopes"), "repo, workflow");
    }
    lab.stop().await;
}

#[tokio::test]
async fn the_hour_has_its_limit() {
    let lab = Lab::start(Options { rate_limit: 1, ..Options::default() });
    let first = lab.get("/user").await;
    assert_eq!((first.text("/login").as_str(), first.header("x-ratelimit-remaining")), ("student", "0"));
    let second = lab.get("/user").await;
    assert_eq!(told(&second), "403 API rate limit exceeded for user ID 1.");
    assert!(!second.header("x-ratelimit-reset").is_empty());
}

#[tokio::test]
async fn a_repository_has_one_name() {
    let lab = Lab::start(Options { organisations: vec!["school".to_owned()], ..Options::default() });
    let made = lab.post("/user/repos", json!({ "name": "My Site", "description": "d", "auto_init": true })).await;
    assert_eq!((made.status, made.text("/full_name").as_str()), (201, "student/My-Site"));
    let head = lab.get("/repos/student/my-site/git/ref/heads/main").await;
    assert_eq!((head.status, head.text("/object/type").as_str()), (200, "commit"));

    let taken = "422 Repository creation failed. [name]";
    check(&lab, "POST", "/user/repos", Some(json!({ "name": "my-site" })), taken).await;
    check(&lab, "POST", "/user/repos", Some(json!({})), taken).await;
    check(&lab, "POST", "/user/repos", Some(json!([])), "400 Body should be a JSON object").await;
    check(
        &lab,
        "POST",
        "/user/repos",
        Some(json!({ "name": "x", "description": "a\nb" })),
        "422 Validation Failed [description]",
    )
    .await;
    check(&lab, "POST", "/orgs/school/repos", Some(json!({ "name": "my-site" })), "201 ").await;
    check(&lab, "POST", "/orgs/nobody/repos", Some(json!({ "name": "my-site" })), "404 Not Found").await;
    check(&lab, "GET", "/repos/student/other", None, "404 Not Found").await;
    check(&lab, "GET", "/repos/student/other/pages", None, "404 Not Found").await;
    check(&lab, "GET", "/no/such/route", None, "404 Not Found").await;

    let change = json!({ "description": "new", "homepage": "https://example.org/" });
    let changed = lab.send("PATCH", "/repos/student/my-site", Some(change)).await.unwrap();
    assert_eq!(
        (changed.text("/description").as_str(), changed.text("/homepage").as_str()),
        ("new", "https://example.org/")
    );
    let topics = json!({ "names": ["Sitewright", "round-1"] });
    let topics = lab.send("PUT", "/repos/student/my-site/topics", Some(topics)).await.unwrap();
    assert_eq!(topics.body, json!({ "names": ["sitewright", "round-1"] }));
    assert_eq!(lab.get("/repos/student/my-site").await.body["topics"], json!(["sitewright", "round-1"]));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let lab = Lab::start(Options::default());
    for name in ["c", "a", "b"] {
        assert!(lab.handle.create_repo("student", name));
    }
    let names = |answer: &Answer| -> String {
        answer.body.as_array().unwrap().iter().map(|repo| repo["name"].as_str().unwrap()).collect()
    };
    assert_eq!(names(&lab.get("/user/repos").await), "abc");
    assert_eq!(names(&lab.get("/user/repos?sort=created").await), "bac");
    let first = lab.get("/user/repos?per_page=2").await;
    assert_eq!(names(&first), "ab");
    assert!(first.header("link").contains("/user/repos?per_page=2&page=2>; rel=\"next\""), "{}", first.header("link"));
    let last = lab.get("/user/repos?per_page=2&page=2").await;
    assert_eq!(names(&last), "c");
    assert!(last.header("link").contains("rel=\"prev\"") && !last.header("link").contains("rel=\"next\""));
}

#[tokio::test]
async fn an_empty_repository_has_no_git_data() {
    let lab = Lab::with_repo().await;
    let empty = "409 Git Repository is empty.";
    let at = |path: &str| format!("/repos/student/site/{path}");
    let entry = json!({ "path": "a", "mode": "100644", "type": "blob", "content": "a" });
    check(&lab, "POST", &at("git/blobs"), Some(json!({ "content": "a" })), empty).await;
    check(&lab, "POST", &at("git/trees"), Some(json!({ "tree": [entry] })), empty).await;
    check(&lab, "POST", &at("git/commits"), Some(json!({ "message": "m", "tree": NO_SUCH_OBJECT })), empty).await;
    check(&lab, "POST", &at("git/refs"), Some(json!({ "ref": "refs/heads/main", "sha": NO_SUCH_OBJECT })), empty).await;
    check(&lab, "GET", &at("git/ref/heads/main"), None, empty).await;
    check(&lab, "GET", &at("git/matching-refs/heads/"), None, empty).await;
    check(&lab, "GET", &at("git/trees/main"), None, empty).await;
    check(&lab, "GET", &at("commits"), None, empty).await;
    check(&lab, "GET", &at("commits/main"), None, empty).await;
    check(&lab, "GET", &at("contents/LICENSE"), None, "404 This repository is empty.").await;

    lab.write("LICENSE", "MIT").await;
    check(&lab, "GET", &at("git/ref/heads/main"), None, "200 ").await;
    check(&lab, "POST", &at("git/blobs"), Some(json!({ "content": "a" })), "201 ").await;
}

#[tokio::test]
async fn the_first_commit_depends_on_its_content_and_dates_alone() {
    let (one, other) = (Lab::with_commit().await, Lab::with_commit().await);
    assert_eq!(one.1, other.1);
}

#[tokio::test]
async fn a_branch_moves_forward_only() {
    let (lab, first) = Lab::with_commit().await;
    let second = lab.write("index.html", "2").await;
    let refs = "/repos/student/site/git/refs";
    let main = "/repos/student/site/git/refs/heads/main";
    let to = |sha: &str| Some(json!({ "sha": sha }));
    let make = |name: &str, sha: &str| Some(json!({ "ref": name, "sha": sha }));
    check(&lab, "PATCH", main, to(&first), "422 Update is not a fast forward").await;
    check(&lab, "PATCH", main, to(&second), "200 ").await;
    check(&lab, "PATCH", main, to(NO_SUCH_OBJECT), "422 Object does not exist").await;
    check(&lab, "PATCH", main, Some(json!({})), "422 Invalid request. \"sha\" wasn't supplied.").await;
    check(&lab, "PATCH", &format!("{refs}/heads/none"), to(&first), "422 Reference does not exist").await;
    check(&lab, "POST", refs, make("refs/heads/main", &first), "422 Reference already exists").await;
    check(&lab, "POST", refs, make("refs/heads/main/sub", &first), "422 Reference update failed").await;
    check(&lab, "POST", refs, make("refs/tags/round-1", &first), "201 ").await;
    check(&lab, "GET", "/repos/student/site/git/ref/tags/round-1", None, "200 ").await;
    check(&lab, "GET", "/repos/student/site/git/ref/heads/none", None, "404 Not Found").await;

    let list = lab.get("/repos/student/site/commits?sha=main").await;
    let shas: Vec<&str> = list.body.as_array().unwrap().iter().map(|commit| commit["sha"].as_str().unwrap()).collect();
    assert_eq!(shas, [second.as_str(), first.as_str()]);
    let forced = json!({ "sha": first, "force": true });
    check(&lab, "PATCH", main, Some(forced), "200 ").await;
    assert_eq!(lab.handle.repo("student", "site").unwrap().refs["refs/heads/main"], first);
}

#[tokio::test]
async fn a_file_is_replaced_only_by_who_names_its_blob() {
    let (lab, _) = Lab::with_commit().await;
    let path = "/repos/student/site/contents/LICENSE";
    let sha = lab.get(path).await.text("/sha");
    let write = |sha: Option<&str>| Some(json!({ "message": "m", "content": "TUlUMg==", "sha": sha }));
    check(&lab, "PUT", path, write(None), "422 Invalid request. \"sha\" wasn't supplied.").await;
    check(&lab, "PUT", path, write(Some(NO_SUCH_OBJECT)), &format!("409 LICENSE does not match {NO_SUCH_OBJECT}"))
        .await;
    check(&lab, "PUT", path, write(Some(&sha)), "200 ").await;
    let bad = json!({ "message": "m", "content": "***" });
    check(&lab, "PUT", "/repos/student/site/contents/x", Some(bad), "422 content is not valid Base64").await;
}

#[tokio::test]
async fn a_pull_request_needs_commits_and_is_asked_for_once() {
    let (lab, first) = Lab::with_commit().await;
    let pulls = "/repos/student/site/pulls";
    let ask = |head: &str| Some(json!({ "title": "t", "head": head, "base": "main" }));
    let refused = "422 Validation Failed";
    check(&lab, "POST", pulls, ask("none"), "422 Validation Failed [head]").await;
    let branch = json!({ "ref": "refs/heads/change", "sha": first });
    check(&lab, "POST", "/repos/student/site/git/refs", Some(branch), "201 ").await;
    check(&lab, "POST", pulls, ask("change"), refused).await;
    lab.handle.push("student", "site", "change", "m", &[("a", Some(b"a"))]).unwrap();
    check(&lab, "POST", pulls, ask("change"), "201 ").await;
    check(&lab, "POST", pulls, ask("student:change"), refused).await;
    let found = lab.get("/repos/student/site/pulls?head=student:change&base=main").await;
    assert_eq!(found.body.as_array().unwrap().len(), 1);
    assert_eq!(lab.handle.repo("student", "site").unwrap().pulls, ["t"]);
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_effect() {
    let lab = Lab::start(Options::default());
    lab.handle.inject(When::Mutation(1), Fault::CutBefore);
    lab.handle.inject(When::matching("POST", "/user/repos"), Fault::CutAfter);
    let make = || lab.send("POST", "/user/repos", Some(json!({ "name": "site" })));
    assert!(make().await.is_err());
    assert_eq!(lab.handle.repos().len(), 0);
    assert!(make().await.is_err());
    assert_eq!(lab.handle.repos().len(), 1);
    assert_eq!(told(&make().await.unwrap()), "422 Repository creation failed. [name]");

    let seen: Vec<_> = lab.handle.requests().iter().map(|seen| (seen.number, seen.mutation, seen.status)).collect();
    assert_eq!(seen, [(1, Some(1), None), (2, Some(2), Some(201)), (3, Some(3), Some(422))]);
    assert_eq!((lab.handle.mutation_count(), lab.handle.waiting_faults()), (3, 0));
}

#[tokio::test]
async fn an_answer_is_replaced_or_late_once() {
    let lab = Lab::start(Options::default());
    lab.handle.inject(When::Request(1), Fault::Answer(Reply::secondary_limit(7)));
    let struck = lab.get("/user").await;
    assert_eq!((struck.status, struck.header("retry-after")), (403, "7"));
    let wait = Duration::from_millis(50);
    lab.handle.inject(When::matching("GET", "/user"), Fault::Delay(wait));
    let begin = Instant::now();
    assert_eq!(lab.get("/user").await.status, 200);
    assert!(begin.elapsed() >= wait);
    lab.handle.exhaust_rate_limit();
    assert_eq!(lab.get("/user").await.status, 403);
}
