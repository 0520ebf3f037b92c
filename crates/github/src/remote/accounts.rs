//! Many accounts behind one port: each student's repositories are the student's own, where the class says so, and
//! the deployment's otherwise.
//!
//! What is new goes to the present account of its student. What was made before is asked for under the account that
//! it was made with, whatever the class says by now: a repository names its owner, and a query the place where it was
//! last seen. Work is counted by token, so a token that has nothing left, or is refused, holds up its own work only.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use ports::{
    CodeHost, CommitDraft, Deletion, HealthPart, PagesBuild, PagesState, Publication, PullRequestText, Repo, RepoName,
    RepoQuery, RepoSpec, Snapshot, TenantKey,
};
use secrecy::{ExposeSecret as _, SecretString};
use shared_types::CommitSha;
use shared_types::http::{Part, PartState};
use url::Url;

use super::admission::{Admission, Standing};
use super::{Options, RemoteHost};
use crate::Error;

/// Tokens with gauges of their own: the deployment's and those that the class names first. A bound for whoever
/// collects them.
const MAX_GAUGES: usize = 100;

/// Tokens that a health report names; it counts the rest.
const MAX_NAMED: usize = 5;

/// What a class says of one student's account: at least one of the two.
#[derive(Debug, Clone)]
pub struct Own {
    /// Whose it is.
    pub tenant: TenantKey,
    /// The user or organisation; absent: the token's own user.
    pub owner: Option<String>,
    /// The token; absent: the deployment's.
    pub token: Option<Token>,
}

/// A token and the setting that people change to replace it.
#[derive(Debug, Clone)]
pub struct Token {
    /// Such as `ADA_TOKEN`.
    pub name: String,
    /// The token.
    pub secret: SecretString,
}

/// [`CodeHost`] over the accounts of a class and the one of the deployment.
pub struct Accounts {
    /// Each once, the deployment's first.
    all: Vec<Arc<AccountHost>>,
    deployment: Arc<AccountHost>,
    own: HashMap<TenantKey, Arc<AccountHost>>,
    /// Those whose owner was named, by the owner in small letters. Of several, the first.
    by_owner: HashMap<String, Arc<AccountHost>>,
    /// One calendar a token with its name, the deployment's first.
    tokens: Vec<(String, Arc<Admission>)>,
}

/// An account: whose repositories, with which token. Its client is made when it is first asked for: a large class has
/// hundreds that nobody asks for today.
pub struct AccountHost {
    options: Options,
    admission: Arc<Admission>,
    host: OnceLock<RemoteHost>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("all", &self.all.len()).field("tokens", &self.tokens.len()).finish()
    }
}

impl fmt::Debug for AccountHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountHost").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Accounts {
    /// The account of `deployment`, and those of a class, which differ from it in owner and token. Asks nothing of
    /// GitHub yet.
    ///
    /// # Errors
    /// One of them cannot be used; the text names its setting.
    pub fn new(deployment: Options, class: impl IntoIterator<Item = Own>) -> Result<Self, Error> {
        let mut builder = Builder::default();
        let first = builder.account(deployment.clone())?;
        let mut own = HashMap::new();
        for Own { tenant, owner, token } in class {
            let mut options = Options { owner, ..deployment.clone() };
            if let Some(token) = token {
                (options.token, options.token_name) = (token.secret, token.name);
            }
            own.insert(tenant, builder.account(options)?);
        }
        let mut by_owner = HashMap::new();
        for account in &builder.all {
            if let Some(owner) = &account.options.owner {
                by_owner.entry(owner.to_ascii_lowercase()).or_insert_with(|| Arc::clone(account));
            }
        }
        Ok(Self { all: builder.all, deployment: first, own, by_owner, tokens: builder.tokens })
    }

    /// Each account once, the deployment's first.
    #[must_use]
    pub fn all(&self) -> &[Arc<AccountHost>] {
        &self.all
    }

    /// Where the student's new repositories go.
    fn present(&self, tenant: &TenantKey) -> &Arc<AccountHost> {
        self.own.get(tenant).unwrap_or(&self.deployment)
    }

    /// The account that `owner` is, for a repository of the student's. One that nobody names any more is left to the
    /// deployment's token: it may have rights there.
    async fn of_owner(&self, tenant: Option<&TenantKey>, owner: &str) -> Result<&RemoteHost, ports::Error> {
        let own = tenant.and_then(|tenant| self.own.get(tenant));
        let is_named = |account: &AccountHost| account.options.owner.as_deref().map(|n| n.eq_ignore_ascii_case(owner));
        let account = match own.map(|own| (own, is_named(own))) {
            Some((own, Some(true))) => Some(own),
            Some((own, None)) if !self.is_deployments(owner) && own.is_of(owner).await? => Some(own),
            _ => self.by_owner.get(&owner.to_ascii_lowercase()),
        };
        account.unwrap_or(&self.deployment).host()
    }

    /// Whether the deployment's account is known to be `owner`, without asking.
    fn is_deployments(&self, owner: &str) -> bool {
        let asked = self.deployment.host.get().and_then(RemoteHost::known_owner);
        let named = self.deployment.options.owner.as_deref();
        named.or(asked).is_some_and(|known| known.eq_ignore_ascii_case(owner))
    }

    async fn of(&self, repo: &Repo) -> Result<&RemoteHost, ports::Error> {
        self.of_owner(repo.tenant.as_ref(), &repo.owner).await
    }
}

