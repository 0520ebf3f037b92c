//! Publishing by one push: objects, branch and tag in a single request of git's own protocol over
//! HTTPS, all or nothing, each ref moved from the commit that was expected there and from no other.
//!
//! A push is no call of the REST API: it takes nothing from the hour's requests, carries any file
//! as it is, and can be the first of an empty repository (docs/adr/0028). The token is in the
//! `Authorization` header and nowhere else; there is no `git` program, so no argument, environment
//! or remote could hold it.

mod pack;
mod pkt;
mod report;

use http::{Method, StatusCode};
use ports::{CommitDraft, Publication, Repo, Verdict};
use shared_types::CommitSha;
use tracing::info;

use super::client::{GitCall, not_found};
use super::{RemoteHost, full_name};
use crate::objects::{self, Assembled};
use crate::{Error, objects::tag_for};
use pkt::Malformed;
use report::Report;

pub(super) use report::Refs;

/// What we need of the other side. `atomic`: all refs or none; the band carries GitHub's words.
const CAPABILITIES: &str = "report-status side-band-64k atomic agent=sitewright";

/// A ref that shall move.
#[derive(Debug, Clone)]
pub(super) struct Update {
    /// Full name, such as `refs/heads/main`.
    pub(super) name: String,
    /// What it points to now; `None`: it must not exist.
    pub(super) from: Option<CommitSha>,
    pub(super) to: CommitSha,
}

impl RemoteHost {
    /// Uploads the planned commit and moves branch and tag to it.
    pub(super) async fn push_commit(
        &self,
        repo: &Repo,
        draft: &CommitDraft,
        planned: &CommitSha,
    ) -> Result<Publication, Error> {
        let branch = format!("refs/heads/{}", repo.default_branch);
        let refs = self.refs(repo).await?;
        let head = refs.get(&branch).cloned();
        let done = head.as_ref() == Some(planned);
        if !done && head != draft.parent {
            return Ok(Publication::Moved { head });
        }
        let to_move = (!done).then(|| Update { name: branch.clone(), from: head, to: planned.clone() });
        let to_tag = draft.tag.as_deref().and_then(|tag| missing_tag(&refs, tag, planned));
        let updates: Vec<Update> = to_move.into_iter().chain(to_tag).collect();
        if updates.is_empty() {
            return Ok(Publication::Done);
        }
        let assembled = planned_objects(draft, planned)?;
        let Err(declined) = self.push(repo, &updates, &assembled).await? else { return Ok(Publication::Done) };
        // Somebody may have been faster, an earlier push of ours among them.
        match self.refs(repo).await?.get(&branch).cloned() {
            Some(head) if head == *planned => Ok(Publication::Done),
            head if head == draft.parent => Err(declined),
            head => Ok(Publication::Moved { head }),
        }
    }

    /// Puts the draft's commit on a branch of its own.
    pub(super) async fn push_branch(&self, repo: &Repo, draft: &CommitDraft, branch: &str) -> Result<(), Error> {
        let planned = objects::commit_sha(&objects::assemble(draft)?.commit)?;
        let name = format!("refs/heads/{branch}");
        match self.refs(repo).await?.get(&name) {
            Some(head) if *head == planned => return Ok(()),
            Some(_) => {
                let (owner, name) = (repo.owner.clone(), repo.name.to_string());
                return Err(Error::BranchTaken { owner, name, branch: branch.to_owned() });
            }
            None => {}
        }
        let assembled = planned_objects(draft, &planned)?;
        self.push(repo, &[Update { name, from: None, to: planned }], &assembled).await?
    }

    /// Branches and tags as they are. A repository that was just made is waited for.
    pub(super) async fn refs(&self, repo: &Repo) -> Result<Refs, Error> {
        let call = GitCall {
            method: Method::GET,
            operation: "read the branches of",
            repo: full_name(repo),
            clone_url: &repo.clone_url,
            below: "/info/refs?service=git-receive-pack",
            body: None,
        };
        let reply = self.client.settling_git(&call, not_found).await?;
        if reply.status != StatusCode::OK {
            return Err(reply.git_refusal(&call));
        }
        report::refs(&reply.body).map_err(|Malformed| strange(&call))
    }

