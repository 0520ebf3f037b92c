//! What a task costs at GitHub, and what bad days do to it: `cargo xtask bench github [-- --only PART]`.
//!
//! A server on embedded defaults publishes to the lab's GitHub. First what two rounds cost: requests, writes and time,
//! with answers at once and 50 ms late. Then the bad days of `e2e::github_days`, each with its stated end. Then every
//! single request of both rounds is cut, before and after its effect. Besides, a class in virtual time, admitted by the
//! product's own calendar of what a token may do.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use e2e::github_days::days;
use e2e::measure::{Figure, report};
use e2e::{Instance, Launch, Outside, case};
use lab::github::{Class, Cost, Fault, Handle, Limits, RepoView, When};
use shared_types::http::Outcome;

const PATIENCE: Duration = Duration::from_secs(180);
/// More requests than two rounds make.
const ALL: u32 = 10_000;
/// Tasks before a server is replaced: its budget is that of a real token, and these are more tasks than it lets through.
const TASKS_A_SERVER: u64 = 8;
/// From a class's admission to its callback: a build of GitHub's, as a rule 5 to 17 s, and looking at what it made.
const WORK: Duration = Duration::from_secs(15);
/// What the two ways of publishing take, one push or the git data API.
const PUSH: Cost = Cost { writes: 4, requests: 20 };
const GIT_DATA: Cost = Cost { writes: 8, requests: 24 };

/// A server that has asked whose its token is: that is no request of a round.
async fn warm(outside: &Outside, launch: &Launch) -> Result<Instance> {
    let server = Instance::start(launch.clone()).await?;
    play(outside, &server, 0).await?;
    Ok(server)
}

/// What one round took.
struct Round {
    requests: u64,
    writes: u64,
    ms: f64,
}

#[derive(Debug, Parser)]
struct Args {
    /// Measures only this part, and leaves the file with the figures alone.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let known = ["class", "rounds", "days", "resume"];
    let mut figures = Vec::new();
    for part in known.iter().filter(|part| args.only.as_deref().is_none_or(|only| only == **part)) {
        println!("--- {part}");
        figures.extend(match *part {
            "class" => classes(),
            "rounds" => rounds().await?,
            "days" => bad_days().await?,
            _ => resume().await?,
        });
    }
    match args.only {
        _ if figures.is_empty() => bail!("there is no such part; known: {}", known.join(", ")),
        None => report("github", &figures),
        Some(part) => report(&format!("github-{part}"), &figures),
    }
}

/// What two rounds cost, with answers at once and late.
async fn rounds() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (latency_ms, suffix) in [(0, ""), (50, "_50ms")] {
        for (number, round) in (1..).zip(&two_rounds(Duration::from_millis(latency_ms)).await?) {
            if suffix.is_empty() {
                let most = if number == 1 { 8.0 } else { 4.0 };
                figures.push(Figure::at_most(&format!("writes_round_{number}"), round.writes as f64, "writes", most));
                figures.push(Figure::plain(&format!("requests_round_{number}"), round.requests as f64, "requests"));
            }
            figures.push(Figure::plain(&format!("wall_round_{number}{suffix}_ms"), round.ms, "ms"));
        }
    }
    Ok(figures)
}

/// A server before a GitHub of its own.
async fn house() -> Result<(Outside, Handle, Launch)> {
    let mut outside = Outside::new()?;
    let token = ["bench", "-token"].concat();
    let (lab, launch) = outside.github(&token)?;
    Ok((outside, lab, launch.without_limits().with("LOG", "warn")))
}

async fn two_rounds(latency: Duration) -> Result<[Round; 2]> {
    let (outside, lab, launch) = house().await?;
    let server = warm(&outside, &launch).await?;
    if latency > Duration::ZERO {
        lab.inject_times(ALL, When::matching("*", "/**"), Fault::Delay(latency));
    }
    let first = measured(&outside, &server, &lab, 0).await?;
    let second = measured(&outside, &server, &lab, 1).await?;
    Ok([first, second])
}

async fn measured(outside: &Outside, server: &Instance, lab: &Handle, round: usize) -> Result<Round> {
    let (requests, writes, began) = (lab.request_count(), lab.mutation_count(), Instant::now());
    play(outside, server, round).await?;
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    Ok(Round { requests: lab.request_count() - requests, writes: lab.mutation_count() - writes, ms })
}

/// Posts a round of the sample and waits for its end.
async fn play(outside: &Outside, server: &Instance, round: usize) -> Result<()> {
    let case = case("sales-summary")?;
    let round = case.rounds.get(round).context("the sample has no such round")?;
    let receipt = outside.post(server, "/tasks", &round.request).await?;
    let task = server.finished(receipt.id, PATIENCE).await?;
    ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{:?} {:?}", task.summary.outcome, task.notes);
    Ok(())
}

