//! GitHub Pages: switching them on and asking after a build.

use http::{Method, StatusCode};
use ports::{PagesBuild, PagesState, Repo};
use serde_json::{Value, json};
use shared_types::CommitSha;
use url::Url;

use super::client::Reply;
use super::repos::usual_pages_url;
use super::{RemoteHost, full_name, refusal, repo_call, wire};
use crate::Error;

/// The environment that pages are deployed to.
const ENVIRONMENT: &str = "github-pages";

impl RemoteHost {
    /// Makes sure that pages are on and built as `build` says.
    pub(super) async fn switch_pages_on(&self, repo: &Repo, build: PagesBuild) -> Result<Url, Error> {
        let full = full_name(repo);
        let pages = match self.pages(&full).await? {
            Some(pages) => pages,
            None => self.create_pages(&full, repo, build).await?,
        };
        if pages.build_type.as_deref().is_some_and(|known| known != name_of(build)) {
            self.change_pages(&full, repo, build).await?;
        }
        let url = with_slash(pages.html_url);
        // A domain of the owner's, or another host: known only now.
        if url != usual_pages_url(&repo.owner, &repo.name)? {
            self.set_homepage(&full, &url).await?;
        }
        Ok(url)
    }

    async fn create_pages(&self, full: &str, repo: &Repo, build: PagesBuild) -> Result<wire::Pages, Error> {
        let call = repo_call(Method::POST, "switch pages on for", full, "/pages").with(settings(repo, build));
        let reply = self.client.settling(&call, without_branch).await?;
        // 409: they are on since we looked, from an attempt whose answer was lost.
        if reply.status == StatusCode::CONFLICT {
            return self.pages(full).await?.ok_or_else(|| reply.refusal(&call));
        }
        reply.read(&call)
    }

    async fn change_pages(&self, full: &str, repo: &Repo, build: PagesBuild) -> Result<(), Error> {
        let call = repo_call(Method::PUT, "change the pages of", full, "/pages").with(settings(repo, build));
        let reply = self.client.send(&call).await?;
        if reply.status.is_success() { Ok(()) } else { Err(reply.refusal(&call)) }
    }

    async fn pages(&self, full: &str) -> Result<Option<wire::Pages>, Error> {
        let call = repo_call(Method::GET, "read the pages of", full, "/pages");
        let reply = self.client.send(&call).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        reply.read(&call).map(Some)
    }

    /// Where the pages of `full` (`owner/name`) are, when they are on.
    pub(super) async fn pages_url(&self, full: &str) -> Result<Option<Url>, Error> {
        Ok(self.pages(full).await?.map(|pages| with_slash(pages.html_url)))
    }

    /// By the list of builds; what a workflow deploys is no build and is known by its deployment.
    pub(super) async fn pages_state(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, Error> {
        let call = repo_call(Method::GET, "read the pages build of", &full_name(repo), "/pages/builds/latest");
        let reply = self.client.send(&call).await?;
        if reply.status != StatusCode::NOT_FOUND {
            let build: wire::Build = reply.read(&call)?;
            if build.commit.as_deref() == Some(commit.as_str()) {
                return Ok(state_of(build));
            }
        }
        self.deployed(repo, commit).await
    }

    async fn deployed(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, Error> {
        let full = full_name(repo);
        let below = format!("/deployments?sha={commit}&environment={ENVIRONMENT}&per_page=1");
        let list = repo_call(Method::GET, "list the deployments of", &full, &below);
        let found: Vec<wire::Deployment> = self.client.get(list).await?;
        let Some(deployment) = found.first() else { return Ok(PagesState::Building) };
        let below = format!("/deployments/{}/statuses?per_page=1", deployment.id);
        let call = repo_call(Method::GET, "read a deployment of", &full, &below);
        let statuses: Vec<wire::DeploymentStatus> = self.client.get(call).await?;
        Ok(statuses.into_iter().next().map_or(PagesState::Building, state_of_deployment))
    }

    /// Asks for one more build of what is on the branch.
    pub(super) async fn request_build(&self, repo: &Repo) -> Result<(), Error> {
        let call = repo_call(Method::POST, "request a pages build of", &full_name(repo), "/pages/builds");
        let reply = self.client.send(&call).await?;
        if reply.status.is_success() { Ok(()) } else { Err(reply.refusal(&call)) }
    }
}

fn settings(repo: &Repo, build: PagesBuild) -> Value {
    let mut settings = json!({ "build_type": name_of(build) });
    if build == PagesBuild::Branch {
        settings["source"] = json!({ "branch": repo.default_branch, "path": "/" });
    }
    settings
}

fn name_of(build: PagesBuild) -> &'static str {
    match build {
        PagesBuild::Branch => "legacy",
        PagesBuild::Workflow => "workflow",
    }
}

/// A repository or branch that was just pushed may not be everywhere yet.
fn without_branch(reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND
        || reply.status == StatusCode::UNPROCESSABLE_ENTITY && refusal::is_about(&reply.body, "branch", "must exist")
}

fn state_of(build: wire::Build) -> PagesState {
    match build.status.as_str() {
        "built" => PagesState::Built,
        "errored" => failed(build.error.and_then(|error| error.message).unwrap_or_default()),
        _ => PagesState::Building,
    }
}

fn state_of_deployment(status: wire::DeploymentStatus) -> PagesState {
    match status.state.as_str() {
        // Inactive: a later deployment has replaced it.
        "success" | "inactive" => PagesState::Built,
        "error" | "failure" => failed(status.description),
        _ => PagesState::Building,
    }
}

/// GitHub has no word of its own for what was cancelled, only its message.
fn failed(message: String) -> PagesState {
    let said = message.to_ascii_lowercase();
    if ["cancel", "superseded"].iter().any(|word| said.contains(word)) {
        return PagesState::Cancelled;
    }
    PagesState::Failed { reason: if message.is_empty() { "no reason".to_owned() } else { message } }
}

fn with_slash(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_read_by_status_and_message() {
        let failed = |reason: &str| PagesState::Failed { reason: reason.to_owned() };
        for (body, expected) in [
            (r#"{"status":"built","commit":"x","error":{"message":null}}"#, PagesState::Built),
            (r#"{"status":"building","commit":"x","error":null}"#, PagesState::Building),
            (r#"{"status":null,"commit":"x"}"#, PagesState::Building),
            (
                r#"{"status":"errored","commit":"x","error":{"message":"Page build failed."}}"#,
                failed("Page build failed."),
            ),
            (
                r#"{"status":"errored","commit":"x","error":{"message":"Canceled by a newer run"}}"#,
                PagesState::Cancelled,
            ),
            (r#"{"status":"errored","commit":"x"}"#, failed("no reason")),
        ] {
            assert_eq!(state_of(serde_json::from_str(body).unwrap()), expected, "{body}");
        }
    }

    #[test]
    fn a_deployment_is_read_by_its_newest_state() {
        for (state, expected) in [
            ("in_progress", PagesState::Building),
            ("success", PagesState::Built),
            ("failure", PagesState::Failed { reason: "no reason".to_owned() }),
        ] {
            let status = wire::DeploymentStatus { state: state.to_owned(), description: String::new() };
            assert_eq!(state_of_deployment(status), expected, "{state}");
        }
    }
}
