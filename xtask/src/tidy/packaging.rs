//! The container files, as far as they can be checked without an engine.
//!
//! - docker-compose.yml is YAML, and every variable that it gives to the product, or takes from the
//!   person who starts it, exists in configs/dev.env. What a service of somebody else's image calls its
//!   own variables is not ours to check.
//! - Every path that the Dockerfile copies from the checkout exists, and so does every variable that it sets.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use regex::Regex;
use saphyr::{LoadableYamlNode as _, Yaml};

use crate::finding::Finding;
use crate::tree::Tree;

const COMPOSE: &str = "docker-compose.yml";
const SETTINGS: &str = "configs/dev.env";
const DOCKERFILE: &str = "Dockerfile";

/// Services of other people's images; what they are called is the sign that their variables are theirs.
const FOREIGN_SERVICES: [&str; 2] = ["nats", "litellm"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut text = |path: &str| -> Result<Option<String>> {
        let text = tree.read_if_present(path)?;
        if text.is_none() {
            findings.push(Finding::new(path, "packaging", "it is missing", "restore it"));
        }
        Ok(text)
    };
    let (compose, settings, dockerfile) = (text(COMPOSE)?, text(SETTINGS)?, text(DOCKERFILE)?);
    let settings = settings.map(|text| settings_of(&text)).transpose()?;
    if let (Some(compose), Some(settings)) = (&compose, &settings) {
        findings.extend(check_compose(compose, settings)?);
    }
    if let (Some(dockerfile), Some(settings)) = (&dockerfile, &settings) {
        let unknown = words_of(dockerfile, variables_of).into_iter().filter(|(_, name)| !settings.contains(name));
        findings.extend(unknown.map(|(line, name)| {
            let detail = format!("it sets `{name}`, which {SETTINGS} does not document");
            let next = format!("document `{name}` in {SETTINGS}, or correct the name");
            Finding::new(format!("{DOCKERFILE}:{line}"), "dockerfile-variable", detail, next)
        }));
    }
    if let Some(dockerfile) = &dockerfile {
        let missing = words_of(dockerfile, sources_of).into_iter().filter(|(_, path)| !tree.has(path));
        findings.extend(missing.map(|(line, path)| {
            let detail = format!("it copies `{path}`, which does not exist");
            Finding::new(format!("{DOCKERFILE}:{line}"), "dockerfile-path", detail, "name the path as it is now")
        }));
    }
    Ok(findings)
}

/// Names that the settings file documents; an example that is commented out counts.
fn settings_of(text: &str) -> Result<BTreeSet<String>> {
    let pattern = Regex::new(r"(?m)^\s*#?\s*([A-Z][A-Z0-9_]*)=").context("compile the pattern of settings")?;
    Ok(pattern.captures_iter(text).map(|found| found[1].to_owned()).collect())
}

fn check_compose(text: &str, settings: &BTreeSet<String>) -> Result<Vec<Finding>> {
    let documents = Yaml::load_from_str(text).with_context(|| format!("parse {COMPOSE}"))?;
    let compose = documents.first().with_context(|| format!("{COMPOSE} is empty"))?;
    let services = compose.as_mapping_get("services").and_then(Yaml::as_mapping);
    let services = services.with_context(|| format!("{COMPOSE} has no services"))?;
    let mut named: BTreeSet<(String, String)> = substitutions(text)?;
    for (name, service) in services {
        let name = name.as_str().unwrap_or_default();
        if !FOREIGN_SERVICES.contains(&name) {
            named.extend(variables(service).into_iter().map(|variable| (format!("service `{name}`"), variable)));
        }
    }
    let unknown = named.into_iter().filter(|(_, variable)| !settings.contains(variable));
    Ok(unknown
        .map(|(user, variable)| {
            let detail = format!("{user} names `{variable}`, which {SETTINGS} does not document");
            let next = format!("document `{variable}` in {SETTINGS}, or correct the name");
            Finding::new(COMPOSE, "compose-variable", detail, next)
        })
        .collect())
}

/// Names below `environment`, in both of its forms, with what `<<` merges in.
fn variables(service: &Yaml<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut waiting: Vec<&Yaml<'_>> = Vec::new();
    for node in [Some(service), service.as_mapping_get("<<")].into_iter().flatten() {
        waiting.extend(node.as_mapping_get("environment"));
    }
    while let Some(environment) = waiting.pop() {
        for (name, value) in environment.as_mapping().into_iter().flatten() {
            match name.as_str() {
                Some("<<") => waiting.push(value),
                Some(name) => names.push(name.to_owned()),
                None => {}
            }
        }
        let entries = environment.as_sequence().into_iter().flatten().filter_map(Yaml::as_str);
        names.extend(entries.map(|entry| entry.split('=').next().unwrap_or(entry).to_owned()));
    }
    names
}

