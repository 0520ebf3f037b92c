//! Publish: uploads the planned commit and moves the branch to it, never by force.
//!
//! Idempotent by construction: a branch that is at the commit already is done, one that is at its
//! parent is moved, any other is somebody else's work. Our change goes on top of that when the two
//! touch different files; otherwise it becomes a pull request, as does a change that takes away what
//! earlier rounds made.

use ports::{CommitDraft, Publication, PullRequestText, Site, TaskUpdate};
use shared_types::events::{PullRequestOpened, SitePublished};
use shared_types::{CommitSha, Payload};

use super::repair::lost;
use super::{Context, Done, Error, commit};
use crate::journal::{self, Manifest, Outcome, Progress, Published};

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
    ctx.still_ours().await?;
    match ctx.ports.host.publish(&planned.repo, &draft, &planned.sha).await? {
        Publication::Done => Ok(done(planned.repo.html_url.as_str(), planned.sha.clone(), draft.site.len(), None)),
        Publication::Moved { head: Some(head) } => {
            // Whoever moved it may have our flow, and a later round after it.
            ctx.renew().await?;
            if let Some(done) = put_on_top(ctx, progress, &draft, &head).await? {
                return Ok(done);
            }
            let moved = &head.as_str()[..7];
            let reason = format!(
                "the branch moved to {moved} while round {} was being built, and both change the same files",
                ctx.task.round
            );
            ask_to_merge(ctx, progress, &draft, head, reason).await
        }
        Publication::Moved { head: None } => Err(Error::Unpublishable(format!(
            "the branch of {} vanished while it was being changed",
            planned.repo.name
        ))),
    }
}

fn done(repo_url: &str, commit: CommitSha, files: usize, site: Option<Manifest>) -> Done {
    let event = SitePublished { repo_url: repo_url.to_owned(), commit_sha: commit.to_string(), files: files as u32 };
    let update = TaskUpdate { commit_sha: Some(commit.clone()), ..TaskUpdate::default() };
    Done::new(Outcome::Publish(Published { commit, pull_request: None, site }), format!("{files} files"))
        .event(Payload::SitePublished(event))
        .update(update)
}

/// Puts our change on top of `head`, which somebody else has made, when they go together.
async fn put_on_top(
    ctx: &Context,
    progress: &Progress,
    ours: &CommitDraft,
    head: &CommitSha,
) -> Result<Option<Done>, Error> {
    let repo = &progress.planned()?.repo;
    let base = match progress.fetched() {
        Some(fetched) => journal::load(ctx.ports.blobs.as_ref(), &fetched.base).await?,
        None => Site::new(),
    };
    let theirs = ctx.ports.host.read_site(repo).await?;
    // Another push since: the next try of this step looks again.
    if theirs.head.as_ref() != Some(head) {
        return Err(Error::Port(ports::Error::again("the branch moves while it is being changed")));
    }
    let Some(both) = together(&base, &ours.site, &theirs.site) else { return Ok(None) };
    let manifest = journal::store(ctx.ports.blobs.as_ref(), &both).await?;
    let files = both.len();
    let note =
        format!("somebody else's {} was on the branch: this round's change is on top of it", &head.as_str()[..7]);
    // An earlier try of ours, whose answer was lost, looks like somebody else's work.
    if both == theirs.site {
        return Ok(Some(done(repo.html_url.as_str(), head.clone(), files, Some(manifest))));
    }
    let draft = CommitDraft { parent: Some(head.clone()), site: both, ..ours.clone() };
    let planned = ctx.ports.host.plan_commit(repo, &draft).await?;
    Ok(match ctx.ports.host.publish(repo, &draft, &planned).await? {
        Publication::Done => Some(done(repo.html_url.as_str(), planned, files, Some(manifest)).note(note)),
        Publication::Moved { .. } => None,
    })
}

/// What both have made of `base`; `None` when they have made different things of a file.
fn together(base: &Site, ours: &Site, theirs: &Site) -> Option<Site> {
    let mut both = theirs.clone();
    let paths = base.iter().chain(ours.iter()).map(|(path, _)| path);
    for path in paths {
        let name = path.as_str();
        let (before, mine, other) = (base.get(name), ours.get(name), theirs.get(name));
        if mine == before || mine == other {
            continue;
        }
        if other != before {
            return None;
        }
        match mine {
            Some(bytes) => both.insert(path.clone(), bytes.clone()),
            None => _ = both.remove(path),
        }
    }
    Some(both)
}

/// Requirement C-063: what is on the branch stays, and a person decides.
async fn ask_to_merge(
    ctx: &Context,
    progress: &Progress,
    draft: &CommitDraft,
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
    Ok(Done::new(
        Outcome::Publish(Published { commit: head, pull_request: Some(url), site: None }),
        "a pull request instead",
    )
    .event(Payload::PullRequestOpened(event))
    .update(update)
    .note(note))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sites as words `path=text`.
    fn check(base: &str, ours: &str, theirs: &str, expected: Option<&str>) {
        let site = |text: &str| -> Site {
            let files = text.split_whitespace().filter_map(|word| word.split_once('='));
            files.map(|(path, text)| (path.parse().unwrap(), text.to_owned().into())).collect()
        };
        assert_eq!(
            together(&site(base), &site(ours), &site(theirs)),
            expected.map(site),
            "{base}: {ours} and {theirs}"
        );
    }

    #[test]
    fn changes_of_different_files_go_together() {
        check("a=1 b=1", "a=2 b=1", "a=1 b=2 c=1", Some("a=2 b=2 c=1"));
        check("a=1 b=1", "a=1", "a=2 b=1", Some("a=2"));
        check("a=1", "a=2", "a=2", Some("a=2"));
        check("a=1", "a=2", "a=3", None);
        check("a=1", "b=1", "a=2", None);
        check("", "a=1", "b=1", Some("a=1 b=1"));
        check("", "a=1", "a=2", None);
    }
}
