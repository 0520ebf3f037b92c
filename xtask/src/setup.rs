//! Programs that the product or its tests need and that are not built here.
//!
//! On Debian and Ubuntu they are installed when that needs no question: as root, or with a sudo that
//! asks for no password. Everywhere else one line says what to install.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// A program from the distribution.
#[derive(Debug)]
pub(crate) struct Tool {
    /// For people.
    label: &'static str,
    /// Names it goes by; the first that works is taken.
    programs: &'static [&'static str],
    /// Arguments with which it says that it works.
    probe: &'static [&'static str],
    /// Debian's package.
    package: &'static str,
    /// What it is for.
    purpose: &'static str,
}

/// The browser that judges pages. The same names as in `crates/verify/src/browser/discover.rs`.
pub(crate) const CHROMIUM: Tool = Tool {
    label: "Chromium",
    programs: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    probe: &["--version"],
    package: "chromium",
    purpose: "evaluates a page's checks",
};

/// The broker of the bus tests.
pub(crate) const NATS: Tool = Tool {
    label: "NATS",
    programs: &["nats-server"],
    probe: &["--version"],
    package: "nats-server",
    purpose: "is the broker of the bus tests",
};

/// Shows in which order a process asks the system for what.
pub(crate) const STRACE: Tool = Tool {
    label: "strace",
    programs: &["strace"],
    probe: &["--version"],
    package: "strace",
    purpose: "shows that a commit is on the disk before it is answered",
};

/// What schemathesis runs on. Debian keeps the part that makes environments in a package of its own.
pub(crate) const PYTHON: Tool = Tool {
    label: "Python with venv",
    programs: &["python3"],
    probe: &["-m", "ensurepip", "--version"],
    package: "python3-venv",
    purpose: "runs schemathesis",
};

/// Fetches GitHub's description of its API.
pub(crate) const NPM: Tool = Tool {
    label: "npm",
    programs: &["npm"],
    probe: &["--version"],
    package: "npm",
    purpose: "fetches GitHub's description of its API",
};

impl Tool {
    /// Finds the program, installing it when that may be done without a question. The error is one line.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        if let Some(program) = self.working() {
            return Ok(program);
        }
        let Some(apt) = Apt::without_questions() else {
            bail!("{} ({}) is missing: {}", self.label, self.purpose, self.advice());
        };
        println!("installing {} with apt-get", self.package);
        apt.install(self.package);
        match self.working() {
            Some(program) => Ok(program),
            None => bail!("{} could not be installed with apt-get: {}", self.label, self.advice()),
        }
    }

    /// The program, if it runs: Ubuntu's `chromium-browser` may be a stub that only points to a snap.
    fn working(&self) -> Option<PathBuf> {
        let found = self.programs.iter().filter_map(|program| process::find(&[program]));
        found.into_iter().find(|program| process::succeeds(Command::new(program).args(self.probe)))
    }

    fn advice(&self) -> String {
        format!("install it (Debian, Ubuntu: sudo apt-get install {})", self.package)
    }
}

/// `cargo nextest`, installed from source when it is missing. The error is one line.
pub(crate) fn ensure_nextest() -> Result<()> {
    if process::succeeds(process::cargo().args(["nextest", "--version"])) {
        return Ok(());
    }
    println!("installing cargo-nextest, the test runner, with `cargo install` (several minutes, once)");
    match process::run(process::cargo().args(["install", "cargo-nextest", "--locked"])) {
        Ok(()) => Ok(()),
        Err(error) => bail!("cargo-nextest is missing and could not be installed ({error}): see https://nexte.st"),
    }
}

/// The right to install packages.
struct Apt {
    /// Words before `apt-get`.
    prefix: &'static [&'static str],
}

impl Apt {
    fn without_questions() -> Option<Self> {
        if !Path::new("/usr/bin/apt-get").exists() {
            return None;
        }
        let id = Command::new("id").arg("-u").output().ok()?;
        if id.stdout.trim_ascii() == b"0" {
            return Some(Self { prefix: &["env"] });
        }
        let prefix = &["sudo", "-n", "env"];
        process::succeeds(Command::new("sudo").args(["-n", "true"])).then_some(Self { prefix })
    }

    /// Installs `package`; whether it worked is seen by looking for the program.
    fn install(&self, package: &str) {
        // The lists may be stale or absent, as in a fresh container; a failure shows in the next line's.
        let _updated = process::run(&mut self.command(&["update", "-qq"]));
        let words = ["install", "-y", "-qq", "--no-install-recommends", package];
        if let Err(error) = process::run(&mut self.command(&words)) {
            eprintln!("{error:#}");
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let program = self.prefix.first().copied().unwrap_or("env");
        let mut command = Command::new(program);
        command.args(self.prefix.iter().skip(1));
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(words);
        command
    }
}
