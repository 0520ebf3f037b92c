//! A stand-in for api.github.com and GitHub Pages, in memory, honest to what GitHub publishes of
//! its REST API: status codes, field names, error bodies, git object ids.
//!
//! The API answers on one port, the sites on another at `/{owner}/{repo}/`. A [`Handle`] looks at
//! what happened and orders bad days: cut connections, refusals, slow or failing builds. Beyond
//! REST there are pushes over git's own protocol, and nothing else: no fetches, no web pages, no
//! GraphQL, no Actions. A workflow
//! that uses `actions/deploy-pages` is taken to deploy the tree it was pushed with.
//!
//! Invariants: object ids are those that git computes; requests take effect one after another; a
//! build of a site moves on only when the API is asked about it, never with time.

mod answer;
mod class;
mod faults;
mod gate;
mod handle;
mod objects;
mod odb;
mod pages;
mod push;
mod routes;
mod server;
mod site;
mod state;

use std::fmt;
use std::net::{SocketAddr, TcpListener};

use tokio_util::sync::CancellationToken;
use url::Url;

use crate::witness::Witness;
use crate::{Error, http};
use gate::{Gate, Pass};
use state::{Urls, World};

pub use ::github::budget::{Cost, Limits};
pub use class::{Class, Went};
pub use faults::{Fault, Reply, When};
pub use gate::{Exchange, Seen};
pub use handle::{CommitView, Handle, PagesView, RepoView};
pub use objects::{Commit, Entry, Mode, Object, ObjectId, Signature};
pub use pages::{BuildEnd, BuildPlan, BuildType};

/// What the stand-in is like.
#[derive(Clone)]
pub struct Options {
    /// Where the sites are served; absent: on a free port of the API's address.
    pub pages_addr: Option<SocketAddr>,
    /// The account that the token belongs to.
    pub login: String,
    /// Organisations that the account may make repositories in.
    pub organisations: Vec<String>,
    /// The only accepted token; absent: any token that is not empty.
    pub token: Option<String>,
    /// Further accounts by their logins, each with its token. They need a `token` of the first one.
    pub others: Vec<(String, String)>,
    /// The scopes that answers name.
    pub scopes: String,
    /// Requests an hour.
    pub rate_limit: u32,
    /// Default branch of new repositories.
    pub default_branch: String,
    /// What becomes of builds without a plan of their own.
    pub builds: BuildPlan,
    /// So many calls are kept with their answers, the first ones.
    pub keep_exchanges: usize,
    /// Writes down every new repository and every move of a branch or a tag.
    pub witness: Witness,
}

/// The stand-in, bound and ready to run.
#[derive(Debug)]
pub struct LabGitHub {
    api: TcpListener,
    sites: TcpListener,
    api_url: Url,
    pages_url: Url,
    handle: Handle,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pages_addr: None,
            login: "student".to_owned(),
            organisations: Vec::new(),
            token: None,
            others: Vec::new(),
            scopes: "repo, workflow".to_owned(),
            rate_limit: 5_000,
            default_branch: "main".to_owned(),
            builds: BuildPlan::immediate(),
            keep_exchanges: 0,
            witness: Witness::default(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("pages_addr", &self.pages_addr)
            .field("login", &self.login)
            .field("organisations", &self.organisations)
            .field("token", &self.token.as_ref().map(|_| "[REDACTED]"))
            .field("others", &self.others.len())
            .field("scopes", &self.scopes)
            .field("rate_limit", &self.rate_limit)
            .field("default_branch", &self.default_branch)
            .field("builds", &self.builds)
            .field("keep_exchanges", &self.keep_exchanges)
            .field("witness", &self.witness)
            .finish()
    }
}

impl LabGitHub {
    /// Binds both ports; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Listen`] when an address cannot be bound.
    pub fn bind(addr: SocketAddr, options: Options) -> Result<Self, Error> {
        let pages_addr = options.pages_addr.unwrap_or_else(|| SocketAddr::new(addr.ip(), 0));
        let (api, api_addr) = http::listen("stand-in for GitHub's API", addr)?;
        let (sites, sites_addr) = http::listen("stand-in for GitHub Pages", pages_addr)?;
        let (api_url, pages_url) = (http::url_of(api_addr, "/"), http::url_of(sites_addr, "/"));
        let urls = Urls { api: without_slash(&api_url), sites: without_slash(&pages_url) };
        let others: Vec<String> = options.others.iter().map(|(login, _)| login.clone()).collect();
        let mut world =
            World::new(urls, &options.login, &options.organisations, &others, &options.default_branch, options.builds);
        world.witness = options.witness;
        let first = Pass::new(world.user(), options.token);
        let account = |login: &str| world.account(login).cloned();
        let further = options.others.into_iter().filter_map(|(login, token)| Some((account(&login)?, token)));
        let passes = std::iter::once(first).chain(further.map(|(account, token)| Pass::new(account, Some(token))));
        let gate = Gate::new(passes.collect(), options.scopes, options.rate_limit, options.keep_exchanges);
        Ok(Self { api, sites, api_url, pages_url, handle: Handle::new(world, gate) })
    }

    /// Where the API answers, such as `http://127.0.0.1:40001/`.
    #[must_use]
    pub fn api_url(&self) -> &Url {
        &self.api_url
    }

    /// Below which the sites are, as `{owner}/{repo}/`.
    #[must_use]
    pub fn pages_url(&self) -> &Url {
        &self.pages_url
    }

    /// Looks into it, before, while and after it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// [`Error::Serve`] when a server stops on its own.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let api = server::api(self.api, self.handle.clone(), shutdown.clone());
        let sites = server::sites(self.sites, self.handle, shutdown);
        tokio::try_join!(api, sites).map(|_| ())
    }
}

fn without_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
