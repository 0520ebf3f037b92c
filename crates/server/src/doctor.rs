//! `sitewright doctor`: looks at everything that a task will need, and prints one line each with the remedy.
//!
//! Nothing is published or accepted. What stays is the data folder, made where it is missing, and one row of the ledger
//! of calls for each model that was greeted.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use event_bus::nats::Mirror;
use github::remote::{AccountHost, Examination};
use ports::{
    CompletionRequest, ErrorChain, HealthPart as _, Ids as _, Inspection, Notifier as _, Site, Target, Verifier as _,
};
use serde_json::json;
use shared_types::http::{CheckBody, Part, PartState};
use shared_types::{BrowserRun, Phase, Round};
use storage::{DatabaseHealth, DiskHealth, Store};
use url::Url;

use crate::adapters;
use crate::clock::RandomIds;
use crate::settings::{ALIASES, CodeHost, Settings};

/// At most so long for one part.
const LIMIT: Duration = Duration::from_secs(40);

/// A model that is greeted answers within this, or it would be of no use for a site.
const GREETING: Duration = Duration::from_secs(30);

/// Accounts of a class that are examined at once; each takes three requests.
const AT_ONCE: usize = 8;

/// Fewer requests than this are used up by two or three tasks.
const LOW_BUDGET: u64 = 100;

/// What to look at beside the settings.
#[derive(Debug, Args)]
pub struct Options {
    /// An evaluation URL that has to be reached; may be given several times.
    #[arg(long, value_name = "URL")]
    evaluator: Vec<Url>,
    /// Greet no model: that costs a few tokens.
    #[arg(long)]
    no_greeting: bool,
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// Tasks are done, though not as well as they could be.
    Warn,
    /// Tasks will fail.
    Fail,
    /// Not looked at.
    Skip,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    part: &'static str,
    state: State,
    /// What was found, with the remedy behind it.
    found: String,
}

impl Finding {
    fn new(part: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { part, state, found: found.into() }
    }

    fn of(part: &'static str, health: Part) -> Self {
        let state = match health.state {
            PartState::Up => State::Ok,
            PartState::Degraded => State::Warn,
            PartState::Down => State::Fail,
        };
        Self::new(part, state, health.detail)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, state, found } = self;
        let state = match state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
            State::Skip => "skip",
        };
        write!(f, "{state:<5} {part:<10} {found}")
    }
}

/// Looks at every part and prints what was found. Whether tasks can be done.
pub async fn run(settings: &Settings, options: &Options) -> bool {
    let mut report = Report::default();
    let store = report.data(settings).await;
    report.code_host(settings).await;
    report.models(settings, options, store.clone()).await;
    report.browser(settings).await;
    report.evaluators(settings, options).await;
    report.broker(settings).await;
    if let Some(store) = store
        && let Err(error) = store.close().await
    {
        report.say(Finding::new("data", State::Warn, ErrorChain(&error).to_string()));
    }
    report.sum()
}

/// The lines so far, printed as they come.
#[derive(Debug, Default)]
struct Report {
    failed: usize,
    warned: usize,
}

impl Report {
    fn say(&mut self, finding: Finding) {
        self.failed += usize::from(finding.state == State::Fail);
        self.warned += usize::from(finding.state == State::Warn);
        // A closed standard output is no reason to stop.
        let _ = writeln!(std::io::stdout(), "{finding}");
    }

    fn sum(&self) -> bool {
        let sum = match (self.failed, self.warned) {
            (0, 0) => "everything that was looked at is in order".to_owned(),
            (0, warned) => format!("tasks can be done; {warned} of the lines above ask for a look"),
            (failed, _) => format!("tasks will fail: {failed} of the lines above have to be mended first"),
        };
        let _ = writeln!(std::io::stdout(), "\n{sum}");
        self.failed == 0
    }

    async fn data(&mut self, settings: &Settings) -> Option<Arc<Store>> {
        let folder = settings.data_dir.display();
        let store = match Store::open(storage::Options::new(&settings.data_dir)) {
            Ok(store) => Arc::new(store),
            Err(storage::Error::InUse { .. }) => {
                let found = format!("a service works in {folder}: its /health says how it is");
                self.say(Finding::new("data", State::Skip, found));
                return None;
            }
            Err(error) => {
                let found = format!("{}; mend it, or name another folder with DATA_DIR", ErrorChain(&error));
                self.say(Finding::new("data", State::Fail, found));
                return None;
            }
        };
        self.say(Finding::of("data", DatabaseHealth::new(store.clone()).look().await));
        let disk = Finding::of("disk", DiskHealth::new(&settings.data_dir).look().await);
        self.say(Finding { found: format!("{folder}: {}", disk.found), ..disk });
        Some(store)
    }

