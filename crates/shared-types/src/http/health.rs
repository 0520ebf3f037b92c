//! Answers of `/health` and `/v1/healthz`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// The answer of `GET /health`: 200 when `ok`, else 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Whether every needed part is up.
    pub ok: bool,
    /// When this was looked at.
    pub ts: Timestamp,
    /// Version of the program.
    pub version: String,
    /// Database, bus, runner, browser, disk.
    pub parts: Vec<Part>,
}

/// One part of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Part {
    /// Its name.
    #[schema(example = "database")]
    pub name: String,
    /// Up, degraded or down.
    pub state: PartState,
    /// Whether the service is unhealthy without it.
    pub needed: bool,
    /// What is known, and the remedy when it is not up.
    pub detail: String,
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It works.
    Up,
    /// The service goes on without it, with less.
    Degraded,
    /// It does not work.
    Down,
}

/// The answer of `GET /v1/healthz`: the process answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Healthz {
    /// Always true.
    pub ok: bool,
    /// The time at the server.
    pub ts: Timestamp,
}
