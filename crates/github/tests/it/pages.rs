//! What the pages server answers.

use ports::CodeHost;

use crate::stage::{Stage, draft, spec};

const FILES: [(&str, &[u8]); 8] = [
    ("index.html", b"<!doctype html><title>home</title>"),
    ("about.html", b"<!doctype html><title>about</title>"),
    ("docs/index.html", b"<!doctype html><title>docs</title>"),
    ("data/rows.csv", b"a,b\n"),
    ("a b.txt", b"space"),
    (".nojekyll", b""),
    (".well-known/x", b"known"),
    ("pixel.png", b"\x89PNG"),
];

#[tokio::test]
async fn a_site_is_served_by_the_rules_of_pages() {
    let stage = Stage::new();
    stage.published("demo", &FILES).await;
    for (target, status, content_type, body) in [
        ("/local/demo/", 200, "text/html; charset=utf-8", FILES[0].1),
        ("/local/demo/index.html?v=1", 200, "text/html; charset=utf-8", FILES[0].1),
        ("/local/demo/about", 200, "text/html; charset=utf-8", FILES[1].1),
        ("/local/demo/docs/", 200, "text/html; charset=utf-8", FILES[2].1),
        ("/local/demo/data/rows.csv", 200, "text/csv; charset=utf-8", b"a,b\n"),
        ("/local/demo/a%20b.txt", 200, "text/plain; charset=utf-8", b"space"),
        ("/local/demo/.nojekyll", 200, "application/octet-stream", b""),
        ("/local/demo/.well-known/x", 200, "application/octet-stream", b"known"),
        ("/local/demo/pixel.png", 200, "image/png", b"\x89PNG"),
    ] {
        let answer = stage.get(target).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, Some(content_type)), "{target}");
        assert!(answer.body == body, "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{target}");
    }
    for (target, location) in [
        ("/local/demo", "/local/demo/"),
        ("/local/demo?x=1", "/local/demo/?x=1"),
        ("/local/demo/docs", "/local/demo/docs/"),
    ] {
        let answer = stage.get(target).await;
        assert_eq!((answer.status, answer.header("location")), (301, Some(location)), "{target}");
    }
    stage.end().await;
}

#[tokio::test]
async fn nothing_is_listed_and_nothing_outside_is_reached() {
    let stage = Stage::new();
    stage.published("demo", &FILES).await;
    std::fs::write(stage.folder.path().join("secret"), "secret").unwrap();
    std::fs::write(stage.repo_path("demo").join("config.txt"), "secret").unwrap();
    for target in [
        "/local/demo/data/",
        "/local/demo/missing",
        "/local/demo/index.html/",
        "/local/demo/index.html/x",
        "/local/demo//index.html",
        "/local/demo/../../secret",
        "/local/demo/%2e%2e/%2e%2e/secret",
        "/local/demo/..%2f..%2fsecret",
        "/local/demo/..%5c..%5csecret",
        "/local/demo.git/",
        "/local/demo.git/config",
        "/local/demo/.git/config",
        "/local/demo/config",
        "/../secret",
        "/%2e%2e/secret",
        "/%2e%2e/local/demo/",
        "/local/%00/",
        "//evil.example/x",
        "/local/unknown/",
        "/unknown/demo/",
        "/git/local/demo.git/config",
        "/git/local/demo.git/config.txt",
        "/git/local/demo.git/description",
        "/git/local/demo.git/objects",
        "/git/local/demo.git/objects/",
        "/git/local/demo.git/objects/info/alternates",
        "/git/local/demo.git/objects/info/http-alternates",
        "/git/local/demo.git/objects/ab/../../config",
        "/git/local/demo.git/objects/%2e%2e/config",
        "/git/local/demo.git/objects/pack/pack-..%2fconfig.pack",
        "/git/local/demo.git/pulls/..%2fconfig.txt",
        "/git/local/demo.git/refs/heads/../../config",
        "/git/local/..%2f..%2fsecret/HEAD",
        "/git/../secret/HEAD",
        "/git/local/unknown.git/info/refs",
    ] {
        let answer = stage.get(target).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 404, "{target}: {text}");
        assert!(!text.contains("secret") && !text.contains("rows.csv"), "{target}: {text}");
    }
    for target in ["/", "/local/", "/local", "/git/"] {
        let answer = stage.get(target).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{target}");
        assert!(!text.contains("demo"), "{target} lists repositories");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_known_file_is_not_sent_again_until_it_changes() {
    let stage = Stage::new();
    let (repo, first) = stage.published("etag", &FILES).await;
    let etag = stage.get("/local/etag/").await.header("etag").unwrap().to_owned();
    let known = format!("If-None-Match: {etag}\r\n");
    let answer = stage.request("GET", "/local/etag/", &known).await;
    assert_eq!((answer.status, answer.body.len(), answer.header("etag")), (304, 0, Some(etag.as_str())));

    let next = draft(Some(first), &[("index.html", b"new")]);
    let planned = stage.host.plan_commit(&repo, &next).await.unwrap();
    stage.host.publish(&repo, &next, &planned).await.unwrap();
    let answer = stage.request("GET", "/local/etag/", &known).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"new".as_slice()));
    stage.end().await;
}

#[tokio::test]
async fn it_can_be_read_and_nothing_else() {
    let stage = Stage::new();
    stage.published("read", &FILES).await;
    let whole = stage.get("/local/read/").await;
    let head = stage.request("HEAD", "/local/read/", "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    assert_eq!(head.header("etag"), whole.header("etag"));
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = stage.request(method, "/local/read/", "Content-Length: 0\r\n").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    stage.end().await;
}

#[tokio::test]
async fn what_is_missing_is_answered_by_the_site_itself_when_it_can() {
    let stage = Stage::new();
    stage.published("own", &[("index.html", b"home"), ("404.html", b"lost?")]).await;
    for target in ["/local/own/missing", "/local/own/no/such/folder/"] {
        let answer = stage.get(target).await;
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"lost?".as_slice()), "{target}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    }
    stage.host.ensure_repo(&spec("empty")).await.unwrap();
    assert_eq!(stage.get("/local/empty/").await.status, 404);
    stage.end().await;
}

#[tokio::test]
async fn a_repository_has_a_page_for_people() {
    let stage = Stage::new();
    let (repo, head) = stage.published("page", &[("index.html", b"home")]).await;
    let answer = stage.get(repo.html_url.path()).await;
    let text = String::from_utf8(answer.body).unwrap();
    assert_eq!(answer.status, 200);
    assert!(text.contains(head.as_str()) && text.contains("git clone"), "{text}");
    stage.end().await;
}
