//! gitleaks, where it is installed: a second opinion beside our own rules.
//!
//! It is a program of others, and the site comes from a model: it runs on a copy in a folder of its own, without our
//! environment, with a bound on its time, and it is told to redact. Files by which a site could tell it what to
//! overlook are not shown to it. What it cannot do is no reason to publish less carefully or not at all: then our own
//! rules decide alone.
//!
//! Versions from 8.18 have the flags that are used; what they mean is in <https://github.com/gitleaks/gitleaks>.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ports::{Leak, Site};
use serde::Deserialize;
use shared_types::SitePath;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::Error;

/// Its name in `PATH`.
const NAME: &str = "gitleaks";

/// For one site, waiting included. It reads some ten megabytes a second.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// It uses every processor that it finds, so more at once would only take turns.
const AT_ONCE: usize = 2;

/// Room for thousands of findings.
const MAX_REPORT_BYTES: u64 = 8 << 20;

/// Its own rules, and none of a configuration that it may find.
const CONFIGURATION: &str = "[extend]\nuseDefault = true\n";

/// Files of a site that it would take orders from.
const ORDERS: &[&str] = &[".gitleaks.toml", ".gitleaksignore"];

/// Rules whose findings are not taken: ours judge the same values and know those that are public by design.
const NOT_TAKEN: &[&str] = &[
    "algolia-api-key",
    "curl-auth-header",
    "curl-auth-user",
    "gcp-api-key",
    "generic-api-key",
    "jwt",
    "jwt-base64",
    "mapbox-api-token",
    "new-relic-browser-api-token",
    "private-key",
];

/// Finds what gitleaks finds.
#[derive(Debug, Clone)]
pub struct Gitleaks {
    program: PathBuf,
    time_limit: Duration,
    turns: Arc<Semaphore>,
}

/// One entry of its report.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(rename = "RuleID")]
    rule: String,
    file: PathBuf,
    start_line: u32,
}

/// The copy of a site and the folder that holds it. Removed on drop.
struct Scratch {
    _folder: TempDir,
    /// Where that is without links: so the report names files.
    root: PathBuf,
}

impl Gitleaks {
    /// The program in one of the folders of `path`, which is written as `PATH` is; `None` when none has it.
    #[must_use]
    pub fn in_path(path: &OsStr) -> Option<Self> {
        std::env::split_paths(path).map(|folder| folder.join(NAME)).find(|program| program.is_file()).map(Self::at)
    }

    /// The program at this place.
    #[must_use]
    pub fn at(program: PathBuf) -> Self {
        Self { program, time_limit: TIME_LIMIT, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// With another bound on the time for one site.
    #[must_use]
    pub fn within(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// Where it is.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What it finds in `site`, as kinds of the form `gitleaks_<rule>`.
    ///
    /// # Errors
    /// It cannot be run, takes too long, or writes no report.
    pub(crate) async fn scan(&self, site: &Site) -> Result<Vec<Leak>, Error> {
        let found = tokio::time::timeout(self.time_limit, self.run(site.clone())).await;
        found.map_err(|_| Error::GitleaksSlow { limit: self.time_limit })?
    }

    async fn run(&self, site: Site) -> Result<Vec<Leak>, Error> {
        let _turn = self.turns.acquire().await.ok();
        let scratch = blocking(move || Scratch::of(&site)).await?;
        let mut command = Command::new(&self.program);
        command
            .args(["detect", "--no-git", "--redact", "--no-banner", "--ignore-gitleaks-allow", "--exit-code", "0"])
            .args(["--log-level", "error", "--report-format", "json"])
            .args([OsStr::new("--source"), scratch.site().as_os_str()])
            .args([OsStr::new("--config"), scratch.configuration().as_os_str()])
            .args([OsStr::new("--report-path"), scratch.report().as_os_str()])
            .current_dir(&scratch.root)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let status = command.status().await.map_err(Error::GitleaksRun)?;
        if !status.success() {
            return Err(Error::GitleaksEnded { status });
        }
        blocking(move || scratch.leaks()).await
    }
}

impl Scratch {
    fn of(site: &Site) -> Result<Self, Error> {
        let folder = TempDir::new().map_err(Error::GitleaksFolder)?;
        let root = folder.path().canonicalize().map_err(Error::GitleaksFolder)?;
        let scratch = Self { _folder: folder, root };
        scratch.fill(site).map_err(Error::GitleaksFolder)?;
        Ok(scratch)
    }

    fn fill(&self, site: &Site) -> std::io::Result<()> {
        fs::create_dir(self.site())?;
        fs::write(self.configuration(), CONFIGURATION)?;
        for (path, bytes) in site.iter().filter(|(path, _)| !ORDERS.contains(&path.file_name())) {
            let file = self.site().join(path.as_str());
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(file, bytes)?;
        }
        Ok(())
    }

    fn site(&self) -> PathBuf {
        self.root.join("site")
    }

    fn configuration(&self) -> PathBuf {
        self.root.join("gitleaks.toml")
    }

    fn report(&self) -> PathBuf {
        self.root.join("report.json")
    }

    /// The report's entries that are taken; the rest of an entry is never read.
    fn leaks(&self) -> Result<Vec<Leak>, Error> {
        let file = fs::File::open(self.report()).map_err(serde_json::Error::io).map_err(Error::GitleaksReport)?;
        let entries: Option<Vec<Entry>> =
            serde_json::from_reader(file.take(MAX_REPORT_BYTES)).map_err(Error::GitleaksReport)?;
        let taken = entries.unwrap_or_default().into_iter().filter(|entry| !NOT_TAKEN.contains(&entry.rule.as_str()));
        Ok(taken.filter_map(|entry| self.leak(&entry)).collect())
    }

    fn leak(&self, entry: &Entry) -> Option<Leak> {
        let site = self.site();
        let path = entry.file.strip_prefix(&site).unwrap_or(&entry.file);
        let path: SitePath = path.to_str()?.parse().ok()?;
        Some(Leak { kind: format!("gitleaks_{}", entry.rule.replace('-', "_")), path, line: Some(entry.start_line) })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::GitleaksBrokenOff)?
}
