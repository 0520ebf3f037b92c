//! Wiring: which adapter stands behind which port, and the order of start and stop.
//!
//! Start: ledger, adapters, relays, runner, then the doors. Stop: the doors close first, flows come
//! to a journal point while pages are still served to them, then the relays, the browser and at
//! last the database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::Service as Api;
use core_flows::{Ports, followup, intake, plan, relay, renotify, runner};
use event_bus::InProcessBus;
use github::local::{LocalHost, PagesServer};
use github::remote::RemoteHost;
use http_notify::{AllowPrivate, HttpNotifier, proxy};
use llm::Gateway;
use metrics_exporter_prometheus::PrometheusHandle;
use ports::{CodeHost, HealthPart, Intake, Model, RunLedger as _, RunReader, WorkerId};
use secrecy::{ExposeSecret as _, SecretString};
use secrets::{Gitleaks, Keeper, Students};
use storage::{DatabaseHealth, DiskHealth, Store};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use ulid::Ulid;
use url::Url;
use verify::{CDN_HOSTS, Egress, SiteVerifier};

use crate::clock::{RandomIds, SystemClock};
use crate::closed::Closed;
use crate::open_files;
use crate::settings::{self, Browser, PagesUnderTest, Role, Settings};

/// Each stage of a stop may take this long; together they stay below 30 s.
const FLOWS_GRACE: Duration = Duration::from_secs(18);

/// One call to GitHub, its body included.
const GITHUB_TIMEOUT: Duration = Duration::from_secs(20);

