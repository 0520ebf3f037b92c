//! Fetch (later rounds): finds the repository and reads what is in it. Requirements C-055, C-056, C-143.
//!
//! The ledger knows it as a rule. When it does not (a fresh data folder, another machine), the host is searched by name
//! and marker, and then what was last known of the task is asked, which outlives the ledger. When nothing of that finds
//! it, the site is built from this round's own brief, and the record says so.

use ports::{Repo, RepoQuery};

use super::{Context, Done, Error};
use crate::journal::{self, Fetched, Outcome};
use crate::naming;

/// Who knew where the repository is.
#[derive(Debug, Clone, Copy)]
enum Knew {
    Ledger,
    Host,
    LastKnown,
}

pub(super) async fn run(ctx: &Context) -> Result<Done, Error> {
    let Some((mut repo, knew)) = find(ctx).await? else {
        let note = "no repository of an earlier round was found: the site is built from this round's own brief";
        return Ok(Done::new(Outcome::Fetch(Fetched::default()), "no earlier repository").note(note));
    };
    let snapshot = ctx.ports.host.read_site(&repo).await?;
    // What is built on is what was read, whatever has happened to the branch since it was found.
    repo.head = snapshot.head;
    let base = journal::store(ctx.ports.blobs.as_ref(), &snapshot.site).await?;
    let summary = format!("{} files of {}", base.len(), repo.name);
    let done = Done::new(Outcome::Fetch(Fetched { repo: Some(repo), base }), summary);
    Ok(match knew {
        Knew::Ledger => done,
        Knew::Host => done.note("the repository was unknown here and found at the code host by name and marker"),
        Knew::LastKnown => done.note("the repository was unknown here and found by what was last known of the task"),
    })
}

async fn find(ctx: &Context) -> Result<Option<(Repo, Knew)>, Error> {
    let host = &ctx.ports.host;
    if ctx.task.repo_known {
        let earlier = ctx.ports.ledger.earlier_rounds(ctx.task.id).await?;
        let seen_at = ctx.task.repo_url.clone().or_else(|| earlier.into_iter().rev().find_map(|task| task.repo_url));
        if let Some(repo) = host.find_repo(&naming::query(&ctx.task, seen_at)).await? {
            return Ok(Some((repo, Knew::Ledger)));
        }
    }
    let by_marker = RepoQuery { name_prefix: naming::repo_prefix(&ctx.task.task), ..naming::query(&ctx.task, None) };
    if let Some(repo) = host.find_repo(&by_marker).await? {
        return Ok(Some((repo, Knew::Host)));
    }
    let Some(known) = ctx.ports.last_known.recall(&ctx.task).await? else { return Ok(None) };
    let by_place = RepoQuery { name_prefix: known.repo.to_string(), seen_at: Some(known.repo_url), ..by_marker };
    Ok(host.find_repo(&by_place).await?.map(|repo| (repo, Knew::LastKnown)))
}
