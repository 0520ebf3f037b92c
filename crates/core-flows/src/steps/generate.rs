//! Generate: makes the site by the chosen candidate, else by the scaffold, and mends what rules can mend. A
//! model's failure alone never ends a flow.

use std::time::Duration;

use ports::Site;
use shared_types::Payload;
use shared_types::events::SiteGenerated;

use super::{Context, Done, Error, mend};
use crate::journal::{self, Made, Outcome, Progress, SCAFFOLD};
use crate::maker::{self, Brief};

pub(super) async fn run(ctx: &Context, progress: &Progress, budget: Duration) -> Result<Done, Error> {
    let brief = Brief::load(ctx, progress).await?;
    let chosen = &progress.decided()?.chosen;
    let mut fallback_reason = String::new();
    let mut source = chosen.clone();
    let mut written: Option<Site> = None;
    if chosen != SCAFFOLD {
        match maker::by_model(ctx, &brief, chosen, budget).await {
            Ok(site) => written = Some(site),
            Err(error) => {
                fallback_reason = ctx.explain(&error);
                source = SCAFFOLD.to_owned();
            }
        }
    }
    let site = match written {
        Some(site) => site,
        None => maker::by_scaffold(&brief)?,
    };
    let (site, mended) = mend::by_rules(ctx, progress, &brief, site).await?;
    let manifest = journal::store(ctx.ports.blobs.as_ref(), &site).await?;
    let event = SiteGenerated {
        source: source.clone(),
        files: site.len() as u32,
        bytes: site.total_bytes(),
        fallback_reason: fallback_reason.clone(),
    };
    let summary = mended.summary(format!("{} files by {source}", site.len()));
    let done =
        Done::new(Outcome::Generate(Made { site: manifest, source }), summary).event(Payload::SiteGenerated(event));
    let done = mended.noted(done);
    Ok(if fallback_reason.is_empty() {
        done
    } else {
        done.note(format!("the scaffold stood in for {chosen}: {fallback_reason}"))
    })
}
