//! A host and a running pages server in a folder of their own, and the drafts that tests publish.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use github::local::{LocalHost, Options, PagesServer};
use ports::{Author, CodeHost, CommitDraft, PagesBuild, Publication, Repo, RepoSpec, Site, TenantKey};
use shared_types::{CommitSha, Timestamp};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

pub(crate) const MARKER: &str = "owner-and-task-1";

pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) host: LocalHost,
    pub(crate) authority: String,
    shutdown: CancellationToken,
    server: tokio::task::JoinHandle<Result<(), github::Error>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repos");
        let server = PagesServer::bind("127.0.0.1:0".parse().unwrap(), &root).unwrap();
        let authority = server.local_addr().to_string();
        let host = LocalHost::new(Options {
            root,
            owner: "local".to_owned(),
            public_url: format!("http://{authority}").parse().unwrap(),
            default_branch: "main".to_owned(),
        })
        .unwrap();
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(server.run(shutdown.clone()));
        Self { folder, host, authority, shutdown, server }
    }

    /// Stops the server and shows that it ended well.
    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        self.server.await.unwrap().unwrap();
    }

    pub(crate) fn repo_path(&self, name: &str) -> PathBuf {
        self.folder.path().join("repos/local").join(format!("{name}.git"))
    }

    pub(crate) async fn published(&self, name: &str, files: &[(&str, &[u8])]) -> (Repo, CommitSha) {
        let repo = self.host.ensure_repo(&spec(name)).await.unwrap();
        let draft = draft(repo.head.clone(), files);
        let planned = self.host.plan_commit(&repo, &draft).await.unwrap();
        assert_eq!(self.host.publish(&repo, &draft, &planned).await.unwrap(), Publication::Done);
        (repo, planned)
    }

    /// Sends the target as it is: no client in between that would tidy a path.
    pub(crate) async fn request(&self, method: &str, target: &str, headers: &str) -> Answer {
        let mut stream = tokio::net::TcpStream::connect(&self.authority).await.unwrap();
        let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.request("GET", target, "").await
    }
}

pub(crate) fn spec(name: &str) -> RepoSpec {
    RepoSpec {
        tenant: TenantKey::of(&"s@example.com".parse().unwrap()),
        name: name.parse().unwrap(),
        description: "A site\nfor a test".to_owned(),
        marker: MARKER.to_owned(),
        author: author(),
        at: Timestamp::from_unix_ms(1_795_000_000_000),
        pages: PagesBuild::Branch,
    }
}

fn author() -> Author {
    Author { name: "Sitewright".to_owned(), email: "sitewright@example.com".to_owned() }
}

pub(crate) fn draft(parent: Option<CommitSha>, files: &[(&str, &[u8])]) -> CommitDraft {
    let mut site = Site::new();
    for (path, bytes) in files {
        site.insert(path.parse().unwrap(), Bytes::copy_from_slice(bytes));
    }
    CommitDraft {
        parent,
        site,
        message: format!("Build it\n\nSitewright-Repo: {MARKER}\n"),
        author: author(),
        at: Timestamp::from_unix_ms(1_795_000_000_500),
        tag: None,
    }
}

/// Runs stock git, deaf to the configuration of whoever runs the tests.
pub(crate) async fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("NO_PROXY", "*")
        .env_remove("GIT_DIR");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}
