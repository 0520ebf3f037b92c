//! A class: who may post, by a file that holds hashes and no secrets.
//!
//! ```toml
//! [[student]]
//! email = "ada@example.com"
//! secret_hash = "..."                # as `sitewright secret hash` prints it
//! github_owner = "ada"               # or leave it out
//! github_token_env = "ADA_TOKEN"     # the name of a variable, never the token; or leave it out
//! limits = { builds_per_hour = 40, revisions_per_hour = 10 }    # either or none
//! ```
//!
//! A file is read as a whole or not at all, and everything that is wrong with it is said at once. A
//! fault names the student by place and masked address, and quotes neither hash nor token.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ports::Quotas;
use secrecy::{ExposeSecret as _, SecretString};
use shared_types::Email;
use toml::{Table, Value};

use crate::argon::Hash;
use crate::own::MIN_BYTES;

/// More students than any course has; a bound against a wrong file.
const MAX_STUDENTS: usize = 10_000;

/// More an hour is no limit.
const MAX_PER_HOUR: u32 = 100_000;

/// Room for the name of any variable or account, not for a token.
const MAX_NAME_BYTES: usize = 64;

/// What a student's table may hold.
const FIELDS: [&str; 5] = ["email", "secret_hash", "github_owner", "github_token_env", "limits"];

/// What `limits` may hold.
const LIMITS: [&str; 2] = ["builds_per_hour", "revisions_per_hour"];

/// A file that was read and found sound.
#[derive(Clone)]
pub struct Class {
    students: Vec<Student>,
}

/// One thing that is wrong with a file; displays without quoting a hash or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    student: Option<Place>,
    detail: String,
}

/// The GitHub account of a student, as the file names it: an owner, a token, or both.
#[derive(Debug, Clone)]
pub struct StudentAccount<'a> {
    /// The student.
    pub email: &'a Email,
    /// `github_owner`.
    pub owner: Option<&'a str>,
    /// The name that `github_token_env` gives, and the token itself.
    pub token: Option<(&'a str, &'a SecretString)>,
}

/// A student that is written in the file.
#[derive(Clone)]
pub(crate) struct Student {
    pub(crate) email: Email,
    pub(crate) hash: Arc<Hash>,
    pub(crate) quotas: Quotas,
    owner: Option<String>,
    /// Behind the name of its variable.
    token: Option<(String, SecretString)>,
}

/// Where in the file: the number from 1, and the address where it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    number: usize,
    email: Option<Email>,
}

impl Class {
    /// Reads a file's text. `variable` gives the value of a variable of the environment.
    ///
    /// # Errors
    /// Everything that is wrong with it; never an empty list.
    pub fn parse(text: &str, variable: impl Fn(&str) -> Option<SecretString>) -> Result<Self, Vec<Fault>> {
        let table = text.parse::<Table>().map_err(|error| vec![unreadable(text, &error)])?;
        let mut faults: Vec<Fault> = unknown(&table, &["student"]).map(Fault::of_file).collect();
        let listed = match table.get("student") {
            Some(Value::Array(listed)) if !listed.is_empty() => listed.as_slice(),
            Some(Value::Array(_)) | None => {
                faults.push(Fault::of_file("holds no student; each begins with a line [[student]]".to_owned()));
                &[]
            }
            Some(_) => {
                faults.push(Fault::of_file("begins a student with [student]; expected [[student]]".to_owned()));
                &[]
            }
        };
        if listed.len() > MAX_STUDENTS {
            let detail = format!("holds {} students; at most {MAX_STUDENTS} are expected", listed.len());
            return Err(vec![Fault::of_file(detail)]);
        }
        let mut first_places = BTreeMap::new();
        let mut students = Vec::with_capacity(listed.len());
        for (number, value) in (1..).zip(listed) {
            let mut reader = Reader::new(number, value);
            let student = reader.student(&variable);
            if let Some(email) = reader.place.email.clone()
                && let Some(first) = first_places.get(&key(&email))
            {
                reader.fault(format!("has the e-mail address of student {first}; letters' case does not count"));
            } else if let Some(email) = &reader.place.email {
                first_places.insert(key(email), number);
            }
            faults.append(&mut reader.faults);
            students.extend(student);
        }
        if faults.is_empty() { Ok(Self { students }) } else { Err(faults) }
    }

    /// How many students there are; at least one.
    #[must_use]
    pub fn size(&self) -> usize {
        self.students.len()
    }

