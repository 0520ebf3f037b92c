//! Wiring: which adapter stands behind which port, and the order of start and stop.
//!
//! Start: ledger, adapters, relays, runner, then the doors. Stop: the doors close first, flows come
//! to a journal point while pages are still served to them, then the relays, the browser and at
//! last the database.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use api::Service as Api;
use core_flows::{Ports, followup, intake, operator, plan, relay, renotify, runner};
use event_bus::nats::{Broker, EngineOptions, Mirror};
use github::local::PagesServer;
use http_notify::proxy;
use metrics_exporter_prometheus::PrometheusHandle;
use ports::{HealthPart, Intake, Operator, RunLedger as _, RunReader, WorkerId};
use storage::Store;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use ulid::Ulid;
use verify::SiteVerifier;

use crate::adapters::{broker, browser_proxy, bus, hosting, keeper, model, notifier, verifier};
use crate::base::{Base, Elsewhere, Lender};
use crate::clock::{RandomIds, SystemClock};
use crate::closed::Closed;
use crate::open_files;
use crate::settings::{self, Place, Role, Settings};
use crate::wiring::{Flush, Wiring};

/// Each stage of a stop may take this long; together they stay below 30 s.
const FLOWS_GRACE: Duration = Duration::from_secs(18);

/// A borrower waits for work at the broker, and asks again at once when there was none.
const BORROWERS_POLL: Duration = Duration::from_millis(50);

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
    #[error("read NATS_URL")]
    Broker(#[source] event_bus::Error),
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
    /// Absent in a process without a ledger.
    store: Option<Arc<Store>>,
}

