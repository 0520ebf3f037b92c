//! A model that does well, badly, late or not at all, before a real server: how each task ends and what it costs.
//!
//! The ends under a virtual clock, also of what takes minutes, are in the README of `core-flows`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use e2e::measure::Figure;
use e2e::{Instance, Launch, Outside, case};
use lab::model::{Reply, Script};
use serde_json::{Map, Value, json};
use shared_types::http::{Outcome, TaskView};

/// A task with three repairs and a browser takes some ten seconds.
const TASK: Duration = Duration::from_secs(120);

/// What the model answers, call by call, the last answer for ever; and whether there is a second round.
struct Scenario {
    name: &'static str,
    rounds: usize,
    replies: Vec<Reply>,
}

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    println!("{:<24} {:<44} {:>5} {:>7} {:>9} {:>6}", "scenario", "end", "calls", "prompt", "answers", "s");
    let scenarios = scenarios();
    let (mut figures, mut handed_in) = (Vec::new(), 0usize);
    for Scenario { name, rounds, replies } in &scenarios {
        let mut outside = Outside::new()?;
        let (model, launch) = outside.model(Script::new().otherwise(replies.clone()), Launch::dry_run())?;
        let server = Instance::start(launch.with("LOG", "warn")).await?;
        let began = Instant::now();
        let mut last = None;
        for round in 1..=*rounds {
            let path = if round == 1 { "/build" } else { "/revise" };
            let receipt = outside.post(&server, path, &request(round)?).await?;
            last = Some(server.finished(receipt.id, TASK).await.with_context(|| (*name).to_owned())?);
        }
        let task = last.context("no round")?;
        let (calls, served) = (model.requests().len(), model.served());
        let received = outside.evaluator.received().iter().filter(|sent| sent.accepted().is_some()).count();
        handed_in += usize::from(task.summary.outcome == Some(Outcome::HandedIn) && received == *rounds);
        println!(
            "{name:<24} {:<44} {calls:>5} {:>7} {:>9} {:>6.1}",
            end(&task),
            served.prompt_tokens,
            served.completion_tokens,
            began.elapsed().as_secs_f64()
        );
        let key = name.replace([' ', ','], "_");
        let tokens = served.prompt_tokens + served.completion_tokens;
        figures.push(Figure::plain(&format!("calls_{key}"), calls as f64, "calls"));
        figures.push(Figure::plain(&format!("tokens_{key}"), tokens as f64, "tokens"));
    }
    let all = scenarios.len() as f64;
    figures.insert(0, Figure::plain("scenarios", all, "tasks"));
    figures.insert(1, Figure::at_least("scenarios_handed_in", handed_in as f64, "tasks", all));
    Ok(figures)
}

/// The outcome, the checks that passed, and who made the page.
fn end(task: &TaskView) -> String {
    let outcome = task.summary.outcome.map_or_else(|| "no outcome".to_owned(), |outcome| format!("{outcome:?}"));
    let checks =
        task.report.as_ref().map_or_else(String::new, |report| format!("{} of {}", report.passed(), report.total()));
    let stood_in = task.notes.iter().any(|note| note.contains("the scaffold stood in"));
    format!("{outcome}, {checks} checks, {}", if stood_in { "the scaffold's page" } else { "the model's page" })
}

/// Round 1 asks for a title and a total, round 2 for a list as well.
fn request(round: usize) -> Result<Map<String, Value>> {
    let mut request = case("sales-summary")?.rounds.first().context("no round")?.request.clone();
    let checks = if round == 1 {
        json!([
            "js: document.title === 'Sales'",
            "js: parseFloat(document.getElementById('total').textContent) === 1301.15",
            "Repo has an MIT license"
        ])
    } else {
        json!(["js: document.querySelectorAll('#list li').length === 8"])
    };
    let brief = "Show the sum of the column sales of data.csv in #total. The title is \"Sales\".";
    let brief = if round == 1 { brief.to_owned() } else { "List all rows in #list.".to_owned() };
    for (name, value) in [("round", json!(round)), ("checks", checks), ("brief", json!(brief))] {
        request.insert(name.to_owned(), value);
    }
    Ok(request)
}

#[rustfmt::skip]
fn scenarios() -> Vec<Scenario> {
    let good = || files("Sales", "total", "");
    let (wrong_title, wrong_id, wrong_both) = (files("Sale", "total", ""), files("Sales", "sum", ""), files("Sale", "sum", ""));
    let of_one = |name, replies: Vec<Reply>| Scenario { name, rounds: 1, replies };
    let page = page("Sales", "total", "");
    let (head, tail) = page.split_at(page.find("<script>").unwrap_or_default());
    let block = |text: &str| format!("<<<FILE {{boundary}} index.html\n{text}FILE>>> {{boundary}}\n");
    vec![
        of_one("good at once", vec![good()]),
        of_one("fixed after one repair", vec![wrong_title.clone(), good()]),
        of_one("fixed after two repairs", vec![wrong_both, wrong_id.clone(), good()]),
        of_one("never fixed", vec![wrong_id]),
        of_one("truncated", vec![
            Reply::Truncated(format!("<<<FILE {{boundary}} index.html\n{head}")),
            Reply::Text(format!("<<<RESUME {{boundary}}\n{tail}FILE>>> {{boundary}}\n")),
        ]),
        of_one("wrong format", vec![Reply::Text(format!("```html\n{page}```\n")), good()]),
        of_one("prose around", vec![Reply::Text(format!("Here is your page:\n\n{}\nEnjoy!\n", block(&page)))]),
        of_one("one file missing", vec![files_without_script(), good()]),
        Scenario { name: "breaks round 1 in round 2", rounds: 2, replies: vec![
            good(),
            files("Sales", "sum", LIST),
            files("Sales", "total", LIST),
        ] },
        of_one("refuses", vec![Reply::Text("I'm sorry, but I can't help with that.".to_owned())]),
        of_one("429 then good", vec![Reply::Busy(1), good()]),
        of_one("500s", vec![Reply::Status(500, "{\"error\": {\"message\": \"overloaded\"}}".to_owned())]),
        of_one("insufficient quota", vec![Reply::NoQuota]),
    ]
}

/// Fills the list of round 2.
const LIST: &str = "lines.forEach(line => document.getElementById('list').append(Object.assign(document.createElement('li'), { textContent: line })));";

/// A page with its total in `#id`.
fn page(title: &str, id: &str, more: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n</head>\n<body>\n\
         <p id=\"{id}\"></p>\n<ul id=\"list\"></ul>\n<script>\nfetch('data.csv').then(answer => answer.text()).then(text => {{\n\
         const lines = text.trim().split('\\n').slice(1);\n{more}\n\
         document.getElementById('{id}').textContent = lines.reduce((sum, line) => sum + Number(line.split(',')[4]), 0).toFixed(2);\n\
         }});\n</script>\n</body>\n</html>\n"
    )
}

fn files(title: &str, id: &str, more: &str) -> Reply {
    Reply::Files(vec![("index.html".to_owned(), page(title, id, more))])
}

/// A page whose script is a file that the answer does not hold.
fn files_without_script() -> Reply {
    let page = page("Sales", "total", "");
    let (head, _) = page.split_at(page.find("<script>").unwrap_or_default());
    Reply::Files(vec![("index.html".to_owned(), format!("{head}<script src=\"app.js\"></script>\n</body>\n</html>\n"))])
}
