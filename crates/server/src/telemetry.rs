//! Logs and metrics of the process. What a line of the log holds is written in `docs/logging.md`.

mod fields;
mod lines;
mod text;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::LogFormat;

pub use fields::Form;
pub use lines::Lines;

/// Upper bounds, in seconds, of the buckets of every histogram: from a step of a millisecond to a
/// model that takes minutes.
const BUCKETS: [f64; 12] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

/// Libraries that log what we log already, or what nobody asks for. The operator's filter comes after this
/// and may ask for them.
const TAMED: &str = "octocrab=off,genai=off,chromiumoxide=off,actix_server=warn";

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

/// Logs to standard error, one event a line. From then on a panic is a line as well.
///
/// # Errors
/// The filter cannot be read, or logging was started before.
pub fn start_logs(filter: &str, format: LogFormat) -> Result<(), Error> {
    let filter = EnvFilter::try_new(format!("{TAMED},{filter}")).map_err(Error::Filter)?;
    let lines = Lines::new(form(format), std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(Error::Logs)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn form(format: LogFormat) -> Form {
    let is_terminal = std::io::stderr().is_terminal();
    // https://no-color.org
    let is_colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match format {
        LogFormat::Json => Form::Json,
        LogFormat::Auto if !is_terminal => Form::Json,
        LogFormat::Auto | LogFormat::Text if is_terminal && !is_colourless => Form::Colour,
        LogFormat::Auto | LogFormat::Text => Form::Text,
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    error!(
        event = "process.panicked",
        location = panic.location().map(display),
        thread = std::thread::current().name(),
        reason = panic.payload_as_str().unwrap_or("a value that is no text"),
        backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| display(&backtrace)),
        "a thread panicked"
    );
}

/// Records metrics of the whole process; the handle renders them.
///
/// # Errors
/// Metrics are recorded elsewhere already.
pub fn start_metrics() -> Result<PrometheusHandle, Error> {
    PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(Error::Metrics)?.install_recorder().map_err(Error::Metrics)
}
