//! Pages: waits until the commit is served, by the host's word and by the bytes at the URL.
//!
//! Nothing is looked at before the host reports a build of our commit: caches keep a page that was
//! asked for too early. The host's word alone proves nothing either way, so a build that failed is
//! looked for as well. What did not come is asked for once more, and then, as after a build that
//! was cancelled, goes out again as a new commit. The end is a page that was seen, or a hand-in
//! while there is time for it, with what is known of it in the record.

use std::time::Duration;

use ports::{PagesBuild, PagesState, Publication, Repo, Site, TaskUpdate, Verdict};
use shared_types::events::{PagesServed, SitePublished};
use shared_types::{CommitSha, Payload};
use url::Url;

use super::{Context, Done, Error, commit};
use crate::journal::{self, Outcome, Progress, Served};
use crate::serving::{Look, serves};

/// Pauses between looks: short at first, since the local host is ready at once; long at the end,
/// since all flows of a token share its requests.
const PAUSES_MS: [u64; 12] = [100, 250, 500, 1000, 2000, 3000, 4000, 4000, 5000, 5000, 8000, 10_000];

/// What is left of the step's time for the journal when the wait ends without success.
const SPARE: Duration = Duration::from_secs(1);

/// How often a page is looked for after its build failed, before the build is asked for again: some
/// builds that failed by the host's word are live a little later.
const LOOKS_AFTER_FAILURE: u32 = 3;

/// What is waited for.
struct Wait<'a> {
    ctx: &'a Context,
    repo: &'a Repo,
    site: Site,
    url: Url,
    /// The commit that shall be served.
    commit: CommitSha,
    /// Whether the change itself waits for a person, so that there is nothing of ours to see.
    proposed: bool,
    remedies: Remedies,
    looks: usize,
    notes: Vec<String>,
}

/// What was done about a build that did not come.
#[derive(Debug, Default)]
struct Remedies {
    failures: u32,
    asked_again: bool,
    /// The commit that went out again, in place of the published one.
    replaced: Option<CommitSha>,
}

/// What to do about a build that did not come.
#[derive(Debug, PartialEq, Eq)]
enum Remedy {
    Wait,
    AskAgain,
    NewCommit,
}

impl Remedies {
    /// The next thing to try, each once.
    fn next(&mut self, state: &PagesState) -> Remedy {
        let failed = match state {
            PagesState::Building | PagesState::Built => return Remedy::Wait,
            PagesState::Cancelled => self.replaced.is_none(),
            PagesState::Failed { .. } => {
                self.failures += 1;
                if self.failures < LOOKS_AFTER_FAILURE || self.replaced.is_some() {
                    return Remedy::Wait;
                }
                self.failures = 0;
                if !std::mem::replace(&mut self.asked_again, true) {
                    return Remedy::AskAgain;
                }
                true
            }
        };
        if failed { Remedy::NewCommit } else { Remedy::Wait }
    }
}

pub(super) async fn run(ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    let began = ctx.ports.clock.now();
    let ends_at = tokio::time::Instant::now() + budget.saturating_sub(SPARE);
    let mut wait = Wait::begin(ctx, progress).await?;
    loop {
        let state = ctx.ports.host.pages_status(wait.repo, &wait.commit).await?;
        let waited_ms = ctx.ports.clock.now().since(began).as_millis() as u64;
        match wait.proven(&state).await {
            Ok(true) => return Ok(wait.done(true, waited_ms)),
            Ok(false) => {}
            // A domain of the owner's may lead where nothing of ours goes.
            Err(Error::Port(error)) if error.verdict() == Verdict::GiveUp => {
                let reason = ctx.explain(&error);
                return Ok(wait.done(false, waited_ms).note(format!("handed in without a look at the site: {reason}")));
            }
            Err(error) => return Err(error),
        }
        wait.mend(&state).await?;
        let pause = Duration::from_millis(PAUSES_MS[wait.looks.min(PAUSES_MS.len() - 1)]);
        if tokio::time::Instant::now() + pause >= ends_at {
            let reason = describe(&state, waited_ms);
            return Ok(wait.done(false, waited_ms).note(format!("handed in before the site was live: {reason}")));
        }
        tokio::time::sleep(pause).await;
        wait.looks += 1;
    }
}

/// The host did not even say where the site will be: what it is known to be called has to do.
pub(super) fn not_live(progress: &Progress, reason: &str) -> Option<Done> {
    let url = progress.planned().ok()?.repo.pages_url.clone();
    let served = Served { url, live: false, commit: None };
    Some(told(served, 0).note(format!("handed in before the site was live: {reason}")))
}

impl<'a> Wait<'a> {
    async fn begin(ctx: &'a Context, progress: &'a Progress) -> Result<Self, Error> {
        let repo = &progress.planned()?.repo;
        let published = progress.published()?;
        let manifest = published.site.as_ref().unwrap_or(&progress.best()?.0.site);
        let site = journal::load(ctx.ports.blobs.as_ref(), manifest).await?;
        let proposed = published.pull_request.is_some();
        // A change that waits for a person has no say in how the present site is built.
        let url = match proposed {
            true => repo.pages_url.clone(),
            false => ctx.ports.host.ensure_pages(repo, PagesBuild::of(&site)).await?,
        };
        let commit = published.commit.clone();
        let remedies = Remedies::default();
        Ok(Self { ctx, repo, site, url, commit, proposed, remedies, looks: 0, notes: Vec::new() })
    }

