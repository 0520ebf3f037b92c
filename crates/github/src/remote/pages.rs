//! GitHub Pages: switching them on and asking after a build.

use http::{Method, StatusCode};
use ports::{PagesState, Repo};
use serde_json::json;
use shared_types::CommitSha;
use url::Url;

use super::client::not_found;
use super::{RemoteHost, full_name, repo_call, wire};
use crate::Error;

impl RemoteHost {
    pub(super) async fn switch_pages_on(&self, repo: &Repo) -> Result<Url, Error> {
        let full = full_name(repo);
        let call = repo_call(Method::POST, "switch pages on for", &full, "/pages").with(json!({
            "build_type": "legacy", "source": { "branch": repo.default_branch, "path": "/" },
        }));
        let reply = self.client.settling(&call, not_found).await?;
        // 409: they are on already, from an earlier round or an attempt whose answer was lost.
        if reply.status == StatusCode::CONFLICT {
            return self.pages_url(&full).await?.ok_or_else(|| reply.refusal(&call));
        }
        Ok(with_slash(reply.read::<wire::Pages>(&call)?.html_url))
    }

    /// Where the pages of `full` (`owner/name`) are, when they are on.
    pub(super) async fn pages_url(&self, full: &str) -> Result<Option<Url>, Error> {
        let call = repo_call(Method::GET, "read the pages of", full, "/pages");
        let reply = self.client.send(&call).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(with_slash(reply.read::<wire::Pages>(&call)?.html_url)))
    }

    pub(super) async fn pages_state(&self, repo: &Repo, commit: &CommitSha) -> Result<PagesState, Error> {
        let call = repo_call(Method::GET, "read the pages build of", &full_name(repo), "/pages/builds/latest");
        let reply = self.client.send(&call).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(PagesState::Building);
        }
        Ok(state_of(reply.read(&call)?, commit))
    }
}

/// The latest build may be of the round before: then ours has not begun.
fn state_of(build: wire::Build, commit: &CommitSha) -> PagesState {
    if build.commit.as_deref() != Some(commit.as_str()) {
        return PagesState::Building;
    }
    match build.status.as_str() {
        "built" => PagesState::Built,
        "errored" => PagesState::Failed {
            reason: build.error.and_then(|error| error.message).unwrap_or_else(|| "no reason".to_owned()),
        },
        _ => PagesState::Building,
    }
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
    fn only_a_build_of_our_commit_counts() {
        let ours = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        let failed = PagesState::Failed { reason: "Page build failed.".to_owned() };
        for (body, expected) in [
            (format!(r#"{{"status":"built","commit":"{ours}","error":{{"message":null}}}}"#), PagesState::Built),
            (format!(r#"{{"status":"building","commit":"{ours}","error":null}}"#), PagesState::Building),
            (format!(r#"{{"status":"errored","commit":"{ours}","error":{{"message":"Page build failed."}}}}"#), failed),
            (
                r#"{"status":"built","commit":"0000000000000000000000000000000000000000"}"#.to_owned(),
                PagesState::Building,
            ),
            (r#"{"status":"errored","commit":null}"#.to_owned(), PagesState::Building),
        ] {
            let build = serde_json::from_str(&body).unwrap();
            assert_eq!(state_of(build, &ours.parse().unwrap()), expected, "{body}");
        }
    }
}