    async fn code_host(&mut self, settings: &Settings) {
        match &settings.host {
            CodeHost::Local(local) => {
                let found = format!("local repositories, whose pages are served on {}", local.bind);
                self.say(Finding::new("code host", State::Ok, found));
            }
            CodeHost::GitHub(remote) => {
                let accounts = match adapters::accounts(settings, remote) {
                    Ok(accounts) => accounts,
                    Err(error) => {
                        return self.say(Finding::new("github", State::Fail, ErrorChain(&error).to_string()));
                    }
                };
                let Some((deployment, class)) = accounts.all().split_first() else { return };
                match within("GitHub", deployment.examine()).await {
                    Ok(examination) => github(&examination).into_iter().for_each(|finding| self.say(finding)),
                    Err(why) => self.say(Finding::new("github", State::Fail, format!("{}: {why}", remote.api_url))),
                }
                self.class(class).await;
            }
        }
    }

    /// The accounts of students, a line each.
    async fn class(&mut self, accounts: &[Arc<AccountHost>]) {
        for some in accounts.chunks(AT_ONCE) {
            let looks: Vec<_> = some.iter().cloned().map(|account| tokio::spawn(one_of_class(account))).collect();
            for look in looks {
                let broke_off = |error| Finding::new("account", State::Fail, format!("the look broke off: {error}"));
                self.say(look.await.unwrap_or_else(broke_off));
            }
        }
    }

    async fn models(&mut self, settings: &Settings, options: &Options, store: Option<Arc<Store>>) {
        let skip = |why: &str| Finding::new("model", State::Skip, why);
        let (Some(_), Some(store)) = (&settings.model, store) else {
            let why = "none is configured: the scaffold writes the sites (set LLM_API_KEY and LLM_MODEL)";
            let busy = "not greeted: each call is written to the data folder, which is in use";
            return self.say(skip(if settings.model.is_some() { busy } else { why }));
        };
        if options.no_greeting {
            return self.say(skip("not greeted, as was asked"));
        }
        let gateway =
            adapters::keeper(settings).map(Arc::new).and_then(|keeper| adapters::model(settings, keeper, store));
        let gateway = match gateway {
            Ok(Some(gateway)) => gateway,
            Ok(None) => return,
            Err(error) => return self.say(Finding::new("model", State::Fail, ErrorChain(&error).to_string())),
        };
        for alias in ALIASES.into_iter().filter(|alias| gateway.serves(alias)) {
            let request = CompletionRequest {
                alias: alias.to_owned(),
                template: "hello".to_owned(),
                values: json!({}),
                timeout: GREETING,
                task: RandomIds.task_id(),
                trace_id: RandomIds.trace_id(),
            };
            let began = Instant::now();
            let finding = match within(alias, gateway.complete(request)).await {
                Ok(answer) => {
                    let found = format!("{alias}: {} answered in {} ms", answer.model, began.elapsed().as_millis());
                    Finding::new("model", State::Ok, found)
                }
                Err(why) => {
                    let remedy = "check LLM_API_KEY, LLM_MODEL and the address";
                    Finding::new("model", State::Fail, format!("{alias}: {why}; {remedy}"))
                }
            };
            self.say(finding);
        }
    }

    async fn browser(&mut self, settings: &Settings) {
        let verifier = adapters::verifier(settings, None);
        let finding = match within("the browser", page_that_counts(&verifier)).await {
            Ok(finding) => finding,
            Err(why) => Finding::new("browser", State::Fail, why),
        };
        verifier.close().await;
        self.say(finding);
    }

    async fn evaluators(&mut self, settings: &Settings, options: &Options) {
        if options.evaluator.is_empty() {
            return self.say(Finding::new("evaluator", State::Skip, "name one with --evaluator URL to see it reached"));
        }
        let notifier = match adapters::notifier(settings) {
            Ok(notifier) => notifier,
            Err(error) => return self.say(Finding::new("evaluator", State::Fail, ErrorChain(&error).to_string())),
        };
        for url in &options.evaluator {
            let host = url.host_str().unwrap_or_default();
            let finding = match notifier.refuses(url) {
                Some(why) => Finding::new("evaluator", State::Fail, format!("{host}: it is never asked: {why}")),
                None => match notifier.probe(url, GREETING).await {
                    Ok(answer) => {
                        let ms = answer.latency.as_millis();
                        Finding::new("evaluator", State::Ok, format!("{host} answers {} in {ms} ms", answer.status))
                    }
                    Err(error) => {
                        let remedy = "look at its name, its certificate and the way out of this network";
                        Finding::new("evaluator", State::Fail, format!("{host}: {}; {remedy}", ErrorChain(&error)))
                    }
                },
            };
            self.say(finding);
        }
    }

    async fn broker(&mut self, settings: &Settings) {
        let finding = match adapters::broker(settings) {
            Ok(Some(broker)) => Finding::of("nats", Mirror::new(broker, adapters::bus()).look().await),
            Ok(None) => Finding::new("nats", State::Skip, "NATS_URL is not set: events stay in this process"),
            Err(error) => Finding::new("nats", State::Fail, ErrorChain(&error).to_string()),
        };
        self.say(finding);
    }
}

