//! Fetch (later rounds): finds the repository and reads what is in it. Requirements C-055, C-056.
//!
//! The ledger knows its name as a rule. When it does not (a fresh data folder, another machine),
//! the host is searched by name and marker; when that finds nothing either, the site is built from
//! this round's own brief, and the record says so.

use ports::RepoQuery;

use super::{Context, Done, Error};
use crate::journal::{self, Fetched, Outcome};
use crate::naming;

pub(super) async fn run(ctx: &Context) -> Result<Done, Error> {
    let marker = naming::marker(&ctx.task.email, &ctx.task.task);
    let by_name = RepoQuery { name_prefix: ctx.task.repo.to_string(), marker: marker.clone() };
    let by_marker = RepoQuery { name_prefix: naming::repo_prefix(&ctx.task.task), marker };
    let named = if ctx.task.repo_known { ctx.ports.host.find_repo(&by_name).await? } else { None };
    let known = named.is_some();
    let found = match named {
        Some(repo) => Some(repo),
        None => ctx.ports.host.find_repo(&by_marker).await?,
    };
    let Some(mut repo) = found else {
        let note = "no repository of an earlier round was found: the site is built from this round's own brief";
        return Ok(Done::new(Outcome::Fetch(Fetched::default()), "no earlier repository").note(note));
    };
    let snapshot = ctx.ports.host.read_site(&repo).await?;
    // What is built on is what was read, whatever has happened to the branch since it was found.
    repo.head = snapshot.head;
    let base = journal::store(ctx.ports.blobs.as_ref(), &snapshot.site).await?;
    let summary = format!("{} files of {}", base.len(), repo.name);
    let done = Done::new(Outcome::Fetch(Fetched { repo: Some(repo), base }), summary);
    Ok(if known {
        done
    } else {
        done.note("the repository was unknown here and found at the code host by name and marker")
    })
}
