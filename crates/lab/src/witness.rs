//! Writes down what happened outside: every effect that the stand-ins for GitHub and the evaluator
//! saw, one line each, in the order in which they took effect. Lines are only added, so whoever
//! judges afterwards needs no trust in the service that caused them.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tracing::error;

/// A log that several stand-ins write. Cheap to clone; the default one writes nothing down.
#[derive(Clone, Default)]
pub struct Witness(Option<Arc<Mutex<Book>>>);

struct Book {
    file: File,
    next: u64,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place, from 1.
    pub n: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub effect: Effect,
}

/// What can happen outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// GitHub has a new repository.
    RepoMade {
        /// `owner/name`.
        repo: String,
    },
    /// A branch or a tag of GitHub's points somewhere else.
    RefMoved {
        /// `owner/name`.
        repo: String,
        /// Its full name, such as `refs/heads/main`.
        name: String,
        /// What it points to now.
        to: String,
        /// The commit that this is, when it is one.
        commit: Option<Commit>,
    },
    /// The evaluator got a notification.
    Notified {
        /// `webhook-id`.
        id: Option<String>,
        /// The body as it came; bytes that are no text are marked.
        body: String,
        /// What it is answered with.
        status: u16,
    },
}

/// A commit, as GitHub stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Ids of its parents.
    pub parents: Vec<String>,
    /// The whole message.
    pub message: String,
    /// The author's date, in seconds since the Unix epoch.
    pub authored_at_s: i64,
}

impl Witness {
    /// A witness that writes to a new file at `path`.
    ///
    /// # Errors
    /// The file is there already, or cannot be made.
    pub fn to(path: &Path) -> io::Result<Self> {
        let file = File::options().append(true).create_new(true).open(path)?;
        Ok(Self(Some(Arc::new(Mutex::new(Book { file, next: 1 })))))
    }

    /// Adds a line.
    pub(crate) fn note(&self, effect: impl FnOnce() -> Effect) {
        let Some(book) = &self.0 else { return };
        let at_ms =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        // What is written under the lock is one call; a panic beside it leaves the book whole.
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry { n: book.next, at_ms, effect: effect() };
        book.next += 1;
        let written = serde_json::to_vec(&entry).map_err(io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            book.file.write_all(&line)
        });
        // The next entry's place shows whoever reads the log that one is missing.
        if let Err(error) = written {
            error!(n = entry.n, %error, "the witness could not write an entry");
        }
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("writes", &self.0.is_some()).finish()
    }
}

/// Reads a log back.
///
/// # Errors
/// It cannot be read, or has a gap.
pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(path)?;
    let entries = text.lines().map(serde_json::from_str).collect::<Result<Vec<Entry>, _>>()?;
    match entries.iter().zip(1..).find(|(entry, n)| entry.n != *n) {
        Some((entry, n)) => Err(io::Error::other(format!("entry {n} is missing: {} follows", entry.n))),
        None => Ok(entries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_back_in_order_and_a_gap_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let witness = Witness::to(&path).unwrap();
        let made = |repo: &str| Effect::RepoMade { repo: repo.to_owned() };
        let notified = Effect::Notified { id: None, body: "{\n}".to_owned(), status: 200 };
        for effect in [made("a/b"), notified.clone(), made("a/c")] {
            witness.clone().note(|| effect);
        }
        let effects = read(&path).unwrap().into_iter().map(|entry| entry.effect).collect::<Vec<_>>();
        assert_eq!(effects, [made("a/b"), notified, made("a/c")]);

        let text = std::fs::read_to_string(&path).unwrap();
        let without_second: Vec<_> = text.lines().enumerate().filter(|(n, _)| *n != 1).map(|(_, line)| line).collect();
        std::fs::write(&path, without_second.join("\n")).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "entry 2 is missing: 3 follows");
        assert!(Witness::to(&path).is_err(), "a log is never overwritten");
        Witness::default().note(|| unreachable!("nothing is written down"));
    }
}
