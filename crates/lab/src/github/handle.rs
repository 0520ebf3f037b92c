//! The view from outside the protocol: what happened, and what shall go wrong.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use time::OffsetDateTime;

use super::faults::{Fault, Reply, When};
use super::gate::{Exchange, Gate, Seen};
use super::objects::{Mode, Object, ObjectId, Signature};
use super::odb::{Paths, put_leaf, remove_path};
use super::pages::{BuildPlan, Plans};
use super::site::Caches;
use super::state::{Domain, NewRepository, Repository, World, branch_ref};

/// Looks into a running stand-in and sets its faults. Cheap to clone.
#[derive(Clone)]
pub struct Handle(pub(super) Arc<Mutex<Inside>>);

#[derive(Debug)]
pub(super) struct Inside {
    pub(super) world: World,
    pub(super) gate: Gate,
    pub(super) caches: Caches,
    /// Answers of the sites out of turn, one a request.
    pub(super) site_faults: VecDeque<Reply>,
}

/// A repository at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoView {
    /// Account.
    pub owner: String,
    /// Name.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// Homepage.
    pub homepage: Option<String>,
    /// Topics.
    pub topics: Vec<String>,
    /// Its default branch.
    pub default_branch: String,
    /// All refs by full name, each with the object it points to.
    pub refs: BTreeMap<String, String>,
    /// The default branch's history, newest first.
    pub commits: Vec<CommitView>,
    /// The files at the default branch's head.
    pub files: BTreeMap<String, Bytes>,
    /// Its site, when there is one.
    pub pages: Option<PagesView>,
    /// Titles of its pull requests, oldest first.
    pub pulls: Vec<String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitView {
    /// Its id.
    pub sha: String,
    /// Its parents' ids.
    pub parents: Vec<String>,
    /// The whole message.
    pub message: String,
    /// The author's name.
    pub author: String,
    /// The author's date, in seconds since the Unix epoch.
    pub authored_at_unix_s: i64,
}

/// A site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagesView {
    /// `legacy` or `workflow`.
    pub build_type: &'static str,
    /// The commit that is served.
    pub live: Option<String>,
    /// Each build's commit and status, oldest first.
    pub builds: Vec<(String, &'static str)>,
}

