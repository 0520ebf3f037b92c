//! GitHub's own description of its REST API as the judge: every call that the product's client
//! sends, and every answer that the stand-in gives, is held against it.
//!
//! `cargo xtask openapi`, which is part of `cargo xtask test`, fetches the description. Without it
//! these tests fail; they never pass for want of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jsonschema::{Draft, Validator};
use lab::github::{BuildPlan, Exchange, Options};
use ports::{CodeHost, PagesBuild, PullRequestText, RepoQuery, RepoSpec};
use serde_json::{Value, json};

use super::Lab;
use super::remote::{draft, host, host_of, query, spec, two_rounds, with_workflow};

/// More than any scenario here makes.
const KEPT: usize = 10_000;
/// What any route may answer before it is asked at all; the description names them for few.
const ANYWHERE: [u16; 7] = [401, 403, 404, 409, 422, 429, 503];

/// The description and the validators that were needed so far.
struct Description {
    document: Value,
    validators: BTreeMap<String, Validator>,
}

impl Description {
    fn read() -> Self {
        let file = std::env::var_os("SITEWRIGHT_GITHUB_OPENAPI").map(PathBuf::from).or_else(fetched);
        let file = file.ok_or("GitHub's description of its API is missing: run `cargo xtask openapi`").unwrap();
        let text = std::fs::read(&file).map_err(|error| format!("read {}: {error}", file.display())).unwrap();
        Self { document: serde_json::from_slice(&text).unwrap(), validators: BTreeMap::new() }
    }

    /// What is wrong with an exchange, and the route that it belongs to.
    fn judge(&mut self, exchange: &Exchange) -> (String, Vec<String>) {
        let Exchange { method, path, query, body, status, answer } = exchange;
        let Some(template) = self.template(path, method) else {
            return (String::new(), vec![format!("there is no {method} {path}")]);
        };
        let route = format!("{method} {template}");
        let operation = self.document["paths"][&template][method.to_lowercase()].clone();
        let mut faults = Vec::new();
        let known = self.parameters(&operation);
        for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(name.as_ref()) {
                faults.push(format!("{route} takes no parameter {name}"));
            }
        }
        let request = operation["requestBody"]["content"]["application/json"]["schema"].clone();
        match (body, request) {
            (Value::Null, _) => {}
            (_, Value::Null) => faults.push(format!("{route} takes no body")),
            // What is refused for its form may have a wrong one.
            (_, _) if *status == 422 || *status == 400 => {}
            (body, schema) => faults.extend(self.validate(&format!("{route} asked"), &schema, body)),
        }
        let response = self.resolved(&operation["responses"][status.to_string()]);
        if response.is_null() && !ANYWHERE.contains(status) {
            faults.push(format!("{route} never answers {status}"));
        }
        let schema = match &response["content"]["application/json"]["schema"] {
            Value::Null if *status >= 400 => json!({ "$ref": "#/components/schemas/basic-error" }),
            schema => schema.clone(),
        };
        match (schema, answer) {
            (Value::Null, Value::Null) => {}
            (Value::Null, _) => faults.push(format!("{route} answers {status} without a body")),
            (schema, answer) => faults.extend(self.validate(&format!("{route} answered {status}"), &schema, answer)),
        }
        (route, faults)
    }

    /// The route that a path belongs to: the one with the most words of its own.
    fn template(&self, path: &str, method: &str) -> Option<String> {
        let paths = self.document["paths"].as_object()?;
        let fitting =
            paths.iter().filter(|(template, item)| item.get(method.to_lowercase()).is_some() && fits(template, path));
        let own_words = |template: &str| template.split('/').filter(|part| !part.starts_with('{')).count();
        fitting.map(|(template, _)| template.clone()).max_by_key(|template| own_words(template))
    }

    fn parameters(&self, operation: &Value) -> BTreeSet<String> {
        let all = operation["parameters"].as_array().into_iter().flatten();
        let all = all.map(|parameter| self.resolved(parameter));
        all.filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned()))
            .collect()
    }

    fn resolved(&self, value: &Value) -> Value {
        match value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#')) {
            Some(pointer) => self.resolved(self.document.pointer(pointer).unwrap_or(&Value::Null)),
            None => value.clone(),
        }
    }

    fn validate(&mut self, what: &str, schema: &Value, value: &Value) -> Vec<String> {
        let document = &self.document;
        let validator = self.validators.entry(what.to_owned()).or_insert_with(|| {
            let whole = json!({ "allOf": [schema], "components": document["components"] });
            let built = jsonschema::options().with_draft(Draft::Draft202012).build(&whole);
            built.map_err(|error| format!("{what}: the schema cannot be used: {error}")).unwrap()
        });
        validator.iter_errors(value).map(|error| format!("{what}: {}: {error:.300}", error.instance_path())).collect()
    }
}

/// What `cargo xtask openapi` has left in the target folder.
fn fetched() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/github-openapi");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files.into_iter().rfind(|file| file.extension().is_some_and(|extension| extension == "json"))
}

/// A path and a reference may have slashes of their own.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("{path}" | "{ref}"), Some(_)) => return true,
            (Some(word), Some(part)) if word == part || word.starts_with('{') && !part.is_empty() => {}
            _ => return false,
        }
    }
}

fn judge(description: &mut Description, exchanges: &[Exchange]) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    let mut all_faults = BTreeSet::new();
    for exchange in exchanges {
        let (route, faults) = description.judge(exchange);
        routes.insert(route);
        all_faults.extend(faults);
    }
    let told: Vec<String> = all_faults.into_iter().collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    routes
}

