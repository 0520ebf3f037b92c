//! Templates and their values become prompts.
//!
//! A template is Markdown with two halves. What comes before the line `# Task` is the same for
//! every task, so that providers can cache it, and goes out as the system message; the rest is
//! the user message. Data from outside stands only in the second half.
//!
//! A value that a template names and the request lacks is an error, not an empty text.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Error;

/// Where the second half begins.
const TASK_LINE: &str = "# Task\n";

/// Some 500,000 tokens: more than the models in use take, and a bound on what is sent by mistake.
const MAX_PROMPT_BYTES: usize = 2 * 1024 * 1024;

/// Digits of a template's hash: enough to tell the versions of one deployment apart.
const HASH_DIGITS: usize = 12;

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../templates/prompts/", $name, ".md.jinja")))),+]
    };
}

/// Name and source of the built-in templates.
const TEMPLATES: [(&str, &str); 4] = embedded!["app", "revise", "repair", "readme"];

/// Pieces that templates include.
const PARTS: [(&str, &str); 4] = embedded!["parts/rules", "parts/format", "parts/task", "parts/files"];

/// A rendered template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// The stable half; empty when a template has no `# Task` line.
    pub(crate) system: String,
    /// The half about this task.
    pub(crate) user: String,
    /// First digits of the SHA-256 of the template and all parts.
    pub(crate) hash: String,
}

/// The compiled templates.
pub(crate) struct Prompts {
    environment: Environment<'static>,
    hashes: Vec<(&'static str, String)>,
}

impl Prompts {
    /// The built-in templates, each replaced by the file of its name in `folder` when there is one.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, Error> {
        let mut environment = environment()?;
        let mut parts_digest = Sha256::new();
        for (name, builtin) in PARTS {
            let source = source(folder, name, builtin)?;
            parts_digest.update(&source);
            add(&mut environment, name, source)?;
        }
        let mut hashes = Vec::with_capacity(TEMPLATES.len());
        for (name, builtin) in TEMPLATES {
            let source = source(folder, name, builtin)?;
            let mut digits = hex::encode(parts_digest.clone().chain_update(&source).finalize());
            digits.truncate(HASH_DIGITS);
            hashes.push((name, digits));
            add(&mut environment, name, source)?;
        }
        Ok(Self { environment, hashes })
    }

    /// The prompt of the template called `name`.
    pub(crate) fn render(&self, name: &str, values: &Value) -> Result<Prompt, Error> {
        let fault = |source| Error::Template { template: name.to_owned(), source };
        let text =
            self.environment.get_template(name).and_then(|template| template.render(Serde(values))).map_err(fault)?;
        if text.len() > MAX_PROMPT_BYTES {
            let (template, bytes) = (name.to_owned(), text.len());
            return Err(Error::PromptTooLong { template, bytes, limit: MAX_PROMPT_BYTES });
        }
        let (system, user) = match text.split_once(&format!("\n{TASK_LINE}")) {
            Some((system, rest)) => (system.trim().to_owned(), format!("{TASK_LINE}{rest}")),
            None => (String::new(), text),
        };
        let hash = self.hashes.iter().find(|(known, _)| *known == name).map(|(_, hash)| hash.clone());
        Ok(Prompt { system, user, hash: hash.unwrap_or_default() })
    }
}

impl fmt::Debug for Prompts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.hashes.iter().map(|(name, hash)| (name, hash))).finish()
    }
}

fn environment() -> Result<Environment<'static>, Error> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    let syntax = syntax.map_err(|source| Error::Template { template: "syntax".to_owned(), source })?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Prompts are plain text.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    Ok(environment)
}

fn add(environment: &mut Environment<'static>, name: &'static str, source: String) -> Result<(), Error> {
    let added = environment.add_template_owned(name, source);
    added.map_err(|source| Error::Template { template: name.to_owned(), source })
}

fn source(folder: Option<&Path>, name: &str, builtin: &str) -> Result<String, Error> {
    let Some(folder) = folder else { return Ok(builtin.to_owned()) };
    let path = folder.join(format!("{name}.md.jinja"));
    match fs::read_to_string(&path) {
        Ok(source) => Ok(source),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(builtin.to_owned()),
        Err(source) => Err(Error::ReadTemplate { path, source }),
    }
}

#[cfg(test)]
mod tests;