impl AccountHost {
    /// Its owner, or the setting that holds its token where no owner is named.
    #[must_use]
    pub fn name(&self) -> &str {
        self.options.owner.as_deref().unwrap_or(&self.options.token_name)
    }

    /// The setting that holds its token.
    #[must_use]
    pub fn token_name(&self) -> &str {
        &self.options.token_name
    }

    /// [`RemoteHost::examine`].
    ///
    /// # Errors
    /// As there.
    pub async fn examine(&self) -> Result<super::Examination, Error> {
        self.made()?.examine().await
    }

    /// Whether the token's own user is `owner`.
    async fn is_of(&self, owner: &str) -> Result<bool, ports::Error> {
        let host = self.host()?;
        Ok(host.heeded(host.account().await)?.owner.eq_ignore_ascii_case(owner))
    }

    fn host(&self) -> Result<&RemoteHost, ports::Error> {
        Ok(self.made()?)
    }

    fn made(&self) -> Result<&RemoteHost, Error> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let made = RemoteHost::admitted_by(self.options.clone(), Arc::clone(&self.admission))?;
        // One that was made meanwhile is as good as ours.
        Ok(self.host.get_or_init(|| made))
    }
}

/// Makes one account of the same owner and token, and one calendar of the same token.
#[derive(Default)]
struct Builder {
    all: Vec<Arc<AccountHost>>,
    known: HashMap<(Option<String>, String), Arc<AccountHost>>,
    calendars: HashMap<String, Arc<Admission>>,
    tokens: Vec<(String, Arc<Admission>)>,
}

impl Builder {
    fn account(&mut self, options: Options) -> Result<Arc<AccountHost>, Error> {
        options.check()?;
        let token = options.token.expose_secret().to_owned();
        let owner = options.owner.as_deref().map(str::to_ascii_lowercase);
        if let Some(known) = self.known.get(&(owner.clone(), token.clone())) {
            return Ok(Arc::clone(known));
        }
        let mut name = options.owner.clone().unwrap_or_else(|| options.token_name.clone());
        // Two tokens of one owner have figures of their own.
        if self.tokens.iter().any(|(known, _)| *known == name) {
            name = format!("{name} with {}", options.token_name);
        }
        let admission = match self.calendars.entry(token.clone()) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(vacant) => {
                let label = (self.tokens.len() < MAX_GAUGES).then(|| name.clone());
                let admission = Arc::clone(vacant.insert(Arc::new(Admission::new(options.limits, label))));
                self.tokens.push((name, Arc::clone(&admission)));
                admission
            }
        };
        let account = Arc::new(AccountHost { options, admission, host: OnceLock::new() });
        self.known.insert((owner, token), Arc::clone(&account));
        self.all.push(Arc::clone(&account));
        Ok(account)
    }
}