    /// Whether the commit is served: the host has reported on it, and the bytes are there.
    async fn proven(&mut self, state: &PagesState) -> Result<bool, Error> {
        match state {
            PagesState::Building | PagesState::Cancelled => Ok(false),
            PagesState::Built if self.proposed => Ok(true),
            PagesState::Failed { .. } if self.proposed => Ok(false),
            PagesState::Built => self.serves().await,
            PagesState::Failed { reason } => {
                let live = self.serves().await?;
                if live {
                    self.notes.push(format!("the host says that the build failed ({reason}), but the site is live"));
                }
                Ok(live)
            }
        }
    }

    async fn mend(&mut self, state: &PagesState) -> Result<(), Error> {
        if self.proposed {
            return Ok(());
        }
        match self.remedies.next(state) {
            Remedy::Wait => Ok(()),
            Remedy::AskAgain => {
                self.ctx.still_ours().await?;
                // Not every site can be asked for: then the next failure is answered otherwise.
                let asked = self.ctx.ports.host.rebuild_pages(self.repo).await;
                let said = asked.err().map(|error| format!(", which was refused: {}", self.ctx.explain(&error)));
                let said = said.unwrap_or_default();
                self.notes.push(format!("the build of {} failed and was asked for again{said}", short(&self.commit)));
                Ok(())
            }
            Remedy::NewCommit => self.commit_again().await,
        }
    }

    /// The same files in a new commit on top. Its id follows from the first, so that doing it
    /// twice makes one.
    async fn commit_again(&mut self) -> Result<(), Error> {
        let at = Repo { head: Some(self.commit.clone()), ..self.repo.clone() };
        let draft = commit::draft_again(self.ctx, &at, self.site.clone());
        let planned = self.ctx.ports.host.plan_commit(&at, &draft).await?;
        self.ctx.still_ours().await?;
        if self.ctx.ports.host.publish(&at, &draft, &planned).await? != Publication::Done {
            // Somebody else has pushed since: theirs is what gets built now.
            self.remedies.replaced = Some(self.commit.clone());
            return Ok(());
        }
        let (old, new) = (short(&self.commit), short(&planned));
        self.notes.push(format!("the host did not build {old}: the same files went out again as {new}"));
        self.remedies.replaced = Some(planned.clone());
        self.commit = planned;
        self.looks = 0;
        Ok(())
    }

    async fn serves(&self) -> Result<bool, Error> {
        let version = if self.looks == 0 { String::new() } else { self.looks.to_string() };
        let look = Look { url: &self.url, commit: &self.commit, site: &self.site, version };
        Ok(serves(self.ctx.ports.notifier.as_ref(), &look).await?)
    }

    fn done(self, live: bool, waited_ms: u64) -> Done {
        let commit = self.remedies.replaced.filter(|replaced| *replaced == self.commit && !self.proposed);
        let again = commit.as_ref().map(|commit| SitePublished {
            repo_url: self.repo.html_url.to_string(),
            commit_sha: commit.to_string(),
            files: self.site.len() as u32,
        });
        let mut done = told(Served { url: self.url, live, commit }, waited_ms);
        done.events.extend(again.map(Payload::SitePublished));
        done.update.notes = self.notes;
        done
    }
}

fn short(commit: &CommitSha) -> &str {
    &commit.as_str()[..7]
}

fn describe(state: &PagesState, waited_ms: u64) -> String {
    let after = format!("after {} s", waited_ms / 1000);
    match state {
        PagesState::Building => format!("still being built {after}"),
        PagesState::Built => format!("built, but its URL does not serve it yet {after}"),
        PagesState::Cancelled => "the host cancelled its build".to_owned(),
        PagesState::Failed { reason } => format!("the host says that its build failed: {reason}"),
    }
}

fn told(served: Served, waited_ms: u64) -> Done {
    let summary = if served.live { "live" } else { "not live yet" };
    let event = PagesServed { pages_url: served.url.to_string(), live: served.live, waited_ms };
    let update =
        TaskUpdate { pages_url: Some(served.url.clone()), commit_sha: served.commit.clone(), ..TaskUpdate::default() };
    Done::new(Outcome::Pages(served), summary).event(Payload::PagesServed(event)).update(update)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_remedy_is_tried_once_and_in_order() {
        let failed = || PagesState::Failed { reason: String::new() };
        let mut remedies = Remedies::default();
        let mut taken = |state: &PagesState| remedies.next(state);
        assert_eq!([taken(&PagesState::Building), taken(&PagesState::Built)], [Remedy::Wait, Remedy::Wait]);
        let seen: Vec<_> = (0..6).map(|_| taken(&failed())).collect();
        use Remedy::{AskAgain, NewCommit, Wait};
        assert_eq!(seen, [Wait, Wait, AskAgain, Wait, Wait, NewCommit]);
        assert_eq!(Remedies::default().next(&PagesState::Cancelled), NewCommit);
        let commit = Some("da39a3ee5e6b4b0d3255bfef95601890afd80709".parse().unwrap());
        let mut replaced = Remedies { replaced: commit, ..Remedies::default() };
        let seen: Vec<_> = (0..6).map(|_| replaced.next(&failed())).collect();
        assert!(seen.iter().all(|remedy| *remedy == Wait), "{seen:?}");
        assert_eq!(replaced.next(&PagesState::Cancelled), Wait);
    }
}
