//! Suites that every adapter of a port passes.
//!
//! A suite takes `make`, which gives a new and empty adapter, and runs each case over one of its
//! own. A case that does not hold panics and says which.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking, as tests do")]

mod blobs;
mod bus;
mod flow_queue;
mod given;
mod ledger;
mod levers;
mod model_runs;
mod rate_buckets;

pub use blobs::blobs;
pub use bus::bus;
pub use flow_queue::{flow_queue, shared_flow_queue};
pub use given::{event, request, step};
pub use ledger::ledger;
pub use levers::levers;
pub use model_runs::model_runs;
pub use rate_buckets::rate_buckets;

/// Runs cases over adapters of their own, and names the one that runs: a failing test shows it.
macro_rules! run_cases {
    ($make:ident: $($case:ident),+ $(,)?) => {
        $(
            eprintln!("case {}", stringify!($case));
            $case($make().await).await;
        )+
    };
}
use run_cases;