    /// One push. The inner error says why the other side declined it; nothing has changed then.
    async fn push(&self, repo: &Repo, updates: &[Update], assembled: &Assembled) -> Result<Result<(), Error>, Error> {
        let mut body = Vec::new();
        for (index, Update { name, from, to }) in updates.iter().enumerate() {
            let from = from.as_ref().map_or(report::NONE, CommitSha::as_str);
            let wanted = if index == 0 { format!("\0{CAPABILITIES}") } else { String::new() };
            pkt::put_line(&mut body, &format!("{from} {to} {name}{wanted}"));
        }
        pkt::put_flush(&mut body);
        body.extend(pack::pack(&assembled.objects)?);
        let call = GitCall {
            method: Method::POST,
            operation: "push to",
            repo: full_name(repo),
            clone_url: &repo.clone_url,
            below: "/git-receive-pack",
            body: Some(body.into()),
        };
        let reply = self.client.send_git(&call).await?;
        if reply.status != StatusCode::OK {
            return Err(reply.git_refusal(&call));
        }
        Ok(match report::report(&reply.body).map_err(|Malformed| strange(&call))? {
            Report::Accepted => Ok(()),
            Report::Declined { reason } => Err(declined(&call, reason)),
        })
    }
}

/// The tag, unless it is there. A round that is built again finds the tag of the first time, which
/// stays where it is: the new one has the commit in its name.
fn missing_tag(refs: &Refs, tag: &str, planned: &CommitSha) -> Option<Update> {
    let name = |tag: &str| format!("refs/tags/{tag}");
    let tag = match refs.get(&name(tag)) {
        Some(there) if there != planned => {
            info!(event = "repo.tag_taken", tag, "the tag is of an earlier commit: the new one gets a longer name");
            tag_for(tag, planned)
        }
        _ => tag.to_owned(),
    };
    let update = Update { name: name(&tag), from: None, to: planned.clone() };
    refs.get(&update.name).is_none().then_some(update)
}

fn planned_objects(draft: &CommitDraft, planned: &CommitSha) -> Result<Assembled, Error> {
    let assembled = objects::assemble(draft)?;
    let made = objects::commit_sha(&assembled.commit)?;
    if made == *planned {
        Ok(assembled)
    } else {
        Err(Error::OtherCommit { planned: planned.to_string(), made: made.to_string() })
    }
}

fn strange(call: &GitCall<'_>) -> Error {
    Error::Strange { operation: call.operation, object: call.repo.clone() }
}

/// Whether a declined push can do better, by the words that GitHub uses.
fn declined(call: &GitCall<'_>, reason: String) -> Error {
    let said = reason.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let (verdict, remedy) = if says(&["without `workflow` scope", "workflows permission", "`workflows` permission"]) {
        (Verdict::GiveUp, "the site brings a workflow: give the token Workflows: write as well")
    } else if says(&["secret", "gh009", "push protection"]) {
        (Verdict::GiveUp, "push protection found a secret in the content: remove it from the site and build again")
    } else if says(&["gh013", "gh006", "protected branch", "rule violations", "hook declined"]) {
        (Verdict::GiveUp, "a rule of the repository or its owner forbids it: change the rule")
    } else if says(&["gh001", "large file", "exceeds"]) {
        (Verdict::GiveUp, "a file is larger than GitHub takes (100 MB)")
    } else {
        (Verdict::RetryWithBackoff, "this passes as a rule: see https://www.githubstatus.com")
    };
    Error::Declined { object: call.repo.clone(), reason, remedy, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declined_push_names_what_helps() {
        let url = "https://github.com/o/r.git".parse().unwrap();
        let call = GitCall {
            method: Method::POST,
            operation: "push to",
            repo: "o/r".to_owned(),
            clone_url: &url,
            below: "",
            body: None,
        };
        let check = |reason: &str, verdict: Verdict, words: &str| {
            let error = declined(&call, reason.to_owned());
            assert_eq!(error.verdict(), verdict, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        };
        let workflow = "ng refs/heads/main refusing to allow a Personal Access Token to create or update workflow \
                        `.github/workflows/pages.yml` without `workflow` scope";
        check(workflow, Verdict::GiveUp, "Workflows: write");
        check(
            "ng refs/heads/main push declined due to repository rule violations; error: GH013",
            Verdict::GiveUp,
            "rule",
        );
        check("ng refs/heads/main push declined; error: GH009: Secrets detected!", Verdict::GiveUp, "push protection");
        check("ng refs/heads/main Internal Server Error", Verdict::RetryWithBackoff, "githubstatus");
    }
}
