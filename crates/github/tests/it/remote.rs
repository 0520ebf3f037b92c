//! The remote code host against a scripted peer: what is sent, and what is waited out. The flow as
//! a whole is tested where the stand-in for GitHub lives.

use std::time::Duration;

use github::remote::{Options, RemoteHost};
use ports::{CodeHost, Repo, Verdict};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const SHA: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

/// One exchange: how the request line begins, then status and body of the answer.
type Exchange = (&'static str, u16, String);

fn repo() -> Repo {
    Repo {
        tenant: None,
        owner: "octo".to_owned(),
        name: "demo".parse().unwrap(),
        html_url: "https://github.com/octo/demo".parse().unwrap(),
        clone_url: "https://github.com/octo/demo.git".parse().unwrap(),
        pages_url: "https://octo.github.io/demo/".parse().unwrap(),
        default_branch: "main".to_owned(),
        head: Some(SHA.parse().unwrap()),
    }
}

/// A host whose peer plays `script`, one connection an exchange, and holds each request against it.
async fn host(script: Vec<Exchange>) -> (RemoteHost, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let token = ["gh", "p_", "script"].concat();
    let host = RemoteHost::new(Options {
        api_url: format!("http://{}/api/v3/", listener.local_addr().unwrap()).parse().unwrap(),
        token: token.clone().into(),
        token_name: "GITHUB_TOKEN".to_owned(),
        owner: None,
        default_branch: "main".to_owned(),
        timeout: Duration::from_secs(20),
        limits: github::budget::Limits::default(),
    })
    .unwrap();
    let peer = tokio::spawn(async move {
        for (expected, status, body) in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut lines = BufReader::new(&mut stream).lines();
            let mut head = Vec::new();
            while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
                head.push(line);
            }
            assert!(head[0].starts_with(expected), "{} instead of {expected}", head[0]);
            assert!(!head[0].contains(&token), "the token is in the request line");
            let authorization = head.iter().find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
            assert!(authorization.is_some_and(|line| line.ends_with(&format!("Bearer {token}"))));
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (host, peer)
}

#[tokio::test]
async fn a_branch_that_was_seen_is_waited_for() {
    let missing = r#"{"message":"Not Found"}"#.to_owned();
    let reference = format!(r#"{{"object":{{"sha":"{SHA}"}}}}"#);
    let (host, peer) = host(vec![
        ("GET /api/v3/repos/octo/demo/git/ref/heads/main ", 404, missing),
        ("GET /api/v3/repos/octo/demo/git/ref/heads/main ", 200, reference),
        (
            "GET /api/v3/repos/octo/demo/git/trees/da39a3ee5e6b4b0d3255bfef95601890afd80709?recursive=1 ",
            200,
            r#"{"tree":[{"path":"link","mode":"120000","sha":"x"}],"truncated":false}"#.to_owned(),
        ),
    ])
    .await;
    let read = host.read_site(&repo()).await.unwrap();
    assert_eq!((read.head, read.site.len()), (repo().head, 0), "links are left out");
    peer.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_cannot_be_trusted_is_an_error() {
    let tree = |entry: &str, truncated: bool| format!(r#"{{"tree":[{entry}],"truncated":{truncated}}}"#);
    let file = |sha: &str| format!(r#"{{"path":"a.txt","mode":"100644","sha":"{sha}","size":1}}"#);
    let reference = format!(r#"{{"object":{{"sha":"{SHA}"}}}}"#);
    for (tree, blob, verdict) in [
        ("<html>".to_owned(), None, Verdict::RetryWithBackoff),
        (tree(&file(SHA), true), None, Verdict::GiveUp),
        (tree(&file("../../secrets"), false), None, Verdict::GiveUp),
        (tree(&file(SHA), false), Some(r#"{"content":"d3Jv\nbmc="}"#), Verdict::GiveUp),
        (tree(&file(SHA), false), Some(r#"{"content":"!"}"#), Verdict::GiveUp),
    ] {
        let label = format!("{tree} {blob:?}");
        let mut script = vec![("GET /api/v3/repos/octo/demo/git/ref/heads/main ", 200, reference.clone())];
        script.push(("GET /api/v3/repos/octo/demo/git/trees/", 200, tree));
        script.extend(blob.map(|blob| ("GET /api/v3/repos/octo/demo/git/blobs/", 200, blob.to_owned())));
        let (host, peer) = host(script).await;
        assert_eq!(host.read_site(&repo()).await.unwrap_err().verdict(), verdict, "{label}");
        peer.await.unwrap();
    }
}
