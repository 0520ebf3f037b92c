//! How long callers wait for storage, as the metric `sitewright_storage_seconds{operation}`.

use std::time::Instant;

use metrics::histogram;

/// `work`, with the caller's wait recorded under `operation`.
pub(crate) async fn timed<T>(operation: &'static str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let outcome = work.await;
    histogram!("sitewright_storage_seconds", "operation" => operation).record(began.elapsed().as_secs_f64());
    outcome
}
