//! Logs and metrics of the process.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::LogFormat;

/// Upper bounds, in seconds, of the buckets of every histogram: from a step of a millisecond to a
/// model that takes minutes.
const BUCKETS: [f64; 12] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

/// Libraries that log what we log already, or what nobody asks for. The operator's filter comes after this
/// and may ask for them.
const TAMED: &str = "octocrab=off,chromiumoxide=off,actix_server=warn";

/// The process could not set up its logs or metrics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter of the setting `LOG`.
    #[error("read LOG as a filter such as `info` or `info,storage=debug`")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Something else logs already.
    #[error("start logging")]
    Logs(#[source] tracing_subscriber::util::TryInitError),
    /// Something else records metrics already.
    #[error("start recording metrics")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
}

/// Logs to standard error: one JSON object a line, or readable lines on a terminal.
///
/// # Errors
/// The filter cannot be read, or logging was started before.
pub fn start_logs(filter: &str, format: LogFormat) -> Result<(), Error> {
    let filter = EnvFilter::try_new(format!("{TAMED},{filter}")).map_err(Error::Filter)?;
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(layer.json().flatten_event(true).with_span_list(false)).try_init().map_err(Error::Logs)
    } else {
        registry.with(layer.with_target(false)).try_init().map_err(Error::Logs)
    }
}

/// Records metrics of the whole process; the handle renders them.
///
/// # Errors
/// Metrics are recorded elsewhere already.
pub fn start_metrics() -> Result<PrometheusHandle, Error> {
    PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(Error::Metrics)?.install_recorder().map_err(Error::Metrics)
}
