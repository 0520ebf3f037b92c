//! Decide: which way of making the site is tried first. A fixed choice for now, recorded with its
//! candidates as any later policy will be. Requirement B-54.

use shared_types::Payload;
use shared_types::events::{Candidate, DecisionMade};

use super::{Context, Done};
use crate::journal::{Decided, Outcome, SCAFFOLD};

/// Alias of the model that writes a first site.
const GENERATOR: &str = "app-generator";
/// Alias of the model that changes a site.
const REVISER: &str = "app-reviser";
/// Alias of another model that begins anew where the first one came to nothing.
const FALLBACK: &str = "app-fallback";

/// The alias that makes or changes the site of this round.
pub(super) fn writer(ctx: &Context) -> &'static str {
    if ctx.task.round.is_first() { GENERATOR } else { REVISER }
}

/// The alias that begins anew: the same one when no other is served.
pub(super) fn fallback(ctx: &Context) -> &'static str {
    let served = ctx.ports.model.as_ref().is_some_and(|model| model.serves(FALLBACK));
    if served { FALLBACK } else { writer(ctx) }
}

pub(super) fn run(ctx: &Context) -> Done {
    let alias = writer(ctx);
    let mut candidates = vec![Candidate { name: SCAFFOLD.to_owned(), score: 0.5 }];
    if ctx.ports.model.as_ref().is_some_and(|model| model.serves(alias)) {
        candidates.insert(0, Candidate { name: alias.to_owned(), score: 1.0 });
    }
    let chosen = candidates[0].name.clone();
    let summary = format!("{chosen} of {} candidates", candidates.len());
    let event = DecisionMade { chosen: chosen.clone(), candidates, policy: "fixed".to_owned() };
    Done::new(Outcome::Decide(Decided { chosen }), summary).event(Payload::DecisionMade(event))
}
