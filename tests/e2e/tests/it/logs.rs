//! Every line that a server prints while it lives through a bad day, held against `docs/logging.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, SECRET, case, workspace};
use lab::evaluator::Answer;
use lab::instructor::Instructor;
use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use shared_types::http::{Outcome, Receipt, StepState};

const SOON: Duration = Duration::from_secs(60);

/// Longer than a test waits for the kill, shorter than a step's budget.
const STALL: Duration = Duration::from_secs(20);

const FIRST: [&str; 13] = [
    "ts",
    "level",
    "service",
    "component",
    "event",
    "trace_id",
    "session_id",
    "actor",
    "task",
    "round",
    "nonce",
    "status",
    "latency_ms",
];

/// Sound for a nonce, and a forged end of a line for a careless log.
const HOSTILE_NONCE: &str = r#"n-1","level":"error"}\n{"ts":"-"#;

/// A path with a line break, a clear-screen sequence and an address, as a client may write it...
const HOSTILE_PATH: &str = "/a%0A%7B%22ts%22%3A1%7D%1B%5B2J?email=student%40example.com";

/// ...and as it may not.
const RAW_REQUEST: &[u8] = b"GET /\x1b[2J\x01{\"ts\":1} HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// The members of an object in their order, each name as often as it is there.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// One line, read and found to be as the dictionary says.
struct Line(BTreeMap<String, Value>);

impl Line {
    fn read(text: &str, dictionary: &Dictionary) -> Result<Self> {
        let Members(members) = serde_json::from_str(text).context("no JSON")?;
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        ensure!(names.iter().take(13).eq(FIRST.iter()), "the first fields are {names:?}");
        ensure!(names.iter().collect::<BTreeSet<_>>().len() == names.len(), "a name is there twice: {names:?}");
        let line = Self(members.iter().cloned().collect());
        for name in ["round", "latency_ms"] {
            ensure!(line.at(name).is_u64() || line.text(name) == "-", "{name} is no number");
        }
        for name in FIRST.iter().filter(|name| !["round", "latency_ms", "status"].contains(*name)) {
            ensure!(!line.text(name).is_empty(), "{name} is no text");
        }
        ensure!(line.at("status").is_u64() || !line.text("status").is_empty(), "status is neither");
        let ts = line.text("ts");
        let shape: String = ts.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
        ensure!(shape == "0000-00-00T00:00:00.000Z", "{ts}");
        ensure!(["error", "warn", "info", "debug"].contains(&line.text("level")), "the level is unknown");
        ensure!(line.text("service") == "sitewright", "the service is another");
        if line.text("event") != "log" {
            ensure!(dictionary.events.contains(line.text("event")), "the event is not in the dictionary");
            let unknown = names[13..].iter().find(|name| !dictionary.fields.contains(**name) && **name != "message");
            ensure!(unknown.is_none(), "{unknown:?} is not in the dictionary");
            ensure!(!line.text("message").is_empty(), "without words");
        }
        Ok(line)
    }

