//! A class whose students have accounts of their own: whose repositories go where, whatever happens to tokens, to the
//! class file and to the ledger.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Instance, Launch, Outside, SECRET, case, free_port};
use lab::github::{Handle, Options};
use serde_json::{Map, Value};
use shared_types::TaskId;
use shared_types::http::{Outcome, TaskState, TaskView};

use crate::github::grep;
use crate::nats::broker;

const SOON: Duration = Duration::from_secs(60);

/// The deployment's own account at the lab.
const COURSE: &str = "student";

/// A token that nobody finds in our sources.
fn token(login: &str) -> String {
    ["a-token", "-to-look-for", "-of-", login].concat()
}

/// GitHub with accounts for ada, bob, cyd and eve beside the deployment's.
struct Class {
    outside: Outside,
    github: Handle,
    launch: Launch,
    hash: String,
}

impl Class {
    fn new() -> Result<Self> {
        let mut outside = Outside::new()?;
        let logins = ["ada", "bob", "cyd", "eve"];
        let others = logins.map(|login| (login.to_owned(), token(login))).into();
        let (github, launch) = outside.github_of(&token(COURSE), Options { others, ..Options::default() })?;
        let launch = launch.with("STUDENT_SECRET", "").with("SECRETS_FILE", "class.toml").without_limits();
        let with_token =
            |launch: Launch, login: &str| launch.with(&format!("{}_TOKEN", login.to_uppercase()), token(login));
        let launch = logins.into_iter().fold(launch, with_token);
        Ok(Self { outside, github, launch, hash: secrets::hash(&SECRET.into())? })
    }

    /// Writes the class file: students with what it says of their accounts.
    fn write(&self, to: &Instance, students: &[(&str, &str)]) -> Result<()> {
        let mut file = String::new();
        for (student, account) in students {
            let hash = &self.hash;
            writeln!(file, "[[student]]\nemail = \"{student}@example.com\"\nsecret_hash = \"{hash}\"\n{account}")?;
        }
        std::fs::write(to.data().join("class.toml"), file).context("write the class file")
    }

    async fn server(&self, students: &[(&str, &str)]) -> Result<Instance> {
        let mut server = Instance::new(self.launch.clone())?;
        self.write(&server, students)?;
        server.up().await?;
        Ok(server)
    }

    async fn post(&self, to: &Instance, student: &str, round: usize) -> Result<TaskId> {
        let mut request: Map<String, Value> = case("sales-summary")?.rounds[round].request.clone();
        request.insert("email".to_owned(), format!("{student}@example.com").into());
        Ok(self.outside.post(to, "/tasks", &request).await?.id)
    }

