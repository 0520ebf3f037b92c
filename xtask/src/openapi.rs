//! GitHub's own description of its REST API, for the tests that hold our client and the lab's GitHub against it.
//!
//! It comes as an npm package of one fixed version and digest, once, and is cut down to the routes that we use; what is
//! kept lies below the target folder and is never committed. Schemas are rewritten from OpenAPI 3.0 to JSON Schema.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use crate::tree::Tree;
use crate::{demo, process, setup};

const PACKAGE: &str = "@octokit/openapi";
const VERSION: &str = "23.0.2";
/// Of the package's archive, as the registry had it when the version was chosen.
const SHA512: &str = "a55f0cecbf46636dc0c9b36f4e6a369f28e6a669edebedac444fedaabd192d070f4b8967c3bbb979918d9b044d9010b70fb8195db171e401f32d455105718386";
const DOCUMENT: &str = "package/generated/api.github.com.json";
/// What becomes of the document when the way it is cut down changes: a new file.
const CUT: u32 = 1;

/// Routes of the client and of the stand-in's tests.
const ROUTES: &[&str] = &[
    "/user",
    "/user/repos",
    "/orgs/{org}/repos",
    "/repos/{owner}/{repo}",
    "/repos/{owner}/{repo}/topics",
    "/repos/{owner}/{repo}/contents/{path}",
    "/repos/{owner}/{repo}/commits",
    "/repos/{owner}/{repo}/git/ref/{ref}",
    "/repos/{owner}/{repo}/git/refs",
    "/repos/{owner}/{repo}/git/trees/{tree_sha}",
    "/repos/{owner}/{repo}/git/blobs/{file_sha}",
    "/repos/{owner}/{repo}/pages",
    "/repos/{owner}/{repo}/pages/builds",
    "/repos/{owner}/{repo}/pages/builds/latest",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/deployments",
    "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
];

/// Notes for people, which no test reads.
const NOTES: [&str; 6] = ["description", "example", "examples", "externalDocs", "x-github", "tags"];

/// The file, fetched and cut down when it is missing.
pub(crate) fn ensure(tree: &Tree) -> Result<PathBuf> {
    let folder = demo::target_folder(tree)?.join("github-openapi");
    let file = folder.join(format!("trimmed-{VERSION}-{CUT}.json"));
    if file.exists() {
        return Ok(file);
    }
    println!("fetching GitHub's description of its API into {} (once)", folder.display());
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let document = fetch(&folder)?;
    let trimmed = trim(&document)?;
    // Written beside its place and moved there, so that a broken run leaves no half of it.
    let part = folder.join("trimmed.part");
    fs::write(&part, serde_json::to_vec(&trimmed)?).with_context(|| format!("write {}", part.display()))?;
    fs::rename(&part, &file).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

fn fetch(folder: &Path) -> Result<Value> {
    let npm = setup::NPM.ensure()?;
    let mut pack = Command::new(npm);
    pack.args(["pack", "--silent", &format!("{PACKAGE}@{VERSION}")]).current_dir(folder);
    process::run(&mut pack).context("a package index of npm is needed")?;
    let archive = folder.join(format!("octokit-openapi-{VERSION}.tgz"));
    let bytes = fs::read(&archive).with_context(|| format!("read {}", archive.display()))?;
    let digest: String = Sha512::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(digest == SHA512, "{} is not the package that was chosen: its SHA-512 is {digest}", archive.display());
    process::run(Command::new("tar").args(["-xzf"]).arg(&archive).arg(DOCUMENT).current_dir(folder))?;
    let text = fs::read(folder.join(DOCUMENT)).context("read GitHub's description")?;
    // 13 MB and 28 MB that nobody reads again.
    fs::remove_dir_all(folder.join("package")).context("remove the unpacked package")?;
    fs::remove_file(&archive).with_context(|| format!("remove {}", archive.display()))?;
    serde_json::from_slice(&text).context("parse GitHub's description")
}

/// The routes of [`ROUTES`] and every component that they lead to.
fn trim(document: &Value) -> Result<Value> {
    let mut paths = Map::new();
    for route in ROUTES {
        let Some(item) = document["paths"].get(*route) else { bail!("GitHub's description has no route {route}") };
        paths.insert((*route).to_owned(), rewritten(item, Place::Schema));
    }
    let mut trimmed = json!({ "paths": paths });
    let mut done = BTreeSet::new();
    loop {
        let missing: Vec<String> = references(&trimmed).into_iter().filter(|at| !done.contains(at)).collect();
        if missing.is_empty() {
            return Ok(trimmed);
        }
        for at in missing {
            let found = document.pointer(&at).with_context(|| format!("GitHub's description has no {at}"))?;
            put(&mut trimmed, &at, rewritten(found, Place::Schema));
            done.insert(at);
        }
    }
}

/// JSON pointers of all `$ref`s within `value`.
fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut place = document;
    for name in pointer.split('/').skip(1) {
        place = &mut place[name];
    }
    *place = value;
}

/// Whether the names of an object are words of the schema language or names that the schema gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Schema,
    Names,
}

/// Without notes, and with `nullable` as JSON Schema says it.
fn rewritten(value: &Value, place: Place) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| place == Place::Names || !NOTES.contains(&name.as_str()));
            let mut object: Map<String, Value> = kept
                .map(|(name, inner)| {
                    let names = place == Place::Schema && name == "properties";
                    (name.clone(), rewritten(inner, if names { Place::Names } else { Place::Schema }))
                })
                .collect();
            if place == Place::Schema && object.remove("nullable") == Some(Value::Bool(true)) {
                return json!({ "anyOf": [object, { "type": "null" }] });
            }
            Value::Object(object)
        }
        Value::Array(items) => items.iter().map(|item| rewritten(item, Place::Schema)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_loses_its_notes_and_may_be_null() {
        let schema = json!({
            "description": "a note",
            "type": "object",
            "properties": { "description": { "type": "string", "nullable": true, "example": "x" } },
        });
        let expected = json!({
            "type": "object",
            "properties": { "description": { "anyOf": [{ "type": "string" }, { "type": "null" }] } },
        });
        assert_eq!(rewritten(&schema, Place::Schema), expected);
    }

    #[test]
    fn what_a_route_leads_to_is_kept() {
        let mut document = json!({
            "paths": {},
            "components": { "schemas": { "a": { "items": { "$ref": "#/components/schemas/b" } }, "b": {}, "c": {} } },
        });
        for route in ROUTES {
            document["paths"][route] = json!({ "get": { "$ref": "#/components/schemas/a" } });
        }
        let trimmed = trim(&document).unwrap();
        let kept: Vec<&String> = trimmed["components"]["schemas"].as_object().unwrap().keys().collect();
        assert_eq!(kept, ["a", "b"]);
        document["paths"].as_object_mut().unwrap().remove("/user");
        assert!(trim(&document).unwrap_err().to_string().contains("/user"));
    }
}