/// Cuts each request of two rounds, before and after its effect; counts the cuts that left no trace.
async fn resume() -> Result<Vec<Figure>> {
    let [first, second] = two_rounds(Duration::ZERO).await?.map(|round| round.requests);
    let (mut points, mut clean) = (0_u64, 0_u64);
    let (outside, lab, launch) = house().await?;
    let mut server = warm(&outside, &launch).await?;
    for fault in [Fault::CutBefore, Fault::CutAfter] {
        for point in 1..=first + second {
            if points % TASKS_A_SERVER == TASKS_A_SERVER - 1 {
                server = warm(&outside, &launch).await?;
            }
            points += 1;
            let before: Vec<String> = lab.repos().into_iter().map(|repo| repo.name).collect();
            let mut ended = true;
            let began = Instant::now();
            for (round, at) in [(0, Some(point).filter(|at| *at <= first)), (1, point.checked_sub(first))] {
                if let Some(at) = at.filter(|at| *at > 0) {
                    lab.inject(When::Request(lab.request_count() + at), fault.clone());
                }
                ended &= play(&outside, &server, round).await.is_ok();
            }
            let struck = lab.waiting_faults() == 0;
            lab.clear_faults();
            let made: Vec<RepoView> = lab.repos().into_iter().filter(|repo| !before.contains(&repo.name)).collect();
            let is_clean = ended && struck && made.len() == 1 && is_whole(&made[0]);
            clean += u64::from(is_clean);
            let (end, ms) = (if is_clean { "clean" } else { "NOT CLEAN" }, began.elapsed().as_millis());
            println!("{fault:?} at request {point} of {}: {end} after {ms} ms", first + second);
            if !is_clean {
                println!("ended: {ended}, struck: {struck}, {made:#?}");
            }
        }
    }
    Ok(vec![
        Figure::plain("resume_points", points as f64, "cuts"),
        Figure::at_least("resume_points_clean", clean as f64, "cuts", points as f64),
    ])
}

/// One commit and one tag a round, topic, homepage, and the last commit live.
fn is_whole(repo: &RepoView) -> bool {
    let head = repo.commits.first().map(|commit| commit.sha.clone());
    let tags = ["refs/tags/round-1", "refs/tags/round-2"].map(|tag| repo.refs.get(tag).cloned());
    repo.commits.len() == 2
        && tags == [repo.commits.get(1).map(|commit| commit.sha.clone()), head.clone()]
        && repo.topics == ["sitewright"]
        && repo.homepage.is_some()
        && repo.pages.as_ref().is_some_and(|pages| pages.live == head)
}

async fn bad_days() -> Result<Vec<Figure>> {
    let (outside, lab, launch) = house().await?;
    let server = Instance::start(launch).await?;
    let days = days();
    let mut as_stated = 0;
    for day in &days {
        match day.play(&outside, &server, &lab).await {
            Ok(_) => as_stated += 1,
            Err(error) => println!("{}: {error:#}", day.name),
        }
    }
    Ok(vec![
        Figure::plain("bad_days", days.len() as f64, "days"),
        Figure::at_least("bad_days_ended_as_stated", f64::from(as_stated), "days", days.len() as f64),
    ])
}

fn classes() -> Vec<Figure> {
    let play = |tasks, owners, cost| {
        Class { tasks, owners, limits: Limits::default(), cost, flows_at_once: 8, work: WORK }.play()
    };
    let (one, ten, by_data) = (play(100, 1, PUSH), play(500, 10, PUSH), play(100, 1, GIT_DATA));
    let lost = 100 - one.called_back + 500 - ten.called_back;
    let in_order = f64::from(u8::from(one.in_order && ten.in_order));
    vec![
        Figure::at_most("tasks_100_virtual_s", one.last_callback.as_secs_f64(), "s", 600.0),
        Figure::plain("tasks_100_minimum_s", one.least.as_secs_f64(), "s"),
        Figure::plain("tasks_100_git_data_virtual_s", by_data.last_callback.as_secs_f64(), "s"),
        Figure::plain("tasks_500_owners_10_virtual_s", ten.last_callback.as_secs_f64(), "s"),
        Figure::plain("tasks_500_owners_10_minimum_s", ten.least.as_secs_f64(), "s"),
        Figure::at_most("tasks_lost", lost as f64, "tasks", 0.0),
        Figure::at_least("tasks_in_order", in_order, "yes = 1", 1.0),
    ]
}
