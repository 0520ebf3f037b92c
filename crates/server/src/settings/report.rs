//! Everything that is wrong with the settings, in one message.

use std::fmt;

/// One setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its name in the environment.
    pub name: &'static str,
    /// What it is for, or what is wrong with it. Never its value when that is a secret.
    pub detail: String,
}

/// The process cannot start with these settings.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    File {
        /// Which.
        path: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Settings are missing or wrong; all of them.
    Faults(Vec<Fault>),
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source.as_ref()),
            Self::Faults(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = match self {
            Self::File { path, .. } => return write!(f, "read settings from {path}"),
            Self::Faults(faults) => faults,
        };
        let width = faults.iter().map(|fault| fault.name.len()).max().unwrap_or(0);
        writeln!(f, "these settings are missing or wrong:\n")?;
        for fault in faults {
            writeln!(f, "  {:width$}  {}", fault.name, fault.detail)?;
        }
        write!(
            f,
            "\nSet them in the environment or in sitewright.toml; configs/dev.env documents every setting.\n\
             Or run `DRY_RUN=1 sitewright serve`: it needs no account and no key, publishes to a local code host\n\
             and never pushes to GitHub."
        )
    }
}
