//! The remote code host: GitHub over its REST API and, for commits, git's own protocol, by way of
//! octocrab without its retries.
//!
//! Nothing here tries again by itself, with one bounded exception: a repository that was just made
//! answers 404 and 409 for some seconds ([`client::Client::settling`]). Every other failure is an
//! [`Error`] whose verdict the one retry loop of core-flows reads.
//!
//! The id of every commit is computed here and compared with GitHub's; dates, author and message
//! are fixed by the draft, so both must agree.

mod accounts;
mod admission;
mod client;
mod examine;
mod git_data;
mod pages;
mod push;
mod refusal;
mod repos;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ports::{
    CodeHost, CommitDraft, Deletion, PagesBuild, PagesState, Publication, PullRequestText, Repo, RepoName, RepoQuery,
    RepoSpec, Snapshot,
};
use secrecy::{ExposeSecret as _, SecretString};
use shared_types::CommitSha;
use tokio::sync::OnceCell;
use url::Url;

use crate::budget::Limits;
use crate::{Error, objects};
pub use accounts::{AccountHost, Accounts, Own, Token};
use admission::{Admission, LATER_ROUND};
use client::{Call, Client};
pub use examine::{Budget, Examination};
use repos::Branch;

/// How to reach GitHub and as whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// Root of the REST API: `https://api.github.com/`, or another host's.
    pub api_url: Url,
    /// Personal access token with Administration, Contents, Pages and Pull requests: write.
    pub token: SecretString,
    /// The setting that people change to replace the token, such as `GITHUB_TOKEN`.
    pub token_name: String,
    /// User or organization that owns new repositories; absent: the token's own user.
    pub owner: Option<String>,
    /// The published branch of new repositories; an adopted one keeps its own.
    pub default_branch: String,
    /// At most this long for one HTTP call, its body included.
    pub timeout: Duration,
    /// What the token may do.
    pub limits: Limits,
}

/// [`CodeHost`] over the GitHub REST API.
pub struct RemoteHost {
    client: Client,
    owner: Option<String>,
    default_branch: String,
    account: OnceCell<Account>,
    admission: Arc<Admission>,
}

/// Whose repositories they are. Asked once: a token does not change its user.
#[derive(Debug, Clone)]
struct Account {
    owner: String,
    kind: AccountKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AccountKind {
    /// The token's own.
    User,
    Organization,
}

impl fmt::Debug for RemoteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, owner, default_branch, account: _, admission: _ } = self;
        f.debug_struct("RemoteHost")
            .field("client", client)
            .field("owner", owner)
            .field("default_branch", default_branch)
            .finish_non_exhaustive()
    }
}

impl RemoteHost {
    /// A host that will speak with `options.api_url`. Sends nothing yet; must be called on a tokio
    /// runtime, because the client keeps a task of its own.
    ///
    /// # Errors
    /// A token, owner or URL that cannot be sent, or no trusted root certificates on this machine.
    pub fn new(options: Options) -> Result<Self, Error> {
        let admission = Arc::new(Admission::new(options.limits, None));
        Self::admitted_by(options, admission)
    }

    /// A host whose work is entered in the calendar of `admission`, as is all other work of the same token.
    fn admitted_by(options: Options, admission: Arc<Admission>) -> Result<Self, Error> {
        options.check()?;
        let client = Client::new(&options)?;
        let Options { owner, default_branch, .. } = options;
        Ok(Self { client, owner, default_branch, account: OnceCell::new(), admission })
    }

    /// What an operation came to, after what it says of the token was noted for all.
    fn heeded<T>(&self, result: Result<T, Error>) -> Result<T, ports::Error> {
        self.admission.heed(result.as_ref().err());
        Ok(result?)
    }

    /// The repository at the URL where it was last seen.
    async fn find_where_seen(&self, query: &RepoQuery) -> Result<Option<Repo>, ports::Error> {
        let found = self.heeded(self.look_where_seen(query).await)?;
        Ok(found.map(|repo| Repo { tenant: Some(query.tenant.clone()), ..repo }))
    }

    /// The repository of the account by prefix and marker, wherever it was seen.
    async fn search(&self, query: &RepoQuery) -> Result<Option<Repo>, ports::Error> {
        let found = self.heeded(self.find(query).await)?;
        Ok(found.map(|repo| Repo { tenant: Some(query.tenant.clone()), ..repo }))
    }

    async fn publish_commit(
        &self,
        repo: &Repo,
        draft: &CommitDraft,
        planned: &CommitSha,
    ) -> Result<Publication, Error> {
        // Round 1 was admitted as a whole before its repository was made.
        if draft.parent.is_some() {
            self.admission.admit("publish", &full_name(repo), LATER_ROUND)?;
        }
        // A workflow deploys only where pages are on before its push.
        if draft.parent.is_some() && PagesBuild::of(&draft.site) == PagesBuild::Workflow {
            self.switch_pages_on(repo, PagesBuild::Workflow).await?;
        }
        let publication = self.push_commit(repo, draft, planned).await?;
        if draft.parent.is_none() && publication == Publication::Done {
            self.keep_default_branch(repo).await?;
        }
        Ok(publication)
    }

    /// Whose repositories they are, where that is known without asking.
    fn known_owner(&self) -> Option<&str> {
        self.account.get().map(|account| account.owner.as_str())
    }

    #[cfg(test)]
    fn token_name(&self) -> &str {
        self.client.token_name()
    }