/// The process could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger.
    #[error("open the ledger in {data_dir}")]
    Ledger {
        /// The data folder.
        data_dir: String,
        /// Why.
        #[source]
        source: Box<storage::Error>,
    },
    /// The keeper of secrets.
    #[error("set up the checking of secrets")]
    Secrets(#[source] secrets::Error),
    /// The code host or its pages.
    #[error("set up the code host")]
    CodeHost(#[source] Box<github::Error>),
    /// Notifications.
    #[error("set up notifications")]
    Notify(#[source] http_notify::Error),
    /// The browser's way out.
    #[error("set up the browser's way out")]
    Proxy(#[source] http_notify::Error),
    /// The broker's address.
    #[error("set up the mirror to NATS")]
    Mirror(#[source] event_bus::Error),
    /// The gate to models.
    #[error("set up the gate to language models")]
    Model(#[source] llm::Error),
    /// The ledger of calls.
    #[error("close the calls of an earlier process")]
    Runs(#[source] ports::Error),
    /// The API.
    #[error("open the API at {address}")]
    Api {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: api::Error,
    },
    /// An address that cannot be made.
    #[error("make the public address of the pages")]
    PagesUrl(#[source] url::ParseError),
}

/// A started service.
#[derive(Debug)]
pub struct App {
    /// Where the API listens.
    pub api_addr: SocketAddr,
    /// Where local pages are served; absent with GitHub.
    pub pages_addr: Option<SocketAddr>,
    stop_doors: CancellationToken,
    stop_rest: CancellationToken,
    /// The API and the runner.
    doors: JoinSet<&'static str>,
    /// What they lean on while they stop: relays and pages.
    rest: JoinSet<&'static str>,
    verifier: Arc<SiteVerifier>,
    store: Arc<Store>,
}

/// The code host and, when it is local, the server of its pages.
struct Hosting {
    host: Arc<dyn CodeHost>,
    pages: Option<PagesServer>,
    /// Where local pages are seen, and so the one private place that the browser may go to.
    pages_url: Option<Url>,
    /// How the host is, when that is not how the disk is.
    part: Option<Arc<dyn HealthPart>>,
}

impl App {
    /// Starts everything; returns when the doors are open.
    ///
    /// # Errors
    /// A part cannot be set up; parts that were started are stopped.
    pub async fn start(settings: Settings, metrics: PrometheusHandle) -> Result<Self, Error> {
        let ledger_error =
            |source| Error::Ledger { data_dir: settings.data_dir.display().to_string(), source: Box::new(source) };
        let store = Arc::new(Store::open(storage::Options::new(&settings.data_dir)).map_err(ledger_error)?);
        close_interrupted(&store).await.map_err(Error::Runs)?;
        let hosting = hosting(&settings)?;
        let pages_addr = hosting.pages.as_ref().map(PagesServer::local_addr);
        let keeper = Arc::new(keeper(&settings)?);
        let proxy = browser_proxy(&settings, hosting.pages_url.as_ref()).await?;
        let verifier = Arc::new(verifier(&settings, proxy.as_ref().map(proxy::Service::local_addr)));
        let bus = InProcessBus::new(event_bus::Options::default());
        let mirror = mirror(&settings, &bus)?.map(Arc::new);
        let ports = Ports {
            ledger: store.clone(),
            queue: store.clone(),
            rates: store.clone(),
            blobs: Arc::new(store.blobs()),
            bus: Arc::new(bus.clone()),
            host: hosting.host,
            model: model(&settings, keeper.clone(), store.clone())?,
            verifier: verifier.clone(),
            notifier: Arc::new(notifier(&settings)?),
            gatekeeper: keeper,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        let local_relay = relay::Service::new("in-process", store.clone(), Arc::new(bus.clone()));
        let mirror_relay = mirror.clone().map(|mirror| relay::Service::new("jetstream", store.clone(), mirror));
        let outbox = match &mirror_relay {
            Some(mirror_relay) => local_relay.handle().and(mirror_relay.handle()),
            None => local_relay.handle(),
        };
        let worker = WorkerId(Ulid::new().to_string());
        let runner = runner::Service::new(runner_options(&settings), ports.clone(), outbox.clone(), worker);
        let mut parts: Vec<Arc<dyn HealthPart>> =
            vec![Arc::new(DatabaseHealth::new(store.clone())), Arc::new(DiskHealth::new(&settings.data_dir))];
        let does = |role| settings.roles.contains(&role);
        if does(Role::Runner) {
            parts.extend([Arc::new(runner.handle()) as Arc<dyn HealthPart>, verifier.clone()]);
        }
        parts.push(match mirror {
            Some(mirror) => mirror,
            None => Arc::new(bus),
        });
        parts.extend(hosting.part);
        let renotify = renotify::Service::new(settings.rates.renotify.clone(), ports.clone(), outbox.clone());
        let followup = followup::Service::new(ports.clone(), outbox.clone());
        let api = bind_api(&settings, &ports, (outbox, renotify.handle()), (store.clone(), parts), metrics)?;
        let api_addr = api.local_addr();

        let (stop_doors, stop_rest) = (CancellationToken::new(), CancellationToken::new());
        let (mut doors, mut rest) = (JoinSet::new(), JoinSet::new());
        if does(Role::Relay) {
            spawn(&mut rest, "the relay", local_relay.run(stop_rest.clone()));
            if let Some(relay) = mirror_relay {
                spawn(&mut rest, "the relay to NATS", relay.run(stop_rest.clone()));
            }
        }
        if let Some(pages) = hosting.pages {
            spawn(&mut rest, "the server of pages", logged(pages.run(stop_rest.clone())));
        }
        if let Some(proxy) = proxy {
            spawn(&mut rest, "the browser's proxy", proxy.run(stop_rest.clone()));
        }
        if does(Role::Runner) {
            spawn(&mut doors, "the runner", runner.run(stop_doors.clone()));
            spawn(&mut doors, "the looking after late sites", followup.run(stop_doors.clone()));
        }
        if does(Role::Intake) {
            spawn(&mut doors, "the repeating of notifications", renotify.run(stop_doors.clone()));
        }
        spawn(&mut doors, "the API", logged(api.run(stop_doors.clone())));
        info!(
            event = "service.ready",
            api = %api_addr,
            pages = pages_addr.map(tracing::field::display),
            dry_run = settings.is_dry_run(),
            "sitewright is ready"
        );
        Ok(Self { api_addr, pages_addr, stop_doors, stop_rest, doors, rest, verifier, store })
    }

    /// The name of a part that ended although nobody asked it to. Pending while all is well.
    pub async fn broken_part(&mut self) -> &'static str {
        let ended = tokio::select! {
            Some(ended) = self.doors.join_next() => ended,
            Some(ended) = self.rest.join_next() => ended,
            else => return "every part",
        };
        name(ended)
    }

    /// Stops accepting, lets flows come to a journal point, and closes everything.
    pub async fn stop(mut self) {
        self.stop_doors.cancel();
        while let Some(ended) = self.doors.join_next().await {
            name(ended);
        }
        self.stop_rest.cancel();
        while let Some(ended) = self.rest.join_next().await {
            name(ended);
        }
        self.verifier.close().await;
        if let Err(fault) = self.store.close().await {
            let error = ports::ErrorChain(&fault);
            error!(event = "ledger.stop_failed", %error, "the database was not closed cleanly; nothing is lost");
        }
        info!(event = "service.stopped", "sitewright has stopped");
    }
}

fn spawn(parts: &mut JoinSet<&'static str>, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
    parts.spawn(async move {
        part.await;
        name
    });
}

async fn logged<E: std::error::Error>(part: impl Future<Output = Result<(), E>>) {
    if let Err(fault) = part.await {
        error!(event = "part.failed", error = %ports::ErrorChain(&fault), "a server stopped");
    }
}

/// The name of a part that has ended; one that broke off is logged.
fn name(ended: Result<&'static str, JoinError>) -> &'static str {
    ended.unwrap_or_else(|fault| {
        error!(event = "part.panicked", error = %fault, "a part of the service broke off");
        "a part that broke off"
    })
}

/// Calls of models that an earlier process did not see the end of.
async fn close_interrupted(store: &Store) -> Result<(), ports::Error> {
    let count = store.close_interrupted().await?;
    if count > 0 {
        info!(event = "model.runs_closed", count, "calls of models were cut off; what they reserved stays counted");
    }
    Ok(())
}

fn code_host(source: github::Error) -> Error {
    Error::CodeHost(Box::new(source))
}

fn hosting(settings: &Settings) -> Result<Hosting, Error> {
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
            let options = github::remote::Options {
                api_url: remote.api_url.clone(),
                token: remote.token.clone(),
                owner: remote.owner.clone(),
                default_branch: remote.default_branch.clone(),
                timeout: GITHUB_TIMEOUT,
                limits: github::budget::Limits::default(),
            };
            let host = Arc::new(RemoteHost::new(options).map_err(code_host)?);
            Ok(Hosting { host: host.clone(), pages: None, pages_url: None, part: Some(host) })
        }
    }
}

/// Knows every secret of this process, so that none is published or shown.
fn keeper(settings: &Settings) -> Result<Keeper, Error> {
    let mut own = Vec::new();
    if let settings::CodeHost::GitHub(remote) = &settings.host {
        own.push(remote.token.clone());
    }
    own.extend(settings.model.as_ref().and_then(|model| model.api_key.clone()));
    own.extend(settings.http.admin_token.clone());
    own.extend(settings.nats_url.as_ref().and_then(password));
    if let Students::Class(class) = &settings.students {
        let (students, accounts) = (class.size(), class.own_accounts());
        info!(event = "service.class_read", students, "a class was read; a change of its file needs a restart");
        if accounts > 0 {
            warn!(
                event = "service.accounts_unused",
                accounts, "students' own accounts are not used yet: all sites go to the deployment's"
            );
        }
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
async fn browser_proxy(settings: &Settings, pages_url: Option<&Url>) -> Result<Option<proxy::Service>, Error> {
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

fn verifier(settings: &Settings, proxy: Option<SocketAddr>) -> SiteVerifier {
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

fn mirror(settings: &Settings, bus: &InProcessBus) -> Result<Option<event_bus::nats::Mirror>, Error> {
    let Some(url) = settings.nats_url.clone() else { return Ok(None) };
    event_bus::nats::Mirror::new(event_bus::nats::Options::new(url), bus.clone()).map(Some).map_err(Error::Mirror)
}

fn model(settings: &Settings, keeper: Arc<Keeper>, store: Arc<Store>) -> Result<Option<Arc<dyn Model>>, Error> {
    let Some(model) = settings.model.clone() else { return Ok(None) };
    let options = llm::Options {
        api_key: model.api_key,
        aliases: model.aliases,
        default_models: model.default_models,
        prompts_dir: model.prompts_dir,
        caps: model.caps,
        cache: model.cache,
        moderation: model.moderation,
        hedge_after: model.hedge_after,
        ..llm::Options::new(model.base_url, model.prices)
    };
    let gateway = Gateway::new(options, keeper, store, Arc::new(SystemClock)).map_err(Error::Model)?;
    Ok(Some(Arc::new(gateway)))
}

fn notifier(settings: &Settings) -> Result<HttpNotifier, Error> {
    let allow_private =
        if settings.notify.allow_insecure { AllowPrivate::LoopbackAndPrivate } else { AllowPrivate::None };
    HttpNotifier::new(http_notify::Options { allow_private, ..http_notify::Options::default() }).map_err(Error::Notify)
}

fn runner_options(settings: &Settings) -> runner::Options {
    runner::Options {
        concurrency: settings.concurrency,
        max_attempts: settings.notify.max_attempts,
        grace: FLOWS_GRACE,
        ..runner::Options::default()
    }
}

/// As many connections as were asked for, or as many as the process may have open files for.
fn connections(wanted: usize) -> usize {
    let surplus = api::Options::SURPLUS_CONNECTIONS;
    let fitting = open_files::make_room_for(wanted.saturating_add(surplus)).saturating_sub(surplus).max(1);
    if fitting < wanted {
        warn!(
            event = "service.connections_lowered",
            wanted,
            max_connections = fitting,
            "fewer connections than MAX_CONNECTIONS: raise the limit of open files"
        );
    }
    fitting
}

fn bind_api(
    settings: &Settings,
    ports: &Ports,
    (outbox, again): (relay::Handle, renotify::Handle),
    (runs, parts): (Arc<dyn RunReader>, Vec<Arc<dyn HealthPart>>),
    metrics: PrometheusHandle,
) -> Result<Api, Error> {
    let intake_options = intake::Options {
        allow_http_evaluators: settings.notify.allow_insecure,
        limits: settings.limits.request.clone(),
        rates: settings.rates.clone(),
        ..intake::Options::default()
    };
    let intake: Arc<dyn Intake> = if settings.roles.contains(&Role::Intake) {
        Arc::new(intake::Service::new(intake_options, ports.clone(), outbox, again))
    } else {
        Arc::new(Closed)
    };
    let api_ports = api::Ports {
        intake,
        ledger: ports.ledger.clone(),
        runs,
        bus: ports.bus.clone(),
        blobs: ports.blobs.clone(),
        clock: ports.clock.clone(),
        ids: ports.ids.clone(),
        parts,
        metrics: Arc::new(move || metrics.render()),
        plan: plan::step_names,
    };
    let mut options = api::Options::new(settings.http.bind);
    options.admin_token = settings.http.admin_token.clone();
    options.max_body_bytes = settings.limits.body_bytes;
    options.trusted_proxies = settings.http.trusted_proxies.clone();
    options.max_connections = connections(settings.http.max_connections);
    options.max_in_flight = settings.http.max_in_flight;
    Api::bind(options, api_ports).map_err(|source| Error::Api { address: settings.http.bind, source })
}