impl App {
    /// Starts everything; returns when the doors are open.
    ///
    /// # Errors
    /// A part cannot be set up; parts that were started are stopped.
    pub async fn start(settings: Settings, wiring: Wiring, metrics: PrometheusHandle) -> Result<Self, Error> {
        let Wiring { decorate, lease, flush } = wiring;
        let broker = broker(&settings)?;
        let base = base(&settings, broker.clone(), lease, flush).await?;
        let hosting = hosting(&settings)?;
        let pages_addr = hosting.pages.as_ref().map(PagesServer::local_addr);
        let keeper = Arc::new(keeper(&settings)?);
        let proxy = browser_proxy(&settings, hosting.pages_url.as_ref()).await?;
        let verifier = Arc::new(verifier(&settings, proxy.as_ref().map(proxy::Service::local_addr)));
        let bus = bus();
        let mirror = broker
            .filter(|_| settings.place() != Place::Borrower)
            .map(|broker| Arc::new(Mirror::new(broker, bus.clone())));
        let ports = decorate(Ports {
            ledger: base.ledger.clone(),
            queue: base.queue.clone(),
            rates: base.rates.clone(),
            blobs: base.blobs.clone(),
            bus: Arc::new(bus.clone()),
            host: hosting.host,
            model: model(&settings, keeper.clone(), base.calls.clone())?,
            moderator: Arc::new(settings.moderation.clone()),
            verifier: verifier.clone(),
            notifier: Arc::new(notifier(&settings)?),
            gatekeeper: keeper,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        });
        let local_relay = relay::Service::new("in-process", ports.ledger.clone(), Arc::new(bus.clone()));
        let mirror_relay = mirror.clone().map(|mirror| relay::Service::new("jetstream", ports.ledger.clone(), mirror));
        let mut outbox = local_relay.handle();
        if let Some(mirror_relay) = &mirror_relay {
            outbox = outbox.and(mirror_relay.handle());
        }
        let lender = base.lender(&ports, &outbox);
        if let Some(lender) = &lender {
            outbox = outbox.and(lender.dispatch.handle());
        }
        let worker = WorkerId(Ulid::new().to_string());
        let runner = runner::Service::new(runner_options(&settings, lease), ports.clone(), outbox.clone(), worker);
        let mut parts = base.health;
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
        let operator: Arc<dyn Operator> = match &base.store {
            Some(store) => Arc::new(operator(&settings, &ports, store.clone(), outbox.clone())),
            None => Arc::new(Elsewhere),
        };
        let doors = (outbox, renotify.handle(), operator);
        let api = bind_api(&settings, &ports, doors, (base.runs, parts), metrics)?;
        let api_addr = api.local_addr();
        if let Some(store) = &base.store {
            let address = format!("http://{}/", from_here(api_addr));
            store.announce(&address).map_err(|source| ledger_error(&settings, source))?;
        }

        let (stop_doors, stop_rest) = (CancellationToken::new(), CancellationToken::new());
        let (mut doors, mut rest) = (JoinSet::new(), JoinSet::new());
        // Without a ledger there is no outbox; who lends flows tells of them as well.
        let relays = match settings.place() {
            Place::Alone => does(Role::Relay),
            Place::Lender => true,
            Place::Borrower => false,
        };
        if relays {
            spawn(&mut rest, "the relay", local_relay.run(stop_rest.clone()));
            if let Some(relay) = mirror_relay {
                spawn(&mut rest, "the relay to NATS", relay.run(stop_rest.clone()));
            }
        }
        if let Some(Lender { dispatch, runs }) = lender {
            spawn(&mut doors, "the lending of flows", dispatch.run(stop_doors.clone()));
            spawn(&mut rest, "the ledger of calls for other hosts", runs.run(stop_rest.clone()));
        }
        if let Some(pages) = hosting.pages {
            spawn(&mut rest, "the server of pages", logged(pages.run(stop_rest.clone())));
        }
        if let Some(proxy) = proxy {
            spawn(&mut rest, "the browser's proxy", proxy.run(stop_rest.clone()));
        }
        if does(Role::Runner) {
            spawn(&mut doors, "the runner", runner.run(stop_doors.clone()));
        }
        if base.store.is_some() {
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
        Ok(Self { api_addr, pages_addr, stop_doors, stop_rest, doors, rest, verifier, store: base.store })
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
        if let Some(store) = self.store
            && let Err(fault) = store.close().await
        {
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

/// What this process stands on.
async fn base(settings: &Settings, broker: Option<Arc<Broker>>, lease: Duration, flush: Flush) -> Result<Base, Error> {
    let engine = EngineOptions { ack_wait: lease, ..EngineOptions::default() };
    if let (Place::Borrower, Some(broker)) = (settings.place(), &broker) {
        return Ok(Base::of_broker(broker.clone(), engine));
    }
    let store = Store::open(storage::Options { flush, ..storage::Options::new(&settings.data_dir) });
    let store = Arc::new(store.map_err(|source| ledger_error(settings, source))?);
    close_interrupted(&store).await.map_err(Error::Runs)?;
    Ok(Base::of_ledger(settings, store, broker, engine))
}

fn ledger_error(settings: &Settings, source: storage::Error) -> Error {
    Error::Ledger { data_dir: settings.data_dir.display().to_string(), source: Box::new(source) }
}

/// Calls of models that an earlier process did not see the end of.
async fn close_interrupted(store: &Store) -> Result<(), ports::Error> {
    let count = store.close_interrupted().await?;
    if count > 0 {
        info!(event = "model.runs_closed", count, "calls of models were cut off; what they reserved stays counted");
    }
    Ok(())
}

fn runner_options(settings: &Settings, lease: Duration) -> runner::Options {
    let default = runner::Options::default();
    runner::Options {
        concurrency: settings.concurrency,
        max_attempts: settings.notify.max_attempts,
        lease,
        grace: FLOWS_GRACE,
        poll: if settings.place() == Place::Borrower { BORROWERS_POLL } else { default.poll },
        ..default
    }
}

fn operator(settings: &Settings, ports: &Ports, store: Arc<Store>, outbox: relay::Handle) -> operator::Service {
    let folder = settings::answers_kept_in(&settings.data_dir);
    let world = operator::World {
        ledger: ports.ledger.clone(),
        levers: store.clone(),
        oblivion: store,
        answers: Arc::new(llm::CacheFolder { folder }),
        clock: ports.clock.clone(),
        ids: ports.ids.clone(),
        teller: Some((ports.notifier.clone(), ports.gatekeeper.clone())),
    };
    operator::Service::new(world, intake::Options::default().time_to_deliver, outbox)
}

/// An address that a program on this machine can reach.
#[must_use]
pub fn from_here(listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() { SocketAddr::from((Ipv4Addr::LOCALHOST, listening.port())) } else { listening }
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
    (outbox, again, operator): (relay::Handle, renotify::Handle, Arc<dyn Operator>),
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
        operator,
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