    async fn account(&self) -> Result<&Account, Error> {
        self.account
            .get_or_try_init(|| async {
                let user: wire::User =
                    self.client.get(Call::get("read the user of", "the token".to_owned(), "/user".to_owned())).await?;
                let account = match &self.owner {
                    Some(owner) if !owner.eq_ignore_ascii_case(&user.login) => {
                        Account { owner: owner.clone(), kind: AccountKind::Organization }
                    }
                    _ => Account { owner: user.login, kind: AccountKind::User },
                };
                if is_account(&account.owner) {
                    Ok(account)
                } else {
                    let reason = "it is no account name".to_owned();
                    Err(Error::Unreadable { object: format!("user {:?}", account.owner), reason })
                }
            })
            .await
    }
}

#[async_trait]
impl CodeHost for RemoteHost {
    async fn find_repo(&self, query: &RepoQuery) -> Result<Option<Repo>, ports::Error> {
        match self.find_where_seen(query).await? {
            Some(repo) => Ok(Some(repo)),
            None => self.search(query).await,
        }
    }

    async fn ensure_repo(&self, spec: &RepoSpec) -> Result<Repo, ports::Error> {
        let repo = self.heeded(self.ensure(spec).await)?;
        Ok(Repo { tenant: Some(spec.tenant.clone()), ..repo })
    }

    async fn read_site(&self, repo: &Repo) -> Result<Snapshot, ports::Error> {
        let branch_is = Branch::seen(repo.head.as_ref());
        let Some(head) = self.head(&full_name(repo), &repo.default_branch, branch_is).await? else {
            return Ok(Snapshot { head: None, site: ports::Site::new() });
        };
        let site = self.site(repo, &head).await?;
        Ok(Snapshot { head: Some(head), site })
    }

    async fn plan_commit(&self, _repo: &Repo, draft: &CommitDraft) -> Result<CommitSha, ports::Error> {
        Ok(objects::commit_sha(&objects::assemble(draft)?.commit)?)
    }

    async fn publish(
        &self,
        repo: &Repo,
        draft: &CommitDraft,
        planned: &CommitSha,
    ) -> Result<Publication, ports::Error> {
        self.heeded(self.publish_commit(repo, draft, planned).await)
    }

    async fn ensure_pages(&self, repo: &Repo, build: PagesBuild) -> Result<Url, ports::Error> {
        self.heeded(self.switch_pages_on(repo, build).await)
    }

    async fn rebuild_pages(&self, repo: &Repo) -> Result<(), ports::Error> {
        self.heeded(self.request_build(repo).await)
    }

    async fn pages_status(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, ports::Error> {
        self.heeded(self.pages_state(repo, commit).await)
    }

    async fn open_pull_request(
        &self,
        repo: &Repo,
        draft: &CommitDraft,
        text: &PullRequestText,
    ) -> Result<Url, ports::Error> {
        self.heeded(self.propose(repo, draft, text).await)
    }

    async fn delete_repo(&self, name: &RepoName, query: &RepoQuery) -> Result<Deletion, ports::Error> {
        self.heeded(self.delete(name, query).await)
    }
}

impl Options {
    /// Whether an account can be reached with them, as far as can be told without asking.
    fn check(&self) -> Result<(), Error> {
        if self.owner.as_deref().is_some_and(|owner| !is_account(owner)) {
            let reason = "letters, digits, hyphens and underscores are expected".to_owned();
            return Err(Error::Option { option: "owner", reason });
        }
        // octocrab panics on a token that is no header value.
        let token = self.token.expose_secret();
        if http::HeaderValue::from_str(token).is_err() || token.is_empty() {
            let reason = format!("one line of printable characters is expected in {}", self.token_name);
            return Err(Error::Option { option: "token", reason });
        }
        if self.api_url.host_str().is_none() || !matches!(self.api_url.scheme(), "http" | "https") {
            let reason = "an http or https URL is expected".to_owned();
            return Err(Error::Option { option: "api_url", reason });
        }
        Ok(())
    }
}

/// `owner/name`, as GitHub and people write it.
fn full_name(repo: &Repo) -> String {
    format!("{}/{}", repo.owner, repo.name)
}

/// A branch as part of a route; its slashes stay.
fn branch_in_route(branch: &str) -> String {
    const BEYOND_NAMES: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'`')
        .add(b'{')
        .add(b'}')
        .add(b'&')
        .add(b'+');
    utf8_percent_encode(branch, BEYOND_NAMES).to_string()
}

/// What may stand in a route as an account: managed users have an underscore in their names.
fn is_account(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A call about `repo` (`owner/name`) whose route begins with the repository's.
fn repo_call(method: Method, operation: &'static str, repo: &str, below: &str) -> Call {
    Call { method, operation, object: repo.to_owned(), route: format!("/repos/{repo}{below}"), body: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_token_is_in_no_debug_text_and_no_error() {
        let token = ["gh", "p_", "notarealtoken"].concat();
        let options = |token: &str, owner: Option<&str>| Options {
            api_url: "http://127.0.0.1:9/".parse().unwrap(),
            token: token.into(),
            token_name: "GITHUB_TOKEN".to_owned(),
            owner: owner.map(str::to_owned),
            default_branch: "main".to_owned(),
            timeout: Duration::from_secs(1),
            limits: Limits::default(),
        };
        let host = RemoteHost::new(options(&token, None)).unwrap();
        assert!(!format!("{host:?} {:?}", options(&token, None)).contains("notarealtoken"));

        let broken = RemoteHost::new(options(&format!("{token}\nx"), None)).unwrap_err();
        assert!(!format!("{broken} {broken:?}").contains("notarealtoken"));
        assert!(matches!(broken, Error::Option { option: "token", .. }));
        assert!(RemoteHost::new(options(&token, Some("a/b"))).is_err());
    }

    #[test]
    fn a_branch_stays_in_its_route() {
        assert_eq!(branch_in_route("sitewright/round-2"), "sitewright/round-2");
        assert_eq!(branch_in_route("a b?c#d%"), "a%20b%3Fc%23d%25");
    }
}