/// Names in `${NAME}`, `${NAME:-default}` and `$NAME`, anywhere; `$$` is a dollar sign.
fn substitutions(text: &str) -> Result<BTreeSet<(String, String)>> {
    let pattern =
        Regex::new(r"\$(?:\$|\{?([A-Za-z_][A-Za-z0-9_]*))").context("compile the pattern of substitutions")?;
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let names = code.flat_map(|line| pattern.captures_iter(line)).filter_map(|found| found.get(1));
    Ok(names.map(|name| ("a substitution".to_owned(), name.as_str().to_owned())).collect())
}

/// A word of an instruction with the number of the line it is on.
type Word<'text> = (usize, &'text str);

/// What `select` takes from each instruction of `dockerfile`, continuation lines joined and comments left out.
fn words_of(dockerfile: &str, select: fn(&[Word<'_>]) -> Vec<(usize, String)>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut instruction: Vec<Word<'_>> = Vec::new();
    for (index, line) in dockerfile.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        let body = line.strip_suffix('\\').unwrap_or(line);
        instruction.extend(body.split_whitespace().map(|word| (index + 1, word)));
        if !line.ends_with('\\') {
            found.extend(select(&instruction));
            instruction.clear();
        }
    }
    found
}

/// Paths that COPY and ADD take from the checkout.
fn sources_of(instruction: &[Word<'_>]) -> Vec<(usize, String)> {
    let Some(((_, name), words)) = instruction.split_first() else { return Vec::new() };
    let from_stage = words.iter().any(|(_, word)| word.starts_with("--from="));
    if !matches!(*name, "COPY" | "ADD") || from_stage {
        return Vec::new();
    }
    let paths: Vec<_> = words.iter().filter(|(_, word)| !word.starts_with("--")).collect();
    // The last one is where they go.
    let sources = paths.split_last().map_or(&[] as &[_], |(_, sources)| sources);
    sources.iter().map(|(line, path)| (*line, path.trim_start_matches("./").to_owned())).collect()
}

/// Names of the variables that ENV sets.
fn variables_of(instruction: &[Word<'_>]) -> Vec<(usize, String)> {
    let Some(((_, "ENV"), words)) = instruction.split_first() else { return Vec::new() };
    words.iter().filter_map(|(line, word)| Some((*line, word.split_once('=')?.0.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCT: &str = "services:\n  sitewright:\n    image: x\n    environment:\n";

    /// Asserts the variables that are named and not documented.
    fn check(compose: &str, expected: &[&str]) {
        let settings = settings_of("# The port.\nPORT=8080\n# GITHUB_TOKEN=\n").unwrap();
        let found = check_compose(compose, &settings).unwrap();
        let names: Vec<&str> = found.iter().filter_map(|finding| finding.detail.split('`').rev().nth(1)).collect();
        assert_eq!(names, expected, "{compose}");
    }

    #[test]
    fn variables_of_the_product_are_documented() {
        check(&format!("{PRODUCT}      PORT: 1\n      GITHUB_TOKEN:\n"), &[]);
        check(&format!("{PRODUCT}      PORTS: 1\n"), &["PORTS"]);
        check(&format!("{PRODUCT}      - PORT=1\n      - TOKEN\n"), &["TOKEN"]);
        check("services:\n  litellm:\n    environment:\n      OPENAI_API_KEY: x\n", &[]);
        check("services:\n  litellm:\n    environment:\n      KEY: ${SECRET:-x} $$HOME\n", &["SECRET"]);
    }

    #[test]
    fn merged_variables_count() {
        let merged = "x-base: &base\n  environment: &env\n    NOPE: 1\nservices:\n";
        check(&format!("{merged}  sitewright:\n    <<: *base\n"), &["NOPE"]);
        check(&format!("{merged}  sitewright:\n    environment:\n      <<: *env\n      PORT: 2\n"), &["NOPE"]);
    }

    #[test]
    fn broken_yaml_is_an_error() {
        assert!(check_compose("services: [", &BTreeSet::new()).is_err());
        assert!(check_compose("volumes: {}", &BTreeSet::new()).is_err());
    }

    #[test]
    fn copied_paths_are_found() {
        let dockerfile = "FROM x\nCOPY --link a ./b \\\n  c /src/\nCOPY --from=build /bin/x /bin/\nRUN cp y z\n";
        let paths = words_of(dockerfile, sources_of);
        assert_eq!(paths, [(2, "a".to_owned()), (2, "b".to_owned()), (3, "c".to_owned())]);
    }

    #[test]
    fn set_variables_are_found() {
        let names = words_of("FROM x\nENV A=1 \\\n  B=2\nRUN C=3 make\n", variables_of);
        assert_eq!(names, [(2, "A".to_owned()), (3, "B".to_owned())]);
    }
}
