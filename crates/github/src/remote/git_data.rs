//! GitHub's git data: uploading a commit, moving a branch, reading a tree.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::TryStreamExt as _;
use futures::stream;
use http::{Method, StatusCode};
use ports::{CommitDraft, Publication, PullRequestText, Repo, Site};
use serde_json::{Value, json};
use shared_types::{CommitSha, SitePath};
use url::Url;

use super::client::not_ready;
use super::repos::{Branch, create_branch, sha, signature};
use super::{RemoteHost, branch_in_route, full_name, refusal, repo_call, wire};
use crate::{Error, objects};

/// Files that are read at the same time: far below GitHub's 100 concurrent requests.
const READ_AT_ONCE: usize = 8;
/// A file that is larger goes up as a blob of its own, so that the tree's body stays small.
const MAX_INLINE_BYTES: usize = 256 * 1024;
/// Files that a site read from GitHub may have.
const MAX_FILES: usize = 5_000;
/// Bytes that a site read from GitHub may have.
const MAX_SITE_BYTES: u64 = 256 * 1024 * 1024;

impl RemoteHost {
    /// Uploads the draft's objects and proves that they are the planned ones. No branch moves.
    pub(super) async fn upload(&self, repo: &Repo, draft: &CommitDraft, planned: &CommitSha) -> Result<(), Error> {
        let assembled = objects::assemble(draft)?;
        let expected = objects::commit_sha(&assembled.commit)?;
        same(planned, expected.as_str())?;
        let full = full_name(repo);

        let mut entries = Vec::with_capacity(draft.site.len());
        for (path, bytes) in draft.site.iter() {
            entries.push(self.entry(&full, path, bytes).await?);
        }
        let call = repo_call(Method::POST, "create a tree in", &full, "/git/trees").with(json!({ "tree": entries }));
        let tree: wire::Id = self.client.settling(&call, not_ready).await?.read(&call)?;
        same(&objects::commit_sha(&assembled.tree)?, &tree.sha)?;

        let signature = signature(&draft.author, draft.at);
        let parents: Vec<&CommitSha> = draft.parent.iter().collect();
        let call = repo_call(Method::POST, "create a commit in", &full, "/git/commits").with(json!({
            "message": draft.message, "tree": tree.sha, "parents": parents,
            "author": signature, "committer": signature,
        }));
        let commit: wire::Id = self.client.get(call).await?;
        same(planned, &commit.sha)
    }

    /// Moves the default branch from `from` to `to`.
    pub(super) async fn move_branch(
        &self,
        repo: &Repo,
        from: Option<&CommitSha>,
        to: &CommitSha,
    ) -> Result<Publication, Error> {
        let full = full_name(repo);
        let branch = &repo.default_branch;
        let call = match from {
            Some(_) => repo_call(
                Method::PATCH,
                "move the branch of",
                &full,
                &format!("/git/refs/heads/{}", branch_in_route(branch)),
            )
            .with(json!({ "sha": to, "force": false })),
            None => create_branch(&full, branch, to),
        };
        let reply = self.client.send(&call).await?;
        if reply.status.is_success() {
            return Ok(Publication::Done);
        }
        if reply.status != StatusCode::UNPROCESSABLE_ENTITY {
            return Err(reply.refusal(&call));
        }
        // Not a fast-forward, unless the branch is where we left it: then a rule forbids the move.
        match self.head(&full, branch, Branch::seen(from)).await? {
            Some(head) if head == *to => Ok(Publication::Done),
            head if head.as_ref() == from => Err(reply.refusal(&call)),
            head => Ok(Publication::Moved { head }),
        }
    }

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
        let full = full_name(repo);
        let planned = objects::commit_sha(&objects::assemble(draft)?.commit)?;
        match self.head(&full, &text.branch, Branch::New).await? {
            Some(head) if head == planned => {}
            Some(_) => {
                let (owner, name) = (repo.owner.clone(), repo.name.to_string());
                return Err(Error::BranchTaken { owner, name, branch: text.branch.clone() });
            }
            None => {
                self.upload(repo, draft, &planned).await?;
                let call = create_branch(&full, &text.branch, &planned);
                let reply = self.client.send(&call).await?;
                if !reply.status.is_success() {
                    return Err(reply.refusal(&call));
                }
            }
        }
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

    /// Small UTF-8 goes into the tree's own body; everything else needs a blob first.
    async fn entry(&self, full: &str, path: &SitePath, bytes: &Bytes) -> Result<Value, Error> {
        let mut entry = json!({ "path": path, "mode": "100644", "type": "blob" });
        let (key, value) = match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() <= MAX_INLINE_BYTES => ("content", text.to_owned()),
            _ => ("sha", self.upload_blob(full, bytes).await?),
        };
        entry[key] = Value::String(value);
        Ok(entry)
    }

    async fn upload_blob(&self, full: &str, bytes: &Bytes) -> Result<String, Error> {
        let call = repo_call(Method::POST, "create a blob in", full, "/git/blobs")
            .with(json!({ "content": BASE64.encode(bytes), "encoding": "base64" }));
        let blob: wire::Id = self.client.settling(&call, not_ready).await?.read(&call)?;
        Ok(blob.sha)
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

fn same(planned: &CommitSha, made: &str) -> Result<(), Error> {
    if planned.as_str() == made {
        Ok(())
    } else {
        Err(Error::OtherCommit { planned: planned.to_string(), made: made.to_owned() })
    }
}
