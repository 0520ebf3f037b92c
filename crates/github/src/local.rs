//! The local code host: bare repositories below one folder, in `<root>/<owner>/<name>.git`.
//!
//! Everything a reader can see changes by one rename: a repository is made beside its place and
//! moved there, objects are on the disk before a branch points to them, and a branch moves by
//! compare-and-set under git's own lock file. So a process that is killed between any two
//! operations leaves a readable repository, and the same call again finishes the work.
//!
//! Not here: pushing over the network, and garbage collection. Packed repositories can be read.

mod folder;
mod pages;
mod repository;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ports::{
    CodeHost, CommitDraft, Deletion, PagesBuild, PagesState, Publication, PullRequestText, Repo, RepoName, RepoQuery,
    RepoSpec, Snapshot, TenantKey,
};
use shared_types::CommitSha;
use url::Url;

use crate::Error;
use crate::objects::{self, Assembled};

pub use pages::PagesServer;
use repository::{Moved, Repository};

/// Candidates that a search by prefix looks into; a name derives from one task, so even many
/// resends stay far below.
const MAX_CANDIDATES: usize = 200;

/// Where the repositories are and how they are addressed.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder that holds one folder per owner. Made when missing.
    pub root: PathBuf,
    /// Account under which new repositories are made: 1 to 39 letters, digits or inner hyphens.
    pub owner: String,
    /// Where [`PagesServer`] is reached from outside, such as `http://127.0.0.1:8081/`.
    pub public_url: Url,
    /// The published branch of new repositories.
    pub default_branch: String,
}

/// [`CodeHost`] over local bare repositories. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalHost {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    /// One is held while a repository of its names is made or removed, so that leftovers of a killed process can be
    /// told from the work of a neighbour, and neighbours of other names do not wait for each other's disk.
    making: [Mutex<()>; 16],
}

impl LocalHost {
    /// A host over `options.root`. Nothing is read or written yet.
    ///
    /// # Errors
    /// An owner or branch that cannot be used.
    pub fn new(mut options: Options) -> Result<Self, Error> {
        if !is_owner(&options.owner) {
            let reason = "1 to 39 letters, digits or inner hyphens are expected".to_owned();
            return Err(Error::Option { option: "owner", reason });
        }
        if repository::branch_ref(&options.default_branch).is_none() {
            let reason = "a branch name as git takes it is expected".to_owned();
            return Err(Error::Option { option: "default_branch", reason });
        }
        if !options.public_url.path().ends_with('/') {
            let path = format!("{}/", options.public_url.path());
            options.public_url.set_path(&path);
        }
        Ok(Self { shared: Arc::new(Shared { options, making: Default::default() }) })
    }

    /// Disk and hashing work goes to the blocking pool, never onto the reactor.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ports::Error> {
        let shared = Arc::clone(&self.shared);
        let result = tokio::task::spawn_blocking(move || work(&shared)).await.map_err(Error::Interrupted)?;
        Ok(result?)
    }
}

#[async_trait]
impl CodeHost for LocalHost {
    async fn find_repo(&self, query: &RepoQuery) -> Result<Option<Repo>, ports::Error> {
        let query = query.clone();
        self.blocking(move |shared| shared.find(&query)).await
    }

    async fn ensure_repo(&self, spec: &RepoSpec) -> Result<Repo, ports::Error> {
        let spec = spec.clone();
        self.blocking(move |shared| shared.ensure(&spec)).await
    }

    async fn read_site(&self, repo: &Repo) -> Result<Snapshot, ports::Error> {
        let repo = repo.clone();
        self.blocking(move |shared| {
            let repository = shared.open(&repo)?;
            let Some(head) = repository.tip(&repo.default_branch)? else {
                return Ok(Snapshot { head: None, site: ports::Site::new() });
            };
            Ok(Snapshot { head: Some(objects::commit_sha(&head)?), site: repository.site(head)? })
        })
        .await
    }

    async fn plan_commit(&self, _repo: &Repo, draft: &CommitDraft) -> Result<CommitSha, ports::Error> {
        let draft = draft.clone();
        self.blocking(move |_| objects::commit_sha(&objects::assemble(&draft)?.commit)).await
    }

    async fn publish(
        &self,
        repo: &Repo,
        draft: &CommitDraft,
        planned: &CommitSha,
    ) -> Result<Publication, ports::Error> {
        let (repo, draft, planned) = (repo.clone(), draft.clone(), planned.clone());
        self.blocking(move |shared| shared.publish(&repo, &draft, &planned)).await
    }

    /// The pages server reads the branch itself: there is nothing to build, and nothing to ask for.
    async fn rebuild_pages(&self, _repo: &Repo) -> Result<(), ports::Error> {
        Ok(())
    }

    async fn ensure_pages(&self, repo: &Repo, _build: PagesBuild) -> Result<Url, ports::Error> {
        let repo = repo.clone();
        self.blocking(move |shared| {
            shared.open(&repo)?;
            shared.url(&format!("{}/{}/", repo.owner, repo.name))
        })
        .await
    }

