//! What an operator may set, and from where: the environment over `sitewright.toml` over defaults.
//!
//! A name in the environment in capitals is the same name in the file in small letters. All that is
//! missing or wrong is reported at once, with what each setting is for.

mod limits;
mod models;
mod nats;
mod pages;
mod rates;
mod read;
mod report;
mod students;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use core_flows::intake::Rates;
use ipnet::IpNet;
use llm::Moderation;
use secrecy::SecretString;
use secrets::Students;
use url::Url;

pub use limits::Limits;
pub(crate) use models::ALIASES;
pub use models::{Model, answers_kept_in};
pub use nats::{Nats, nats_alone};
pub use read::{DOCUMENTED, alone, data_dir, read};
pub use report::{Error, Fault};

/// All settings of one process.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The inbound side.
    pub http: Http,
    /// `DATA_DIR`: database, blobs and local repositories. Default `data`.
    pub data_dir: PathBuf,
    /// `STUDENT_SECRET`: what issuers must send; on `DRY_RUN` on loopback the default is `dry-run`.
    /// Or `SECRETS_FILE`: a class, each student with a secret of their own.
    pub students: Students,
    /// How large a request may be.
    pub limits: Limits,
    /// `LIMITS_FILE`: how often something may happen. Default `configs/limits.toml` as it was built in.
    pub rates: Rates,
    /// Where sites are published.
    pub host: CodeHost,
    /// Language models, when any is configured.
    pub model: Option<Model>,
    /// `MODERATION` and `MODERATION_FILE`. Default `configs/moderation.toml` as it was built in.
    pub moderation: Moderation,
    /// Notifications.
    pub notify: Notify,
    /// The broker that events are mirrored to, and that carries work to other hosts.
    pub nats: Option<Nats>,
    /// The browser.
    pub browser: Browser,
    /// How many browsers, and how far their pages go.
    pub pages: PagesUnderTest,
    /// `CONCURRENCY`: flows at once. Default 8.
    pub concurrency: usize,
    /// `ROLES`, or `--roles`: what this process does. Default all.
    pub roles: BTreeSet<Role>,
    /// `LOG` and `LOG_FORMAT`.
    pub log: Log,
}

/// Something that a process does or leaves. One process at a time works in a data folder, so without a broker roles are
/// for taking something out of work: accepting while nothing is worked on, or finishing what is there while nothing new
/// comes. With one they are shared between hosts, see [`Place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Accepts tasks over HTTP. Without it each submission is answered with 503; all else is served.
    Intake,
    /// Works on tasks. Without it they wait.
    Runner,
    /// Carries events from the outbox to the buses. Without it they wait.
    Relay,
}

/// Where a process stands among those that do the job together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It does all of the job on its own data folder; a broker only mirrors its events.
    Alone,
    /// It has the ledger, and lends flows to other hosts: it accepts tasks, and no runner is beside it.
    Lender,
    /// It works on what it is lent: a runner that accepts no tasks. It has no ledger.
    Borrower,
}

/// The inbound side.
#[derive(Debug, Clone)]
pub struct Http {
    /// `BIND` and `PORT`: where the API listens. Default `127.0.0.1:8080`; port 0 takes a free one.
    pub bind: SocketAddr,
    /// `ADMIN_TOKEN`: opens `/v1/*` to clients that are not on loopback.
    pub admin_token: Option<SecretString>,
    /// `TRUSTED_PROXIES`: whose `X-Forwarded-For` counts. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// `MAX_CONNECTIONS`: further ones are answered with 503 and closed. Default 16384.
    pub max_connections: usize,
    /// `MAX_IN_FLIGHT`: submissions judged and stored at once; further ones are answered with 503. Default 1024.
    pub max_in_flight: usize,
}

/// Where sites are published.
#[derive(Debug, Clone)]
pub enum CodeHost {
    /// `DRY_RUN=1`: bare repositories below the data folder, pages on a port of their own.
    Local(Local),
    /// GitHub.
    GitHub(GitHub),
}

/// The local code host.
#[derive(Debug, Clone)]
pub struct Local {
    /// `BIND` and `PAGES_PORT`: where pages and repositories are served. Default `127.0.0.1:8081`.
    pub bind: SocketAddr,
    /// `PAGES_PUBLIC_URL`: how that address looks from outside; derived from `bind` when not set.
    pub public_url: Option<Url>,
    /// `DEFAULT_BRANCH`. Default `main`.
    pub default_branch: String,
}

/// GitHub as the code host.
#[derive(Debug, Clone)]
pub struct GitHub {
    /// `GITHUB_TOKEN`: needs to write Administration, Contents, Pages and Pull requests.
    pub token: SecretString,
    /// `GITHUB_API_URL`. Default `https://api.github.com/`.
    pub api_url: Url,
    /// `GITHUB_OWNER`: an organisation; the token's own account when not set.
    pub owner: Option<String>,
    /// `DEFAULT_BRANCH`. Default `main`.
    pub default_branch: String,
}

/// Notifications.
#[derive(Debug, Clone, Copy)]
pub struct Notify {
    /// `ALLOW_INSECURE_EVALUATORS` (and `DRY_RUN`): plain http and private addresses may be notified.
    pub allow_insecure: bool,
    /// `RETRY_MAX_ATTEMPTS`: tries of a notification and of each step. Default 8.
    pub max_attempts: u32,
}

/// `VERIFY_BROWSER` and `CHROMIUM`: which browser looks at pages.
#[derive(Debug, Clone)]
pub enum Browser {
    /// Chromium on the path, when it is there.
    Auto,
    /// This program.
    At(PathBuf),
    /// `VERIFY_BROWSER=off`: none is ever started.
    Off,
}

/// Pages while they are verified.
#[derive(Debug, Clone)]
pub struct PagesUnderTest {
    /// `VERIFY_BROWSERS`: browsers at most, each with one page at a time. Not set: as many as cores, up to 4.
    pub browsers: Option<usize>,
    /// `VERIFY_EGRESS`: how far pages may go beside their own site. Default `public`.
    pub egress: verify::Egress,
    /// `CDN_CACHE_DIR` and `CDN_CACHE_MAX_BYTES`: libraries of public CDNs. Default `cdn` in the data folder, 256 MiB.
    pub cdn: verify::Cdn,
}

/// Logs.
#[derive(Debug, Clone)]
pub struct Log {
    /// `LOG`: a filter. Default `info`.
    pub filter: String,
    /// `LOG_FORMAT`: `json`, `text` or `auto` (text on a terminal).
    pub format: LogFormat,
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
    /// Text on a terminal, else JSON.
    Auto,
}

impl Role {
    /// All of them, by their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("intake", Self::Intake), ("runner", Self::Runner), ("relay", Self::Relay)];
}

impl Settings {
    /// Whether nothing leaves this machine but calls to a configured model.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        matches!(self.host, CodeHost::Local(_))
    }
}

impl Settings {
    /// Where this process stands.
    #[must_use]
    pub fn place(&self) -> Place {
        let does = |role| self.roles.contains(&role);
        match (&self.nats, does(Role::Intake), does(Role::Runner)) {
            (Some(_), true, false) => Place::Lender,
            (Some(_), false, true) => Place::Borrower,
            _ => Place::Alone,
        }
    }
}

/// The address of an interface and a port.
fn socket(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}