/// What `work` gives, or why it failed, in words.
async fn within<T, E: std::error::Error>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(ErrorChain(&error).to_string()),
        Err(_) => Err(format!("{what} did not answer within {} s", LIMIT.as_secs())),
    }
}

fn github(examination: &Examination) -> Vec<Finding> {
    let Examination { login, owner, scopes, expires, cannot_create, with_pages, budget } = examination;
    let kind = match scopes {
        Some(scopes) if scopes.is_empty() => "a classic token without scopes".to_owned(),
        Some(scopes) => format!("a classic token with {}", scopes.join(", ")),
        None => "a fine-grained token".to_owned(),
    };
    let ends = expires.as_ref().map(|at| format!(", which ends {at}")).unwrap_or_default();
    let mut findings = vec![Finding::new("github", State::Ok, format!("signed in as {login} with {kind}{ends}"))];
    findings.push(match cannot_create {
        Some(why) => Finding::new("github", State::Fail, format!("no repository can be made for {owner}: {why}")),
        None => Finding::new("github", State::Ok, format!("repositories can be made for {owner}")),
    });
    if scopes.as_ref().is_some_and(|scopes| !scopes.iter().any(|scope| scope == "workflow")) {
        let found = "the scope `workflow` is missing: sites that bring a workflow of their own cannot be published";
        findings.push(Finding::new("github", State::Warn, found));
    }
    findings.push(match with_pages {
        (0, looked_at) => Finding::new(
            "pages",
            State::Warn,
            format!("none of the newest {looked_at} repositories of {owner} has Pages: the first task will show"),
        ),
        (on, looked_at) => {
            Finding::new("pages", State::Ok, format!("{on} of the newest {looked_at} repositories have Pages"))
        }
    });
    if let Some(budget) = budget {
        let minutes = budget.resets_in.as_secs().div_ceil(60);
        let found = format!("{} of {} requests left for {minutes} min", budget.left, budget.limit);
        let state = if budget.left < LOW_BUDGET { State::Warn } else { State::Ok };
        findings.push(Finding::new("requests", state, found));
    }
    findings
}

async fn one_of_class(account: Arc<AccountHost>) -> Finding {
    let (name, token) = (account.name(), account.token_name());
    let who = if name == token { name.to_owned() } else { format!("{name}, with {token}") };
    let examined = within("GitHub", account.examine()).await;
    let (state, said) = match examined {
        Err(why) => (State::Fail, why),
        Ok(Examination { cannot_create: Some(why), .. }) => (State::Fail, format!("no repository can be made: {why}")),
        Ok(Examination { login, owner, expires, budget, .. }) => {
            let ends = expires.map(|at| format!(", the token ends {at}")).unwrap_or_default();
            let left = budget.map(|budget| format!(", {} of {} requests left", budget.left, budget.limit));
            let is_low = budget.is_some_and(|budget| budget.left < LOW_BUDGET);
            let said =
                format!("signed in as {login}, repositories can be made for {owner}{}{ends}", left.unwrap_or_default());
            (if is_low { State::Warn } else { State::Ok }, said)
        }
    };
    Finding::new("account", state, format!("{who}: {said}"))
}

/// A page whose one check only a browser can tell.
async fn page_that_counts(verifier: &verify::SiteVerifier) -> Result<Finding, ports::Error> {
    const PAGE: &str = "<!doctype html><html lang=\"en\"><title>Doctor</title><p id=\"sum\"></p>\
                        <script>document.querySelector('#sum').textContent = 40 + 2;</script></html>";
    let mut site = Site::new();
    site.insert("index.html".parse().map_err(ports::Error::stop)?, PAGE);
    let check = CheckBody::Text("js: document.querySelector('#sum').textContent === '42'".to_owned());
    let inspection = Inspection {
        site,
        pages_url: Url::parse("https://doctor.example/site/").map_err(ports::Error::stop)?,
        target: Target::Files,
        phase: Phase::Candidate,
        checks: verifier.compile(Round::FIRST, &[check]),
        attachments: Vec::new(),
        leaks: Vec::new(),
    };
    let began = Instant::now();
    let report = verifier.verify(inspection).await?.report;
    let ms = began.elapsed().as_millis();
    Ok(match report.browser {
        BrowserRun::Ran { browser } if report.passed() == 1 => {
            Finding::new("browser", State::Ok, format!("{browser} ran a page and its check in {ms} ms"))
        }
        BrowserRun::Ran { browser } => {
            let errors = report.console_errors.join("; ");
            Finding::new("browser", State::Fail, format!("{browser} ran a page, and its check failed: {errors}"))
        }
        BrowserRun::NotRun { reason } => {
            let remedy = "install Chromium, or name it with CHROMIUM";
            Finding::new("browser", State::Warn, format!("checks in JavaScript are not run: {reason}; {remedy}"))
        }
    })
}
