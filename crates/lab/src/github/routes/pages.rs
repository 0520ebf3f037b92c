//! The Pages routes. Each question about a build moves it on, see [`crate::github::pages`].

use serde::Deserialize;
use serde_json::{Value, json};

use super::repos::paged;
use super::{At, shape};
use crate::github::answer::{Answer, Call, Outcome, Refusal};
use crate::github::pages::{Build, BuildType, Pages, Source, Status};
use crate::github::state::{Repository, World};

#[derive(Debug, Deserialize)]
struct Settings {
    #[serde(default, deserialize_with = "build_type")]
    build_type: Option<BuildType>,
    source: Option<SourceBody>,
}

#[derive(Debug, Deserialize)]
struct SourceBody {
    branch: String,
    path: Option<String>,
}

fn build_type<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<BuildType>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None => Ok(None),
        Some("legacy") => Ok(Some(BuildType::Legacy)),
        Some("workflow") => Ok(Some(BuildType::Workflow)),
        Some(other) => Err(serde::de::Error::custom(format!("{other} is not one of legacy, workflow."))),
    }
}

pub(super) fn create(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: Settings = c.json()?;
    let repo = at.of_mut(w)?;
    if repo.pages.is_some() {
        return Err(Refusal::new(409, "GitHub Pages is already enabled."));
    }
    let build_type = wanted.build_type.unwrap_or(BuildType::Legacy);
    let source = match (build_type, wanted.source) {
        (_, Some(source)) => sound_source(repo, source)?,
        // A workflow needs no source; its pushes are those to the default branch.
        (BuildType::Workflow, None) => Source { branch: repo.default_branch.clone(), path: "/".to_owned() },
        (BuildType::Legacy, None) => return Err(Refusal::invalid("\"source\" wasn't supplied.")),
    };
    repo.pages = Some(Pages::new(build_type, source));
    if build_type == BuildType::Legacy {
        w.start_build(at.owner, at.name, c.now);
    }
    let repo = at.of(w)?;
    let pages = repo.pages.as_ref().ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(201, shape_pages(w, repo, pages)))
}

pub(super) fn get(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let (w, repo, pages) = polled(w, c, at)?;
    Ok(Answer::json(200, shape_pages(w, repo, pages)))
}

pub(super) fn update(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: Settings = c.json()?;
    let repo = at.of_mut(w)?;
    if repo.pages.is_none() {
        return Err(Refusal::not_found());
    }
    let source = wanted.source.map(|source| sound_source(repo, source)).transpose()?;
    let pages = repo.pages.as_mut().ok_or_else(Refusal::not_found)?;
    let before = (pages.build_type, pages.source.clone());
    pages.build_type = wanted.build_type.unwrap_or(pages.build_type);
    pages.source = source.unwrap_or_else(|| pages.source.clone());
    let is_changed = before != (pages.build_type, pages.source.clone());
    if is_changed && pages.build_type == BuildType::Legacy {
        w.start_build(at.owner, at.name, c.now);
    }
    Ok(Answer::empty(204))
}

pub(super) fn delete(w: &mut World, at: At<'_>) -> Outcome {
    match at.of_mut(w)?.pages.take() {
        Some(_) => Ok(Answer::empty(204)),
        None => Err(Refusal::not_found()),
    }
}

pub(super) fn builds(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let (w, repo, pages) = polled(w, c, at)?;
    let listed: Vec<&Build> = pages.builds.iter().rev().filter(|build| build.listed).collect();
    Ok(paged(w, c, &listed, |build| shape_build(w, repo, build)))
}

pub(super) fn latest_build(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let (w, repo, pages) = polled(w, c, at)?;
    let build = pages.latest_listed().ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, shape_build(w, repo, build)))
}

pub(super) fn build(w: &mut World, c: &Call, at: At<'_>, id: &str) -> Outcome {
    let (w, repo, pages) = polled(w, c, at)?;
    let build = pages.builds.iter().find(|build| build.listed && build.id.to_string() == id);
    Ok(Answer::json(200, shape_build(w, repo, build.ok_or_else(Refusal::not_found)?)))
}

pub(super) fn request_build(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let repo = at.of(w)?;
    let pages = repo.pages.as_ref().ok_or_else(Refusal::not_found)?;
    if pages.build_type == BuildType::Workflow {
        return Err(Refusal::new(403, "Cannot request a build for a site that is deployed by a workflow."));
    }
    let url = format!("{}/pages/builds/latest", shape::repo_url(w, repo));
    w.start_build(at.owner, at.name, c.now);
    Ok(Answer::json(201, json!({ "url": url, "status": "queued" })))
}

/// The site after one more question about it.
fn polled<'w>(w: &'w mut World, c: &Call, at: At<'_>) -> Result<(&'w World, &'w Repository, &'w Pages), Refusal> {
    at.of_mut(w)?.pages.as_mut().ok_or_else(Refusal::not_found)?.poll(c.now);
    let w: &World = w;
    let repo = at.of(w)?;
    Ok((w, repo, repo.pages.as_ref().ok_or_else(Refusal::not_found)?))
}

fn sound_source(repo: &Repository, source: SourceBody) -> Result<Source, Refusal> {
    let path = source.path.unwrap_or_else(|| "/".to_owned());
    if !matches!(path.as_str(), "/" | "/docs") {
        return Err(Refusal::invalid(&format!("{path} is not one of /, /docs.")));
    }
    if repo.branch(&source.branch).is_none() {
        let message = format!("The {} branch must exist before GitHub Pages can be built.", source.branch);
        return Err(Refusal::new(422, message));
    }
    Ok(Source { branch: source.branch, path })
}

fn shape_pages(w: &World, repo: &Repository, pages: &Pages) -> Value {
    // The site knows fewer states than its builds: what waits is `building` here.
    let status = pages.builds.last().map(|build| match build.status {
        Status::Queued | Status::Building => "building",
        Status::Built => "built",
        Status::Errored(_) => "errored",
    });
    let has_404 = pages.live.is_some_and(|commit| repo.files(commit).contains_key("404.html"));
    json!({
        "url": format!("{}/pages", shape::repo_url(w, repo)),
        "status": status,
        "cname": w.domain_of(repo).map(|domain| domain.split(':').next().unwrap_or_default()),
        "custom_404": has_404,
        "html_url": w.site_url(repo),
        "build_type": pages.build_type.as_str(),
        "source": { "branch": pages.source.branch, "path": pages.source.path },
        "public": true,
        "protected_domain_state": null,
        "pending_domain_unverified_at": null,
        "https_enforced": true,
    })
}

fn shape_build(w: &World, repo: &Repository, build: &Build) -> Value {
    let duration_ms = u64::try_from((build.updated_at - build.created_at).whole_milliseconds()).unwrap_or(0);
    json!({
        "url": format!("{}/pages/builds/{}", shape::repo_url(w, repo), build.id),
        "status": build.status.as_str(),
        "error": { "message": build.status.message() },
        "pusher": shape::account(w, &w.user()),
        "commit": build.commit.to_string(),
        "duration": duration_ms,
        "created_at": shape::time(build.created_at),
        "updated_at": shape::time(build.updated_at),
    })
}
