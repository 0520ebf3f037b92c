//! Commit: makes sure of the repository and computes the commit. Its id is in the journal before
//! anything is uploaded, so that a restart knows what it was about to do.

use ports::{Author, CommitDraft, PagesBuild, Repo, RepoSpec, Site, TaskUpdate, TenantKey};
use shared_types::Payload;
use shared_types::events::CommitPlanned;

use super::{Context, Done, Error};
use crate::journal::{self, Outcome, Planned, Progress};
use crate::naming;

pub(super) async fn run(ctx: &Context, progress: &Progress) -> Result<Done, Error> {
    let site = journal::load(ctx.ports.blobs.as_ref(), &progress.best()?.0.site).await?;
    refuse_leaks(ctx, &site).await?;
    let repo = match progress.fetched().and_then(|fetched| fetched.repo.clone()) {
        Some(repo) => repo,
        None => ensured(ctx, &site).await?,
    };
    let draft = draft(ctx, &repo, site);
    let sha = ctx.ports.host.plan_commit(&repo, &draft).await?;
    let event = CommitPlanned {
        repo: repo.name.to_string(),
        commit_sha: sha.to_string(),
        parent_sha: draft.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let update = TaskUpdate { repo_url: Some(repo.html_url.clone()), ..TaskUpdate::default() };
    let summary = format!("{} in {}/{}", &sha.as_str()[..7], repo.owner, repo.name);
    Ok(Done::new(Outcome::Commit(Planned { repo, sha }), summary).event(Payload::CommitPlanned(event)).update(update))
}

/// A later attempt finds the repository of an earlier one where that has left it, also when the class has given the
/// student another account since.
async fn ensured(ctx: &Context, site: &Site) -> Result<Repo, Error> {
    if let Some(seen_at) = &ctx.task.repo_url {
        let query = naming::query(&ctx.task, Some(seen_at.clone()));
        if let Some(repo) = ctx.ports.host.find_repo(&query).await? {
            return Ok(repo);
        }
    }
    Ok(ctx.ports.host.ensure_repo(&spec(ctx, site)).await?)
}

/// The commit of this round on top of `repo.head`. The same each time it is asked for: its date is
/// the time of acceptance.
pub(super) fn draft(ctx: &Context, repo: &Repo, site: Site) -> CommitDraft {
    CommitDraft {
        parent: repo.head.clone(),
        site,
        message: message(ctx),
        author: author(ctx),
        at: ctx.task.accepted_at,
        tag: Some(format!("round-{}", ctx.task.round)),
    }
}

/// The same files once more, after the host would not build the commit at `repo.head`.
pub(super) fn draft_again(ctx: &Context, repo: &Repo, site: Site) -> CommitDraft {
    let first = draft(ctx, repo, site);
    let trailers = first.message.split_once('\n').map_or("", |(_, rest)| rest);
    CommitDraft { message: format!("chore: Build the pages again\n{trailers}"), ..first }
}

/// Requirement C-049: a site with a secret in it is not published. What is looked at is what goes
/// out, whatever an earlier report says: every file (attachments and README are among them), every
/// path, and the commit message.
async fn refuse_leaks(ctx: &Context, site: &Site) -> Result<(), Error> {
    let in_files = ctx.ports.gatekeeper.scan(site).await?;
    let in_message = ctx.ports.gatekeeper.scan_text(&message(ctx));
    let files = in_files.iter().map(|leak| match leak.line {
        Some(line) => format!("{} in {} line {line}", leak.kind, leak.path),
        None => format!("{} in the path {}", leak.kind, leak.path),
    });
    let message = in_message.iter().map(|leak| format!("{} in the commit message line {}", leak.kind, leak.line));
    let places: Vec<_> = files.chain(message).collect();
    if places.is_empty() {
        return Ok(());
    }
    Err(Error::Unpublishable(format!("not published, a secret was found: {}", places.join(", "))))
}

fn spec(ctx: &Context, site: &Site) -> RepoSpec {
    RepoSpec {
        tenant: TenantKey::of(&ctx.task.email),
        name: ctx.task.repo.clone(),
        description: format!("{}: a site built by Sitewright", naming::title(&ctx.task.task)),
        marker: naming::marker(&ctx.task.email, &ctx.task.task),
        author: author(ctx),
        at: ctx.task.accepted_at,
        pages: PagesBuild::of(site),
    }
}

fn author(ctx: &Context) -> Author {
    ctx.options.author.clone()
}

/// Requirement C-070.
fn message(ctx: &Context) -> String {
    let subject = if ctx.task.round.is_first() {
        format!("feat: Build {}", ctx.task.task)
    } else {
        format!("feat: Revise {} (round {})", ctx.task.task, ctx.task.round)
    };
    format!(
        "{subject}\n\nSitewright-Task: {} round {}\nSitewright-Trace: {}\nSitewright-Repo: {}\n",
        ctx.task.task,
        ctx.task.round,
        ctx.task.trace_id,
        naming::marker(&ctx.task.email, &ctx.task.task)
    )
}
