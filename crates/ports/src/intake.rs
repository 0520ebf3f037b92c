//! The front door: one request in, a receipt or a refusal out.

use std::net::IpAddr;

use async_trait::async_trait;
use shared_types::http::{FieldError, Receipt};
use shared_types::{TaskId, TraceId};

use crate::{Error, Objection, OverLimit};

/// Which URL a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /build`: round 1 only.
    Build,
    /// `POST /revise`: rounds >= 2 only.
    Revise,
    /// `POST /tasks`: any round.
    Tasks,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Which URL it came to.
    pub route: Route,
    /// The body, parsed and not yet judged. It holds the secret in clear.
    pub body: serde_json::Value,
    /// The request's own trace.
    pub trace_id: TraceId,
    /// Who sent it: the peer, or whom a trusted proxy names.
    pub client: IpAddr,
}

/// Why a request was not accepted. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Fields failed; all of them are named.
    #[error("the request is not valid: {} fields failed", .0.len())]
    Invalid(Vec<FieldError>),
    /// The secret is not the one registered for the address.
    #[error("the secret is not right")]
    Unauthorized,
    /// Something happened too often.
    #[error("over the limit")]
    OverLimit(#[source] OverLimit),
    /// Too many bytes: which field, and the limit.
    #[error("the request is too large")]
    TooLarge(Vec<FieldError>),
    /// A rule of safety refuses the brief.
    #[error("the brief is refused by the rule {}", .0.rule)]
    Unsafe(Objection),
    /// The identity is taken by another body.
    #[error("task, round and nonce were used before with another body")]
    Conflict {
        /// The request that was accepted then.
        id: TaskId,
    },
    /// The ledger or the blob store failed.
    #[error("the request could not be stored")]
    Unavailable(#[source] Error),
}

/// What `api` calls.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Validates, authenticates and stores one request. Returns after the durable commit. A repeat
    /// gets the receipt it got before, and once its task has ended the evaluator is told again.
    async fn accept(&self, submission: Submission) -> Result<Receipt, Refusal>;
}
