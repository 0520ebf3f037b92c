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
    let name_prefix = if ctx.task.repo_known { ctx.task.repo.to_string() } else { naming::repo_prefix(&ctx.task.task) };
    let Some(mut repo) = ctx.ports.host.find_repo(&RepoQuery { name_prefix, marker }).await? else {
        let note = "no repository of an earlier round was found: the site is built from this round's own brief";
        return Ok(Done::new(Outcome::Fetch(Fetched::default()), "no earlier repository").note(note));
    };
    let snapshot = ctx.ports.host.read_site(&repo).await?;
    // What is built on is what was read, whatever has happened to the branch since it was found.
    repo.head = snapshot.head;
    let base = journal::store(ctx.ports.blobs.as_ref(), &snapshot.site).await?;
    let summary = format!("{} files of {}", base.len(), repo.name);
    let done = Done::new(Outcome::Fetch(Fetched { repo: Some(repo), base }), summary);
    Ok(if ctx.task.repo_known {
        done
    } else {
        done.note("the repository was unknown here and found at the code host by name and marker")
    })
}
