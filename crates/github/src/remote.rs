//! The remote code host: GitHub over its REST API and, for commits, git's own protocol, by way of
//! octocrab without its retries.
//!
//! Nothing here tries again by itself, with one bounded exception: a repository that was just made
//! answers 404 and 409 for some seconds ([`client::Client::settling`]). Every other failure is an
//! [`Error`] whose verdict the one retry loop of core-flows reads.
//!
//! The id of every commit is computed here and compared with GitHub's; dates, author and message
//! are fixed by the draft, so both must agree.

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
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ports::{
    CodeHost, CommitDraft, HealthPart, PagesBuild, PagesState, Publication, PullRequestText, Repo, RepoQuery, RepoSpec,
    Snapshot,
};
use secrecy::SecretString;
use shared_types::CommitSha;
use shared_types::http::Part;
use tokio::sync::OnceCell;
use url::Url;

use crate::budget::Limits;
use crate::{Error, objects};
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
    admission: Admission,
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
        if let Some(owner) = &options.owner
            && !is_account(owner)
        {
            let reason = "letters, digits, hyphens and underscores are expected".to_owned();
            return Err(Error::Option { option: "owner", reason });
        }
        let client = Client::new(&options.api_url, &options.token, options.timeout)?;
        let Options { owner, default_branch, limits, .. } = options;
        Ok(Self { client, owner, default_branch, account: OnceCell::new(), admission: Admission::new(limits) })
    }

    /// What an operation came to, after its limits were noted for all.
    fn heeded<T>(&self, result: Result<T, Error>) -> Result<T, ports::Error> {
        if let Err(error) = &result {
            self.admission.heed(error);
        }
        Ok(result?)
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
        self.heeded(self.find(query).await)
    }

    async fn ensure_repo(&self, spec: &RepoSpec) -> Result<Repo, ports::Error> {
        self.heeded(self.ensure(spec).await)
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
}

#[async_trait]
impl HealthPart for RemoteHost {
    /// Until when the token has nothing left. Asks nothing of GitHub.
    async fn look(&self) -> Part {
        self.admission.part()
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
