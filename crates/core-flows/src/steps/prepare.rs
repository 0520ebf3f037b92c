//! Prepare: reads the checks and gathers what earlier rounds of the repository asked for.

use ports::TaskRecord;

use super::{Context, Done, Error};
use crate::journal::{Outcome, Prepared};

pub(super) async fn run(ctx: &Context) -> Result<Done, Error> {
    let mut rounds = ctx.ports.ledger.earlier_rounds(ctx.task.id).await?;
    rounds.push(ctx.task.clone());
    let prepared = gather(ctx, &rounds);
    let summary = format!("{} checks, {} attachments", prepared.checks.len(), prepared.attachments.len());
    Ok(Done::new(Outcome::Prepare(prepared), summary))
}

/// Later rounds do not repeat earlier checks, yet graders expect them to hold.
fn gather(ctx: &Context, rounds: &[TaskRecord]) -> Prepared {
    let checks = rounds.iter().flat_map(|task| ctx.ports.verifier.compile(task.round, &task.checks)).collect();
    let mut attachments: Vec<ports::Attachment> = Vec::new();
    for attachment in rounds.iter().flat_map(|task| &task.attachments) {
        attachments.retain(|earlier| earlier.path != attachment.path);
        attachments.push(attachment.clone());
    }
    Prepared { checks, attachments, briefs: rounds.iter().map(|task| task.brief.clone()).collect() }
}
