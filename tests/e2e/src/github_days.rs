//! Bad days at GitHub, each made by the lab, with the end that is stated for it: cases for a real server.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lab::github::{BuildPlan, Fault, Handle, Reply, When};
use shared_types::http::{Outcome, TaskView};

use crate::{Instance, Outside, case};

/// No case takes so long: what waits for the deadline itself is tested with a clock that is paused.
const PATIENCE: Duration = Duration::from_secs(120);

/// A bad day.
#[derive(Debug)]
pub struct Day {
    /// For people.
    pub name: &'static str,
    /// Makes it, before the task is posted.
    make: fn(&Handle),
    /// How many commits the one repository has at the end.
    commits: usize,
    /// What a note of the record says; empty for none.
    note: &'static str,
}

/// Every day that ends with a site that is live and proven.
#[must_use]
pub fn days() -> Vec<Day> {
    let day = |name, make, commits, note| Day { name, make, commits, note };
    vec![
        day("a good one", |_| {}, 1, ""),
        day("a slow build", |lab| lab.plan_builds([BuildPlan::after_polls(8)]), 1, ""),
        day(
            "failed by the API's word, and live",
            |lab| lab.plan_builds([BuildPlan::failed_but_live("Page build failed.")]),
            1,
            "but the site is live",
        ),
        day(
            "a build that failed",
            |lab| lab.plan_builds([BuildPlan::errored("Page build failed.")]),
            1,
            "asked for again",
        ),
        day(
            "stuck in errors",
            |lab| lab.plan_builds([BuildPlan::errored("no"), BuildPlan::errored("no")]),
            2,
            "went out again",
        ),
        day("a cancelled build", |lab| lab.plan_builds([BuildPlan::cancelled()]), 2, "went out again"),
        day("caches with what was there before", |lab| lab.keep_stale(3), 1, ""),
        day(
            "429 with a page instead of a site",
            |lab| lab.answer_sites([Reply::page(429, "<h1>Slow down</h1>"), Reply::page(429, "<h1>Slow down</h1>")]),
            1,
            "",
        ),
        day(
            "429 with a page instead of the API",
            |lab| {
                let slow = Reply::page(429, "<h1>Slow down</h1>").with_header("retry-after", "1");
                lab.inject(When::matching("GET", "/repos/*/*/pages/builds/latest"), Fault::Answer(slow));
            },
            1,
            "",
        ),
        day(
            "a secondary limit at the push",
            |lab| {
                let limit = Fault::Answer(Reply::secondary_limit(1));
                lab.inject(When::matching("POST", "/*/*/git-receive-pack"), limit);
            },
            1,
            "",
        ),
        day(
            "502 at the push",
            |lab| {
                let fault = Fault::Answer(Reply::page(502, "<h1>Bad gateway</h1>"));
                lab.inject(When::matching("POST", "/*/*/git-receive-pack"), fault);
            },
            1,
            "",
        ),
    ]
}

impl Day {
    /// Plays it before `server`, which publishes to the GitHub of `lab`.
    ///
    /// # Errors
    /// It does not end as stated.
    pub async fn play(&self, outside: &Outside, server: &Instance, lab: &Handle) -> Result<TaskView> {
        let round = case("sales-summary")?.rounds.into_iter().next().context("a case without rounds")?;
        (self.make)(lab);
        let before = lab.repos().len();
        let receipt = outside.post(server, "/tasks", &round.request).await?;
        let task = server.finished(receipt.id, PATIENCE).await?;
        lab.clear_faults();
        lab.keep_stale(0);
        let name = self.name;
        ensure!(task.summary.outcome == Some(Outcome::HandedIn), "{name}: {task:#?}");
        let pages = task.steps.iter().find(|step| step.step == "pages").and_then(|step| step.summary.clone());
        ensure!(pages.as_deref() == Some("live"), "{name}: {pages:?} {:?}", task.notes);
        let repos = lab.repos();
        ensure!(repos.len() == before + 1, "{name}: {} repositories more", repos.len() - before);
        let told = outside.evaluator.received().into_iter().rev().find_map(|item| item.accepted().cloned());
        let told = told.with_context(|| format!("{name}: nobody was told"))?;
        let repo = repos.iter().find(|repo| told.repo_url.ends_with(&format!("/{}", repo.name)));
        let repo = repo.with_context(|| format!("{name}: no repository is {}", told.repo_url))?;
        ensure!(repo.commits.len() == self.commits, "{name}: {:#?}", repo.commits);
        let live = repo.pages.as_ref().and_then(|pages| pages.live.clone());
        ensure!(live.as_deref() == Some(told.commit_sha.as_str()), "{name}: {live:?} is live, told was {told:?}");
        let noted = self.note.is_empty() || task.notes.iter().any(|note| note.contains(self.note));
        ensure!(noted, "{name}: {:?}", task.notes);
        Ok(task)
    }
}
