//! Who may post: `STUDENT_SECRET`, or the class in `SECRETS_FILE`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrets::{Class, Students};

use super::Fault;

/// Ten thousand students take about 3 MB.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// Where who may post was said.
pub(super) struct Given {
    pub(super) secret: Option<SecretString>,
    pub(super) file: Option<PathBuf>,
    /// The secret when nothing was said.
    pub(super) default: Option<SecretString>,
}

/// Tokens that the file names are looked up in `variables`.
pub(super) fn read(given: Given, variables: &BTreeMap<String, String>, faults: &mut Vec<Fault>) -> Option<Students> {
    match (given.secret, given.file) {
        (Some(_), Some(_)) => {
            let why =
                "wrong: STUDENT_SECRET is set as well; either everybody shares one secret or each student has one";
            faults.push(Fault { name: "SECRETS_FILE", detail: why.to_owned() });
            None
        }
        (Some(secret), None) => Some(Students::Shared(secret)),
        (None, Some(path)) => class(&path, variables, faults).map(Students::Class),
        (None, None) => {
            if given.default.is_none() {
                let why = "missing: the secret that issuers send with each task (or SECRETS_FILE, for one a student)";
                faults.push(Fault { name: "STUDENT_SECRET", detail: why.to_owned() });
            }
            given.default.map(Students::Shared)
        }
    }
}

fn class(path: &Path, variables: &BTreeMap<String, String>, faults: &mut Vec<Fault>) -> Option<Class> {
    let mut fault = |detail: String| faults.push(Fault { name: "SECRETS_FILE", detail: format!("wrong: {detail}") });
    let text = match text(path) {
        Ok(text) => text,
        Err(error) => {
            fault(format!("{} cannot be read: {error}", path.display()));
            return None;
        }
    };
    let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned().map(SecretString::from);
    match Class::parse(&text, variable) {
        Ok(class) => Some(class),
        Err(wrong) => {
            wrong.into_iter().for_each(|wrong| fault(wrong.to_string()));
            None
        }
    }
}

fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}