    /// Built as soon as the branch holds the commit: the pages server reads the branch itself.
    async fn pages_status(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, ports::Error> {
        let (repo, commit) = (repo.clone(), objects::object_id(commit)?);
        self.blocking(move |shared| {
            let held =
                shared.open(&repo)?.history(&repo.default_branch)?.any(|step| step.is_ok_and(|c| c.id == commit));
            Ok(if held { PagesState::Built } else { PagesState::Building })
        })
        .await
    }

    /// The URL shows the text and how to merge the branch; merging itself is for people.
    async fn open_pull_request(
        &self,
        repo: &Repo,
        draft: &CommitDraft,
        text: &PullRequestText,
    ) -> Result<Url, ports::Error> {
        let (repo, draft, text) = (repo.clone(), draft.clone(), text.clone());
        self.blocking(move |shared| shared.propose(&repo, &draft, &text)).await
    }

    async fn delete_repo(&self, name: &RepoName, query: &RepoQuery) -> Result<Deletion, ports::Error> {
        let (name, query) = (name.clone(), query.clone());
        self.blocking(move |shared| shared.delete(&name, &query)).await
    }
}

impl Shared {
    fn path(&self, owner: &str, name: &RepoName) -> PathBuf {
        self.options.root.join(owner).join(format!("{name}.git"))
    }

    /// The lock for a repository of this name.
    fn making(&self, name: &RepoName) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let lane = &self.making[hasher.finish() as usize % self.making.len()];
        // A poisoned lock guards no data: a panic elsewhere is no reason to stop making repositories.
        lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, repo: &Repo) -> Result<Repository, Error> {
        let missing = || Error::NoRepo { owner: repo.owner.clone(), name: repo.name.to_string() };
        if !is_owner(&repo.owner) {
            return Err(missing());
        }
        Repository::open(&self.path(&repo.owner, &repo.name))?.ok_or_else(missing)
    }

    fn url(&self, below: &str) -> Result<Url, Error> {
        self.options
            .public_url
            .join(below)
            .map_err(|error| Error::Option { option: "public_url", reason: error.to_string() })
    }

    /// All students share the one account.
    fn describe(&self, tenant: &TenantKey, name: &RepoName, repository: &Repository) -> Result<Repo, Error> {
        let owner = &self.options.owner;
        let default_branch = repository.default_branch()?;
        let head = repository.tip(&default_branch)?.map(|id| objects::commit_sha(&id)).transpose()?;
        Ok(Repo {
            tenant: Some(tenant.clone()),
            owner: owner.clone(),
            name: name.clone(),
            html_url: self.url(&format!("git/{owner}/{name}"))?,
            clone_url: self.url(&format!("git/{owner}/{name}.git"))?,
            pages_url: self.url(&format!("{owner}/{name}/"))?,
            default_branch,
            head,
        })
    }

    /// Where it was last seen. Otherwise, of several repositories with the marker (a task sent again gets a new one),
    /// the one with the newest commit.
    fn find(&self, query: &RepoQuery) -> Result<Option<Repo>, Error> {
        if let Some(seen) = query.seen_at.as_ref().and_then(name_in)
            && let Some((_, repo)) = self.candidate(&seen, query)?
        {
            return Ok(Some(repo));
        }
        let names = folder::repositories(&self.options.root.join(&self.options.owner))?;
        let mut found: Option<(i64, Repo)> = None;
        for name in names.into_iter().filter(|name| name.as_str().starts_with(&query.name_prefix)).take(MAX_CANDIDATES)
        {
            let Some((newest_s, repo)) = self.candidate(&name, query)? else { continue };
            if found.as_ref().is_none_or(|(best_s, _)| newest_s > *best_s) {
                found = Some((newest_s, repo));
            }
        }
        Ok(found.map(|(_, repo)| repo))
    }

    /// The repository of this name with the time of its newest commit, when it carries the marker.
    fn candidate(&self, name: &RepoName, query: &RepoQuery) -> Result<Option<(i64, Repo)>, Error> {
        let Some(repository) = Repository::open(&self.path(&self.options.owner, name))? else { return Ok(None) };
        let repo = self.describe(&query.tenant, name, &repository)?;
        if !repository.carries(&repo.default_branch, &query.marker)? {
            return Ok(None);
        }
        Ok(Some((repository.newest_s(&repo.default_branch)?, repo)))
    }

    fn delete(&self, name: &RepoName, query: &RepoQuery) -> Result<Deletion, Error> {
        let path = self.path(&self.options.owner, name);
        let Some(repository) = Repository::open(&path)? else { return Ok(Deletion::Missing) };
        let repo = self.describe(&query.tenant, name, &repository)?;
        // An empty one was begun under this name by nobody else.
        if repo.head.is_some() && !repository.carries(&repo.default_branch, &query.marker)? {
            return Ok(Deletion::NotOurs);
        }
        let _making = self.making(name);
        folder::remove(&path)?;
        Ok(Deletion::Deleted)
    }

