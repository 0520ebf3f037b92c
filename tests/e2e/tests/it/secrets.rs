//! A secret that is planted with a request and looked for everywhere afterwards: in what is logged, stored, published,
//! answered and sent. Requirements C-101 to C-106.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use e2e::{Instance, Launch, Outside, case};
use lab::instructor::{Instructor, Nonce};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use shared_types::http::{Outcome, TaskView};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const SOON: Duration = Duration::from_secs(60);

/// A word of each brief, which must be found wherever the secret must not: else nothing was looked at.
const MARKER: &str = "lighthouse-keeper";

/// Its characters differ between the encodings.
fn planted() -> String {
    ["correct?horse", "/battery>staple+", "7f3a9~"].concat()
}

/// Everything in which the secret could be, by name.
#[derive(Default)]
struct Evidence(Vec<(String, Vec<u8>)>);

impl Evidence {
    fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    /// Each file below `folder`.
    fn add_files(&mut self, folder: &Path) -> Result<()> {
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            match path.is_dir() {
                true => self.add_files(&path)?,
                // Those that a running server makes for a moment may be gone.
                false => self.add(path.display().to_string(), std::fs::read(&path).unwrap_or_default()),
            }
        }
        Ok(())
    }

    fn check(&self, secret: &str) -> Result<()> {
        let forms = forms(secret);
        for form in &forms {
            ensure!(holds(format!("x{form}y").as_bytes(), form), "the search itself is broken");
        }
        for (place, bytes) in &self.0 {
            for form in &forms {
                ensure!(!holds(bytes, form), "{place} holds the secret as {form}");
            }
        }
        for wanted in ["sitewright.db", "/blobs/", "git log", "git objects", "page index.html", "/v1/tasks/"] {
            let looked = self.0.iter().any(|(place, bytes)| place.contains(wanted) && holds(bytes, MARKER));
            ensure!(looked, "{wanted} was not looked at, or holds nothing of the brief");
        }
        Ok(())
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The secret in plain and in what is read back easily; of base64 the digits that do not depend on neighbours.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        secret.replace('?', "%3F").replace('/', "%2F").replace('>', "%3E").replace('+', "%2B"),
        hex::encode(secret),
        hex::encode_upper(secret),
    ];
    for (before, cut) in [("", 0), ("x", 2), ("xy", 3)] {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let digits = engine.encode(format!("{before}{secret}"));
            forms.push(digits[cut..digits.len() - 1].to_owned());
        }
    }
    forms
}

async fn git(arguments: &[&str], folder: &Path) -> Result<Vec<u8>> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().await.context("run git")?;
    ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// What the world can see of a task.
async fn seen_of(task: &TaskView, server: &Instance, evidence: &mut Evidence) -> Result<()> {
    for path in [String::new(), "/stream".to_owned(), "/stream?after=0".to_owned()] {
        let path = format!("v1/tasks/{}{path}", task.summary.id);
        let text = server.get(&path).await?;
        evidence.add(format!("/{path}"), text);
    }
    let clones = tempfile::tempdir()?;
    let url = task.repo_url.as_deref().context("no repository")?;
    let path = url.trim_end_matches('/').rsplit('/').take(2).collect::<Vec<_>>();
    let address = format!("{}git/{}/{}", server.pages()?, path[1], path[0]);
    git(&["clone", "--quiet", &address, "clone"], clones.path()).await?;
    let folder = clones.path().join("clone");
    evidence.add("git log", git(&["log", "-p", "--all", "--format=fuller"], &folder).await?);
    evidence.add("git objects", git(&["cat-file", "--batch-all-objects", "--batch"], &folder).await?);
    let pages = url::Url::parse(task.summary.pages_url.as_deref().context("no pages")?)?;
    for name in String::from_utf8(git(&["ls-files"], &folder).await?)?.lines() {
        let page = lab::client()?.get(pages.join(name)?).send().await?.bytes().await?;
        evidence.add(format!("page {name}"), page);
    }
    Ok(())
}

/// A server whose students have `secret`: all of them, or one of a class.
async fn serve(class: Class, secret: &str) -> Result<Instance> {
    let launch = Launch::dry_run().without_browser().with("LOG", "trace,hyper=info,h2=info");
    let mut server = match class {
        Class::Everybody => Instance::new(launch.with("STUDENT_SECRET", secret))?,
        Class::ByFile => Instance::new(launch.with("STUDENT_SECRET", "").with("SECRETS_FILE", "class.toml"))?,
    };
    let class = format!("[[student]]\nemail = \"{STUDENT}\"\nsecret_hash = \"{}\"\n", hash(secret).await?);
    std::fs::write(server.data().join("class.toml"), class)?;
    server.up().await?;
    Ok(server)
}

#[derive(Clone, Copy)]
enum Class {
    Everybody,
    ByFile,
}

/// The student of the sample cases.
const STUDENT: &str = "student@example.com";

/// What the command prints for a secret: the hash alone.
async fn hash(secret: &str) -> Result<String> {
    let mut command = Command::new(e2e::program());
    command.args(["secret", "hash"]).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("no input")?.write_all(format!("{secret}\n").as_bytes()).await?;
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{}", output.status);
    let hash = String::from_utf8(output.stdout)?;
    ensure!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && hash.lines().count() == 1, "{hash}");
    Ok(hash.trim_end().to_owned())
}

