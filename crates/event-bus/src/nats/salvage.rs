//! Reads at the broker what a lost ledger can be made of anew.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{ErrorChain, Found, Salvage, Traces};
use prost::Message as _;
use shared_types::{Digest, Envelope, TaskId, Timestamp};
use tokio::sync::OnceCell;

use super::archive::{Kept, is_forgotten};
use super::wire::Work;
use super::{JetArchive, fleet, log, names, reading};
use crate::Error;

/// A batch of large copies takes longer than other answers.
const READING: Duration = Duration::from_secs(120);

/// What a rebuild reads, once and from the beginning on.
#[derive(Debug)]
pub struct JetSalvage {
    archive: JetArchive,
    /// When persons were forgotten, by their part of the subject: a mark comes before what it is about.
    forgotten: Mutex<HashMap<String, Timestamp>>,
    /// Offers that are out.
    offers: OnceCell<HashMap<TaskId, u64>>,
}

impl JetSalvage {
    /// Of what `archive` holds.
    #[must_use]
    pub fn new(archive: JetArchive) -> Self {
        Self { archive, forgotten: Mutex::default(), offers: OnceCell::new() }
    }

    fn forgotten(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.forgotten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next_copies(&self, after: u64, limit: u32) -> Result<Vec<(u64, Found)>, Error> {
        let operation = "read copies";
        let found = self.archive.engine.at_within(READING, operation, async |place| {
            reading::batch(&place.ledger, "", after, limit as usize, operation).await
        });
        let mut copies = Vec::new();
        for (place, message) in found.await? {
            let person = names::person_of(&message.subject).unwrap_or_default();
            match self.archive.read(&message.payload).await {
                Ok(Kept::Copy(copy)) => {
                    let forgotten = self.forgotten();
                    let is_forgotten = is_forgotten(&copy, forgotten.get(person));
                    copies.push((place, if is_forgotten { Found::Forgotten } else { Found::Copy(copy) }));
                }
                Ok(Kept::Forgotten { at }) => {
                    let mut forgotten = self.forgotten();
                    forgotten.insert(person.to_owned(), at);
                    copies.push((place, Found::Mark));
                }
                Ok(Kept::Blob(_)) => copies.push((place, Found::Unreadable("a blob names a blob".to_owned()))),
                Err(error) if error.verdict() == ports::Verdict::GiveUp => {
                    copies.push((place, Found::Unreadable(ErrorChain(&error).to_string())));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(copies)
    }

    async fn next_events(&self, after: u64, limit: u32) -> Result<Vec<(u64, Option<Envelope>)>, Error> {
        let operation = "read events";
        let found = self.archive.engine.at_within(READING, operation, async |place| {
            let stream = super::look_up_stream(&place.context).await?;
            reading::batch(&stream, "", after, limit as usize, operation).await
        });
        let found = found.await?.into_iter();
        Ok(found.map(|(place, message)| (place, Envelope::decode(&message.payload[..]).ok())).collect())
    }

    async fn offers(&self) -> Result<&HashMap<TaskId, u64>, Error> {
        let operation = "read the offers";
        let read = async || {
            self.archive
                .engine
                .at_within(READING, operation, async |place| {
                    let (mut offers, mut after) = (HashMap::new(), 0);
                    loop {
                        let next = place.work.get_first_raw_message_by_subject(">", after + 1).await;
                        let Some(message) = log::found(next).map_err(Error::at(operation))? else { return Ok(offers) };
                        after = message.sequence;
                        if let Ok(Work { task, offer, .. }) = serde_json::from_slice(&message.payload) {
                            offers.insert(task, offer);
                        }
                    }
                })
                .await
        };
        self.offers.get_or_try_init(read).await
    }

    async fn trace(&self, task: TaskId) -> Result<Traces, Error> {
        let out = self.offers().await?.get(&task).copied().unwrap_or(0);
        let lines = log::read(&self.archive.engine, &self.archive.blobs, task).await?;
        Ok(Traces {
            offer: lines.iter().map(|line| line.entry.offer).max().unwrap_or(0).max(out),
            first_report: lines.first().map_or(0, |line| line.seq),
        })
    }

    async fn load(&self, digest: &Digest) -> Result<Option<Bytes>, Error> {
        match self.archive.blobs.load(digest).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::BlobMissing { .. } | Error::BlobAltered { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Salvage for JetSalvage {
    async fn copies(&self, after: u64, limit: u32) -> Result<Vec<(u64, Found)>, ports::Error> {
        Ok(self.next_copies(after, limit).await?)
    }

    async fn events(&self, after: u64, limit: u32) -> Result<Vec<(u64, Option<Envelope>)>, ports::Error> {
        Ok(self.next_events(after, limit).await?)
    }

    async fn traces(&self, task: TaskId) -> Result<Traces, ports::Error> {
        Ok(self.trace(task).await?)
    }

    async fn reports(&self) -> Result<(String, u64), ports::Error> {
        Ok(fleet::reports(&self.archive.engine).await?)
    }

    async fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, ports::Error> {
        Ok(self.load(digest).await?)
    }
}