    fn ensure(&self, spec: &RepoSpec) -> Result<Repo, Error> {
        let path = self.path(&self.options.owner, &spec.name);
        let making = self.making(&spec.name);
        folder::make(&path, &self.options.default_branch, &spec.description)?;
        drop(making);
        let repository = Repository::open(&path)?.ok_or_else(|| self.gone(&spec.name))?;
        let repo = self.describe(&spec.tenant, &spec.name, &repository)?;
        if repo.head.is_none() || repository.carries(&repo.default_branch, &spec.marker)? {
            Ok(repo)
        } else {
            Err(Error::NameTaken { owner: repo.owner, name: repo.name.into() })
        }
    }

    fn gone(&self, name: &RepoName) -> Error {
        Error::NoRepo { owner: self.options.owner.clone(), name: name.to_string() }
    }

    fn publish(&self, repo: &Repo, draft: &CommitDraft, planned: &CommitSha) -> Result<Publication, Error> {
        let repository = self.open(repo)?;
        let from = draft.parent.as_ref().map(objects::object_id).transpose()?;
        let to = objects::object_id(planned)?;
        let tip = repository.tip(&repo.default_branch)?;
        if tip != Some(to) {
            if tip != from {
                return moved(tip);
            }
            let assembled = objects::assemble(draft)?;
            expect_planned(&assembled, planned)?;
            repository.store(&assembled)?;
            match repository.move_branch(&repo.default_branch, from, to)? {
                Moved::No { tip } if tip != Some(to) => return moved(tip),
                Moved::Yes | Moved::No { .. } => {}
            }
        }
        if let Some(tag) = &draft.tag
            && !repository.tag(tag, to)?
        {
            repository.tag(&objects::tag_for(tag, planned), to)?;
        }
        Ok(Publication::Done)
    }

    fn propose(&self, repo: &Repo, draft: &CommitDraft, text: &PullRequestText) -> Result<Url, Error> {
        let repository = self.open(repo)?;
        let assembled = objects::assemble(draft)?;
        let to = assembled.commit;
        repository.store(&assembled)?;
        let held = match repository.move_branch(&text.branch, None, to)? {
            Moved::Yes => true,
            Moved::No { tip } => tip == Some(to),
        };
        if !held {
            let (owner, name) = (repo.owner.clone(), repo.name.to_string());
            return Err(Error::BranchTaken { owner, name, branch: text.branch.clone() });
        }
        let file = folder::pull_request_file(&text.branch);
        let body = format!(
            "{title}\n\n{body}\n\nBranch {branch}, commit {to}. To merge it:\n\n    git clone {clone}\n    cd {name}\n    \
             git merge origin/{branch}\n",
            title = text.title,
            body = text.body,
            branch = text.branch,
            clone = repo.clone_url,
            name = repo.name,
        );
        folder::write_beside(&repository.path().join(folder::PULL_REQUESTS), &file, body.as_bytes())?;
        self.url(&format!("git/{}/{}.git/{}/{file}", repo.owner, repo.name, folder::PULL_REQUESTS))
    }
}

/// As GitHub names accounts; also what keeps an owner from leaving the root folder.
fn is_owner(text: &str) -> bool {
    (1..=39).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        // The pages server keeps this first segment for `git clone`.
        && !text.eq_ignore_ascii_case("git")
}

/// The repository's name in the URL that people open, `git/<owner>/<name>`.
fn name_in(url: &Url) -> Option<RepoName> {
    url.path_segments()?.next_back()?.parse().ok()
}

fn moved(tip: Option<gix::ObjectId>) -> Result<Publication, Error> {
    Ok(Publication::Moved { head: tip.map(|id| objects::commit_sha(&id)).transpose()? })
}

fn expect_planned(assembled: &Assembled, planned: &CommitSha) -> Result<(), Error> {
    let made = objects::commit_sha(&assembled.commit)?;
    if made == *planned {
        Ok(())
    } else {
        Err(Error::OtherCommit { planned: planned.to_string(), made: made.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(root: &std::path::Path, owner: &str) -> Options {
        Options {
            root: root.to_owned(),
            owner: owner.to_owned(),
            public_url: "http://127.0.0.1:8081".parse().unwrap(),
            default_branch: "main".to_owned(),
        }
    }

    #[tokio::test]
    async fn it_is_a_code_host() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::new(options(root.path(), "local")).unwrap();
        crate::conformance::code_host(&host, "demo").await;
    }

    #[test]
    fn an_owner_cannot_leave_the_root() {
        for (owner, accepted) in
            [("local", true), ("a-b", true), ("", false), ("..", false), ("a/b", false), ("-a", false), ("git", false)]
        {
            assert_eq!(LocalHost::new(options(std::path::Path::new("x"), owner)).is_ok(), accepted, "{owner}");
        }
    }
}
