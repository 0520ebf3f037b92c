//! From names and texts to [`Settings`]. Pure over its sources, so that tests need no environment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use config::{Config, Environment, File, FileFormat};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{
    Browser, CodeHost, Error, Fault, GitHub, Http, Limits, Local, Log, LogFormat, Nats, Notify, Place, Role, Settings,
    limits, models, nats, pages, rates, socket, students,
};

/// What issuers send on a dry run when nothing else is set. Only for loopback.
const DRY_RUN_SECRET: &str = "dry-run";

/// GitHub itself; an Enterprise server has its own.
const GITHUB_URL: &str = "https://api.github.com/";

/// Every setting, as `configs/dev.env` documents it.
pub const DOCUMENTED: &[&str] = &[
    "DRY_RUN",
    "STUDENT_SECRET",
    "SECRETS_FILE",
    "GITHUB_TOKEN",
    "GITHUB_OWNER",
    "GITHUB_API_URL",
    "DEFAULT_BRANCH",
    "LLM_API_KEY",
    "LITELLM_URL",
    "LLM_BASE_URL",
    "LLM_MODEL",
    "LLM_CACHE",
    "LLM_HEDGE",
    "PROMPTS_DIR",
    "PRICES_FILE",
    "SPEND_PER_TASK_USD",
    "SPEND_PER_STUDENT_DAY_USD",
    "SPEND_PER_DAY_USD",
    "MODERATION",
    "MODERATION_FILE",
    "BIND",
    "PORT",
    "PAGES_PORT",
    "PAGES_PUBLIC_URL",
    "ADMIN_TOKEN",
    "TRUSTED_PROXIES",
    "LIMITS_FILE",
    "MAX_CONNECTIONS",
    "MAX_IN_FLIGHT",
    "MAX_BODY_BYTES",
    "MAX_ATTACHMENT_BYTES",
    "MAX_ATTACHMENTS_BYTES",
    "MAX_ATTACHMENTS",
    "MAX_BRIEF_BYTES",
    "MAX_CHECKS",
    "MAX_CHECK_BYTES",
    "DATA_DIR",
    "RETRY_MAX_ATTEMPTS",
    "ALLOW_INSECURE_EVALUATORS",
    "CONCURRENCY",
    "ROLES",
    "NATS_URL",
    "NATS_CREDS_FILE",
    "NATS_CA_FILE",
    "NATS_COPY",
    "VERIFY_BROWSER",
    "CHROMIUM",
    "VERIFY_BROWSERS",
    "VERIFY_EGRESS",
    "CDN_CACHE_DIR",
    "CDN_CACHE_MAX_BYTES",
    "LOG",
    "LOG_FORMAT",
    "ALIASES",
];

/// The texts as they were found.
#[derive(Debug, Default, Deserialize)]
struct Raw {
    dry_run: Option<String>,
    student_secret: Option<SecretString>,
    secrets_file: Option<PathBuf>,
    github_token: Option<SecretString>,
    github_owner: Option<String>,
    github_api_url: Option<String>,
    default_branch: Option<String>,
    bind: Option<String>,
    port: Option<String>,
    pages_port: Option<String>,
    pages_public_url: Option<String>,
    admin_token: Option<SecretString>,
    trusted_proxies: Option<String>,
    limits_file: Option<PathBuf>,
    max_connections: Option<String>,
    max_in_flight: Option<String>,
    data_dir: Option<PathBuf>,
    retry_max_attempts: Option<String>,
    allow_insecure_evaluators: Option<String>,
    concurrency: Option<String>,
    roles: Option<String>,
    verify_browser: Option<String>,
    chromium: Option<PathBuf>,
    log: Option<String>,
    log_format: Option<String>,
}

/// Reads `environment` over the file at `file`. A file that was not named may be absent.
///
/// # Errors
/// The file cannot be read, or settings are missing or wrong: all of them at once.
pub fn read(file: Option<&Path>, environment: BTreeMap<String, String>) -> Result<Settings, Error> {
    let path = file.unwrap_or(Path::new("sitewright.toml"));
    let fault =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::File { path: path.display().to_string(), source };
    let variables = Environment::default().ignore_empty(true).source(Some(environment.clone().into_iter().collect()));
    let config = Config::builder()
        .add_source(File::from(path).format(FileFormat::Toml).required(file.is_some()))
        .add_source(variables)
        .build()
        .map_err(|error| fault(error.into()))?;
    let sizes: limits::Raw = config.clone().try_deserialize().map_err(|error| fault(error.into()))?;
    let models: models::Raw = config.clone().try_deserialize().map_err(|error| fault(error.into()))?;
    let pages: pages::Raw = config.clone().try_deserialize().map_err(|error| fault(error.into()))?;
    let nats: nats::Raw = config.clone().try_deserialize().map_err(|error| fault(error.into()))?;
    let raw: Raw = config.try_deserialize().map_err(|error| fault(error.into()))?;
    let mut faults = unknown_names(path);
    let limits = limits::read(&sizes, &mut faults);
    let nats = nats::read(nats, &mut faults);
    let settings = check(raw, (models, &pages), (limits, nats), &environment, &mut faults);
    if settings.as_ref().is_some_and(|settings| settings.is_dry_run() && settings.place() == Place::Borrower) {
        let why = "GitHub, since the repositories of a dry run lie on one host: without DRY_RUN, or with intake beside \
                   runner";
        wrong("ROLES", why, &mut faults);
    }
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(Error::Faults(faults)),
    }
}

