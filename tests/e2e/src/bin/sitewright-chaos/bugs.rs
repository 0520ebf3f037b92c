//! Mistakes that a service like this could have, planted one at a time: a judge that does not notice them is none.

mod date;
mod early;
mod epoch;
mod restamp;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use server::wiring::Ports;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A write under an old epoch is taken for one that was made.
    SkipEpochCheck,
    /// A request is answered before it is stored.
    AckEarly,
    /// Nothing is journaled before the commit is published.
    PublishBeforeJournal,
    /// Commits are dated when they are made.
    RandomCommitDate,
    /// A notification says when it is sent.
    RestampNotification,
}

impl Bug {
    const NAMES: [(&'static str, Self); 5] = [
        ("skip-epoch-check", Self::SkipEpochCheck),
        ("ack-early", Self::AckEarly),
        ("publish-before-journal", Self::PublishBeforeJournal),
        ("random-commit-date", Self::RandomCommitDate),
        ("restamp-notification", Self::RestampNotification),
    ];

    pub(crate) fn named(name: &str) -> Result<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, bug)| *bug).with_context(|| format!("no mistake is called {name:?}"))
    }

    pub(crate) fn plant(self, ports: Ports) -> Ports {
        match self {
            Self::SkipEpochCheck => {
                let queue = Arc::new(epoch::Heedless { inner: ports.queue.clone() });
                let ledger = Arc::new(early::Ledgers::forgetful(ports.ledger.clone()));
                Ports { queue, ledger, ..ports }
            }
            Self::AckEarly => Ports { ledger: Arc::new(early::Ledgers::hasty(ports.ledger.clone())), ..ports },
            Self::PublishBeforeJournal => {
                Ports { queue: Arc::new(early::WriteBehind::new(ports.queue.clone())), ..ports }
            }
            Self::RandomCommitDate => Ports { host: Arc::new(date::Dated::new(ports.host.clone())), ..ports },
            Self::RestampNotification => {
                Ports { notifier: Arc::new(restamp::Restamped { inner: ports.notifier.clone() }), ..ports }
            }
        }
    }
}
