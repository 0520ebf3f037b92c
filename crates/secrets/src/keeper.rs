//! The gatekeeper's port over those who may come in and the scanner.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ports::{ErrorChain, Gatekeeper, Leak, SecretSearch, Site, Tenant, TextLeak};
use secrecy::{ExposeSecret as _, SecretString};
use shared_types::Email;
use tracing::warn;

use crate::class::Class;
use crate::rules;
use crate::scanner::Scanner;
use crate::students::{Everybody, Members};
use crate::{Error, Gitleaks, own, redaction};

/// Settings of the keeper.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may come in.
    pub students: Students,
    /// Tokens and keys of this deployment, looked for in what goes out. Those below 8 bytes are
    /// ignored: they would be found in innocent text.
    pub own: Vec<SecretString>,
}

/// Who may come in.
#[derive(Debug, Clone)]
pub enum Students {
    /// Whoever knows the one secret, under any address. The secret is looked for in what goes out.
    Shared(SecretString),
    /// Those of a file, each with a secret of their own. Their tokens are looked for in what goes
    /// out; their secrets are not known, so each request is searched for its own.
    Class(Class),
}

/// Knows the secrets of this deployment.
pub struct Keeper {
    admission: Admission,
    scanner: Arc<Scanner>,
    gitleaks: Option<Gitleaks>,
}

enum Admission {
    Everybody(Everybody),
    Members(Members),
}

impl Keeper {
    /// A keeper for one deployment. Compiles all rules, which takes some milliseconds.
    ///
    /// # Errors
    /// [`Error::EmptySecret`]; the others mean a defect in the table or absurdly many secrets.
    pub fn new(options: Options) -> Result<Self, Error> {
        let Options { students, own } = options;
        match students {
            Students::Shared(secret) if secret.expose_secret().is_empty() => Err(Error::EmptySecret),
            Students::Shared(secret) => {
                let scanner = Arc::new(Scanner::new(own.iter().chain([&secret]))?);
                Ok(Self { admission: Admission::Everybody(Everybody::new(&secret)), scanner, gitleaks: None })
            }
            Students::Class(class) => {
                let scanner = Arc::new(Scanner::new(own.iter().chain(class.tokens()))?);
                Ok(Self { admission: Admission::Members(Members::new(class)), scanner, gitleaks: None })
            }
        }
    }

    /// Asks gitleaks as well, when there is one, about each site that is scanned.
    #[must_use]
    pub fn with_gitleaks(self, gitleaks: Option<Gitleaks>) -> Self {
        Self { gitleaks, ..self }
    }

    /// How many hashes were computed so far to check secrets. Always 0 with a shared secret.
    #[must_use]
    pub fn hashes_computed(&self) -> u64 {
        match &self.admission {
            Admission::Everybody(_) => 0,
            Admission::Members(members) => members.hashes_computed(),
        }
    }

    /// The kinds of foreign secrets that a scan can name, each with its name for people; `own_secret` is the one
    /// beside them.
    pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
        rules::all().map(|rule| (rule.kind, rule.name))
    }
}

impl fmt::Debug for Keeper {
    /// The compiled search would print our own secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

#[async_trait]
impl Gatekeeper for Keeper {
    async fn authenticate(&self, email: &Email, secret: &SecretString) -> Result<Option<Tenant>, ports::Error> {
        match &self.admission {
            Admission::Everybody(everybody) => Ok(everybody.admit(email, secret)),
            Admission::Members(members) => Ok(members.admit(email, secret).await?),
        }
    }

    fn search_for(&self, secret: &SecretString) -> Box<dyn SecretSearch> {
        Box::new(own::Search::new(secret))
    }

    async fn scan(&self, site: &Site) -> Result<Vec<Leak>, ports::Error> {
        let (scanner, files) = (self.scanner.clone(), site.clone());
        // Away from the threads that answer requests: a large site takes a tenth of a second.
        let ours = tokio::task::spawn_blocking(move || scanner.scan(&files)).await.map_err(ports::Error::again)?;
        let Some(gitleaks) = &self.gitleaks else { return Ok(ours) };
        match gitleaks.scan(site).await {
            Ok(theirs) => Ok(self.scanner.with_others(ours, theirs)),
            Err(error) => {
                let error = ErrorChain(&error);
                warn!(event = "secrets.gitleaks_failed", %error, "gitleaks did not answer: our own rules decide alone");
                Ok(ours)
            }
        }
    }

    fn scan_text(&self, text: &str) -> Vec<TextLeak> {
        let marks = self.scanner.marks(text.as_bytes());
        marks.into_iter().map(|mark| TextLeak { kind: mark.kind.to_owned(), line: mark.line }).collect()
    }

    fn redact(&self, text: &str) -> String {
        let places = self.scanner.find(text.as_bytes()).into_iter().map(|found| found.bytes);
        redaction::replaced(text, places.collect())
    }
}