impl Handle {
    pub(super) fn new(world: World, gate: Gate) -> Self {
        Self(Arc::new(Mutex::new(Inside { world, gate, caches: Caches::default(), site_faults: VecDeque::new() })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inside> {
        // A panic under the lock is a bug here; the state is still the best there is to look at.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All repositories, by owner and name.
    #[must_use]
    pub fn repos(&self) -> Vec<RepoView> {
        self.lock().world.repos().map(view).collect()
    }

    /// One repository.
    #[must_use]
    pub fn repo(&self, owner: &str, name: &str) -> Option<RepoView> {
        self.lock().world.repo(owner, name).map(view)
    }

    /// The requests to the API, oldest first (the last 100,000).
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.lock().gate.log.iter().cloned().collect()
    }

    /// The calls that were kept with their answers, oldest first.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().gate.exchanges.clone()
    }

    /// How many requests the API got.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.lock().gate.requests()
    }

    /// How many of them may have changed something (any method but GET and HEAD).
    #[must_use]
    pub fn mutation_count(&self) -> u64 {
        self.lock().gate.mutations()
    }

    /// Strikes one request.
    pub fn inject(&self, when: When, fault: Fault) {
        self.inject_times(1, when, fault);
    }

    /// Strikes the next `times` requests that match.
    pub fn inject_times(&self, times: u32, when: When, fault: Fault) {
        self.lock().gate.faults.add(times, when, fault);
    }

    /// Takes back all faults that have not struck.
    pub fn clear_faults(&self) {
        self.lock().gate.faults.clear();
    }

    /// How many faults have not struck.
    #[must_use]
    pub fn waiting_faults(&self) -> usize {
        self.lock().gate.faults.waiting()
    }

    /// Uses up this hour's requests: all further ones are refused with 403.
    pub fn exhaust_rate_limit(&self) {
        self.lock().gate.exhaust(OffsetDateTime::now_utc());
    }

    /// Where the sites are, without a final `/`, such as `http://127.0.0.1:40002`.
    #[must_use]
    pub fn sites_url(&self) -> String {
        self.lock().world.urls.sites.clone()
    }

    /// From now on the account has this token and no other; those given out before are refused.
    pub fn replace_token(&self, login: &str, token: &str) {
        self.lock().gate.replace_token(login, token);
    }

    /// Renames a repository, as its owner may; its old name leads on to it. `false` when there is none.
    #[must_use]
    pub fn rename_repo(&self, owner: &str, name: &str, to: &str) -> bool {
        self.lock().world.rename(owner, name, to)
    }

    /// The pages of `owner/name` are at the root of `host` (with its port) from now on, as with a custom domain.
    pub fn give_domain(&self, owner: &str, name: &str, host: &str) {
        self.set_domain(owner, Domain { host: host.to_owned(), of: Some(name.to_owned()) });
    }

    /// The account's own site has the custom domain `host` (with its port) from now on: all its other pages are below
    /// that.
    pub fn give_account_domain(&self, owner: &str, host: &str) {
        self.set_domain(owner, Domain { host: host.to_owned(), of: None });
    }

    fn set_domain(&self, owner: &str, domain: Domain) {
        self.lock().world.domains.insert(owner.to_ascii_lowercase(), domain);
    }

    /// The fates of the next builds, one each.
    pub fn plan_builds(&self, plans: impl IntoIterator<Item = BuildPlan>) {
        self.plans(|all| all.next.extend(plans));
    }

    /// The fate of every build that has no fate of its own.
    pub fn plan_all_builds(&self, plan: BuildPlan) {
        self.plans(|all| all.otherwise = plan);
    }

    /// From now on, so many addresses of sites show what was there before the last deployment, and
    /// each goes on showing it.
    pub fn keep_stale(&self, addresses: u32) {
        self.lock().caches.stale = addresses;
    }

    /// The next requests to the sites are answered so, one each.
    pub fn answer_sites(&self, replies: impl IntoIterator<Item = Reply>) {
        self.lock().site_faults.extend(replies);
    }

    fn plans(&self, change: impl FnOnce(&mut Plans)) {
        change(&mut self.lock().world.plans);
    }

    /// Makes an empty repository, as if its owner had; `false` when the owner is unknown or the
    /// name is taken.
    #[must_use]
    pub fn create_repo(&self, owner: &str, name: &str) -> bool {
        let mut inside = self.lock();
        let Some(owner) = inside.world.account(owner).cloned() else { return false };
        let new = NewRepository { owner, name: name.to_owned(), description: None, homepage: None, private: false };
        inside.world.create(new, OffsetDateTime::now_utc()).is_ok()
    }

    /// A push by somebody else: one commit on the branch that writes the files with bytes and
    /// deletes the others. Returns its id, or nothing when there is no such repository.
    pub fn push(
        &self,
        owner: &str,
        name: &str,
        branch: &str,
        message: &str,
        files: &[(&str, Option<&[u8]>)],
    ) -> Option<String> {
        let now = OffsetDateTime::now_utc();
        let mut inside = self.lock();
        let repo = inside.world.repo_mut(owner, name)?;
        let parent = repo.branch(branch);
        let tree = parent.and_then(|parent| repo.objects.commit(parent)).map(|commit| commit.tree);
        let mut leaves = tree.map(|tree| repo.objects.leaves(tree)).unwrap_or_else(Paths::new);
        for (path, content) in files {
            match content {
                Some(bytes) => {
                    let blob = repo.objects.insert(Object::Blob(Bytes::copy_from_slice(bytes)));
                    put_leaf(&mut leaves, path, Mode::File, blob);
                }
                None => _ = remove_path(&mut leaves, path),
            }
        }
        let who = Signature::new("Somebody Else", "somebody@example.org", now);
        let commit = repo.commit(parent, &leaves, message, who.clone(), who);
        inside.world.push(owner, name, &branch_ref(branch), commit, now);
        Some(commit.to_string())
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

fn view(repo: &Repository) -> RepoView {
    let head = repo.branch(&repo.default_branch);
    let history = head.map(|head| repo.objects.history(head)).unwrap_or_default();
    RepoView {
        owner: repo.owner.login.clone(),
        name: repo.name.clone(),
        description: repo.description.clone(),
        homepage: repo.homepage.clone(),
        topics: repo.topics.clone(),
        default_branch: repo.default_branch.clone(),
        refs: repo.refs.iter().map(|(name, id)| (name.clone(), id.to_string())).collect(),
        commits: history.into_iter().filter_map(|id| view_commit(repo, id)).collect(),
        files: head.map(|head| repo.files(head)).unwrap_or_default(),
        pages: repo.pages.as_ref().map(|pages| PagesView {
            build_type: pages.build_type.as_str(),
            live: pages.live.map(|id| id.to_string()),
            builds: pages.builds.iter().map(|build| (build.commit.to_string(), build.status.as_str())).collect(),
        }),
        pulls: repo.pulls.iter().map(|pull| pull.title.clone()).collect(),
    }
}

fn view_commit(repo: &Repository, id: ObjectId) -> Option<CommitView> {
    let commit = repo.objects.commit(id)?;
    Some(CommitView {
        sha: id.to_string(),
        parents: commit.parents.iter().map(ObjectId::to_string).collect(),
        message: commit.message.clone(),
        author: commit.author.name.clone(),
        authored_at_unix_s: commit.author.at.unix_timestamp(),
    })
}
