//! Copies of the ledger's tasks at the broker: the latest of each, and the blobs that they name.
//!
//! A copy lies under a hash of its person and the task's id. A person that was forgotten leaves a mark there: a copy that
//! comes behind it, of a task that was accepted before it, counts for nothing.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::try_join_all;
use ports::{Archive, Forgetful, Known, Removed, TaskCopy};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use shared_types::{Digest, Email, Envelope, TaskId, TaskName, Timestamp};

use super::blobs::mark;
use super::engine::Place;
use super::log::encode;
use super::wire::INLINE;
use super::{Engine, SharedBlobs, names, reading};
use crate::Error;

/// Looking through all events of a class, or all blobs, takes longer than other answers.
const LOOKING: Duration = Duration::from_secs(60);

/// Messages read in one go.
const BATCH: usize = 1024;

/// What lies at a subject of the ledger. JSON to which fields are only added.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    Copy(Box<TaskCopy>),
    /// A copy that is too large for a message.
    Blob(Digest),
    /// The person was forgotten.
    Forgotten {
        at: Timestamp,
    },
}

/// Copies at the broker.
pub struct JetArchive {
    pub(super) engine: Arc<Engine>,
    pub(super) blobs: Arc<SharedBlobs>,
}

impl JetArchive {
    /// Over `engine`, with its `blobs`.
    #[must_use]
    pub fn new(engine: Arc<Engine>, blobs: Arc<SharedBlobs>) -> Self {
        Self { engine, blobs }
    }

    /// The message of a copy, with its subject.
    async fn message(&self, copy: TaskCopy) -> Result<(String, Bytes), Error> {
        let (id, subject) = (copy.record.id, names::ledger_subject(&copy.record.email, copy.record.id));
        let operation = format!("copy task {id}");
        let mut bytes = encode(&operation, &Kept::Copy(Box::new(copy)))?;
        if bytes.len() > INLINE {
            let blob = self.blobs.store_for(id, bytes.into()).await?;
            bytes = encode(&operation, &Kept::Blob(blob))?;
        }
        Ok((subject, bytes.into()))
    }

    async fn store(&self, copies: Vec<TaskCopy>) -> Result<(), Error> {
        let operation = "copy tasks";
        let mut messages = Vec::new();
        for copy in copies {
            messages.push(self.message(copy).await?);
        }
        self.engine
            .at(operation, async |place| {
                // All are on their way before the first is waited for.
                let mut sent = Vec::new();
                for (subject, bytes) in messages {
                    sent.push(publish(&place.context, subject, bytes).await.map_err(Error::at(operation))?);
                }
                try_join_all(sent.into_iter().map(IntoFuture::into_future))
                    .await
                    .map(drop)
                    .map_err(Error::at(operation))
            })
            .await
    }

    /// What a message holds; blobs of the broker are read.
    pub(super) async fn read(&self, message: &[u8]) -> Result<Kept, Error> {
        let operation = "read a copy";
        match serde_json::from_slice(message).map_err(Error::unreadable(operation))? {
            Kept::Blob(blob) => {
                serde_json::from_slice(&self.blobs.load(&blob).await?).map_err(Error::unreadable(operation))
            }
            kept => Ok(kept),
        }
    }

    async fn look_up(&self, email: &Email) -> Result<Known, Error> {
        let operation = "look for copies of a person's tasks";
        let (mut known, mut blobs, mut after) = (Known::default(), HashSet::new(), 0);
        loop {
            let found = self.engine.at_within(LOOKING, operation, async |place| {
                reading::batch(&place.ledger, &names::ledger_filter(email), after, BATCH, operation).await
            });
            let found = found.await?;
            let Some((last, _)) = found.last() else { break };
            after = *last;
            for (_, message) in &found {
                match self.read(&message.payload).await {
                    Ok(Kept::Copy(copy)) => {
                        known.tasks.push((copy.record.id, copy.record.task.clone()));
                        blobs.extend(copy.blobs);
                    }
                    Ok(_) => {}
                    Err(error) if error.verdict() == ports::Verdict::GiveUp => {}
                    Err(error) => return Err(error),
                }
            }
        }
        known.blobs = blobs.into_iter().collect();
        Ok(known)
    }

