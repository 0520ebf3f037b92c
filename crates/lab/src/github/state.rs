//! Accounts and repositories, and the few operations that keep them consistent. Pure: the time
//! comes with each call, and nothing here knows HTTP.
//!
//! Invariants: every ref points to an object that is there; a repository without refs is what
//! GitHub calls empty; names are compared without regard to case.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use time::OffsetDateTime;

use super::objects::{Commit, Mode, Object, ObjectId, Signature};
use super::odb::{Objects, Paths};
use super::pages::{BuildPlan, BuildType, Pages, Plans};
use crate::witness::{self, Effect, Witness};

/// The whole stand-in.
#[derive(Debug)]
pub(super) struct World {
    pub(super) urls: Urls,
    /// The first user; the organisations, which are theirs; then further users.
    pub(super) accounts: Vec<Account>,
    /// Who asks now.
    signed_in: Option<Account>,
    /// Owners whose sites have a domain of their own.
    pub(super) domains: BTreeMap<String, Domain>,
    /// Where repositories went that were renamed.
    renamed: BTreeMap<(String, String), u64>,
    pub(super) default_branch: String,
    pub(super) plans: Plans,
    /// Sees every effect that lasts.
    pub(super) witness: Witness,
    repos: BTreeMap<(String, String), Repository>,
    last_id: u64,
}

/// Where the sites of an owner are, when it is not at the usual place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Domain {
    /// With its port, as it stands in a request's `Host`.
    pub(super) host: String,
    /// The one repository that has it; absent: the owner's own site has it, and all others are below it.
    pub(super) of: Option<String>,
}

/// Where it answers, without a final `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Urls {
    pub(super) api: String,
    pub(super) sites: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) kind: AccountKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccountKind {
    User,
    Organization,
}

#[derive(Debug)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) owner: Account,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) homepage: Option<String>,
    pub(super) private: bool,
    pub(super) topics: Vec<String>,
    pub(super) default_branch: String,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    pub(super) pushed_at: OffsetDateTime,
    pub(super) objects: Objects,
    /// By full name, such as `refs/heads/main`.
    pub(super) refs: BTreeMap<String, ObjectId>,
    pub(super) pages: Option<Pages>,
    pub(super) pulls: Vec<Pull>,
}

#[derive(Debug)]
pub(super) struct Pull {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) draft: bool,
    /// Branches of the same repository.
    pub(super) head: String,
    pub(super) base: String,
    pub(super) created_at: OffsetDateTime,
}

/// A repository that shall be made.
#[derive(Debug)]
pub(super) struct NewRepository {
    pub(super) owner: Account,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) homepage: Option<String>,
    pub(super) private: bool,
}

/// The name is taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NameTaken;

