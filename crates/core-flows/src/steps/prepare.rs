//! Prepare: reads the checks and gathers what earlier rounds of the repository asked for.

use std::time::Duration;

use bytes::Bytes;
use ports::{Attachment, Site, TaskRecord};

use super::{Context, Done, Error};
use crate::checks;
use crate::journal::{Outcome, Prepared};

pub(super) async fn run(ctx: &Context, budget: Duration) -> Result<Done, Error> {
    let mut rounds = ctx.ports.ledger.earlier_rounds(ctx.task.id).await?;
    rounds.push(ctx.task.clone());
    let attachments = attachments(&rounds);
    let mut checks = checks::gather(ctx.ports.verifier.as_ref(), &rounds);
    let remark = checks::read_left_over(ctx, &mut checks, &attachments, budget).await;
    checks::mark(&mut checks, &figures(ctx, &attachments).await?);
    let cannot = checks.iter().filter(|check| check.unsatisfiable.is_some()).count();
    let mut summary = format!("{} checks, {} attachments", checks.len(), attachments.len());
    if cannot > 0 {
        summary.push_str(&format!(", {cannot} unsatisfiable"));
    }
    let briefs = rounds.iter().map(|task| task.brief.clone()).collect();
    let done = Done::new(Outcome::Prepare(Prepared { checks, attachments, briefs }), summary);
    Ok(remark.into_iter().fold(done, Done::note))
}

/// Of all rounds, a later one in place of an earlier of its path.
fn attachments(rounds: &[TaskRecord]) -> Vec<Attachment> {
    let mut attachments: Vec<Attachment> = Vec::new();
    for attachment in rounds.iter().flat_map(|task| &task.attachments) {
        attachments.retain(|earlier| earlier.path != attachment.path);
        attachments.push(attachment.clone());
    }
    attachments
}

/// The attachments, those without their content that are too large to look for figures in.
async fn figures(ctx: &Context, attachments: &[Attachment]) -> Result<Site, Error> {
    /// Tables by hand and by export stay below.
    const LARGEST: u64 = 8 * 1024 * 1024;
    let mut files = Site::new();
    for attachment in attachments {
        let is_data = matches!(attachment.path.extension().as_str(), "csv" | "json" | "md" | "markdown" | "txt");
        let bytes = if is_data && attachment.size <= LARGEST {
            ctx.ports.blobs.get(&attachment.sha256).await?
        } else {
            Bytes::new()
        };
        files.insert(attachment.path.clone(), bytes);
    }
    Ok(files)
}