    async fn remove(&self, whom: &Forgetful, blobs: Vec<Digest>) -> Result<Removed, Error> {
        let operation = "forget a person";
        let mut removed = Removed::default();
        let marked = encode(operation, &Kept::Forgotten { at: whom.at })?;
        let marked = self.engine.at(operation, async |place| {
            let subject = names::forgotten_subject(&whom.email);
            let sent = publish(&place.context, subject, marked.into()).await.map_err(Error::at(operation))?;
            Ok(sent.await.map_err(Error::at(operation))?.sequence)
        });
        let marked = marked.await?;
        for (task, _) in &whom.tasks {
            removed.messages += self.purge(|place| &place.flows, &names::flow_subject(*task), None).await?;
        }
        let ids: HashSet<_> = whom.tasks.iter().map(|(id, _)| *id).collect();
        let names: HashSet<_> = whom.tasks.iter().map(|(_, name)| name).collect();
        for name in names {
            removed.messages += self.remove_events(name, &ids).await?;
        }
        for blob in blobs.into_iter().chain(self.marked_blobs(&ids).await?) {
            removed.blobs += u64::from(self.blobs.remove(&blob).await?);
        }
        // Last, since what is left to do is read from there; the mark stays.
        let copies = names::ledger_filter(&whom.email);
        removed.messages += self.purge(|place| &place.ledger, &copies, Some(marked)).await?;
        Ok(removed)
    }

    /// Removes a stream's messages on the subjects of `filter`, those in places before `before` or all.
    async fn purge(&self, stream: impl Fn(&Place) -> &Stream, filter: &str, before: Option<u64>) -> Result<u64, Error> {
        let operation = "remove messages";
        let purged = self.engine.at_within(LOOKING, operation, async |place| {
            let purge = stream(place).purge().filter(filter);
            let purged = match before {
                Some(before) => purge.sequence(before).await,
                None => purge.await,
            };
            Ok(purged.map_err(Error::at(operation))?.purged)
        });
        purged.await
    }

    /// Removes the events of `tasks`, all of which have this name.
    async fn remove_events(&self, name: &TaskName, tasks: &HashSet<TaskId>) -> Result<u64, Error> {
        let operation = "remove events";
        let (mut removed, mut after) = (0, 0);
        loop {
            let found = self.engine.at_within(LOOKING, operation, async |place| {
                let stream = super::look_up_stream(&place.context).await?;
                let found =
                    reading::batch(&stream, &super::subjects_of(name.as_str()), after, BATCH, operation).await?;
                for (place, message) in &found {
                    let event = Envelope::decode(&message.payload[..]).ok();
                    if event.and_then(|event| event.task_id()).is_some_and(|id| tasks.contains(&id)) {
                        stream.delete_message(*place).await.map_err(Error::at(operation))?;
                        removed += 1;
                    }
                }
                Ok(found.last().map(|(place, _)| *place))
            });
            match found.await? {
                Some(last) => after = last,
                None => return Ok(removed),
            }
        }
    }

    /// Blobs that are of these tasks alone.
    async fn marked_blobs(&self, tasks: &HashSet<TaskId>) -> Result<Vec<Digest>, Error> {
        let operation = "look through the blobs";
        let marks: HashSet<_> = tasks.iter().map(|task| mark(*task)).collect();
        let found = self.engine.at_within(LOOKING, operation, async |place| {
            let mut all = Box::pin(place.blobs.list()).await.map_err(Error::at(operation))?;
            let mut found = Vec::new();
            while let Some(object) = all.next().await.transpose().map_err(Error::at(operation))? {
                if object.description.is_some_and(|description| marks.contains(&description)) {
                    found.extend(object.name.parse::<Digest>());
                }
            }
            Ok(found)
        });
        found.await
    }
}

impl fmt::Debug for JetArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetArchive").field("engine", &self.engine).finish_non_exhaustive()
    }
}

#[async_trait]
impl Archive for JetArchive {
    async fn holds(&self, blob: &Digest) -> Result<bool, ports::Error> {
        Ok(self.blobs.is_there(blob, None).await?)
    }

    async fn put(&self, blob: Bytes) -> Result<(), ports::Error> {
        Ok(self.blobs.store(blob).await.map(drop)?)
    }

    async fn keep(&self, copies: Vec<TaskCopy>) -> Result<(), ports::Error> {
        Ok(self.store(copies).await?)
    }

    async fn known_of(&self, email: &Email) -> Result<Known, ports::Error> {
        Ok(self.look_up(email).await?)
    }

    async fn forget(&self, whom: Forgetful, blobs: Vec<Digest>) -> Result<Removed, ports::Error> {
        Ok(self.remove(&whom, blobs).await?)
    }
}

type Sent = async_nats::jetstream::context::PublishAckFuture;

async fn publish(
    context: &Context,
    subject: String,
    bytes: Bytes,
) -> Result<Sent, async_nats::jetstream::context::PublishError> {
    Box::pin(context.send_publish(subject, PublishMessage::build().expected_stream(names::LEDGER).payload(bytes))).await
}

/// Whether a copy counts for nothing beside what is known of its person: when that one was forgotten.
pub(super) fn is_forgotten(copy: &TaskCopy, at: Option<&Timestamp>) -> bool {
    at.is_some_and(|at| copy.record.accepted_at <= *at)
}
