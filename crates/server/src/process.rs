//! The process: from its start to its orderly stop.

use std::io::Write as _;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::app::{self, App};
use crate::settings::Settings;
use crate::telemetry;
use crate::wiring::Wiring;

/// A stop that takes longer is cut short: the journal makes up for it at the next start.
const STOP_WITHIN: Duration = Duration::from_secs(28);

/// Serves until SIGTERM or Ctrl-C, then stops in order.
///
/// # Errors
/// A part cannot start, or ended by itself.
#[tokio::main]
pub async fn serve(settings: Settings, wiring: Wiring) -> anyhow::Result<()> {
    telemetry::start_logs(&settings.log.filter, settings.log.format)?;
    let metrics = telemetry::start_metrics()?;
    // A write beyond the limit of a file's size shall fail, as one on a full disk does, and not end the process.
    let _handled = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut app = App::start(settings, wiring, metrics).await?;
    greet(&app);
    let broken = tokio::select! {
        _ = terminate.recv() => { info!(event = "service.stopping", signal = "SIGTERM", "stopping"); None }
        _ = interrupt.recv() => { info!(event = "service.stopping", signal = "SIGINT", "stopping"); None }
        part = app.broken_part() => Some(part),
    };
    tokio::select! {
        stopped = tokio::time::timeout(STOP_WITHIN, app.stop()) => {
            if stopped.is_err() {
                warn!(event = "service.stop_timed_out", "parts did not stop in time; flows go on at the next start");
            }
        }
        _ = interrupt.recv() => {
            warn!(event = "service.stop_forced", "second Ctrl-C: stopping at once; flows go on at the next start");
        }
    }
    // Half a service is worse than none: whoever supervises this process starts it again.
    match broken {
        Some(part) => {
            anyhow::bail!("{part} ended by itself; its reason is in the log, and flows go on at the next start")
        }
        None => Ok(()),
    }
}

/// Where to look, for whoever started it by hand. A closed standard output is no reason to stop.
fn greet(app: &App) {
    let api = app::from_here(app.api_addr);
    let mut lines = format!("sitewright is ready\n  API   http://{api}/\n  docs  http://{api}/docs\n");
    if let Some(pages) = app.pages_addr {
        lines.push_str(&format!("  pages http://{}/\n", app::from_here(pages)));
    }
    if app.api_addr.ip().is_unspecified() {
        lines.push_str("  open to the network on all addresses\n");
    }
    let _ = std::io::stdout().write_all(lines.as_bytes());
}
