//! A code host in memory, with bad days on order.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ports::*;
use shared_types::{CommitSha, Digest};
use url::Url;

/// Repositories in memory. A commit's id is the digest of what it holds.
#[derive(Default)]
pub(crate) struct FakeHost {
    pub(crate) repos: Mutex<BTreeMap<String, Vec<(CommitSha, CommitDraft)>>>,
    /// Fails this many calls of `publish` with "again".
    pub(crate) publish_failures: Mutex<u32>,
    /// Refuses to publish, for good.
    pub(crate) refuses: Mutex<bool>,
    /// Has no room for a publication for so long, from the first question on.
    pub(crate) no_room_for: Mutex<Option<Duration>>,
    no_room_since: Mutex<Option<tokio::time::Instant>>,
    /// Names that lead on to others, as after a renaming.
    pub(crate) renamed: Mutex<BTreeMap<String, String>>,
    /// How the next deletions go, one each; then as they should.
    pub(crate) deletions: Mutex<Vec<Result<Deletion, Error>>>,
    /// Stands on the branch instead of what was published last.
    pub(crate) foreign_head: Mutex<Option<CommitSha>>,
    pub(crate) pages_never_build: Mutex<bool>,
    /// What the host says of its pages, one after the other; then that they are built.
    pub(crate) pages_say: Mutex<Vec<PagesState>>,
    /// A commit whose build was cancelled: said of it as long as it is asked for.
    pub(crate) cancels_first: Mutex<bool>,
    /// Where the host says that all pages are, in place of its usual address.
    pub(crate) pages_at: Mutex<Option<Url>>,
    /// So many looks at the URL find nothing.
    pub(crate) not_served: Mutex<u32>,
    /// How often a build was asked for.
    pub(crate) rebuilds: Mutex<u32>,
    /// What is in the repository that `foreign_head` stands for, from the second reading on.
    pub(crate) foreign_site: Mutex<Site>,
    reads: Mutex<u32>,
}

impl FakeHost {
    pub(crate) fn commits(&self) -> Vec<(String, usize)> {
        self.repos.lock().unwrap().iter().map(|(name, commits)| (name.clone(), commits.len())).collect()
    }

    /// As its owner may.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let mut repos = self.repos.lock().unwrap();
        let commits = repos.remove(from).unwrap();
        repos.insert(to.to_owned(), commits);
        self.renamed.lock().unwrap().insert(from.to_owned(), to.to_owned());
    }

    /// The repository at `seen_at`, by whatever name it has now.
    fn seen(&self, query: &RepoQuery) -> Option<String> {
        let seen = query.seen_at.as_ref()?.path_segments()?.next_back()?.to_owned();
        let name = self.renamed.lock().unwrap().get(&seen).cloned().unwrap_or(seen);
        let repos = self.repos.lock().unwrap();
        let is_marked = repos.get(&name)?.iter().any(|(_, draft)| draft.message.contains(&query.marker));
        is_marked.then_some(name)
    }

    pub(crate) fn files(&self, commit: &CommitSha) -> Vec<String> {
        let repos = self.repos.lock().unwrap();
        let draft = repos.values().flatten().find(|(sha, _)| sha == commit).map(|(_, draft)| draft).unwrap();
        draft.site.iter().map(|(path, _)| path.to_string()).collect()
    }

    pub(crate) fn page(&self, commit: &CommitSha) -> String {
        let repos = self.repos.lock().unwrap();
        let draft = repos.values().flatten().find(|(sha, _)| sha == commit).map(|(_, draft)| draft).unwrap();
        draft.site.text("index.html").unwrap().to_owned()
    }

    /// The page that was published last, as its URL would serve it.
    pub(super) fn last_page(&self) -> Bytes {
        let repos = self.repos.lock().unwrap();
        let last = repos.values().filter_map(|commits| commits.last()).max_by_key(|(_, draft)| draft.at);
        last.and_then(|(_, draft)| draft.site.get("index.html").cloned()).unwrap_or_default()
    }

    fn repo(&self, name: &str) -> Repo {
        let head = self.foreign_head.lock().unwrap().clone();
        let last = self.repos.lock().unwrap()[name].last().map(|(sha, _)| sha.clone());
        let url = |path: &str| Url::parse(&format!("http://127.0.0.1:1/{path}")).unwrap();
        Repo {
            tenant: None,
            owner: "o".to_owned(),
            name: name.parse().unwrap(),
            html_url: url(name),
            clone_url: url(&format!("git/{name}.git")),
            pages_url: url(&format!("o/{name}/")),
            default_branch: "main".to_owned(),
            head: head.or(last),
        }
    }
}