#[tokio::test]
async fn what_the_client_sends_and_the_stand_in_answers_is_as_published() {
    let options = || Options {
        keep_exchanges: KEPT,
        organisations: vec!["school".to_owned()],
        builds: BuildPlan::after_polls(2),
        scopes: "repo, workflow, delete_repo".to_owned(),
        ..Options::default()
    };
    let lab = Lab::start(options());
    github::conformance::code_host(&host(&lab), "own").await;
    github::conformance::code_host(&host_of(&lab, Some("school"), "trunk"), "org").await;
    let mut exchanges = lab.handle.exchanges();

    let lab = Lab::start(options());
    let host = host(&lab);
    let repo = host.ensure_repo(&RepoSpec { pages: PagesBuild::Workflow, ..spec() }).await.unwrap();
    let first = with_workflow(repo.head.clone(), "one");
    let planned = host.plan_commit(&repo, &first).await.unwrap();
    assert_eq!(host.pages_status(&repo, &planned).await.unwrap(), ports::PagesState::Building);
    host.publish(&repo, &first, &planned).await.unwrap();
    while host.pages_status(&repo, &planned).await.unwrap() != ports::PagesState::Built {}
    // Back to a site without a workflow, asked to be built once more, and a change for a person.
    let second = draft(Some(planned), "two");
    let planned = host.plan_commit(&repo, &second).await.unwrap();
    host.publish(&repo, &second, &planned).await.unwrap();
    host.ensure_pages(&repo, PagesBuild::Branch).await.unwrap();
    host.rebuild_pages(&repo).await.unwrap();
    let text = PullRequestText { branch: "b".to_owned(), title: "t".to_owned(), body: "b".to_owned() };
    for _ in 0..2 {
        host.open_pull_request(&repo, &draft(Some(planned.clone()), "three"), &text).await.unwrap();
    }
    host.read_site(&repo).await.unwrap();
    // A renamed repository leads on to its number, a place that the description does not have.
    assert!(lab.handle.rename_repo("student", repo.name.as_str(), "renamed"));
    let place = RepoQuery { seen_at: Some(repo.html_url.clone()), ..query() };
    assert!(host.find_repo(&place).await.unwrap().is_some());
    lab.handle.exhaust_rate_limit();
    host.read_site(&repo).await.unwrap_err();
    exchanges.extend(lab.handle.exchanges());
    exchanges.retain(|exchange| !exchange.path.starts_with("/repositories/"));
    assert!(exchanges.len() < KEPT);

    let routes = judge(&mut Description::read(), &exchanges);
    let expected = [
        "DELETE /repos/{owner}/{repo}",
        "GET /orgs/{org}/repos",
        "GET /repos/{owner}/{repo}",
        "GET /repos/{owner}/{repo}/commits",
        "GET /repos/{owner}/{repo}/deployments",
        "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        "GET /repos/{owner}/{repo}/git/blobs/{file_sha}",
        "GET /repos/{owner}/{repo}/git/ref/{ref}",
        "GET /repos/{owner}/{repo}/git/trees/{tree_sha}",
        "GET /repos/{owner}/{repo}/pages",
        "GET /repos/{owner}/{repo}/pages/builds/latest",
        "GET /repos/{owner}/{repo}/pulls",
        "GET /user",
        "GET /user/repos",
        "PATCH /repos/{owner}/{repo}",
        "POST /orgs/{org}/repos",
        "POST /repos/{owner}/{repo}/pages",
        "POST /repos/{owner}/{repo}/pages/builds",
        "POST /repos/{owner}/{repo}/pulls",
        "POST /user/repos",
        "PUT /repos/{owner}/{repo}/contents/{path}",
        "PUT /repos/{owner}/{repo}/pages",
        "PUT /repos/{owner}/{repo}/topics",
    ];
    assert_eq!(routes, expected.map(str::to_owned).into(), "every route of the client was used, and no other");
}

/// Two plain rounds, so that a fault in the smallest case is seen by itself.
#[tokio::test]
async fn two_rounds_are_as_published() {
    let lab = Lab::start(Options { keep_exchanges: KEPT, ..Options::default() });
    two_rounds(&host(&lab)).await;
    judge(&mut Description::read(), &lab.handle.exchanges());
}

/// The judge itself: what it is for must be seen.
#[test]
fn what_is_not_as_published_is_found() {
    let mut description = Description::read();
    let sound = Exchange {
        method: "GET".to_owned(),
        path: "/repos/o/r/pages/builds".to_owned(),
        query: "per_page=1".to_owned(),
        body: Value::Null,
        status: 200,
        answer: json!([]),
    };
    let mut check = |change: &dyn Fn(&mut Exchange), expected: &str| {
        let mut exchange = sound.clone();
        change(&mut exchange);
        let faults = description.judge(&exchange).1.join("\n");
        assert!(
            if expected.is_empty() { faults.is_empty() } else { faults.contains(expected) },
            "{expected}: {faults}"
        );
    };
    check(&|_| {}, "");
    check(&|exchange| exchange.path = "/repos/o/r/nowhere".to_owned(), "there is no GET /repos/o/r/nowhere");
    check(&|exchange| exchange.query = "perpage=1".to_owned(), "takes no parameter perpage");
    check(&|exchange| exchange.body = json!({}), "takes no body");
    check(&|exchange| exchange.status = 202, "never answers 202");
    check(&|exchange| exchange.answer = json!([{ "url": 1 }]), "answered 200");
    check(&|exchange| exchange.method = "POST".to_owned(), "never answers 200");
    let wrong_body = |exchange: &mut Exchange| {
        exchange.path = "/repos/o/r/topics".to_owned();
        exchange.method = "PUT".to_owned();
        exchange.query.clear();
        exchange.body = json!({ "names": "sitewright" });
        exchange.answer = json!({ "names": [] });
    };
    check(&wrong_body, "PUT /repos/{owner}/{repo}/topics asked");
}
