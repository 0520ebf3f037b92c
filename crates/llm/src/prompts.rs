//! Templates and their values become prompts.
//!
//! A template is Markdown with two halves. What comes before the line `# Task` is the same for
//! every task, so that providers can cache it, and goes out as the system message; the rest is
//! the user message. Data from outside stands only in the second half, and within that half what
//! changes most between two calls of a task (evidence, follow-ups) stands last.
//!
//! A value that a template names and the request lacks is an error, not an empty text. Templates of
//! an override folder are held against the built-in ones when they are loaded ([`overrides`]), so
//! that a broken one stops the start and not the first task.

mod overrides;

use std::collections::BTreeMap;
use std::fmt;
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
        &[$(($name, include_str!(concat!("../../../templates/prompts/", $name, ".md.jinja")))),+]
    };
}

/// Name and source of the built-in templates.
const TEMPLATES: &[(&str, &str)] = embedded!["app", "revise", "repair", "readme", "judge", "check-compile"];

/// A template that is about no task: whether a model answers at all.
const GREETING: &[(&str, &str)] = embedded!["hello"];

/// Pieces that templates include.
const PARTS: &[(&str, &str)] = embedded![
    "parts/rules",
    "parts/material",
    "parts/format",
    "parts/task",
    "parts/files",
    "parts/evidence",
    "parts/follow-up",
];

/// A rendered template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// The stable half; empty when a template has no `# Task` line.
    pub(crate) system: String,
    /// The half about this task.
    pub(crate) user: String,
    /// First digits of the SHA-256 of the template and the parts that it includes.
    pub(crate) hash: String,
}

impl Prompt {
    /// Tokens that it has at most, unless it is in a language of which each character is one.
    pub(crate) fn tokens_at_most(&self) -> u64 {
        const LEAST_BYTES_PER_TOKEN: usize = 3;
        (self.system.len() + self.user.len()).div_ceil(LEAST_BYTES_PER_TOKEN) as u64
    }
}

/// The compiled templates.
pub(crate) struct Prompts {
    environment: Environment<'static>,
    hashes: BTreeMap<&'static str, String>,
}

impl Prompts {
    /// The built-in templates, each replaced by the file of its name in `folder` when there is one.
    ///
    /// # Errors
    /// A file that cannot be read or cannot work, with its line.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, Error> {
        let mut environment = environment()?;
        let mut sources = BTreeMap::new();
        for &(name, builtin) in PARTS.iter().chain(TEMPLATES).chain(GREETING) {
            let replaced = folder.map(|folder| overrides::read(folder, name)).transpose()?.flatten();
            let source = replaced.unwrap_or_else(|| builtin.to_owned());
            environment.add_template_owned(name, source.clone()).map_err(|fault| compile_fault(folder, name, fault))?;
            sources.insert(name, source);
        }
        if let Some(folder) = folder {
            overrides::check(folder, &environment, &sources)?;
        }
        let hashes = TEMPLATES.iter().chain(GREETING).map(|&(name, _)| (name, hash(name, &sources))).collect();
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
        Ok(Prompt { system, user, hash: self.hashes.get(name).cloned().unwrap_or_default() })
    }
}

impl fmt::Debug for Prompts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.hashes).finish()
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

fn compile_fault(folder: Option<&Path>, name: &str, source: minijinja::Error) -> Error {
    match folder {
        Some(folder) => Error::BrokenTemplate {
            path: overrides::path(folder, name),
            line: source.line().unwrap_or(1),
            problem: source.detail().map_or_else(|| source.kind().to_string(), str::to_owned),
        },
        None => Error::Template { template: name.to_owned(), source },
    }
}

/// The version of template `name`: over its source and those of the parts that it includes, by name,
/// directly or through another part.
fn hash(name: &str, sources: &BTreeMap<&str, String>) -> String {
    let mut seen = vec![name];
    let mut next = 0;
    while let Some(source) = seen.get(next).and_then(|name| sources.get(name)) {
        for (_, part) in overrides::includes(source) {
            if let Some((part, _)) = sources.get_key_value(part)
                && !seen.contains(part)
            {
                seen.push(part);
            }
        }
        next += 1;
    }
    let mut digest = Sha256::new();
    for name in seen {
        let source = sources.get(name).map_or("", String::as_str);
        // The length keeps two sources apart that only together read the same.
        digest.update(format!("{name} {}\n{source}", source.len()));
    }
    let mut digits = hex::encode(digest.finalize());
    digits.truncate(HASH_DIGITS);
    digits
}

#[cfg(test)]
mod tests;