fn sha(draft: &CommitDraft) -> CommitSha {
    let said = format!("{:?}", (&draft.parent, &draft.site, &draft.message, draft.at));
    Digest::of(said.as_bytes()).as_str()[..40].parse().unwrap()
}

#[async_trait]
impl CodeHost for FakeHost {
    async fn find_repo(&self, query: &RepoQuery) -> Result<Option<Repo>, Error> {
        if let Some(name) = self.seen(query) {
            return Ok(Some(self.repo(&name)));
        }
        let found = {
            let repos = self.repos.lock().unwrap();
            let mut named = repos.iter().filter(|(name, _)| name.starts_with(&query.name_prefix));
            named
                .find(|(_, commits)| commits.iter().any(|(_, draft)| draft.message.contains(&query.marker)))
                .map(|(name, _)| name.clone())
        };
        Ok(found.map(|name| self.repo(&name)))
    }

    async fn ensure_repo(&self, spec: &RepoSpec) -> Result<Repo, Error> {
        self.repos.lock().unwrap().entry(spec.name.to_string()).or_default();
        Ok(self.repo(spec.name.as_str()))
    }

    async fn read_site(&self, repo: &Repo) -> Result<Snapshot, Error> {
        let first = std::mem::replace(&mut *self.reads.lock().unwrap(), 1) == 0;
        if let (false, Some(head)) = (first, self.foreign_head.lock().unwrap().clone()) {
            return Ok(Snapshot { head: Some(head), site: self.foreign_site.lock().unwrap().clone() });
        }
        let repos = self.repos.lock().unwrap();
        let last = repos[repo.name.as_str()].last();
        Ok(Snapshot {
            head: last.map(|(sha, _)| sha.clone()),
            site: last.map(|(_, draft)| draft.site.clone()).unwrap_or_default(),
        })
    }

    async fn plan_commit(&self, _: &Repo, draft: &CommitDraft) -> Result<CommitSha, Error> {
        Ok(sha(draft))
    }

    async fn publish(&self, repo: &Repo, draft: &CommitDraft, planned: &CommitSha) -> Result<Publication, Error> {
        {
            let mut failures = self.publish_failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return Err(Error::again("502 Bad Gateway"));
            }
        }
        if *self.refuses.lock().unwrap() {
            return Err(Error::stop("the host refuses"));
        }
        if let Some(closed_for) = *self.no_room_for.lock().unwrap() {
            let now = tokio::time::Instant::now();
            let since = *self.no_room_since.lock().unwrap().get_or_insert(now);
            if now < since + closed_for {
                return Err(Error::later(since + closed_for - now, "no room"));
            }
        }
        let head = self.repo(repo.name.as_str()).head;
        if head.as_ref() == Some(planned) {
            return Ok(Publication::Done);
        }
        if head != draft.parent {
            return Ok(Publication::Moved { head });
        }
        self.repos.lock().unwrap().get_mut(repo.name.as_str()).unwrap().push((sha(draft), draft.clone()));
        // What was put on top of somebody else's work is the head now.
        *self.foreign_head.lock().unwrap() = None;
        Ok(Publication::Done)
    }

    async fn rebuild_pages(&self, _: &Repo) -> Result<(), Error> {
        *self.rebuilds.lock().unwrap() += 1;
        Ok(())
    }

    async fn ensure_pages(&self, repo: &Repo, _: PagesBuild) -> Result<Url, Error> {
        Ok(self.pages_at.lock().unwrap().clone().unwrap_or_else(|| repo.pages_url.clone()))
    }

    async fn pages_status(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, Error> {
        let is_first = self.repos.lock().unwrap()[repo.name.as_str()].first().is_some_and(|(sha, _)| sha == commit);
        if is_first && *self.cancels_first.lock().unwrap() {
            return Ok(PagesState::Cancelled);
        }
        let mut said = self.pages_say.lock().unwrap();
        if !said.is_empty() {
            return Ok(said.remove(0));
        }
        Ok(if *self.pages_never_build.lock().unwrap() { PagesState::Building } else { PagesState::Built })
    }

    async fn delete_repo(&self, name: &RepoName, _: &RepoQuery) -> Result<Deletion, Error> {
        let mut deletions = self.deletions.lock().unwrap();
        if !deletions.is_empty() {
            return deletions.remove(0);
        }
        let gone = self.repos.lock().unwrap().remove(name.as_str());
        Ok(if gone.is_some() { Deletion::Deleted } else { Deletion::Missing })
    }

    async fn open_pull_request(&self, repo: &Repo, _: &CommitDraft, text: &PullRequestText) -> Result<Url, Error> {
        Ok(repo.html_url.join(&format!("pull/{}", text.branch)).unwrap())
    }
}
