//! What a model says of a site where no program can decide.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::SitePath;

/// A model's opinion on one item: a check in plain English, or what every README and page should be.
/// It is never counted as verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Judgement {
    /// What was asked.
    pub item: String,
    /// What the model holds of it.
    pub opinion: Opinion,
    /// The file that the opinion rests on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<SitePath>,
    /// Copied from that file; absent where something is missing. At most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quote: Option<String>,
    /// One sentence.
    pub reason: String,
}

/// A model's verdict on one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// The files show that it holds.
    Pass,
    /// The files show that it does not hold.
    Fail,
    /// The files do not decide it, or what was quoted is not in them.
    Unclear,
}
