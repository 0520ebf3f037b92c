//! Deployments: of the environment `github-pages` alone, one for each build of a site.

use serde_json::{Value, json};

use super::repos::paged;
use super::{At, shape};
use crate::github::answer::{Call, Outcome, Refusal};
use crate::github::pages::{Build, Status};
use crate::github::state::{Repository, World};

const ENVIRONMENT: &str = "github-pages";

/// Newest first; each question moves a build on, as those about builds do.
pub(super) fn list(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    poll(w, c, at)?;
    let repo = at.of(w)?;
    let (sha, environment) = (c.param("sha"), c.param("environment"));
    let wanted = |build: &&Build| {
        sha.as_deref().is_none_or(|sha| sha == build.commit.to_string())
            && environment.as_deref().is_none_or(|name| name == ENVIRONMENT)
    };
    let builds = repo.pages.iter().flat_map(|pages| pages.builds.iter().rev());
    let found: Vec<&Build> = builds.filter(wanted).collect();
    Ok(paged(w, c, &found, |build| shape_deployment(w, repo, build)))
}

/// The newest state alone: what came before it is not kept.
pub(super) fn statuses(w: &mut World, c: &Call, at: At<'_>, id: &str) -> Outcome {
    poll(w, c, at)?;
    let repo = at.of(w)?;
    let mut builds = repo.pages.iter().flat_map(|pages| pages.builds.iter());
    let build = builds.find(|build| build.id.to_string() == id).ok_or_else(Refusal::not_found)?;
    Ok(paged(w, c, &[build], |build| shape_status(w, repo, build)))
}

fn poll(w: &mut World, c: &Call, at: At<'_>) -> Result<(), Refusal> {
    if let Some(pages) = at.of_mut(w)?.pages.as_mut() {
        pages.poll(c.now);
    }
    Ok(())
}

fn shape_deployment(w: &World, repo: &Repository, build: &Build) -> Value {
    let url = format!("{}/deployments/{}", shape::repo_url(w, repo), build.id);
    json!({
        "url": url,
        "id": build.id,
        "node_id": shape::node_id("DE", build.id),
        "sha": build.commit.to_string(),
        "ref": repo.default_branch,
        "task": "deploy",
        "payload": {},
        "original_environment": ENVIRONMENT,
        "environment": ENVIRONMENT,
        "description": null,
        "creator": shape::account(w, &w.user()),
        "created_at": shape::time(build.created_at),
        "updated_at": shape::time(build.updated_at),
        "statuses_url": format!("{url}/statuses"),
        "repository_url": shape::repo_url(w, repo),
    })
}

fn shape_status(w: &World, repo: &Repository, build: &Build) -> Value {
    let url = format!("{}/deployments/{}", shape::repo_url(w, repo), build.id);
    let state = match build.status {
        Status::Queued => "queued",
        Status::Building => "in_progress",
        Status::Built => "success",
        Status::Errored(_) => "failure",
    };
    json!({
        "url": format!("{url}/statuses/{}", build.id),
        "id": build.id,
        "node_id": shape::node_id("DES", build.id),
        "state": state,
        "creator": shape::account(w, &w.user()),
        "description": build.status.message().unwrap_or_default(),
        "environment": ENVIRONMENT,
        "target_url": "",
        "created_at": shape::time(build.created_at),
        "updated_at": shape::time(build.updated_at),
        "deployment_url": url,
        "repository_url": shape::repo_url(w, repo),
    })
}
