//! Pages: waits until the commit is served, by the host's word and by the bytes at the URL.

use std::time::Duration;

use ports::{PagesState, Site, TaskUpdate};
use shared_types::Payload;
use shared_types::events::PagesServed;
use url::Url;

use super::{Context, Done, Error};
use crate::journal::{self, Outcome, Progress, Served};

/// Pauses between looks: short at first, since the local host is ready at once.
const PAUSES_MS: [u64; 6] = [100, 250, 500, 1000, 2000, 4000];

/// A look takes no longer than this.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn run(ctx: &Context, progress: &Progress) -> Result<Done, Error> {
    let began = ctx.ports.clock.now();
    let planned = progress.planned()?;
    let commit = &progress.published()?.commit;
    let url = ctx.ports.host.ensure_pages(&planned.repo).await?;
    let site = journal::load(ctx.ports.blobs.as_ref(), &progress.best()?.0.site).await?;
    let ours_is_live = progress.published()?.pull_request.is_none();
    let mut look = 0;
    // The runner bounds this loop by the step's budget and then calls `not_live`.
    loop {
        let built = ctx.ports.host.pages_status(&planned.repo, commit).await?;
        if built == PagesState::Built && (!ours_is_live || serves(ctx, &url, commit.as_str(), &site).await?) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(PAUSES_MS[look.min(PAUSES_MS.len() - 1)])).await;
        look += 1;
    }
    let waited_ms = ctx.ports.clock.now().since(began).as_millis() as u64;
    Ok(served(url, true, waited_ms, "live".to_owned()))
}

/// The commit was not seen at its URL in time: it is handed in all the same.
pub(super) fn not_live(progress: &Progress, reason: &str) -> Option<Done> {
    let url = progress.planned().ok()?.repo.pages_url.clone();
    Some(served(url, false, 0, "not live yet".to_owned()).note(format!("handed in before the site was live: {reason}")))
}

fn served(url: Url, live: bool, waited_ms: u64, summary: String) -> Done {
    let event = PagesServed { pages_url: url.to_string(), live, waited_ms };
    let update = TaskUpdate { pages_url: Some(url.clone()), ..TaskUpdate::default() };
    Done::new(Outcome::Pages(Served { url, live }), summary).event(Payload::PagesServed(event)).update(update)
}

/// Whether `url` answers with the page of this commit. The query keeps caches from answering for
/// an earlier round.
async fn serves(ctx: &Context, url: &Url, version: &str, site: &Site) -> Result<bool, Error> {
    let Some((path, bytes)) = site.iter().find(|(path, _)| path.as_str() == "index.html").or(site.iter().next()) else {
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
