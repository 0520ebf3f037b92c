//! Pushes over git's own HTTP protocol: `/{owner}/{name}.git/info/refs` and `git-receive-pack`.
//!
//! The `git` program judges them: the repository is laid out as files, `git receive-pack` is run on
//! them with all its checks of objects, and what it accepted becomes the state. What GitHub adds
//! by rules of its own is added here: a workflow needs a scope.

mod layout;
mod read;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::answer::{Answer, Refusal};
use super::objects::{Object, ObjectId};
use super::state::World;

/// The only service there is.
const SERVICE: &str = "git-receive-pack";

/// What a push asks for, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Refs { owner: String, name: String },
    Receive { owner: String, name: String },
}

/// What a pushed repository has become.
pub(super) struct Received {
    refs: BTreeMap<String, ObjectId>,
    objects: Vec<Object>,
    answer: Vec<u8>,
}

impl Request {
    /// Whether a path is of git's protocol; `None` belongs to the REST API.
    pub(super) fn of(path: &str, query: &str) -> Option<Self> {
        let (owner, rest) = path.strip_prefix('/')?.split_once('/')?;
        let (name, service) = rest.split_once(".git/")?;
        let (owner, name) = (owner.to_owned(), name.to_owned());
        match service {
            "info/refs" if query == format!("service={SERVICE}") => Some(Self::Refs { owner, name }),
            "git-receive-pack" => Some(Self::Receive { owner, name }),
            _ => None,
        }
    }
}

/// Answers a request; `scopes` are those of the token.
pub(super) fn answer(
    world: &mut World,
    request: &Request,
    body: &[u8],
    scopes: &str,
    now: time::OffsetDateTime,
) -> Answer {
    let (Request::Refs { owner, name } | Request::Receive { owner, name }) = request;
    if !world.may_change(owner) {
        let message = format!("Permission to {owner}/{name}.git denied to {}.\n", world.user().login);
        return Answer::raw(403, message, "text/plain; charset=utf-8");
    }
    let answered = match request {
        Request::Refs { owner, name } => advertise(world, owner, name),
        Request::Receive { owner, name } => receive(world, (owner, name), body, scopes, now),
    };
    answered.unwrap_or_else(|error| Refusal::new(500, error.to_string()).into_answer(""))
}

/// The answer to a push that a rule declines, whatever it holds.
pub(super) fn decline(body: &[u8], reason: &str) -> Answer {
    let mut report = line("unpack ok\n");
    for name in read::commands(body) {
        report.extend(line(&format!("ng {name} {reason}\n")));
    }
    report.extend(b"0000");
    let mut banded = vec![1];
    banded.extend(report);
    let mut answer = line_of(&banded);
    answer.extend(b"0000");
    result(answer)
}

fn advertise(world: &World, owner: &str, name: &str) -> io::Result<Answer> {
    let Some(repo) = world.repo(owner, name) else { return Ok(missing()) };
    let folder = layout::lay_out(repo)?;
    let advertised = run(folder.path(), &["receive-pack", "--http-backend-info-refs", "."], &[])?;
    let mut bytes = line(&format!("# service={SERVICE}\n"));
    bytes.extend(b"0000");
    bytes.extend(advertised);
    Ok(Answer::raw(200, bytes, "application/x-git-receive-pack-advertisement"))
}

fn receive(
    world: &mut World,
    (owner, name): (&str, &str),
    body: &[u8],
    scopes: &str,
    now: time::OffsetDateTime,
) -> io::Result<Answer> {
    let Some(repo) = world.repo(owner, name) else { return Ok(missing()) };
    let folder = layout::lay_out(repo)?;
    let answer = run(folder.path(), &["receive-pack", "--stateless-rpc", "."], body)?;
    let refs = read::refs(&run(folder.path(), &["for-each-ref", "--format=%(objectname) %(refname)"], &[])?)?;
    let objects = read::objects(&run(folder.path(), &["cat-file", "--batch", "--batch-all-objects"], &[])?)?;
    let received = Received { refs, objects, answer };
    if !scopes.contains("workflow")
        && let Some(path) = received.workflow()
    {
        let reason = format!(
            "refusing to allow a Personal Access Token to create or update workflow `{path}` without `workflow` scope"
        );
        return Ok(decline(body, &reason));
    }
    take_over(world, (owner, name), received.refs, received.objects, now);
    Ok(result(received.answer))
}

impl Received {
    /// A workflow in any pushed tree.
    fn workflow(&self) -> Option<String> {
        let trees = self.objects.iter().filter_map(|object| match object {
            Object::Tree(entries) => Some(entries),
            _ => None,
        });
        let names: Vec<&str> = trees.flatten().map(|entry| entry.name.as_str()).collect();
        let file = names.iter().find(|name| name.ends_with(".yml") || name.ends_with(".yaml"))?;
        names.contains(&"workflows").then(|| format!(".github/workflows/{file}"))
    }
}

fn take_over(
    world: &mut World,
    (owner, name): (&str, &str),
    refs: BTreeMap<String, ObjectId>,
    objects: Vec<Object>,
    now: time::OffsetDateTime,
) {
    let Some(repo) = world.repo_mut(owner, name) else { return };
    for object in objects {
        repo.objects.insert(object);
    }
    let moved: Vec<(String, ObjectId)> =
        refs.into_iter().filter(|(full, id)| repo.refs.get(full) != Some(id)).collect();
    for (full, id) in moved {
        world.push(owner, name, &full, id, now);
    }
}

fn result(bytes: Vec<u8>) -> Answer {
    Answer::raw(200, bytes, "application/x-git-receive-pack-result")
}

fn missing() -> Answer {
    Answer::raw(404, "Repository not found.", "text/plain; charset=utf-8")
}

fn line(text: &str) -> Vec<u8> {
    line_of(text.as_bytes())
}

fn line_of(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:04x}", payload.len() + 4).into_bytes();
    bytes.extend(payload);
    bytes
}

/// Runs stock git in `folder`, deaf to the configuration of whoever runs the lab.
fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> io::Result<Vec<u8>> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A git that refuses early does not read to the end; its answer says why.
        let _ = stdin.write_all(input);
    }
    Ok(child.wait_with_output()?.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_git_are_told_from_those_of_the_api() {
        let check = |path: &str, query: &str, expected: Option<&str>| {
            let found = Request::of(path, query).map(|request| format!("{request:?}"));
            assert_eq!(found.as_deref(), expected, "{path}?{query}");
        };
        let refs = r#"Refs { owner: "o", name: "r" }"#;
        check("/o/r.git/info/refs", "service=git-receive-pack", Some(refs));
        check("/o/r.git/git-receive-pack", "", Some(r#"Receive { owner: "o", name: "r" }"#));
        check("/o/r.git/info/refs", "service=git-upload-pack", None);
        check("/repos/o/r/git/refs", "", None);
    }
}
