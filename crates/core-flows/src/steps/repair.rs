//! Repair: shows a model what failed and holds what it makes against the checks, until nothing
//! fails, or three tries, the time or the money are used up. The best candidate is kept, never
//! simply the last.
//!
//! - Each try mends the best candidate so far. When that fails as it did before the last try, the
//!   try did not help, and the next one begins anew with another model.
//! - A model or a verifier that does not answer costs no try.
//! - A site that must not go out as it is, that takes away what earlier rounds made, or that does
//!   not come up or passes nothing at all, gives way to the scaffold's when that one is better. What
//!   is still destructive then becomes a pull request (`steps::publish`).

use std::collections::HashSet;
use std::time::Duration;

use ports::{Site, TaskUpdate, Verdict};
use shared_types::{CheckReport, Payload, Phase};
use tokio::time::Instant;

use super::decide::{fallback, writer};
use super::mend::{self, Mended};
use super::verify::{candidate_url, inspect, summary, verified_event};
use super::{Context, Done, Error};
use crate::candidates::{Score, evidence, large_libraries, losses, signature};
use crate::journal::{self, Made, Manifest, Outcome, Progress, SCAFFOLD};
use crate::judging;
use crate::maker::{self, Brief, MakeError};

/// Candidates that are made of one.
const TRIES: u32 = 3;

/// Failures of the world around that are borne; more of them and it will not be well in time.
const FAILURES: u32 = 2;

/// Kept free to look at whatever comes of a try.
const INSPECTION: Duration = Duration::from_secs(25);

/// A model that has less than this is not asked.
const LEAST: Duration = Duration::from_secs(8);

/// A site on its way, and what is known of it.
struct Candidate {
    site: Site,
    manifest: Manifest,
    source: String,
    /// What rules mended of it before it was looked at.
    mended: Mended,
    report: CheckReport,
    losses: Vec<String>,
    score: Score,
}

/// The files of a candidate, who made it, and what rules mended.
type Origin = (Manifest, String, Mended);

/// What a try needs and what it leaves behind.
struct Workshop<'a> {
    ctx: &'a Context,
    progress: &'a Progress,
    brief: Brief,
    ends_at: Instant,
    events: Vec<Payload>,
}

/// Why there are no further tries.
enum Stop {
    Sound,
    Tries,
    Time,
    /// In words that may be shown.
    Because(String),
}

pub(super) async fn run(ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    let (made, report) = (progress.generated()?, progress.verified()?);
    let brief = Brief::load(ctx, progress).await?;
    let site = journal::load(ctx.ports.blobs.as_ref(), &made.site).await?;
    let mut workshop = Workshop { ctx, progress, brief, ends_at: Instant::now() + budget, events: Vec::new() };
    // What was mended of this one is noted already.
    let origin = (made.site.clone(), made.source.clone(), Mended::default());
    let mut best = workshop.candidate(site, origin, report.clone());
    if best.score.is_sound() {
        return Ok(Done::new(Outcome::Repair(None), "nothing to repair"));
    }
    if progress.decided()?.chosen == SCAFFOLD {
        // It would make the same site again.
        return Ok(Done::new(Outcome::Repair(None), format!("no model to repair with: {}", summary(report))));
    }
    let (tries, stop) = workshop.mend(&mut best).await;
    if best.score.is_hopeless() {
        workshop.fall_back(&mut best).await;
    }
    workshop.judge(&mut best).await;
    Ok(workshop.done(best, tries, &stop))
}

/// The repair did not succeed: the candidate goes on as it is.
pub(super) fn not_done(reason: &str) -> Done {
    Done::new(Outcome::Repair(None), "not repaired").note(format!("the repair did not succeed: {reason}"))
}

