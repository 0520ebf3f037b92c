//! The stand-in for GitHub over real HTTP, its object ids held against the `git` program, and the
//! product's own code host run against it.

mod accounts;
mod objects;
mod openapi;
mod pages;
mod protocol;
mod remote;

use lab::github::{Handle, LabGitHub, Options};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::harness::LOOPBACK;

/// A running stand-in and a client with its token.
struct Lab {
    handle: Handle,
    api: Url,
    sites: Url,
    token: String,
    client: reqwest::Client,
    task: JoinHandle<Result<(), lab::Error>>,
    stop: DropGuard,
}

/// An answer, read whole.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Lab {
    fn start(options: Options) -> Self {
        // Put together here so that no scanner takes it for a real one.
        let token = ["gh", "p_", "lab"].concat();
        let github = LabGitHub::bind(LOOPBACK, Options { token: Some(token.clone()), ..options }).unwrap();
        let (handle, api, sites) = (github.handle(), github.api_url().clone(), github.pages_url().clone());
        let stop = CancellationToken::new();
        let task = tokio::spawn(github.run(stop.clone()));
        Self { handle, api, sites, token, client: lab::client().unwrap(), task, stop: stop.drop_guard() }
    }

    /// With the repository `student/site`, empty.
    async fn with_repo() -> Self {
        let lab = Self::start(Options::default());
        assert_eq!(lab.post("/user/repos", json!({ "name": "site" })).await.status, 201);
        lab
    }

    /// With the repository `student/site` and its first commit, whose id it returns.
    async fn with_commit() -> (Self, String) {
        let lab = Self::with_repo().await;
        let head = lab.write("LICENSE", "MIT").await;
        (lab, head)
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await.unwrap()
    }

    /// Commits a new file to `student/site` by its path and returns the commit's id.
    async fn write(&self, path: &str, text: &str) -> String {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let who = json!({ "name": "A U Thor", "email": "author@example.org", "date": "2026-11-21T12:00:00Z" });
        let body = json!({ "message": "m", "content": BASE64_STANDARD.encode(text), "author": who, "committer": who });
        let path = format!("/repos/student/site/contents/{path}");
        let answer = self.send("PUT", &path, Some(body)).await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.text("/commit/sha")
    }

    /// Fails when the connection breaks before the answer.
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<Answer, reqwest::Error> {
        let url = self.api.join(path).unwrap();
        let request = self.client.request(method.parse().unwrap(), url).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        Answer::read(request.send().await?).await
    }

    /// Status and text of a file of a site.
    async fn page(&self, path: &str) -> (u16, String) {
        let answer = self.client.get(self.sites.join(path).unwrap()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn stop(self) {
        drop(self.stop);
        tokio::time::timeout(crate::harness::PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

impl Answer {
    async fn read(answer: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        Ok(Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    /// The string at a JSON pointer.
    fn text(&self, pointer: &str) -> String {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
