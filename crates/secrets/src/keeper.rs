//! The gatekeeper's port over the shared secret and the scanner.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use ports::{Gatekeeper, Leak, Quotas, Site, Tenant};
use secrecy::{ExposeSecret as _, SecretString};
use shared_types::Email;

use crate::Error;
use crate::rules::RULES;
use crate::scanner::Scanner;
use crate::shared_secret::SharedSecret;

/// What a redacted secret reads as.
const REDACTED: &[u8] = b"[redacted]";

/// A site with more leaks than this is not described better by more of them.
const MAX_LEAKS: usize = 200;

/// Settings of the keeper.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every request must carry. Also looked for in what goes out.
    pub student_secret: SecretString,
    /// Tokens and keys of this deployment, looked for in what goes out. Those below 8 bytes are
    /// ignored: they would be found in innocent text.
    pub own: Vec<SecretString>,
}

/// Knows the secrets of this deployment.
pub struct Keeper {
    shared: SharedSecret,
    scanner: Scanner,
}

impl Keeper {
    /// A keeper for one deployment. Compiles all rules, which takes some milliseconds.
    ///
    /// # Errors
    /// [`Error::EmptySecret`]; the others mean a defect in the table or absurdly many secrets.
    pub fn new(options: Options) -> Result<Self, Error> {
        let Options { student_secret, own } = options;
        if student_secret.expose_secret().is_empty() {
            return Err(Error::EmptySecret);
        }
        let scanner = Scanner::new(own.iter().chain([&student_secret]))?;
        Ok(Self { shared: SharedSecret::new(&student_secret), scanner })
    }

    /// The kinds of foreign secrets that a scan can name; `own_secret` is the one beside them.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        RULES.iter().map(|rule| rule.kind)
    }

    /// Places of secrets, ordered and joined where they overlap or touch.
    fn joined(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut joined: Vec<Range<usize>> = Vec::new();
        for found in self.scanner.find(bytes) {
            match joined.last_mut() {
                Some(last) if found.bytes.start <= last.end => last.end = last.end.max(found.bytes.end),
                _ => joined.push(found.bytes),
            }
        }
        joined
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
        Ok(self.shared.matches(secret).then(|| Tenant { email: email.clone(), quotas: Quotas::default() }))
    }

    fn scan(&self, site: &Site) -> Vec<Leak> {
        let leaks = site.iter().flat_map(|(path, bytes)| {
            let mut leaks: Vec<Leak> = Vec::new();
            let mut lines = Lines { bytes, seen: 0, line: 1 };
            for found in self.scanner.find(bytes) {
                let leak = Leak { kind: found.kind.to_owned(), path: path.clone(), line: lines.at(found.bytes.start) };
                if !leaks.contains(&leak) && leaks.len() < MAX_LEAKS {
                    leaks.push(leak);
                }
            }
            leaks
        });
        leaks.take(MAX_LEAKS).collect()
    }

    fn redact(&self, text: &str) -> String {
        let mut clean = Vec::with_capacity(text.len());
        let mut done = 0;
        for secret in self.joined(text.as_bytes()) {
            clean.extend_from_slice(text.as_bytes().get(done..secret.start).unwrap_or_default());
            clean.extend_from_slice(REDACTED);
            done = secret.end;
        }
        clean.extend_from_slice(text.as_bytes().get(done..).unwrap_or_default());
        // The rules match whole ASCII texts, so a cut through a character is only possible inside
        // a password; the rest of that character is then replaced.
        String::from_utf8(clean).unwrap_or_else(|cut| String::from_utf8_lossy(cut.as_bytes()).into_owned())
    }
}

/// Counts lines going forward only, so that many findings cost one pass.
struct Lines<'a> {
    bytes: &'a [u8],
    seen: usize,
    line: u32,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> u32 {
        let passed = self.bytes.get(self.seen..offset).unwrap_or_default();
        let newlines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.seen = offset;
        self.line
    }
}