    /// The accounts of those who have one of their own, in the file's order.
    pub fn accounts(&self) -> impl Iterator<Item = StudentAccount<'_>> {
        let accounts = self.students.iter().map(|Student { email, owner, token, .. }| StudentAccount {
            email,
            owner: owner.as_deref(),
            token: token.as_ref().map(|(name, token)| (name.as_str(), token)),
        });
        accounts.filter(|account| account.owner.is_some() || account.token.is_some())
    }

    pub(crate) fn into_students(self) -> Vec<Student> {
        self.students
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &SecretString> {
        self.students.iter().filter_map(|student| student.token.as_ref().map(|(_, token)| token))
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Class").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Fault {
    fn of_file(detail: String) -> Self {
        Self { student: None, detail }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.student {
            None => write!(f, "the file {}", self.detail),
            Some(Place { number, email: None }) => write!(f, "student {number} {}", self.detail),
            Some(Place { number, email: Some(email) }) => write!(f, "student {number} ({email}) {}", self.detail),
        }
    }
}

/// By what a student is known: people write their address in any case.
pub(crate) fn key(email: &Email) -> String {
    email.as_str().to_lowercase()
}

/// Reads one student's table and gathers what is wrong with it.
struct Reader<'a> {
    place: Place,
    table: Option<&'a Table>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(number: usize, value: &'a Value) -> Self {
        let table = value.as_table();
        let email = table.and_then(|table| table.get("email")?.as_str()?.parse().ok());
        Self { place: Place { number, email }, table, faults: Vec::new() }
    }

    fn fault(&mut self, detail: impl Into<String>) {
        self.faults.push(Fault { student: Some(self.place.clone()), detail: detail.into() });
    }

    fn student(&mut self, variable: impl Fn(&str) -> Option<SecretString>) -> Option<Student> {
        let Some(table) = self.table else {
            self.fault("is no table");
            return None;
        };
        unknown(table, &FIELDS).for_each(|detail| self.fault(detail));
        if self.place.email.is_none() {
            self.fault(if table.contains_key("email") {
                "has an `email` that is no address"
            } else {
                "has no `email`"
            });
        }
        let hash = match self.text("secret_hash").map(Hash::parse) {
            Some(Ok(hash)) => Some(Arc::new(hash)),
            Some(Err(detail)) => {
                self.fault(format!("has a `secret_hash` that {detail}"));
                None
            }
            None => {
                if !table.contains_key("secret_hash") {
                    self.fault("has no `secret_hash`");
                }
                None
            }
        };
        let owner = self.text("github_owner");
        if owner.is_some_and(|owner| !is_name(owner, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))) {
            self.fault("has a `github_owner` that is no account's name");
        }
        let token = self.token(variable);
        let quotas = self.quotas(table);
        Some(Student { email: self.place.email.clone()?, hash: hash?, quotas, owner: owner.map(str::to_owned), token })
    }

    /// A field that is a text when it is there.
    fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.table?.get(name)?;
        if value.as_str().is_none() {
            self.fault(format!("has a `{name}` that is no text"));
        }
        value.as_str()
    }

    fn token(&mut self, variable: impl Fn(&str) -> Option<SecretString>) -> Option<(String, SecretString)> {
        let name = self.text("github_token_env")?;
        // Whoever wrote the token itself here must not find it in a log.
        if !is_name(name, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
            self.fault("has a `github_token_env` that is no name of a variable in capitals; the token goes there");
            return None;
        }
        match variable(name) {
            None => self.fault(format!("names the variable {name}, which is not set")),
            Some(token) if token.expose_secret().trim().len() < MIN_BYTES => {
                self.fault(format!("names the variable {name}, which holds less than {MIN_BYTES} bytes"));
            }
            Some(token) => return Some((name.to_owned(), token)),
        }
        None
    }

    fn quotas(&mut self, table: &Table) -> Quotas {
        let Some(limits) = table.get("limits") else { return Quotas::default() };
        let Some(limits) = limits.as_table() else {
            self.fault("has `limits` that are no table");
            return Quotas::default();
        };
        unknown(limits, &LIMITS).for_each(|detail| self.fault(format!("{detail} in `limits`")));
        let mut quota = |name: &str| {
            let value = limits.get(name)?;
            let quota = value.as_integer().and_then(|value| u32::try_from(value).ok());
            if !quota.is_some_and(|quota| (1..=MAX_PER_HOUR).contains(&quota)) {
                self.fault(format!("has `{name}` that is no whole number from 1 to {MAX_PER_HOUR}"));
            }
            quota
        };
        Quotas { builds_per_hour: quota("builds_per_hour"), revisions_per_hour: quota("revisions_per_hour") }
    }
}

/// A complaint about each key that nobody reads. A key that could be more than a word is not quoted.
fn unknown(table: &Table, known: &[&str]) -> impl Iterator<Item = String> {
    const WORD_BYTES: usize = 24;
    let is_word =
        |key: &str| key.len() <= WORD_BYTES && is_name(key, |byte| byte.is_ascii_alphabetic() || byte == b'_');
    let keys: BTreeSet<&str> = table.keys().map(String::as_str).filter(|key| !known.contains(key)).collect();
    let known = known.join(", ");
    let complaints = keys.into_iter().map(move |key| match is_word(key) {
        true => format!("has `{key}`, which is none of {known}"),
        false => format!("has a key that is none of {known}"),
    });
    complaints.collect::<Vec<_>>().into_iter()
}

fn is_name(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

/// The parser shows the line in question, which may be one with a hash. Only its place is kept.
fn unreadable(text: &str, error: &toml::de::Error) -> Fault {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    Fault::of_file(format!("is no TOML at line {line}"))
}
