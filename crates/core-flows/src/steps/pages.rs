//! Pages: waits until the commit is served, by the host's word and by the bytes at the URL.

use std::time::Duration;

use ports::{PagesBuild, PagesState, Site, TaskUpdate};
use shared_types::Payload;
use shared_types::events::PagesServed;
use url::Url;

use super::{Context, Done, Error};
use crate::journal::{self, Outcome, Progress, Served};

/// Pauses between looks: short at first, since the local host is ready at once.
const PAUSES_MS: [u64; 6] = [100, 250, 500, 1000, 2000, 4000];

/// A look takes no longer than this.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// What is left of the step's time for the journal when the wait ends without success.
const SPARE: Duration = Duration::from_secs(1);

pub(super) async fn run(ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    let began = ctx.ports.clock.now();
    let ends_at = tokio::time::Instant::now() + budget.saturating_sub(SPARE);
    let planned = progress.planned()?;
    let commit = &progress.published()?.commit;
    let site = journal::load(ctx.ports.blobs.as_ref(), &progress.best()?.0.site).await?;
    let url = ctx.ports.host.ensure_pages(&planned.repo, PagesBuild::of(&site)).await?;
    let ours_is_live = progress.published()?.pull_request.is_none();
    let mut look = 0;
    loop {
        let state = ctx.ports.host.pages_status(&planned.repo, commit).await?;
        let waited_ms = ctx.ports.clock.now().since(began).as_millis() as u64;
        if state == PagesState::Built && (!ours_is_live || serves(ctx, &url, commit.as_str(), &site).await?) {
            return Ok(served(url, true, waited_ms));
        }
        let pause = Duration::from_millis(PAUSES_MS[look.min(PAUSES_MS.len() - 1)]);
        if tokio::time::Instant::now() + pause >= ends_at {
            let reason = describe(&state, waited_ms);
            return Ok(served(url, false, waited_ms).note(format!("handed in before the site was live: {reason}")));
        }
        tokio::time::sleep(pause).await;
        look += 1;
    }
}

/// The host did not even say where the site will be: what it is known to be called has to do.
pub(super) fn not_live(progress: &Progress, reason: &str) -> Option<Done> {
    let url = progress.planned().ok()?.repo.pages_url.clone();
    Some(served(url, false, 0).note(format!("handed in before the site was live: {reason}")))
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

fn served(url: Url, live: bool, waited_ms: u64) -> Done {
    let summary = if live { "live" } else { "not live yet" };
    let event = PagesServed { pages_url: url.to_string(), live, waited_ms };
    let update = TaskUpdate { pages_url: Some(url.clone()), ..TaskUpdate::default() };
    Done::new(Outcome::Pages(Served { url, live }), summary).event(Payload::PagesServed(event)).update(update)
}

/// Whether `url` answers with the page of this commit. The query keeps caches from answering for
/// an earlier round.
async fn serves(ctx: &Context, url: &Url, version: &str, site: &Site) -> Result<bool, Error> {
    let page = site.iter().find(|(path, _)| path.as_str() == "index.html");
    // An empty file (such as `.nojekyll`) proves nothing.
    let Some((path, bytes)) = page.or_else(|| site.iter().find(|(_, bytes)| !bytes.is_empty())) else {
        return Ok(true);
    };
    let mut target = url.clone();
    if path.as_str() != "index.html" {
        target = url.join(path.as_str()).map_err(|source| Error::Port(ports::Error::stop(source)))?;
    }
    target.set_query(Some(&format!("v={version}")));
    match ctx.ports.notifier.probe(&target, PROBE_TIMEOUT).await {
        // The adapter caps long answers; what it did read must be the beginning of the file.
        Ok(answer) => Ok(answer.status == 200 && !answer.body.is_empty() && bytes.starts_with(&answer.body)),
        Err(error) if error.verdict() == ports::Verdict::GiveUp => Err(error.into()),
        Err(_) => Ok(false),
    }
}
