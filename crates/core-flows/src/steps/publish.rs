//! Publish: uploads the planned commit and moves the branch to it, never by force.
//!
//! Idempotent by construction: a branch that is at the commit already is done, one that is at its
//! parent is moved, any other is somebody else's work and our change becomes a pull request. So
//! does a change that takes away what earlier rounds made.

use ports::{Publication, PullRequestText, TaskUpdate};
use shared_types::events::{PullRequestOpened, SitePublished};
use shared_types::{CommitSha, Payload};

use super::repair::lost;
use super::{Context, Done, Error, commit};
use crate::journal::{self, Outcome, Progress, Published};

pub(super) async fn run(ctx: &Context, progress: &Progress) -> Result<Done, Error> {
    let planned = progress.planned()?;
    let site = journal::load(ctx.ports.blobs.as_ref(), &progress.best()?.0.site).await?;
    let draft = commit::draft(ctx, &planned.repo, site);
    let (made, report) = progress.best()?;
    let losses = lost(progress, &made.site, report);
    if let (Some(head), false) = (&planned.repo.head, losses.is_empty()) {
        let reason = format!("it takes away what was there: {}", losses.join("; "));
        return ask_to_merge(ctx, progress, &draft, head.clone(), reason).await;
    }
    match ctx.ports.host.publish(&planned.repo, &draft, &planned.sha).await? {
        Publication::Done => {
            let event = SitePublished {
                repo_url: planned.repo.html_url.to_string(),
                commit_sha: planned.sha.to_string(),
                files: draft.site.len() as u32,
            };
            let update = TaskUpdate { commit_sha: Some(planned.sha.clone()), ..TaskUpdate::default() };
            let published = Published { commit: planned.sha.clone(), pull_request: None };
            Ok(Done::new(Outcome::Publish(published), format!("{} files", draft.site.len()))
                .event(Payload::SitePublished(event))
                .update(update))
        }
        Publication::Moved { head: Some(head) } => {
            let moved = &head.as_str()[..7];
            let reason = format!("the branch moved to {moved} while round {} was being built", ctx.task.round);
            ask_to_merge(ctx, progress, &draft, head, reason).await
        }
        Publication::Moved { head: None } => Err(Error::Unpublishable(format!(
            "the branch of {} vanished while it was being changed",
            planned.repo.name
        ))),
    }
}

/// Requirement C-063: what is on the branch stays, and a person decides.
async fn ask_to_merge(
    ctx: &Context,
    progress: &Progress,
    draft: &ports::CommitDraft,
    head: CommitSha,
    reason: String,
) -> Result<Done, Error> {
    let planned = progress.planned()?;
    let text = PullRequestText {
        branch: format!("sitewright/round-{}", ctx.task.round),
        title: format!("Round {} of {}", ctx.task.round, ctx.task.task),
        body: format!("This change could not go onto the branch: {reason}. Merge it when it fits."),
    };
    let url = ctx.ports.host.open_pull_request(&planned.repo, draft, &text).await?;
    let update = TaskUpdate { commit_sha: Some(head.clone()), ..TaskUpdate::default() };
    let event = PullRequestOpened { url: url.to_string(), reason: reason.clone() };
    let note = format!("{reason}; the change waits at {url}");
    Ok(Done::new(Outcome::Publish(Published { commit: head, pull_request: Some(url) }), "a pull request instead")
        .event(Payload::PullRequestOpened(event))
        .update(update)
        .note(note))
}
