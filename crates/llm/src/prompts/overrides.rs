//! Templates of a folder stand in for the built-in ones, and are held against them at the start: what
//! they include must be there, and every value that they name must be one that prompts are given.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use minijinja::Environment;

use super::{PARTS, TEMPLATES, environment};
use crate::Error;

/// Where the template called `name` stands in `folder`.
pub(super) fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.md.jinja"))
}

/// The source that replaces `name`, when `folder` has one.
pub(super) fn read(folder: &Path, name: &str) -> Result<Option<String>, Error> {
    let path = path(folder, name);
    match fs::read_to_string(&path) {
        Ok(source) => Ok(Some(source)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::ReadTemplate { path, source }),
    }
}

/// Refuses the first template that could not be rendered.
pub(super) fn check(
    folder: &Path,
    loaded: &Environment<'_>,
    sources: &BTreeMap<&'static str, String>,
) -> Result<(), Error> {
    let known = known_values()?;
    for (name, source) in sources {
        let broken = |line: usize, problem: String| Error::BrokenTemplate { path: path(folder, name), line, problem };
        if let Some((line, part)) = includes(source).find(|(_, part)| !sources.contains_key(part)) {
            return Err(broken(line, format!("it includes {part:?}, and there is no such template")));
        }
        let used = values(loaded, name)?;
        if let Some(value) = used.iter().find(|value| !known.contains(*value)) {
            let line = source.lines().position(|line| line.contains("{") && line.contains(value.as_str()));
            let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(broken(
                line.map_or(1, |line| line + 1),
                format!("no prompt has a value {value:?}, only {known}"),
            ));
        }
    }
    Ok(())
}

/// Line (from 1) and name of every template that `source` includes.
pub(super) fn includes(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.lines().enumerate().flat_map(|(index, line)| {
        let tags = line.split("{%").skip(1).filter_map(|tag| {
            let name = tag.trim_start_matches('-').trim_start().strip_prefix("include")?.trim_start();
            let quote = name.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            name[1..].split(quote).next()
        });
        tags.map(move |name| (index + 1, name))
    })
}

/// The values that the built-in templates name.
fn known_values() -> Result<BTreeSet<String>, Error> {
    let mut builtin = environment()?;
    let mut known = BTreeSet::new();
    for &(name, source) in PARTS.iter().chain(TEMPLATES) {
        builtin.add_template(name, source).map_err(|source| Error::Template { template: name.to_owned(), source })?;
        known.extend(values(&builtin, name)?);
    }
    Ok(known)
}

fn values(environment: &Environment<'_>, name: &str) -> Result<BTreeSet<String>, Error> {
    let template = environment.get_template(name);
    let template = template.map_err(|source| Error::Template { template: name.to_owned(), source })?;
    Ok(template.undeclared_variables(false).into_iter().collect())
}