#[async_trait]
impl CodeHost for Accounts {
    async fn find_repo(&self, query: &RepoQuery) -> Result<Option<Repo>, ports::Error> {
        if let Some(owner) = query.seen_at.as_ref().and_then(owner_in) {
            let host = self.of_owner(Some(&query.tenant), owner).await?;
            if let Some(repo) = host.find_where_seen(query).await? {
                return Ok(Some(repo));
            }
        }
        let present = self.present(&query.tenant);
        let found = present.host()?.search(query).await?;
        // It was made before the student had an account of their own.
        if found.is_none() && !Arc::ptr_eq(present, &self.deployment) {
            return self.deployment.host()?.search(query).await;
        }
        Ok(found)
    }

    async fn ensure_repo(&self, spec: &RepoSpec) -> Result<Repo, ports::Error> {
        self.present(&spec.tenant).host()?.ensure_repo(spec).await
    }

    async fn read_site(&self, repo: &Repo) -> Result<Snapshot, ports::Error> {
        self.of(repo).await?.read_site(repo).await
    }

    async fn plan_commit(&self, repo: &Repo, draft: &CommitDraft) -> Result<CommitSha, ports::Error> {
        self.of(repo).await?.plan_commit(repo, draft).await
    }

    async fn publish(
        &self,
        repo: &Repo,
        draft: &CommitDraft,
        planned: &CommitSha,
    ) -> Result<Publication, ports::Error> {
        self.of(repo).await?.publish(repo, draft, planned).await
    }

    async fn ensure_pages(&self, repo: &Repo, build: PagesBuild) -> Result<Url, ports::Error> {
        self.of(repo).await?.ensure_pages(repo, build).await
    }

    async fn rebuild_pages(&self, repo: &Repo) -> Result<(), ports::Error> {
        self.of(repo).await?.rebuild_pages(repo).await
    }

    async fn pages_status(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, ports::Error> {
        self.of(repo).await?.pages_status(repo, commit).await
    }

    async fn open_pull_request(
        &self,
        repo: &Repo,
        draft: &CommitDraft,
        text: &PullRequestText,
    ) -> Result<Url, ports::Error> {
        self.of(repo).await?.open_pull_request(repo, draft, text).await
    }

    async fn delete_repo(&self, name: &RepoName, query: &RepoQuery) -> Result<Deletion, ports::Error> {
        let host = match query.seen_at.as_ref().and_then(owner_in) {
            Some(owner) => self.of_owner(Some(&query.tenant), owner).await?,
            None => self.present(&query.tenant).host()?,
        };
        host.delete_repo(name, query).await
    }
}

#[async_trait]
impl HealthPart for Accounts {
    /// Until when which token has nothing left. Asks nothing of GitHub.
    async fn look(&self) -> Part {
        let standings: Vec<_> = self.tokens.iter().map(|(name, admission)| (name, admission.standing())).collect();
        let mut troubled = standings.iter().filter_map(|(name, standing)| in_words(name, *standing));
        let named: Vec<String> = troubled.by_ref().take(MAX_NAMED).collect();
        let (state, detail) = match (named.is_empty(), troubled.count()) {
            (true, _) => (PartState::Up, "a new round begins at once".to_owned()),
            (false, 0) => (PartState::Degraded, named.join("; ")),
            (false, more) => (PartState::Degraded, format!("{}; and {more} more", named.join("; "))),
        };
        Part { name: "github".to_owned(), state, needed: false, detail }
    }
}

/// What holds a token's work up; `None` when nothing does.
fn in_words(name: &str, standing: Standing) -> Option<String> {
    let Standing { wait, waiting, refused } = standing;
    if refused {
        return Some(format!("{name}: GitHub refuses the token, its work waits for another one"));
    }
    let wait_s = wait.as_secs_f64().ceil() as u64;
    (wait_s > 0).then(|| {
        format!("{name}: the token's requests are spent, a new round begins in {wait_s} s, {waiting} wait before it")
    })
}

/// The account in the URL of a repository as people open it.
fn owner_in(url: &Url) -> Option<&str> {
    url.path_segments()?.next().filter(|owner| super::is_account(owner))
}

#[cfg(test)]
mod tests;