    /// Plays a round and tells in whose account its repository is.
    async fn play(&self, server: &Instance, student: &str, round: usize) -> Result<(String, TaskView)> {
        let id = self.post(server, student, round).await?;
        let task = server.finished(id, SOON).await?;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{student}: {task:#?}");
        let url = task.repo_url.clone().context("no repository")?;
        let owner = url.rsplit('/').nth(1).context("no owner")?.to_owned();
        Ok((owner, task))
    }

    /// Rounds in each repository, as `owner rounds`.
    fn rounds(&self) -> Vec<String> {
        let rounds = |repo: &lab::github::RepoView| {
            let count = repo.commits.iter().filter(|commit| commit.message.starts_with("feat: ")).count();
            format!("{} {count}", repo.owner)
        };
        self.github.repos().iter().map(rounds).collect()
    }
}

const ADA: (&str, &str) = ("ada", "github_owner = \"ada\"\ngithub_token_env = \"ADA_TOKEN\"");
const BOB: (&str, &str) = ("bob", "github_token_env = \"BOB_TOKEN\"");
const CYD: (&str, &str) = ("cyd", "github_owner = \"cyd\"\ngithub_token_env = \"CYD_TOKEN\"");
const DAN: (&str, &str) = ("dan", "");
/// Dan, once he has been given an account.
const DAN_AS_EVE: (&str, &str) = ("dan", "github_owner = \"eve\"\ngithub_token_env = \"EVE_TOKEN\"");

/// Three owners and one student without; then the class changes, the ledger is lost, and a repository is renamed.
#[tokio::test(flavor = "multi_thread")]
async fn sites_go_to_their_students_and_are_found_there_again() -> Result<()> {
    let class = Class::new()?;
    let mut server = class.server(&[ADA, BOB, CYD, DAN]).await?;
    for (student, expected) in [("ada", "ada"), ("bob", "bob"), ("cyd", "cyd"), ("dan", COURSE)] {
        let (owner, _) = class.play(&server, student, 0).await?;
        ensure!(owner == expected, "{student}'s repository is {owner}'s");
    }
    ensure!(class.rounds() == ["ada 1", "bob 1", "cyd 1", "student 1"], "{:?}", class.rounds());
    let metrics = server.get("metrics").await?;
    ensure!(metrics.contains("sitewright_github_wait_seconds{owner=\"ada\"}"), "{metrics}");

    // What Dan has made stays where it is; what is new goes to the account that he has now.
    server.terminate().await?;
    class.write(&server, &[ADA, BOB, CYD, DAN_AS_EVE])?;
    server.up().await?;
    let (owner, task) = class.play(&server, "dan", 1).await?;
    ensure!(owner == COURSE, "round 2 is {owner}'s: {:?}", task.notes);
    let (owner, _) = class.play(&server, "dan", 0).await?;
    ensure!(owner == "eve", "a new task is {owner}'s");
    // The copy of what is known is written a moment later.
    let known = server.data().join("data/last_known.json");
    let is_known = || std::fs::read_to_string(&known).is_ok_and(|text| text.matches("\"repo_url\"").count() == 4);
    for _ in 0..200 {
        if is_known() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(is_known(), "{:?}", std::fs::read_to_string(&known));

    server.terminate().await?;
    for name in ["sitewright.db", "sitewright.db-wal", "sitewright.db-shm"] {
        let _ = std::fs::remove_file(server.data().join("data").join(name));
    }
    let adas = class.github.repos().into_iter().find(|repo| repo.owner == "ada").context("no repository of Ada's")?;
    ensure!(class.github.rename_repo("ada", &adas.name, "my-portfolio"));
    server.up().await?;
    let (owner, task) = class.play(&server, "ada", 1).await?;
    ensure!(owner == "ada" && task.notes.iter().any(|note| note.contains("last known")), "{owner} {:?}", task.notes);
    ensure!(class.rounds() == ["ada 2", "bob 1", "cyd 1", "eve 1", "student 2"], "{:?}", class.rounds());

    // Each token went to GitHub and nowhere else.
    let published: Vec<u8> =
        class.github.repos().iter().flat_map(|repo| repo.files.values()).flat_map(|bytes| bytes.to_vec()).collect();
    let told = format!("{:?}", class.outside.evaluator.received());
    for login in ["ada", "bob", "cyd", "eve", COURSE] {
        let token = token(login);
        let asked = class.github.requests().iter().any(|request| request.login.as_deref() == Some(login));
        ensure!(asked, "nothing was asked with {login}'s token");
        let found = grep(server.data(), token.as_bytes())?;
        ensure!(found.is_empty(), "{login}'s token is in {found:?}");
        ensure!(!told.contains(&token), "{login}'s token was told");
        ensure!(
            !published.windows(token.len()).any(|window| window == token.as_bytes()),
            "{login}'s token is published"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_parks_its_students_flows_only() -> Result<()> {
    let mut class = Class::new()?;
    class.launch = class.launch.clone().with("RETRY_MAX_ATTEMPTS", "1");
    class.github.replace_token("ada", "another");
    let mut server = class.server(&[ADA, BOB, DAN]).await?;
    let adas = class.post(&server, "ada", 0).await?;
    let is_parked = |task: &TaskView| task.summary.state == TaskState::Queued && server.log().contains("flow.parked");
    let parked = server.task_until(adas, SOON, is_parked).await?;
    for student in ["bob", "dan"] {
        class.play(&server, student, 0).await?;
    }
    ensure!(server.task(adas).await?.summary.state == TaskState::Queued, "{parked:#?}");
    ensure!(server.log().contains("set a new ADA_TOKEN"), "the log does not say whose token it is");
    let health = server.get("health").await?;
    ensure!(health.contains("ada: GitHub refuses the token"), "{health}");

    server.terminate().await?;
    class.github.replace_token("ada", &token("ada"));
    server.up().await?;
    let task = server.finished(adas, SOON).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{task:#?}");
    ensure!(class.rounds() == ["ada 1", "bob 1", "student 1"], "{:?}", class.rounds());
    Ok(())
}

/// A runner on another host finds the account by the key in the task, and the token in its own environment.
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_on_another_host_knows_whose_account_it_is() -> Result<()> {
    let mut class = Class::new()?;
    let (store, port) = (tempfile::tempdir()?, free_port()?);
    let _broker = broker(port, store.path()).await?;
    class.launch = class.launch.clone().with("NATS_URL", format!("nats://127.0.0.1:{port}"));
    let students = [ADA, DAN];
    let with_role = |role: &str| class.launch.clone().with("ROLES", role);
    let mut hosts = Vec::new();
    for role in ["intake", "runner"] {
        let mut host = Instance::new(with_role(role))?;
        class.write(&host, &students)?;
        host.up().await?;
        hosts.push(host);
    }
    for (student, round, expected) in [("ada", 0, "ada"), ("dan", 0, COURSE), ("ada", 1, "ada")] {
        let (owner, _) = class.play(&hosts[0], student, round).await?;
        ensure!(owner == expected, "{student}'s repository is {owner}'s");
    }
    ensure!(class.rounds() == ["ada 2", "student 1"], "{:?}", class.rounds());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_each_account() -> Result<()> {
    let class = Class::new()?;
    class.github.replace_token("ada", "another");
    let server = Instance::new(class.launch.clone())?;
    class.write(&server, &[ADA, BOB, DAN])?;
    let output = server.run(&["doctor", "--no-greeting"]).await?;
    let report = String::from_utf8(output.stdout)?;
    ensure!(!output.status.success(), "{report}");
    for line in [
        "ok    github     signed in as student",
        "FAIL  account    ada, with ADA_TOKEN: read the user of the token: GitHub answered 401",
        "ok    account    BOB_TOKEN: signed in as bob, repositories can be made for bob, ",
    ] {
        ensure!(report.lines().any(|said| said.starts_with(line)), "no line begins with {line:?}:\n{report}");
    }
    ensure!(report.contains("set a new ADA_TOKEN") && !report.contains("-to-look-for"), "{report}");
    Ok(())
}