/// `DATA_DIR` alone.
#[must_use]
pub fn data_dir(environment: &BTreeMap<String, String>) -> PathBuf {
    alone(environment, "data_dir").unwrap_or_else(|| "data".to_owned()).into()
}

/// One setting by its name in the file, for what needs no other one. A file that cannot be read says nothing here.
#[must_use]
pub fn alone(environment: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let variables = Environment::default().ignore_empty(true).source(Some(environment.clone().into_iter().collect()));
    let file = File::from(Path::new("sitewright.toml")).format(FileFormat::Toml).required(false);
    let config = Config::builder().add_source(file).add_source(variables).build().ok()?;
    config.get_string(name).ok()
}

/// A misspelt name in the file would otherwise be ignored without a word.
fn unknown_names(path: &Path) -> Vec<Fault> {
    let table = std::fs::read_to_string(path).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let names = table.unwrap_or_default().into_iter().map(|(name, _)| name);
    names
        .filter(|name| !DOCUMENTED.iter().any(|known| known.eq_ignore_ascii_case(name)))
        .map(|name| Fault { name: "sitewright.toml", detail: format!("there is no setting `{name}`") })
        .collect()
}

fn check(
    raw: Raw,
    (models, pages): (models::Raw, &pages::Raw),
    (limits, nats): (Limits, Option<Nats>),
    variables: &BTreeMap<String, String>,
    faults: &mut Vec<Fault>,
) -> Option<Settings> {
    let dry_run = flag("DRY_RUN", raw.dry_run.as_deref(), faults);
    let ip = or_default("BIND", raw.bind.as_deref(), IpAddr::V4(Ipv4Addr::LOCALHOST), "an IP address", faults);
    let port = or_default("PORT", raw.port.as_deref(), 8080, "a port number", faults);
    let pages_port = or_default("PAGES_PORT", raw.pages_port.as_deref(), 8081, "a port number", faults);
    if dry_run && port == pages_port && port != 0 {
        wrong("PAGES_PORT", "another port than PORT: pages are never served from the API's address", faults);
    }
    let default = (dry_run && ip.is_loopback()).then(|| SecretString::from(DRY_RUN_SECRET));
    let given = students::Given { secret: raw.student_secret, file: raw.secrets_file, default };
    let students = students::read(given, variables, faults);
    let default_branch = raw.default_branch.unwrap_or_else(|| "main".to_owned());
    let public_url = url("PAGES_PUBLIC_URL", raw.pages_public_url.as_deref(), faults);
    let api_url = url("GITHUB_API_URL", raw.github_api_url.as_deref(), faults);
    if dry_run && ip.is_unspecified() && public_url.is_none() {
        let why = "how others reach the local pages, such as http://sites.example.com:8081/; BIND does not say it";
        missing("PAGES_PUBLIC_URL", why, faults);
    }
    let host = if dry_run {
        Some(CodeHost::Local(Local { bind: socket(ip, pages_port), public_url, default_branch }))
    } else {
        if raw.github_token.is_none() {
            let why = "publishes the sites; a fine-grained token that may write Administration, Contents, Pages and \
                       Pull requests";
            missing("GITHUB_TOKEN", why, faults);
        }
        let api_url = api_url.or_else(|| Url::parse(GITHUB_URL).ok());
        let owner = raw.github_owner;
        raw.github_token
            .zip(api_url)
            .map(|(token, api_url)| CodeHost::GitHub(GitHub { token, api_url, owner, default_branch }))
    };
    let data_dir = raw.data_dir.unwrap_or_else(|| PathBuf::from("data"));
    let moderation = models::moderation(&models, faults);
    let model = models::read(models, &data_dir, dry_run, faults);
    let allow_insecure = flag("ALLOW_INSECURE_EVALUATORS", raw.allow_insecure_evaluators.as_deref(), faults);
    let max_attempts =
        or_default("RETRY_MAX_ATTEMPTS", raw.retry_max_attempts.as_deref(), 8, "a number from 1 to 20", faults);
    if !(1..=20).contains(&max_attempts) {
        wrong("RETRY_MAX_ATTEMPTS", "a number from 1 to 20", faults);
    }
    let concurrency = or_default("CONCURRENCY", raw.concurrency.as_deref(), 8, "a number from 1 to 256", faults);
    if !(1..=256).contains(&concurrency) {
        wrong("CONCURRENCY", "a number from 1 to 256", faults);
    }
    let max_connections = within("MAX_CONNECTIONS", raw.max_connections.as_deref(), 16_384, 1..=1_000_000, faults);
    let max_in_flight = within("MAX_IN_FLIGHT", raw.max_in_flight.as_deref(), 1024, 1..=100_000, faults);
    let roles = roles(raw.roles.as_deref(), faults);
    let browser = match raw.verify_browser.as_deref() {
        None | Some("auto") => raw.chromium.map_or(Browser::Auto, Browser::At),
        Some("off") => Browser::Off,
        Some(_) => {
            wrong("VERIFY_BROWSER", "`auto` or `off`", faults);
            Browser::Auto
        }
    };
    let format = match raw.log_format.as_deref() {
        None | Some("auto") => LogFormat::Auto,
        Some("json") => LogFormat::Json,
        Some("text") => LogFormat::Text,
        Some(_) => {
            wrong("LOG_FORMAT", "`json`, `text` or `auto`", faults);
            LogFormat::Auto
        }
    };
    let trusted_proxies = networks("TRUSTED_PROXIES", raw.trusted_proxies.as_deref(), faults);
    let rates = rates::read(raw.limits_file.as_deref(), faults);
    let pages = pages::read(pages, &data_dir, faults);
    Some(Settings {
        http: Http {
            bind: socket(ip, port),
            admin_token: raw.admin_token,
            trusted_proxies,
            max_connections,
            max_in_flight,
        },
        data_dir,
        students: students?,
        limits,
        rates,
        host: host?,
        model,
        moderation: moderation?,
        notify: Notify { allow_insecure: allow_insecure || dry_run, max_attempts },
        nats,
        browser,
        pages,
        concurrency,
        roles,
        log: Log { filter: raw.log.unwrap_or_else(|| "info".to_owned()), format },
    })
}

