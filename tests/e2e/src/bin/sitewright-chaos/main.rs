//! The shipped service with decorators around its ports, which strike the process itself at moments that an experiment
//! has planned, or make a mistake that an experiment has planted. Everything else is `sitewright serve`.
//!
//! | variable | what |
//! |---|---|
//! | `CHAOS_PLANS` | folder of the plans (`e2e::chaos::plan`) |
//! | `CHAOS_BUG` | a mistake (`bugs.rs`) |
//! | `CHAOS_LEASE_MS` | another lease than the shipped one |
//! | `CHAOS_FLUSH` | `checkpoints`: commits are answered before they are on the disk |

mod bugs;
mod outside;
mod queue;
mod striker;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use e2e::chaos::plan::Plans;
use server::process;
use server::settings;
use server::wiring::{Flush, Ports, Wiring};

use crate::bugs::Bug;
use crate::outside::{StruckHost, StruckNotifier};
use crate::queue::StruckQueue;
use crate::striker::Striker;

fn main() -> Result<()> {
    let variable = |name: &str| std::env::var(name).ok();
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let settings = settings::read(None, environment).context("read the settings")?;
    let plans = variable("CHAOS_PLANS").map(|folder| Plans::at(Path::new(&folder))).transpose()?;
    let bug = variable("CHAOS_BUG").map(|name| Bug::named(&name)).transpose()?;
    let mut wiring = Wiring { decorate: Box::new(move |ports| decorate(ports, plans, bug)), ..Wiring::default() };
    if let Some(lease) = variable("CHAOS_LEASE_MS") {
        wiring.lease = Duration::from_millis(lease.parse().context("CHAOS_LEASE_MS")?);
    }
    match variable("CHAOS_FLUSH").as_deref() {
        None => {}
        Some("checkpoints") => wiring.flush = Flush::AtCheckpoints,
        Some(other) => bail!("CHAOS_FLUSH is {other:?}"),
    }
    process::serve(settings, wiring)
}

/// The mistake below, the blows above it: what strikes sees what the service sees.
fn decorate(ports: Ports, plans: Option<Plans>, bug: Option<Bug>) -> Ports {
    let ports = match bug {
        Some(bug) => bug.plant(ports),
        None => ports,
    };
    let Some(plans) = plans else { return ports };
    let striker = Arc::new(Striker::new(plans));
    Ports {
        queue: Arc::new(StruckQueue { inner: ports.queue.clone(), striker: striker.clone() }),
        host: Arc::new(StruckHost { inner: ports.host.clone(), striker: striker.clone() }),
        notifier: Arc::new(StruckNotifier { inner: ports.notifier.clone(), striker }),
        ..ports
    }
}
