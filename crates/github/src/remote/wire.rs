//! The parts of GitHub's bodies that are read, all lenient about what they do not name.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) name: String,
    pub(super) owner: User,
    pub(super) html_url: Url,
    pub(super) clone_url: Url,
    pub(super) default_branch: String,
    #[serde(default)]
    pub(super) has_pages: bool,
    pub(super) description: Option<String>,
    pub(super) homepage: Option<String>,
    #[serde(default)]
    pub(super) topics: Vec<String>,
}

/// A branch.
#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) object: Id,
}

#[derive(Debug, Deserialize)]
pub(super) struct Id {
    pub(super) sha: String,
}

/// One commit of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) commit: Message,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tree {
    pub(super) tree: Vec<TreeEntry>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TreeEntry {
    pub(super) path: String,
    pub(super) mode: String,
    pub(super) sha: String,
    #[serde(default)]
    pub(super) size: u64,
}

/// Base64 with line breaks.
#[derive(Debug, Deserialize)]
pub(super) struct Blob {
    pub(super) content: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pages {
    pub(super) html_url: Url,
    pub(super) build_type: Option<String>,
}

/// One deployment of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
}

/// One state of a deployment, of a list that begins with the newest.
#[derive(Debug, Deserialize)]
pub(super) struct DeploymentStatus {
    pub(super) state: String,
    #[serde(default)]
    pub(super) description: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Build {
    /// GitHub's description lets it be null.
    #[serde(deserialize_with = "nothing_is_empty")]
    pub(super) status: String,
    pub(super) commit: Option<String>,
    pub(super) error: Option<BuildError>,
}

fn nothing_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Debug, Deserialize)]
pub(super) struct BuildError {
    pub(super) message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PullRequest {
    pub(super) html_url: Url,
}

/// A body of a 4xx or 5xx answer. GitHub's own description lets `errors` hold objects and texts.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) errors: Vec<Value>,
    #[serde(default)]
    pub(super) metadata: Option<Value>,
}