/// The two rounds that are posted; `change` may quote the secret in them.
fn rounds(change: impl Fn(&mut Map<String, Value>)) -> Result<Vec<Map<String, Value>>> {
    let sample = case("sales-summary")?;
    let rounds = sample.rounds.iter().take(2).map(|round| {
        let mut request = round.request.clone();
        let brief = request.get("brief").and_then(Value::as_str).unwrap_or_default();
        request.insert("brief".to_owned(), json!(format!("{brief} {MARKER}.")));
        request.insert("email".to_owned(), json!(STUDENT));
        change(&mut request);
        request
    });
    Ok(rounds.collect())
}

/// Plays the rounds, sends what is refused, and looks for the secret everywhere.
async fn play(class: Class, change: impl Fn(&mut Map<String, Value>)) -> Result<()> {
    let secret = planted();
    let (mut server, outside, mut evidence) = (serve(class, &secret).await?, Outside::new()?, Evidence::default());
    let instructor = Instructor::new(server.api()?, SecretString::from(secret.clone()))?;
    let rounds = rounds(change)?;
    for (round, path) in rounds.iter().zip(["/build", "/revise"]) {
        let answer = instructor.post(path, round, &outside.evaluator.url(), Nonce::Fresh).await?;
        evidence.add(format!("receipt of {path}"), answer.body.clone());
        let task = server.finished(answer.receipt()?.id, SOON).await?;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
        seen_of(&task, &server, &mut evidence).await?;
    }
    refuse(&instructor, &rounds[0], &secret, &mut evidence).await?;
    for path in ["v1/tasks", "metrics", "health"] {
        evidence.add(path, server.get(path).await?);
    }
    let received = outside.evaluator.received();
    ensure!(received.len() == 2, "one notification a round: {received:#?}");
    for item in received {
        evidence.add("notification", item.body.to_vec());
        evidence.add("headers of a notification", format!("{:?}", item.headers));
    }
    // With the log of the database in its place, and once more when everything was written back.
    evidence.add_files(server.data())?;
    ensure!(server.terminate().await?.0.success());
    evidence.add_files(server.data())?;
    evidence.check(&secret)
}

/// Requests that are refused for what is wrong beside the secret, or near it.
async fn refuse(
    instructor: &Instructor,
    sound: &Map<String, Value>,
    secret: &str,
    evidence: &mut Evidence,
) -> Result<()> {
    for (field, value, status) in [
        ("task", json!(format!("../{secret}")), 400),
        ("round", json!(secret), 400),
        ("nonce", json!(format!("{secret} {secret}")), 400),
        ("email", json!(secret), 400),
        ("evaluation_url", json!(format!("{secret}://x")), 400),
        ("checks", json!([{ secret: secret }]), 400),
        ("attachments", json!([{ "name": format!("../{secret}"), "url": secret }]), 400),
        ("secret", json!(format!("{secret} ")), 401),
        ("secret", json!([secret]), 400),
    ] {
        let mut request = sound.clone();
        request.insert("evaluation_url".to_owned(), json!("http://127.0.0.1:9000/"));
        request.insert(field.to_owned(), value);
        let answer = instructor.post_as_is("/build", request).await?;
        ensure!(answer.status == status, "{field}: {} {:?}", answer.status, answer.body);
        let problem = answer.problem().context("no problem document")?;
        let about_it = problem.errors.iter().all(|error| error.pointer.starts_with(&format!("/{field}")));
        ensure!(about_it && problem.errors.is_empty() == (status == 401), "{field}: {problem:?}");
        evidence.add(format!("problem with {field}"), answer.body.to_vec());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_secret_stays_where_it_is() -> Result<()> {
    play(Class::Everybody, |_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_students_secret_stays_where_it_is() -> Result<()> {
    play(Class::ByFile, |_| {}).await
}

/// What is no secret is refused before anything is printed, and never repeated.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_secret_has_no_hash() -> Result<()> {
    for input in [Vec::new(), b"\n".to_vec(), vec![b'x'; 1025], vec![b'x', 0xff]] {
        let mut command = Command::new(e2e::program());
        command.args(["secret", "hash"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().context("no input")?.write_all(&input).await?;
        let output = child.wait_with_output().await?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(65) && output.stdout.is_empty(), "{said}");
        ensure!(said.starts_with("sitewright secret hash: ") && !said.contains("xx"), "{said}");
    }
    Ok(())
}

/// A file with a fault keeps the server from starting, and says where.
#[tokio::test(flavor = "multi_thread")]
async fn a_class_with_a_fault_is_not_served() -> Result<()> {
    let launch = Launch::dry_run().with("STUDENT_SECRET", "").with("SECRETS_FILE", "class.toml");
    let mut server = Instance::new(launch)?;
    let file: PathBuf = server.data().join("class.toml");
    std::fs::write(file, format!("[[student]]\nemail = \"{STUDENT}\"\nsecret_hash = \"{}\"\n", planted()))?;
    let said = server.up().await.err().context("it started")?.to_string();
    ensure!(said.contains("64") && said.contains("student 1 (s***@example.com)"), "{said}");
    ensure!(!said.contains(&planted()), "{said}");
    Ok(())
}
