//! The adapters with their options, as the settings ask for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use event_bus::InProcessBus;
use event_bus::nats::{self, Broker, Engine, EngineOptions, JetArchive, SharedBlobs};
use github::local::{LocalHost, PagesServer};
use github::remote::{Accounts, Own, Token};
use http_notify::{AllowPrivate, HttpNotifier, proxy};
use llm::Gateway;
use ports::{CodeHost, HealthPart, Model, RunLedger, TenantKey};
use secrecy::{ExposeSecret as _, SecretString};
use secrets::{Gitleaks, Keeper, Students};
use tracing::info;
use url::Url;
use verify::{CDN_HOSTS, Egress, SiteVerifier};

use crate::app::Error;
use crate::clock::SystemClock;
use crate::settings::{self, Browser, PagesUnderTest, Settings};

/// One call to GitHub, its body included.
const GITHUB_TIMEOUT: Duration = Duration::from_secs(20);

/// The code host and, when it is local, the server of its pages.
pub(crate) struct Hosting {
    pub(crate) host: Arc<dyn CodeHost>,
    pub(crate) pages: Option<PagesServer>,
    /// Where local pages are seen, and so the one private place that the browser may go to.
    pub(crate) pages_url: Option<Url>,
    /// How the host is, when that is not how the disk is.
    pub(crate) part: Option<Arc<dyn HealthPart>>,
}

pub(crate) fn broker(settings: &Settings) -> Result<Option<Arc<Broker>>, Error> {
    settings.nats.clone().map(broker_of).transpose()
}

/// Does not connect.
pub(crate) fn broker_of(nats: settings::Nats) -> Result<Arc<Broker>, Error> {
    let options = nats::Options { creds_file: nats.creds_file, ca_file: nats.ca_file, ..nats::Options::new(nats.url) };
    Ok(Arc::new(Broker::new(options).map_err(Error::Broker)?))
}

/// Where copies of the ledger lie at the broker.
pub(crate) fn archive(broker: Arc<Broker>) -> JetArchive {
    let engine = Arc::new(Engine::new(broker, EngineOptions::default()));
    JetArchive::new(engine.clone(), Arc::new(SharedBlobs::new(engine)))
}

fn code_host(source: github::Error) -> Error {
    Error::CodeHost(Box::new(source))
}

pub(crate) fn hosting(settings: &Settings) -> Result<Hosting, Error> {
    match &settings.host {
        settings::CodeHost::Local(local) => {
            let root = settings.data_dir.join("repos");
            let pages = PagesServer::bind(local.bind, &root).map_err(code_host)?;
            let public_url = match &local.public_url {
                Some(url) => url.clone(),
                None => Url::parse(&format!("http://{}/", pages.local_addr())).map_err(Error::PagesUrl)?,
            };
            let options = github::local::Options {
                root,
                owner: "site".to_owned(),
                public_url: public_url.clone(),
                default_branch: local.default_branch.clone(),
            };
            let host = LocalHost::new(options).map_err(code_host)?;
            Ok(Hosting { host: Arc::new(host), pages: Some(pages), pages_url: Some(public_url), part: None })
        }
        settings::CodeHost::GitHub(remote) => {
            let host = Arc::new(accounts(settings, remote).map_err(code_host)?);
            Ok(Hosting { host: host.clone(), pages: None, pages_url: None, part: Some(host) })
        }
    }
}

/// The deployment's account, and those of the class.
pub(crate) fn accounts(settings: &Settings, remote: &settings::GitHub) -> Result<Accounts, github::Error> {
    let class = match &settings.students {
        Students::Class(class) => Some(class),
        Students::Shared(_) => None,
    };
    let own = class.into_iter().flat_map(secrets::Class::accounts).map(|account| Own {
        tenant: TenantKey::of(account.email),
        owner: account.owner.map(str::to_owned),
        token: account.token.map(|(name, secret)| Token { name: name.to_owned(), secret: secret.clone() }),
    });
    Accounts::new(remote_options(remote), own)
}

fn remote_options(remote: &settings::GitHub) -> github::remote::Options {
    github::remote::Options {
        api_url: remote.api_url.clone(),
        token: remote.token.clone(),
        token_name: "GITHUB_TOKEN".to_owned(),
        owner: remote.owner.clone(),
        default_branch: remote.default_branch.clone(),
        timeout: GITHUB_TIMEOUT,
        limits: github::budget::Limits::default(),
    }
}