pub(super) fn missing(name: &'static str, what_for: &str, faults: &mut Vec<Fault>) {
    faults.push(Fault { name, detail: format!("missing: {what_for}") });
}

pub(super) fn wrong(name: &'static str, expected: &str, faults: &mut Vec<Fault>) {
    faults.push(Fault { name, detail: format!("wrong: expected {expected}") });
}

/// Addresses and networks, separated by commas.
fn networks(name: &'static str, text: Option<&str>, faults: &mut Vec<Fault>) -> Vec<IpNet> {
    let items = text.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty());
    let read: Option<Vec<_>> =
        items.map(|item| item.parse::<IpNet>().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from))).collect();
    read.unwrap_or_else(|| {
        wrong(name, "addresses or networks such as 10.0.0.0/8, separated by commas", faults);
        Vec::new()
    })
}

pub(super) fn flag(name: &'static str, text: Option<&str>, faults: &mut Vec<Fault>) -> bool {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("0" | "false" | "no" | "off") => false,
        Some("1" | "true" | "yes" | "on") => true,
        Some(_) => {
            wrong(name, "1 or 0", faults);
            false
        }
    }
}

fn or_default<T: FromStr>(
    name: &'static str,
    text: Option<&str>,
    default: T,
    expected: &str,
    faults: &mut Vec<Fault>,
) -> T {
    match text.map(str::parse) {
        None => default,
        Some(Ok(value)) => value,
        Some(Err(_)) => {
            wrong(name, expected, faults);
            default
        }
    }
}

pub(super) fn within(
    name: &'static str,
    text: Option<&str>,
    default: usize,
    range: RangeInclusive<usize>,
    faults: &mut Vec<Fault>,
) -> usize {
    let expected = format!("a number from {} to {}", range.start(), range.end());
    let given = text.map(|text| text.parse().ok().filter(|number| range.contains(number)));
    given.unwrap_or(Some(default)).unwrap_or_else(|| {
        wrong(name, &expected, faults);
        default
    })
}

fn roles(text: Option<&str>, faults: &mut Vec<Fault>) -> BTreeSet<Role> {
    let all = || Role::ALL.into_iter().map(|(_, role)| role).collect();
    let Some(text) = text else { return all() };
    let named = |name: &str| Role::ALL.into_iter().find(|(known, _)| *known == name.trim()).map(|(_, role)| role);
    text.split(',').map(named).collect::<Option<_>>().unwrap_or_else(|| {
        wrong("ROLES", "some of intake, runner and relay, with commas between them", faults);
        all()
    })
}

pub(super) fn url(name: &'static str, text: Option<&str>, faults: &mut Vec<Fault>) -> Option<Url> {
    let mut url = match Url::parse(text?) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        _ => {
            wrong(name, "an http or https URL", faults);
            return None;
        }
    };
    // Paths are joined onto it.
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}