impl World {
    pub(super) fn new(
        urls: Urls,
        login: &str,
        organisations: &[String],
        others: &[String],
        default_branch: &str,
        plan: BuildPlan,
    ) -> Self {
        let mut world = Self {
            urls,
            accounts: Vec::new(),
            signed_in: None,
            domains: BTreeMap::new(),
            renamed: BTreeMap::new(),
            default_branch: default_branch.to_owned(),
            plans: Plans { next: VecDeque::new(), otherwise: plan },
            witness: Witness::default(),
            repos: BTreeMap::new(),
            last_id: 0,
        };
        let organisations = organisations.iter().map(|login| (login.as_str(), AccountKind::Organization));
        let others = others.iter().map(|login| (login.as_str(), AccountKind::User));
        for (login, kind) in std::iter::once((login, AccountKind::User)).chain(organisations).chain(others) {
            let id = world.next_id();
            world.accounts.push(Account { id, login: login.to_owned(), kind });
        }
        world
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Who asks now: the account of the request's token.
    pub(super) fn user(&self) -> Account {
        // The first account is always there; an unnamed one stands for it in theory only.
        let nobody = || Account { id: 0, login: String::new(), kind: AccountKind::User };
        self.signed_in.as_ref().or(self.accounts.first()).cloned().unwrap_or_else(nobody)
    }

    pub(super) fn sign_in(&mut self, account: Account) {
        self.signed_in = Some(account);
    }

    /// Whether who asks now may change what is `owner`'s.
    pub(super) fn may_change(&self, owner: &str) -> bool {
        let user = self.user();
        let is_first = self.accounts.first() == Some(&user);
        self.account(owner)
            .is_none_or(|account| *account == user || is_first && account.kind == AccountKind::Organization)
    }

    pub(super) fn account(&self, login: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// The custom domain of this repository alone.
    pub(super) fn domain_of(&self, repo: &Repository) -> Option<&str> {
        let domain = self.domains.get(&repo.owner.login.to_ascii_lowercase())?;
        domain.of.as_ref().filter(|name| name.eq_ignore_ascii_case(&repo.name)).map(|_| domain.host.as_str())
    }

    /// Where the pages of a repository are, with a final `/`.
    pub(super) fn site_url(&self, repo: &Repository) -> String {
        if let Some(host) = self.domain_of(repo) {
            return format!("http://{host}/");
        }
        match self.domains.get(&repo.owner.login.to_ascii_lowercase()) {
            Some(Domain { host, of: None }) => format!("http://{host}/{}/", repo.name),
            _ => format!("{}/{}/", self.urls.sites, repo.full_name()),
        }
    }

    pub(super) fn repos(&self) -> impl Iterator<Item = &Repository> {
        self.repos.values()
    }

    pub(super) fn repo(&self, owner: &str, name: &str) -> Option<&Repository> {
        self.repos.get(&key(owner, name))
    }

    pub(super) fn repo_mut(&mut self, owner: &str, name: &str) -> Option<&mut Repository> {
        self.repos.get_mut(&key(owner, name))
    }

    /// The repository that had this name before it was renamed.
    pub(super) fn renamed(&self, owner: &str, name: &str) -> Option<u64> {
        self.renamed.get(&key(owner, name)).copied()
    }

    pub(super) fn repo_by_id(&self, id: u64) -> Option<&Repository> {
        self.repos().find(|repo| repo.id == id)
    }

    /// Whether there was such a repository.
    pub(super) fn rename(&mut self, owner: &str, name: &str, to: &str) -> bool {
        let Some(mut repo) = self.repos.remove(&key(owner, name)) else { return false };
        self.renamed.insert(key(owner, name), repo.id);
        repo.name = to.to_owned();
        self.repos.insert(key(owner, to), repo);
        true
    }

    /// Whether there was such a repository.
    pub(super) fn delete(&mut self, owner: &str, name: &str) -> bool {
        self.repos.remove(&key(owner, name)).is_some()
    }

    /// Makes an empty repository.
    pub(super) fn create(&mut self, new: NewRepository, now: OffsetDateTime) -> Result<&mut Repository, NameTaken> {
        let key = key(&new.owner.login, &new.name);
        if self.repos.contains_key(&key) {
            return Err(NameTaken);
        }
        // Whoever takes a name ends the way from it to a renamed repository.
        self.renamed.remove(&key);
        let repository = Repository {
            id: self.next_id(),
            owner: new.owner,
            name: new.name,
            description: new.description,
            homepage: new.homepage,
            private: new.private,
            topics: Vec::new(),
            default_branch: self.default_branch.clone(),
            created_at: now,
            updated_at: now,
            pushed_at: now,
            objects: Objects::default(),
            refs: BTreeMap::new(),
            pages: None,
            pulls: Vec::new(),
        };
        self.witness.note(|| Effect::RepoMade { repo: repository.full_name() });
        Ok(self.repos.entry(key).or_insert(repository))
    }

    /// Points a ref to an object that is there, and starts the build that such a push starts.
    pub(super) fn push(&mut self, owner: &str, name: &str, full_ref: &str, to: ObjectId, now: OffsetDateTime) {
        // Not by `repo_mut`: the witness is borrowed beside it.
        let Some(repo) = self.repos.get_mut(&key(owner, name)) else { return };
        // The first branch of an empty repository becomes its default one.
        if let (true, Some(branch)) = (repo.is_empty(), full_ref.strip_prefix("refs/heads/")) {
            repo.default_branch = branch.to_owned();
        }
        repo.refs.insert(full_ref.to_owned(), to);
        self.witness.note(|| moved(repo, full_ref, to));
        repo.pushed_at = now;
        repo.updated_at = now;
        let builds = match &repo.pages {
            Some(pages) => full_ref == branch_ref(&pages.source.branch) && repo.builds_on_push(pages, to),
            None => false,
        };
        if builds {
            self.start_build(owner, name, now);
        }
    }

    /// Starts a build of the source branch's head, if there is a site and such a branch.
    pub(super) fn start_build(&mut self, owner: &str, name: &str, now: OffsetDateTime) {
        let key = key(owner, name);
        let Some(repo) = self.repos.get_mut(&key) else { return };
        let Some(pages) = repo.pages.as_mut() else { return };
        let Some(&head) = repo.refs.get(&branch_ref(&pages.source.branch)) else { return };
        self.last_id += 1;
        pages.start(self.last_id, head, self.plans.take(), now);
    }
}

impl Repository {
    pub(super) fn is_empty(&self) -> bool {
        self.refs.is_empty()
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner.login, self.name)
    }

    /// The commit that a branch points to.
    pub(super) fn branch(&self, name: &str) -> Option<ObjectId> {
        self.refs.get(&branch_ref(name)).copied()
    }

    /// What a person means by `text`: a branch, a tag, a ref without `refs/`, or an object's id.
    pub(super) fn resolve(&self, text: &str) -> Option<ObjectId> {
        let named = ["refs/heads/", "refs/tags/", "refs/", ""]
            .iter()
            .find_map(|prefix| self.refs.get(&format!("{prefix}{text}")).copied());
        let head = || (text == "HEAD").then(|| self.branch(&self.default_branch)).flatten();
        let object = || text.parse().ok().filter(|id| self.objects.get(*id).is_some());
        named.or_else(head).or_else(object)
    }

    /// The commit that `text` names.
    pub(super) fn resolve_commit(&self, text: &str) -> Option<(ObjectId, &Commit)> {
        let id = self.resolve(text)?;
        Some((id, self.objects.commit(id)?))
    }

    /// The files of a commit, links and submodules left out.
    pub(super) fn files(&self, commit: ObjectId) -> BTreeMap<String, Bytes> {
        let Some(commit) = self.objects.commit(commit) else { return BTreeMap::new() };
        let leaves = self.objects.leaves(commit.tree).into_iter();
        leaves
            .filter(|(_, (mode, _))| matches!(mode, Mode::File | Mode::Executable))
            .filter_map(|(path, (_, id))| Some((path, self.objects.blob(id)?.clone())))
            .collect()
    }

    /// Stores a commit of `leaves` on top of `parent`.
    pub(super) fn commit(
        &mut self,
        parent: Option<ObjectId>,
        leaves: &Paths,
        message: &str,
        author: Signature,
        committer: Signature,
    ) -> ObjectId {
        let tree = self.objects.write_tree(leaves);
        let parents = parent.into_iter().collect();
        let commit = Commit { tree, parents, author, committer, message: message.to_owned() };
        self.objects.insert(Object::Commit(Box::new(commit)))
    }

    /// Whether a push of `head` to the source branch leads to a new site. A workflow deploys when
    /// one of the repository's workflows uses the action that does it.
    fn builds_on_push(&self, pages: &Pages, head: ObjectId) -> bool {
        match pages.build_type {
            BuildType::Legacy => true,
            BuildType::Workflow => self.files(head).iter().any(|(path, bytes)| {
                path.starts_with(".github/workflows/")
                    && String::from_utf8_lossy(bytes).contains("actions/deploy-pages")
            }),
        }
    }
}

fn moved(repo: &Repository, name: &str, to: ObjectId) -> Effect {
    let commit = repo.objects.commit(to).map(|commit| witness::Commit {
        parents: commit.parents.iter().map(ObjectId::to_string).collect(),
        message: commit.message.clone(),
        authored_at_s: commit.author.at.unix_timestamp(),
    });
    Effect::RefMoved { repo: repo.full_name(), name: name.to_owned(), to: to.to_string(), commit }
}

/// The full name of a branch's ref.
pub(super) fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn key(owner: &str, name: &str) -> (String, String) {
    (owner.to_ascii_lowercase(), name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::pages::Source;

    fn world_with_repo() -> World {
        let urls = Urls { api: "http://api.test".to_owned(), sites: "http://sites.test".to_owned() };
        let mut world = World::new(urls, "ada", &[], &[], "main", BuildPlan::immediate());
        let owner = world.user();
        let new = NewRepository { owner, name: "site".to_owned(), description: None, homepage: None, private: false };
        world.create(new, OffsetDateTime::UNIX_EPOCH).expect("the name is free");
        world
    }

    fn commit(world: &mut World, parent: Option<ObjectId>, path: &str, text: &str) -> ObjectId {
        let repo = world.repo_mut("ada", "site").expect("made before");
        let blob = repo.objects.insert(Object::Blob(text.to_owned().into()));
        let leaves = Paths::from([(path.to_owned(), (Mode::File, blob))]);
        let who = Signature::new("A", "a@example.org", OffsetDateTime::UNIX_EPOCH);
        repo.commit(parent, &leaves, "m", who.clone(), who)
    }

    #[test]
    fn a_name_is_taken_in_any_case() {
        let mut world = world_with_repo();
        let owner = world.user();
        let again = NewRepository { owner, name: "SITE".to_owned(), description: None, homepage: None, private: false };
        assert_eq!(world.create(again, OffsetDateTime::UNIX_EPOCH).err(), Some(NameTaken));
    }

    #[test]
    fn only_a_descendant_is_a_fast_forward() {
        let mut world = world_with_repo();
        let first = commit(&mut world, None, "a", "1");
        let second = commit(&mut world, Some(first), "a", "2");
        let stranger = commit(&mut world, None, "a", "3");
        let objects = &world.repo("ada", "site").expect("made before").objects;
        assert!(objects.is_fast_forward(first, second));
        assert!(!objects.is_fast_forward(second, first));
        assert!(!objects.is_fast_forward(first, stranger));
    }

    #[test]
    fn a_workflow_site_is_built_only_by_a_workflow_that_deploys() {
        fn check(path: &str, text: &str, is_live: bool) {
            let mut world = world_with_repo();
            let source = Source { branch: "main".to_owned(), path: "/".to_owned() };
            world.repo_mut("ada", "site").expect("made before").pages = Some(Pages::new(BuildType::Workflow, source));
            let head = commit(&mut world, None, path, text);
            world.push("ada", "site", "refs/heads/main", head, OffsetDateTime::UNIX_EPOCH);
            let live = world.repo("ada", "site").and_then(|repo| repo.pages.as_ref()?.live);
            assert_eq!(live.is_some(), is_live, "{path}: {text}");
        }
        check("index.html", "actions/deploy-pages@v4", false);
        check(".github/workflows/ci.yml", "cargo test", false);
        check(".github/workflows/pages.yml", "uses: actions/deploy-pages@v4", true);
    }
}
