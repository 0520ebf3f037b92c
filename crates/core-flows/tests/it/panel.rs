//! A panel of models that do well, badly, late or not at all: every task is handed in before its deadline, and ends
//! as the table in the crate's README says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ports::{Completion, CompletionRequest, Error, FinishReason, Model, Route, TaskRecord, Usage};
use serde_json::json;
use shared_types::http::Outcome;

use crate::world::{World, file, request};

/// What a model does when it is called.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// Answers with this page.
    Page(&'static str),
    /// Answers with this text; `{B}` is the boundary.
    Text(&'static str),
    /// The same, cut by the output limit.
    Cut(&'static str),
    /// Fails at once.
    Fails(fn() -> Error),
    /// Says nothing for so many seconds and fails then.
    Stalls(u64),
}

/// A model's turns in both rounds, the last one for ever. Without turns there is no second round.
struct Scenario {
    name: &'static str,
    does: &'static str,
    first: &'static [Turn],
    second: &'static [Turn],
}

const fn of_one(name: &'static str, does: &'static str, first: &'static [Turn]) -> Scenario {
    Scenario { name, does, first, second: &[] }
}

/// Longer than any budget.
const FOR_EVER: u64 = 100_000;

const BROKEN: Turn = Turn::Page("BROKEN");
const LICENCE_LOST: Turn = Turn::Page("BREAKS Repo has an MIT license");
const GOOD: Turn = Turn::Page("good");

#[rustfmt::skip]
const PANEL: &[Scenario] = &[
    of_one("good at once", "answers with a page that passes", &[GOOD]),
    of_one("fixed after one repair", "its first page fails, the next passes", &[BROKEN, GOOD]),
    of_one("fixed after two repairs", "each page fails less", &[BROKEN, LICENCE_LOST, GOOD]),
    of_one("never fixed", "answers with the same failing page for ever", &[BROKEN]),
    of_one("truncated", "is cut by the output limit, and goes on", &[
        Turn::Cut("<<<FILE {B} index.html\n<p>one</p>\n<p>tw"),
        Turn::Text("<<<RESUME {B}\n<p>two</p>\nFILE>>> {B}\n"),
    ]),
    of_one("truncated for ever", "is cut each time", &[Turn::Cut("<<<FILE {B} index.html\n<p>one</p>\n")]),
    of_one("wrong format", "forgets the blocks, and heeds the reminder", &[Turn::Text("```html\n<p>bare</p>\n```"), GOOD]),
    of_one("prose around", "talks before and after its blocks", &[
        Turn::Text("Here is your page:\n<<<FILE {B} index.html\ngood\nFILE>>> {B}\nEnjoy!\n"),
    ]),
    of_one("one file missing", "leaves out a file, and adds it", &[
        Turn::Page("BREAKS document.title === \"Sales\""),
        Turn::Text("<<<FILE {B} index.html\ngood\nFILE>>> {B}\n<<<FILE {B} app.js\nlet a;\nFILE>>> {B}\n"),
    ]),
    Scenario {
        name: "breaks round 1 in round 2", does: "its change takes away what round 1 made, its repair brings it back",
        first: &[GOOD], second: &[LICENCE_LOST, Turn::Page("good again")],
    },
    of_one("refuses", "says that it cannot help", &[Turn::Text("I'm sorry, but I can't help with that.")]),
    of_one("429 then good", "is busy for seven seconds", &[Turn::Fails(|| Error::later(Duration::from_secs(7), "429")), GOOD]),
    of_one("500s", "fails each time", &[Turn::Fails(|| Error::again("500"))]),
    of_one("60 s stall", "is silent for a minute, then well", &[Turn::Stalls(60), GOOD]),
    of_one("silent", "never answers", &[Turn::Stalls(FOR_EVER)]),
    of_one("silent in repair", "never answers after a page that fails", &[BROKEN, Turn::Stalls(FOR_EVER)]),
    of_one("insufficient quota", "has no money left", &[Turn::Fails(|| Error::stop("insufficient_quota"))]),
];

/// A model with turns left.
#[derive(Default)]
struct Panelist {
    turns: Mutex<VecDeque<Turn>>,
    calls: Mutex<usize>,
}

impl Panelist {
    fn next(&self) -> Turn {
        *self.calls.lock().unwrap() += 1;
        let mut turns = self.turns.lock().unwrap();
        if turns.len() > 1 { turns.pop_front() } else { turns.front().copied() }.unwrap()
    }
}

#[async_trait]
impl Model for Panelist {
    fn serves(&self, alias: &str) -> bool {
        alias != "judge"
    }

    async fn complete(&self, request: CompletionRequest) -> Result<Completion, Error> {
        let spoken = |text: &str| text.replace("{B}", request.values["boundary"].as_str().unwrap());
        let (text, finish) = match self.next() {
            Turn::Page(page) => (file(&request, "index.html", page), FinishReason::Complete),
            Turn::Text(text) => (spoken(text), FinishReason::Complete),
            Turn::Cut(text) => (spoken(text), FinishReason::Truncated),
            Turn::Fails(error) => return Err(error()),
            Turn::Stalls(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                return Err(Error::again("504"));
            }
        };
        Ok(Completion { text, finish, model: "scripted".to_owned(), usage: Usage::default() })
    }
}

/// How the last round ends, as a row of the table.
async fn play(scenario: &Scenario) -> String {
    let model = Arc::new(Panelist::default());
    let mut world = World::with_model(Some(model.clone()));
    world.start();
    let mut end = String::new();
    for (round, turns) in
        [scenario.first, scenario.second].into_iter().enumerate().filter(|(_, turns)| !turns.is_empty())
    {
        *model.turns.lock().unwrap() = turns.iter().copied().collect();
        let (route, mut body) =
            if round == 0 { (Route::Build, request(1, "n-1")) } else { (Route::Revise, request(2, "n-2")) };
        if round > 0 {
            body["checks"] = json!(["Another one"]);
        }
        let receipt = world.post(route, body).await.unwrap();
        let task = world.finished(receipt.id).await;
        assert_eq!(task.outcome, Some(Outcome::HandedIn), "{}: {task:#?}", scenario.name);
        assert!(task.finished_at.unwrap() <= task.deadline_at, "{}: late", scenario.name);
        end = ending(&world, &task);
    }
    world.shutdown.cancel();
    let calls = *model.calls.lock().unwrap();
    format!("| {} | {} | {calls} | {end} |", scenario.name, scenario.does)
}

fn ending(world: &World, task: &TaskRecord) -> String {
    let page = world.host.page(task.commit_sha.as_ref().unwrap());
    let report = task.report.as_ref().unwrap();
    let author = if page.contains("Sitewright scaffold") { "the scaffold's page" } else { "the model's page" };
    let note = if task.notes.is_empty() { "" } else { ", with a note" };
    format!("{author}, {} of {} checks{note}", report.passed(), report.total())
}

#[tokio::test(start_paused = true)]
async fn every_scenario_is_handed_in_and_ends_as_the_readme_says() {
    let readme = include_str!("../../README.md");
    let (_, table) = readme.split_once("| scenario |").unwrap();
    let told: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let mut seen = Vec::new();
    for scenario in PANEL {
        seen.push(play(scenario).await);
    }
    assert_eq!(told, seen, "the table should read:\n{}", seen.join("\n"));
}