/// Knows every secret of this process, so that none is published or shown.
pub(crate) fn keeper(settings: &Settings) -> Result<Keeper, Error> {
    let mut own = Vec::new();
    if let settings::CodeHost::GitHub(remote) = &settings.host {
        own.push(remote.token.clone());
    }
    own.extend(settings.model.as_ref().and_then(|model| model.api_key.clone()));
    own.extend(settings.http.admin_token.clone());
    own.extend(settings.nats.as_ref().and_then(|nats| password(&nats.url)));
    if let Students::Class(class) = &settings.students {
        let (students, accounts) = (class.size(), class.accounts().count());
        info!(
            event = "service.class_read",
            students, accounts, "a class was read; a change of its file needs a restart"
        );
    }
    let keeper = Keeper::new(secrets::Options { students: settings.students.clone(), own }).map_err(Error::Secrets)?;
    Ok(keeper.with_gitleaks(gitleaks()))
}

/// Used when it is installed; `PATH` is how programs are found, no setting of ours.
fn gitleaks() -> Option<Gitleaks> {
    let found = Gitleaks::in_path(&std::env::var_os("PATH").unwrap_or_default());
    match &found {
        Some(gitleaks) => {
            let path = gitleaks.program().display();
            info!(event = "service.gitleaks_used", %path, "gitleaks looks for secrets in sites as well");
        }
        None => info!(event = "service.gitleaks_absent", "gitleaks is not in PATH: our own rules look for secrets"),
    }
    found
}

/// The password within an address, if there is one: the rest of it is no secret.
fn password(address: &SecretString) -> Option<SecretString> {
    Url::parse(address.expose_secret()).ok()?.password().map(SecretString::from)
}

/// Below it GitHub serves pages; they are looked at once they are published, however far pages may go.
const PUBLISHED: &str = ".github.io";

/// Pages come from models and strangers: they reach public addresses, as far as `VERIFY_EGRESS` says,
/// and the local pages of a dry run, through this and in no other way.
pub(crate) async fn browser_proxy(
    settings: &Settings,
    pages_url: Option<&Url>,
) -> Result<Option<proxy::Service>, Error> {
    if matches!(settings.browser, Browser::Off) {
        return Ok(None);
    }
    let allowed = pages_url.and_then(proxy::Authority::of).into_iter().collect();
    let only = |hosts: &[&str]| proxy::Reach::Only(hosts.iter().map(|host| (*host).to_owned()).collect());
    let published = if settings.is_dry_run() { &[][..] } else { &[PUBLISHED][..] };
    let reach = match settings.pages.egress {
        Egress::Public => proxy::Reach::Everywhere,
        Egress::Cdn => only(&[&CDN_HOSTS[..], published].concat()),
        Egress::None => only(published),
    };
    let options = proxy::Options { allowed, reach, ..proxy::Options::default() };
    proxy::Service::bind(options).await.map(Some).map_err(Error::Proxy)
}

pub(crate) fn verifier(settings: &Settings, proxy: Option<SocketAddr>) -> SiteVerifier {
    let program = match &settings.browser {
        Browser::Auto => verify::Program::InPath,
        Browser::At(program) => verify::Program::At(program.clone()),
        Browser::Off => verify::Program::Off,
    };
    let PagesUnderTest { browsers, egress, cdn } = settings.pages.clone();
    let default = verify::Options::default();
    let browsers = browsers.unwrap_or(default.browsers);
    SiteVerifier::new(verify::Options { program, proxy, browsers, egress, cdn: Some(cdn), ..default })
}

pub(crate) fn bus() -> InProcessBus {
    InProcessBus::new(event_bus::Options::default())
}

pub(crate) fn model(
    settings: &Settings,
    keeper: Arc<Keeper>,
    calls: Arc<dyn RunLedger>,
) -> Result<Option<Arc<dyn Model>>, Error> {
    let Some(model) = settings.model.clone() else { return Ok(None) };
    let options = llm::Options {
        api_key: model.api_key,
        aliases: model.aliases,
        default_models: model.default_models,
        prompts_dir: model.prompts_dir,
        caps: model.caps,
        cache: model.cache,
        moderation: settings.moderation.clone(),
        hedge_after: model.hedge_after,
        ..llm::Options::new(model.base_url, model.prices)
    };
    let gateway = Gateway::new(options, keeper, calls, Arc::new(SystemClock)).map_err(Error::Model)?;
    Ok(Some(Arc::new(gateway)))
}

pub(crate) fn notifier(settings: &Settings) -> Result<HttpNotifier, Error> {
    let allow_private =
        if settings.notify.allow_insecure { AllowPrivate::LoopbackAndPrivate } else { AllowPrivate::None };
    HttpNotifier::new(http_notify::Options { allow_private, ..http_notify::Options::default() }).map_err(Error::Notify)
}
