//! What a call says of itself while it runs, as events of the flow.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ports::{Completion, CompletionRequest, Model, Objection, Progress, Watch};
use shared_types::Payload;
use shared_types::events::{ModelProgressed, SafetyRefused};

use crate::context::Context;

/// Often enough for whoever watches, and seldom enough for the ledger: an answer of two minutes is sixty events.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// The latest news.
#[derive(Default)]
struct Hearing {
    progress: Mutex<Option<Progress>>,
    objection: Mutex<Option<Objection>>,
}

impl Hearing {
    /// What came since this was asked last.
    fn news(&self) -> Option<Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Watch for Hearing {
    fn progressed(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }

    fn refused(&self, objection: Objection) {
        *self.objection.lock().unwrap_or_else(PoisonError::into_inner) = Some(objection);
    }
}

/// Runs one call, and tells how it goes. What cannot be told is not worth the answer.
pub(super) async fn complete(
    ctx: &Context,
    model: &dyn Model,
    request: CompletionRequest,
) -> Result<Completion, ports::Error> {
    let (hearing, alias) = (Hearing::default(), request.alias.clone());
    let mut call = model.complete_watched(request, &hearing);
    let outcome = loop {
        if let Ok(outcome) = tokio::time::timeout(TELL_EVERY, &mut call).await {
            break outcome;
        }
        if let Some(Progress { model, output_tokens }) = hearing.news() {
            let event = ModelProgressed { alias: alias.clone(), model, output_tokens };
            let _ = ctx.tell(Payload::ModelProgressed(event)).await;
        }
    };
    drop(call);
    if let Some(objection) = hearing.objection.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let Objection { rule, place, digest } = objection;
        let event = SafetyRefused { rule, place: place.to_owned(), sha256: digest.to_string() };
        let _ = ctx.tell(Payload::SafetyRefused(event)).await;
    }
    outcome
}
