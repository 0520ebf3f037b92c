//! GitHub's git data: reading a tree; and pull requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::TryStreamExt as _;
use futures::stream;
use http::{Method, StatusCode};
use ports::{CommitDraft, PullRequestText, Repo, Site};
use serde_json::json;
use shared_types::{CommitSha, SitePath};
use url::Url;

use super::repos::sha;
use super::{RemoteHost, branch_in_route, full_name, refusal, repo_call, wire};
use crate::{Error, objects};

/// Files that are read at the same time: far below GitHub's 100 concurrent requests.
const READ_AT_ONCE: usize = 8;
/// Files that a site read from GitHub may have.
const MAX_FILES: usize = 5_000;
/// Bytes that a site read from GitHub may have.
const MAX_SITE_BYTES: u64 = 256 * 1024 * 1024;

impl RemoteHost {
    /// The files of `commit` that have a place in a site.
    pub(super) async fn site(&self, repo: &Repo, commit: &CommitSha) -> Result<Site, Error> {
        let full = full_name(repo);
        let call = repo_call(Method::GET, "read the tree of", &full, &format!("/git/trees/{commit}?recursive=1"));
        let tree: wire::Tree = self.client.get(call).await?;
        let files: Vec<(SitePath, wire::TreeEntry)> = tree
            .tree
            .into_iter()
            .filter(|entry| matches!(entry.mode.as_str(), "100644" | "100755"))
            .filter_map(|entry| Some((entry.path.parse().ok()?, entry)))
            .collect();
        let total: u64 = files.iter().fold(0, |sum, (_, entry)| sum.saturating_add(entry.size));
        if tree.truncated || files.len() > MAX_FILES || total > MAX_SITE_BYTES {
            let reason = format!("more than {MAX_FILES} files or {MAX_SITE_BYTES} bytes");
            return Err(Error::Unreadable { object: full, reason });
        }
        let full = &full;
        stream::iter(files)
            .map(|(path, entry)| async move { Ok((path, self.blob(full, &entry.sha).await?)) })
            .buffer_unordered(READ_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await
            .map(Site::from_iter)
    }

    /// Puts the draft on `text.branch` and asks for it to be merged.
    pub(super) async fn propose(&self, repo: &Repo, draft: &CommitDraft, text: &PullRequestText) -> Result<Url, Error> {
        self.push_branch(repo, draft, &text.branch).await?;
        self.open_or_find_pull_request(repo, text).await
    }

    async fn open_or_find_pull_request(&self, repo: &Repo, text: &PullRequestText) -> Result<Url, Error> {
        let full = full_name(repo);
        let open = repo_call(Method::POST, "open a pull request in", &full, "/pulls").with(json!({
            "title": text.title, "body": text.body, "head": text.branch, "base": repo.default_branch,
        }));
        let reply = self.client.send(&open).await?;
        let there = reply.status == StatusCode::UNPROCESSABLE_ENTITY
            && refusal::is_about(&reply.body, "", "pull request already exists");
        if !there {
            return Ok(reply.read::<wire::PullRequest>(&open)?.html_url);
        }
        let below = format!("/pulls?state=all&per_page=1&head={}:{}", repo.owner, branch_in_route(&text.branch));
        let list = repo_call(Method::GET, "find the pull request in", &full, &below);
        let found: Vec<wire::PullRequest> = self.client.get(list).await?;
        found.into_iter().next().map(|pull| pull.html_url).ok_or_else(|| reply.refusal(&open))
    }

    async fn blob(&self, full: &str, id: &str) -> Result<Bytes, Error> {
        let damaged =
            |reason: &str| Error::Unreadable { object: format!("{full} blob {id}"), reason: reason.to_owned() };
        // A blob's id has the form of a commit's; it goes into a route, so it must be nothing else.
        let named = sha(id)?;
        let call = repo_call(Method::GET, "read a file of", full, &format!("/git/blobs/{id}"));
        let blob: wire::Blob = self.client.get(call).await?;
        let text: String = blob.content.split_ascii_whitespace().collect();
        let bytes = BASE64.decode(text).map_err(|_| damaged("it is no base64"))?;
        if objects::commit_sha(&objects::blob_id(&bytes)?)? != named {
            return Err(damaged("its bytes do not have its id"));
        }
        Ok(bytes.into())
    }
}