impl Workshop<'_> {
    /// Makes candidates until one is sound or something stops it; says how many.
    async fn mend(&mut self, best: &mut Candidate) -> (u32, Stop) {
        let mut seen = HashSet::new();
        let (mut tries, mut failures) = (0, 0);
        loop {
            if best.score.is_sound() {
                return (tries, Stop::Sound);
            }
            if tries == TRIES {
                return (tries, Stop::Tries);
            }
            let spare = self.left().saturating_sub(INSPECTION + reserve(best));
            if spare < LEAST {
                return (tries, Stop::Time);
            }
            let failing = signature(&best.report);
            // A model that mends knows what it wrote: what the scaffold made is begun anew.
            let mend = best.source != SCAFFOLD && !seen.contains(&failing);
            match self.attempt(best, mend, spare).await {
                Ok(Some(candidate)) if candidate.score > best.score => *best = candidate,
                Ok(_) => {}
                Err(error) => match Failure::of(&error) {
                    Failure::World if failures < FAILURES => {
                        failures += 1;
                        continue;
                    }
                    Failure::Answer => {}
                    Failure::World | Failure::Final => return (tries, Stop::Because(self.ctx.explain(&error))),
                },
            }
            seen.insert(failing);
            tries += 1;
        }
    }

    /// A candidate made of `best`, or anew; `None` when it is the one that is there already.
    async fn attempt(
        &mut self,
        best: &Candidate,
        mend: bool,
        asking: Duration,
    ) -> Result<Option<Candidate>, MakeError> {
        let Self { ctx, brief, .. } = self;
        let (site, source) = if mend {
            let evidence = evidence(&best.site, &best.report, &best.losses);
            let alias = writer(ctx);
            (maker::by_repair(ctx, brief, alias, &best.site, &evidence, asking).await?, alias)
        } else {
            let alias = fallback(ctx);
            (maker::by_model(ctx, brief, alias, asking).await?, alias)
        };
        let (site, mended) = mend::by_rules(ctx, self.progress, brief, site).await?;
        let manifest = journal::store(ctx.ports.blobs.as_ref(), &site).await?;
        if manifest == best.manifest {
            return Ok(None);
        }
        let limit = self.left().saturating_sub(reserve(best));
        self.inspected(site, (manifest, source.to_owned(), mended), limit).await.map(Some)
    }

    /// The scaffold's site instead, when it is better.
    async fn fall_back(&mut self, best: &mut Candidate) {
        let made = async {
            let site = maker::by_scaffold(&self.brief)?;
            let (site, mended) = mend::by_rules(self.ctx, self.progress, &self.brief, site).await?;
            let manifest = journal::store(self.ctx.ports.blobs.as_ref(), &site).await?;
            self.inspected(site, (manifest, SCAFFOLD.to_owned(), mended), self.left()).await
        };
        // When even this fails, the commit is refused or becomes a pull request: nothing bad goes out.
        if let Ok(candidate) = made.await
            && candidate.score > best.score
        {
            *best = candidate;
        }
    }

    async fn inspected(&mut self, site: Site, origin: Origin, limit: Duration) -> Result<Candidate, MakeError> {
        let pages_url = candidate_url(self.ctx, self.progress)?;
        let prepared = self.progress.prepared().map_err(Error::from)?;
        let look = inspect(self.ctx, prepared, site.clone(), Phase::Repaired, &pages_url);
        let report = tokio::time::timeout(limit, look).await;
        let report = report.map_err(|_| ports::Error::again("no verdict in time"))??;
        self.events.push(verified_event(&report));
        Ok(self.candidate(site, origin, report))
    }

    /// Has a model judge what replaces the candidate that it judged, while there is time.
    async fn judge(&self, best: &mut Candidate) {
        let unchanged = self.progress.generated().is_ok_and(|made| made.site == best.manifest);
        let spare = self.left().mul_f32(0.8);
        if let (false, true, Ok(prepared)) = (unchanged, spare >= LEAST, self.progress.prepared()) {
            (best.report.judgements, _) =
                judging::judge(self.ctx, &self.brief, &best.site, &prepared.checks, spare).await;
        }
    }

    fn candidate(&self, site: Site, (manifest, source, mended): Origin, report: CheckReport) -> Candidate {
        let losses = lost(self.progress, &manifest, &report);
        let score = Score::of(&site, &report, &losses);
        Candidate { site, manifest, source, mended, report, losses, score }
    }

    fn left(&self) -> Duration {
        self.ends_at.saturating_duration_since(Instant::now())
    }

    fn done(self, best: Candidate, tries: u32, stop: &Stop) -> Done {
        let reason = match stop {
            Stop::Sound => String::new(),
            Stop::Tries => format!(", after {TRIES} tries"),
            Stop::Time => format!(", out of time after {tries} tries"),
            Stop::Because(reason) => format!(", after {tries} tries: {reason}"),
        };
        let changed = self.progress.generated().is_ok_and(|made| made.site != best.manifest);
        let stands_in = changed && best.source == SCAFFOLD;
        let mut done = if changed {
            let summary = format!("repaired by {}: {}{reason}", best.source, summary(&best.report));
            let summary = best.mended.summary(summary);
            let update = TaskUpdate { report: Some(best.report.clone()), ..TaskUpdate::default() };
            let made = Made { site: best.manifest, source: best.source };
            best.mended.noted(Done::new(Outcome::Repair(Some((made, best.report))), summary).update(update))
        } else {
            Done::new(Outcome::Repair(None), format!("kept as it was: {}{reason}", summary(&best.report)))
        };
        if let Stop::Because(reason) = stop {
            done = done.note(format!("the repair ended early: {reason}"));
        }
        if stands_in {
            done = done.note(format!("the scaffold stood in for {}: its page was no better", writer(self.ctx)));
        }
        for remark in large_libraries(&self.brief.base, &best.site) {
            done = done.note(remark);
        }
        done.events.extend(self.events);
        done
    }
}

/// What the site with the files of `manifest` takes away of what the repository holds.
pub(super) fn lost(progress: &Progress, manifest: &Manifest, report: &CheckReport) -> Vec<String> {
    let (Some(fetched), Ok(prepared)) = (progress.fetched(), progress.prepared()) else { return Vec::new() };
    let attached = prepared.attachments.iter().map(|attachment| &attachment.path);
    losses(fetched.base.keys(), manifest.keys(), attached, report)
}

/// Kept free beyond a try: a site that is no good may have to give way to the scaffold's.
fn reserve(best: &Candidate) -> Duration {
    if best.score.is_hopeless() { INSPECTION } else { Duration::ZERO }
}

/// What a try that came to nothing says of the next one.
enum Failure {
    /// The world around may be well again.
    World,
    /// The model's answer could not be used: it counts as a try.
    Answer,
    /// Nobody is asked again.
    Final,
}

impl Failure {
    fn of(error: &MakeError) -> Self {
        let verdict = match error {
            MakeError::Model(error) => error.verdict(),
            MakeError::Step(error) => error.verdict(),
            MakeError::Unfinished { .. } | MakeError::Unreadable { .. } | MakeError::Unusable { .. } => {
                return Self::Answer;
            }
            MakeError::NoModel | MakeError::NoBoundary => Verdict::GiveUp,
        };
        if verdict == Verdict::GiveUp { Self::Final } else { Self::World }
    }
}
