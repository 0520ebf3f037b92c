//! Forgetting a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Email, Timestamp};

/// The body of `POST /v1/forget`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ForgetRequest {
    /// The person's address; capitals make no other person.
    #[schema(
        value_type = String,
        example = "student@example.com",
        max_length = 254,
        pattern = r"^[^@\s\u0000-\u001f\u007f-\u009f]+@[^@\s\u0000-\u001f\u007f-\u009f]+$"
    )]
    pub email: Email,
    /// Deletes the repositories that were made for this person, with their pages.
    #[serde(default)]
    pub repos: bool,
}

/// A repository that was to be deleted and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Undeleted {
    /// Its name.
    pub repository: String,
    /// Why, and what to do.
    pub reason: String,
}

/// The receipt of `POST /v1/forget`, which is kept in the data folder. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forgotten {
    /// When.
    pub at: Timestamp,
    /// Tasks that were removed.
    pub tasks: u64,
    /// Rows that were removed, or stripped of whom they are about, by table.
    pub rows: BTreeMap<String, u64>,
    /// Files that were removed, since nothing of anybody else names them.
    pub blobs: u64,
    /// Files that may go and were in use a moment ago: ask again to have them removed.
    pub blobs_left: u64,
    /// Messages and files at NATS that were removed.
    #[serde(default)]
    pub at_broker: u64,
    /// Kept answers of models that were removed.
    pub cached_answers: u64,
    /// Repositories at the code host, which stay until somebody deletes them there. Told once, and not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// How many repositories were deleted.
    #[serde(default)]
    pub deleted: u64,
    /// Their names. Told once, and not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted_repositories: Vec<String>,
    /// Why repositories that were to be deleted stay. Told once, and not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeleted: Vec<Undeleted>,
    /// What this did not reach.
    pub not_covered: Vec<String>,
}