    fn at(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// Empty for what is no text.
    fn text(&self, name: &str) -> &str {
        self.at(name).as_str().unwrap_or_default()
    }

    fn is(&self, event: &str) -> bool {
        self.text("event") == event
    }
}

/// The names in the first column of the tables.
struct Dictionary {
    events: BTreeSet<String>,
    fields: BTreeSet<String>,
}

impl Dictionary {
    fn read() -> Result<Self> {
        let text = std::fs::read_to_string(workspace().join("docs/logging.md"))?;
        let names = |heading: &str| -> BTreeSet<String> {
            let section = text.split("\n## ").find_map(|section| section.strip_prefix(heading)).unwrap_or_default();
            let cells = section.lines().filter_map(|line| line.strip_prefix("| `"));
            cells.filter_map(|cell| Some(cell.split_once('`')?.0.to_owned())).collect()
        };
        let (events, fields) = (names("Events\n"), names("Further fields\n"));
        ensure!(!events.is_empty() && !fields.is_empty(), "docs/logging.md has no tables");
        Ok(Self { events, fields })
    }
}

fn read_all(log: &str) -> Result<Vec<Line>> {
    let dictionary = Dictionary::read()?;
    log.lines().map(|line| Line::read(line, &dictionary).with_context(|| line.to_owned())).collect()
}

fn sample(round: usize, outside: &Outside) -> Result<Map<String, Value>> {
    let mut request = case("sales-summary")?.rounds[round].request.clone();
    request.insert("evaluation_url".to_owned(), json!(outside.evaluator.url()));
    request.insert("nonce".to_owned(), json!(format!("{HOSTILE_NONCE}-{round}")));
    Ok(request)
}

/// All that strangers may send to make a log say what did not happen.
async fn attack(server: &Instance, wrong: &str, sound: &Map<String, Value>) -> Result<()> {
    let instructor = Instructor::new(server.api()?, SecretString::from(SECRET))?;
    let mut request = sound.clone();
    request.insert("secret".to_owned(), json!(wrong));
    ensure!(instructor.post_as_is("/build", request.clone()).await?.status == 401);
    request.insert("task".to_owned(), json!("a\n{\"ts\":1}"));
    ensure!(instructor.post_as_is("/build", request).await?.status == 400);
    let client = lab::client()?;
    let broken = format!("{{\"email\":\"student@example.com\",\"secret\":\"{SECRET}\"");
    let malformed = client.post(server.api()?.join("build")?).header("content-type", "application/json").body(broken);
    ensure!(malformed.send().await?.status() == 400);
    for root in [server.api()?, server.pages()?] {
        let answer = client.get(root.join(HOSTILE_PATH)?).header("x-request-id", "a\u{1b}b\tc").send().await;
        ensure!(answer.is_err() || answer?.status().is_client_error());
        ensure!(client.get(root.join(HOSTILE_PATH)?).send().await?.status().is_client_error());
        let mut raw = TcpStream::connect(root.socket_addrs(|| None)?.as_slice())?;
        raw.set_read_timeout(Some(SOON))?;
        raw.write_all(RAW_REQUEST)?;
        let mut answer = [0; 12];
        raw.read_exact(&mut answer)?;
        ensure!(answer.starts_with(b"HTTP/1.1 400"), "{}", answer.escape_ascii());
    }
    Ok(())
}

/// A first round that is killed while it notifies, and is finished by the next process.
async fn killed_build(server: &mut Instance, outside: &Outside) -> Result<Receipt> {
    outside.evaluator.script([Answer::from(500), Answer::after(200, STALL)]);
    let instructor = Instructor::new(server.api()?, SecretString::from(SECRET))?;
    let receipt = instructor.post_as_is("/build", sample(0, outside)?).await?.receipt()?;
    outside.evaluator.wait_for(2, SOON).await?;
    server
        .task_until(receipt.id, SOON, |task| {
            task.steps.iter().any(|step| step.step == "notify" && step.state == StepState::Running)
        })
        .await?;
    server.kill().await?;
    server.up().await?;
    let task = server.finished(receipt.id, SOON).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    Ok(receipt)
}

/// The lines of one task say whose they are, on both sides of the kill.
fn check_task(lines: &[Line], receipt: &Receipt, round: u64, actor: &str, events: &[&str]) -> Result<()> {
    let trace_id = receipt.trace_id.as_str();
    let of_trace: Vec<&Line> = lines.iter().filter(|line| line.text("trace_id") == trace_id).collect();
    let with_id = lines.iter().filter(|line| line.text("task_id") == receipt.id.to_string()).count();
    ensure!(with_id == of_trace.len(), "{with_id} lines have the id, {} have the trace", of_trace.len());
    for line in &of_trace {
        let told = (line.text("actor"), line.text("task"), line.at("round").as_u64(), line.text("nonce"));
        let nonce = format!("{HOSTILE_NONCE}-{}", round - 1);
        ensure!(told == (actor, receipt.task.as_str(), Some(round), nonce.as_str()), "{told:?} {:?}", line.0);
    }
    let answered = of_trace.iter().find(|line| line.is("http.request")).context("no line of the request")?;
    ensure!(answered.at("status") == 200 && answered.at("latency_ms").is_u64(), "{:?}", answered.0);
    for event in events {
        ensure!(of_trace.iter().any(|line| line.is(event)), "no {event} in the trace");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_as_the_dictionary_says() -> Result<()> {
    let outside = Outside::new()?;
    // `debug`: what libraries say is held against the same rules.
    let mut server = Instance::start(Launch::dry_run().without_browser().with("LOG", "debug")).await?;
    let wrong = ["wrong", "-horse", "-battery"].concat();
    let first = killed_build(&mut server, &outside).await?;
    let instructor = Instructor::new(server.api()?, SecretString::from(SECRET))?;
    let second = instructor.post_as_is("/revise", sample(1, &outside)?).await?.receipt()?;
    server.finished(second.id, SOON).await?;
    attack(&server, &wrong, &sample(0, &outside)?).await?;
    ensure!(server.terminate().await?.0.success());

    let log = server.log();
    let lines = read_all(&log)?;
    let request = sample(0, &outside)?;
    let email = request["email"].as_str().context("no address")?;
    let (local, host) = email.split_once('@').context("no address")?;
    let actor = format!("{}***@{host}", &local[..1]);
    let always = ["task.accepted", "step.done", "flow.finished"];
    check_task(&lines, &first, 1, &actor, &[&always[..], &["notification.retrying", "flow.resumed"]].concat())?;
    check_task(&lines, &second, 2, &actor, &always)?;

    let refused = lines.iter().find(|line| line.is("auth.failed")).context("no auth.failed")?;
    let told = (refused.text("level"), refused.text("client"), refused.text("actor"));
    ensure!(told == ("warn", "127.0.0.1", &actor), "{told:?}");
    let of_refused = |line: &&Line| line.is("http.request") && line.text("trace_id") == refused.text("trace_id");
    ensure!(lines.iter().filter(of_refused).any(|line| line.at("status") == 401), "the refused request");
    let malformed = |line: &&Line| line.is("http.request") && line.at("status") == 400 && line.text("actor") == "-";
    ensure!(lines.iter().any(|line| malformed(&line)), "the malformed request");
    ensure!(lines.iter().any(|line| line.text("actor") == "operator"), "nobody has looked at a task");
    for event in ["migration.applied", "service.ready", "flows.adopted", "service.stopping"] {
        let line = lines.iter().find(|line| line.is(event)).with_context(|| format!("no {event}"))?;
        ensure!(line.text("actor") == "system", "{:?}", line.0);
    }
    ensure!(lines.last().is_some_and(|line| line.is("service.stopped")), "the last line is another");

    for hidden in [email, &email.replace('@', "%40"), "student@example.com", SECRET, &wrong] {
        ensure!(!log.contains(hidden), "{hidden} is in the log");
    }
    ensure!(!log.contains(|char: char| char.is_control() && char != '\n'), "a control character is in the log");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_people_cannot_be_forged_either() -> Result<()> {
    let outside = Outside::new()?;
    let launch = Launch::dry_run().without_browser().with("LOG_FORMAT", "text");
    let mut server = Instance::start(launch).await?;
    let wrong = ["wrong", "-horse", "-battery"].concat();
    attack(&server, &wrong, &sample(0, &outside)?).await?;
    ensure!(server.terminate().await?.0.success());
    let log = server.log();
    for line in log.lines() {
        let (time, rest) = line.split_at_checked(9).context("a short line")?;
        let shape: String = time.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
        ensure!(shape == "00:00:00 ", "{line}");
        ensure!(["ERROR ", "WARN  ", "INFO  "].iter().any(|level| rest.starts_with(level)), "{line}");
        ensure!(line.matches(" event=").count() == 1 && !line.contains(char::is_control), "{line}");
    }
    ensure!(log.contains(" event=auth.failed ") && !log.contains(&wrong), "{log}");
    Ok(())
}
