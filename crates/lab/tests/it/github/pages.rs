//! Pages: switching on, builds by plan, and what is served.

use lab::github::BuildPlan;
use serde_json::{Value, json};

use super::Lab;

const PAGES: &str = "/repos/student/site/pages";
const LATEST: &str = "/repos/student/site/pages/builds/latest";

fn legacy() -> Value {
    json!({ "build_type": "legacy", "source": { "branch": "main", "path": "/" } })
}

#[tokio::test]
async fn a_site_is_switched_on_once_and_needs_its_branch() {
    let lab = Lab::with_repo().await;
    let early = lab.post(PAGES, legacy()).await;
    assert_eq!((early.status, early.text("/message").contains("main branch must exist")), (422, true));
    assert_eq!(lab.get(PAGES).await.status, 404);

    let head = lab.write("index.html", "hello").await;
    assert_eq!(lab.page("student/site/").await.0, 404);
    let made = lab.post(PAGES, legacy()).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.text("/html_url"), lab.sites.join("student/site/").unwrap().as_str());
    assert_eq!(lab.post(PAGES, legacy()).await.status, 409);
    let build = lab.get(LATEST).await;
    assert_eq!((build.text("/status").as_str(), build.text("/commit")), ("built", head));
    assert_eq!(lab.page("student/site/").await, (200, "hello".to_owned()));
}

#[tokio::test]
async fn a_build_takes_the_questions_it_was_given() {
    let (lab, _) = Lab::with_commit().await;
    lab.handle.plan_builds([BuildPlan::after_polls(2)]);
    assert_eq!(lab.post(PAGES, legacy()).await.status, 201);
    for expected in ["queued", "building", "built"] {
        assert_eq!(lab.page("student/site/LICENSE").await.0, 404);
        assert_eq!(lab.get(LATEST).await.text("/status"), expected);
    }
    assert_eq!(lab.page("student/site/LICENSE").await, (200, "MIT".to_owned()));
}

#[tokio::test]
async fn builds_fail_with_and_without_being_live() {
    let (lab, first) = Lab::with_commit().await;
    assert_eq!(lab.post(PAGES, legacy()).await.status, 201);
    for (plan, is_live) in [(BuildPlan::errored("no room"), false), (BuildPlan::failed_but_live("no room"), true)] {
        lab.handle.plan_builds([plan]);
        let pushed = lab.handle.push("student", "site", "main", "m", &[("a", Some(b"a"))]).unwrap();
        let build = lab.get(LATEST).await;
        assert_eq!((build.text("/status").as_str(), build.text("/error/message").as_str()), ("errored", "no room"));
        assert_eq!(build.text("/commit"), pushed);
        let live = lab.handle.repo("student", "site").unwrap().pages.unwrap().live.unwrap();
        assert_eq!(live, if is_live { pushed } else { first.clone() });
    }
    let again = lab.post("/repos/student/site/pages/builds", json!({})).await;
    assert_eq!((again.status, again.text("/status").as_str()), (201, "queued"));
    assert_eq!(lab.get(LATEST).await.text("/status"), "built");
}

#[tokio::test]
async fn a_workflow_site_waits_for_its_workflow() {
    let (lab, _) = Lab::with_commit().await;
    assert_eq!(lab.post(PAGES, json!({ "build_type": "workflow" })).await.status, 201);
    assert_eq!(lab.get(PAGES).await.text("/build_type"), "workflow");
    lab.write("index.html", "hello").await;
    assert_eq!(lab.page("student/site/").await.0, 404);
    lab.write(".github/workflows/pages.yml", "uses: actions/deploy-pages@v4").await;
    assert_eq!(lab.page("student/site/").await.0, 200);
    assert_eq!(lab.get(LATEST).await.status, 404, "a workflow's deployment is no build");
    let switched = lab.send("PUT", PAGES, Some(legacy())).await.unwrap();
    assert_eq!(switched.status, 204);
    assert_eq!(lab.get(LATEST).await.text("/status"), "built");
}

#[tokio::test]
async fn files_are_served_as_pages_serves_them() {
    let (lab, _) = Lab::with_commit().await;
    let files: [(&str, Option<&[u8]>); 6] = [
        ("index.html", Some(b"root")),
        ("about.html", Some(b"about")),
        ("docs/index.html", Some(b"docs")),
        ("_private/a.txt", Some(b"a")),
        ("data.csv", Some(b"a,b\r\n")),
        ("404.html", Some(b"mine")),
    ];
    lab.handle.push("student", "site", "main", "m", &files).unwrap();
    assert_eq!(lab.post(PAGES, legacy()).await.status, 201);
    let check = async |path: &str, status: u16, text: &str| {
        assert_eq!(lab.page(path).await, (status, text.to_owned()), "{path}");
    };
    check("student/site/", 200, "root").await;
    check("student/site/?v=1", 200, "root").await;
    check("student/site", 301, "").await;
    check("student/site/about", 200, "about").await;
    check("student/site/docs", 301, "").await;
    check("student/site/docs/", 200, "docs").await;
    check("student/site/data.csv", 200, "a,b\r\n").await;
    check("student/site/none", 404, "mine").await;
    check("student/site/_private/a.txt", 404, "mine").await;
    lab.handle.push("student", "site", "main", "m", &[(".nojekyll", Some(b""))]).unwrap();
    check("student/site/_private/a.txt", 200, "a").await;
    assert_eq!(lab.page("student/other/").await.0, 404);
}
