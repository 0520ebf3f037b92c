//! The fleet as the host with the ledger sees it: offers out, reports in, dead letters away.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::PublishMessage;
use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use ports::{Closing, DeadLetter, Did, ErrorChain, Fleet, Offer, Offered, Recall, RepoName, Report};
use serde::Deserialize;
use shared_types::{Envelope, Epoch, TaskId};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::engine::Place;
use super::log::{self, Added, encode};
use super::queue::Story;
use super::wire::{Entry, Work};
use super::{Engine, SharedBlobs, names};
use crate::Error;

/// Dead letters looked at in one go.
const MAX_LETTERS: usize = 16;

/// A line that others are always faster than is given up for now.
const MAX_TRIES: usize = 5;

/// Runners on other hosts, over the broker.
pub struct JetFleet {
    engine: Arc<Engine>,
    blobs: SharedBlobs,
    reader: Mutex<Option<Reader>>,
}

/// Reads reports on and on.
struct Reader {
    /// The last report that was read.
    at: u64,
    /// The stream's name with the time of its making: the places of another one are not those of this one.
    stream: String,
    messages: pull::Ordered,
}

/// What the broker says of a message that was delivered too often; more than this is of no interest.
#[derive(Deserialize)]
struct Advisory {
    /// Of the offer.
    stream_seq: u64,
}

/// What became of an offer that was put at its repository's subject.
enum Put {
    There,
    /// By this one and in this place, when it can be read and is still there.
    Taken(Option<(u64, Work)>),
}

impl JetFleet {
    /// Over `engine`.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { blobs: SharedBlobs::new(Arc::clone(&engine)), engine, reader: Mutex::new(None) }
    }

    /// The place of the last report that the broker has; 0 when it has none.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn last_report(&self) -> Result<u64, Error> {
        Ok(reports(&self.engine).await?.1)
    }

    async fn send(&self, offer: &Offer) -> Result<Offered, Error> {
        let operation = format!("offer flow {}", offer.task);
        let dossier = self.blobs.store_for(offer.task, encode(&operation, &offer.dossier)?.into()).await?;
        let since = offer.dossier.task.attempt.epoch.0;
        let work = Work { task: offer.task, offer: offer.number, dossier, since };
        let subject = names::work_subject(offer.repo.as_str());
        let (seq, there) = match self.put(&subject, &work, &operation).await? {
            Put::There => return Ok(Offered::Out),
            Put::Taken(Some(by)) => by,
            Put::Taken(None) => return Ok(Offered::InTheWay),
        };
        if (there.task, there.offer) == (work.task, work.offer) {
            return Ok(Offered::OutAlready);
        }
        if !self.is_over(&there).await? {
            return Ok(Offered::InTheWay);
        }
        // Its runner is done with it. A broker that was killed may have kept it without the answer that it got, and then
        // it is nobody's: no runner would get it again, and nothing else would be offered of this repository.
        self.engine.at(&operation, async |place| remove(&place.work, seq).await).await?;
        tracing::info!(event = "offer.left_over", task_id = %there.task, offer = seq, "an offer that had ended is removed");
        Ok(match self.put(&subject, &work, &operation).await? {
            Put::There => Offered::Out,
            Put::Taken(_) => Offered::InTheWay,
        })
    }

    /// Puts `work` at `subject`, unless something is there.
    async fn put(&self, subject: &str, work: &Work, operation: &str) -> Result<Put, Error> {
        let payload = encode(operation, work)?;
        self.engine
            .at(operation, async |place| {
                // Without an id: what keeps a second one out is the first, and a repeat must be possible once that is gone.
                let message = PublishMessage::build().expected_stream(names::WORK).payload(payload.into());
                let sent = match Box::pin(place.context.send_publish(subject.to_owned(), message)).await {
                    Ok(acknowledgement) => acknowledgement.await,
                    Err(source) => Err(source),
                };
                match sent {
                    Ok(_) => Ok(Put::There),
                    Err(error) if is_taken(&error) => Ok(Put::Taken(out(place, subject, operation).await?)),
                    Err(error) => Err(Error::at(operation)(error)),
                }
            })
            .await
    }

    /// Whether the flow of an offer was given back, or has ended, since.
    async fn is_over(&self, work: &Work) -> Result<bool, Error> {
        Ok(Story::of(log::read(&self.engine, &self.blobs, work.task).await?, work.since).is_over(work.offer))
    }

    async fn take_back(&self, task: TaskId, repo: &RepoName) -> Result<(), Error> {
        let operation = format!("take back the offer of flow {task}");
        let subject = names::work_subject(repo.as_str());
        self.engine
            .at(&operation, async |place| match out(place, &subject, &operation).await? {
                Some((seq, there)) if there.task == task => {
                    place.work.delete_message(seq).await.map(drop).map_err(Error::at(operation.clone()))
                }
                _ => Ok(()),
            })
            .await
    }

    async fn open(&self, after: u64) -> Result<Reader, Error> {
        let operation = "read reports";
        let stream = reports(&self.engine).await?.0;
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after.saturating_add(1) },
            ..pull::OrderedConfig::default()
        };
        self.engine
            .at(operation, async |place| {
                let consumer = Box::pin(place.flows.create_consumer(config)).await.map_err(Error::at(operation))?;
                let messages = Box::pin(consumer.messages()).await.map_err(Error::at(operation))?;
                Ok(Reader { at: after, stream, messages })
            })
            .await
    }

    /// Reads on; a report that cannot be read is logged and left out, since it will never be readable.
    async fn read(&self, after: u64, limit: u32, wait: Duration) -> Result<Vec<Report>, Error> {
        let operation = "read reports";
        self.engine.broker.connected(|| operation.to_owned()).await?;
        let mut kept = self.reader.lock().await;
        // Taken out: whoever gives up in the middle leaves none, and the next one begins where its caller is.
        let mut reader = match kept.take() {
            Some(reader) if reader.at == after => reader,
            _ => self.open(after).await?,
        };
        let mut read = Vec::new();
        while read.len() < limit as usize {
            let next = if read.is_empty() {
                timeout(wait, reader.messages.next()).await.ok()
            } else {
                reader.messages.next().now_or_never()
            };
            let Some(next) = next else { break };
            let message = match next {
                Some(Ok(message)) => message,
                Some(Err(error)) if read.is_empty() => return Err(Error::at(operation)(error)),
                // What was read is handed out; the next look begins behind it with a reader of its own.
                _ => return Ok(read),
            };
            let seq = message.info().map_err(Error::of(operation))?.stream_sequence;
            reader.at = seq;
            match self.report(seq, &message).await {
                Ok(report) => read.push(report),
                Err(error) if error.verdict() == ports::Verdict::GiveUp => {
                    tracing::error!(event = "report.unreadable", seq, error = %ErrorChain(&error), "a report is left out");
                }
                Err(error) if read.is_empty() => return Err(error),
                Err(_) => return Ok(read),
            }
        }
        // The reader would go on by itself in a stream that was deleted and made anew, behind what that begins with.
        if reports(&self.engine).await?.0 != reader.stream {
            return Err(Error::ReportsBegunAnew);
        }
        *kept = Some(reader);
        Ok(read)
    }

    async fn report(&self, seq: u64, message: &jetstream::Message) -> Result<Report, Error> {
        let operation = format!("read report {seq}");
        let task = names::task_of(&message.subject).ok_or_else(|| Error::unreadable(&operation)("of no task"))?;
        let Entry { offer, epoch, did } = log::decode(&self.blobs, &operation, &message.payload).await?;
        Ok(Report { seq, task, offer, epoch, did })
    }

    async fn letters(&self) -> Result<Vec<DeadLetter>, Error> {
        let operation = "look for dead letters";
        self.engine
            .at(operation, async |place| {
                let (mut letters, mut from) = (Vec::new(), 1);
                while letters.len() < MAX_LETTERS {
                    let next = place.dead.get_first_raw_message_by_subject(">", from).await;
                    let Some(message) = log::found(next).map_err(Error::at(operation))? else { break };
                    from = message.sequence.saturating_add(1);
                    match offer_of(place, &message.payload).await? {
                        Some((_, work)) => letters.push(DeadLetter { task: work.task, letter: message.sequence }),
                        None => remove(&place.dead, message.sequence).await?,
                    }
                }
                Ok(letters)
            })
            .await
    }

    async fn end(&self, letter: DeadLetter, closing: Closing, events: Vec<Envelope>) -> Result<(), Error> {
        let operation = format!("bury flow {}", letter.task);
        let found = self
            .engine
            .at(&operation, async |place| {
                let advisory = log::found(place.dead.get_raw_message(letter.letter).await);
                match advisory.map_err(Error::at(operation.clone()))? {
                    Some(advisory) => offer_of(place, &advisory.payload).await,
                    None => Ok(None),
                }
            })
            .await?;
        if let Some((seq, work)) = found {
            let story = Story::of(log::read(&self.engine, &self.blobs, letter.task).await?, work.since);
            if !story.is_finished() {
                let did = Did::Finished { closing, events };
                let entry = Entry { offer: work.offer, epoch: Epoch(story.claims + 1), did };
                let id = format!("{}.dead.{}", letter.task, letter.letter);
                let added = log::add(&self.engine, &self.blobs, letter.task, &id, entry, story.last).await?;
                if let Added::Overtaken(_) = added {
                    return Err(Error::of(operation)("somebody works on it".into()));
                }
            }
            self.engine.at(&operation, async |place| remove(&place.work, seq).await).await?;
        }
        self.engine.at(&operation, async |place| remove(&place.dead, letter.letter).await).await
    }

    /// Fences off whoever has the flow by a last line of the offer `number`, and takes back what is out for it.
    async fn call_back(&self, recall: &Recall) -> Result<(), Error> {
        let Recall { task, repo, number, closing } = recall;
        let operation = format!("call back flow {task}");
        // Beside its runner's lines there are heartbeats, so one or two of them may be faster.
        for _ in 0..MAX_TRIES {
            let lines = log::read(&self.engine, &self.blobs, *task).await?;
            let is_ended = lines.iter().any(|line| line.entry.offer >= *number && is_end(&line.entry.did));
            let story = Story::of(lines, number.saturating_sub(1));
            if !is_ended {
                let did = Did::Finished { closing: closing.clone(), events: Vec::new() };
                let entry = Entry { offer: *number, epoch: Epoch(story.claims + 1), did };
                let id = format!("{task}.recall.{number}");
                if let Added::Overtaken(_) = log::add(&self.engine, &self.blobs, *task, &id, entry, story.last).await? {
                    continue;
                }
            }
            return self.take_back(*task, repo).await;
        }
        Err(Error::of(operation)("its runner tells too much of it".into()))
    }
}

fn is_end(did: &Did) -> bool {
    matches!(did, Did::Finished { .. })
}

impl fmt::Debug for JetFleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetFleet").field("engine", &self.engine).finish_non_exhaustive()
    }
}

#[async_trait]
impl Fleet for JetFleet {
    async fn reports_name(&self) -> Result<String, ports::Error> {
        Ok(reports(&self.engine).await?.0)
    }

    async fn offer(&self, offer: &Offer) -> Result<Offered, ports::Error> {
        Ok(self.send(offer).await?)
    }

    async fn offer_anew(&self, offer: &Offer) -> Result<Offered, ports::Error> {
        self.take_back(offer.task, &offer.repo).await?;
        Ok(self.send(offer).await?)
    }

    async fn reports(&self, after: u64, limit: u32, wait: Duration) -> Result<Vec<Report>, ports::Error> {
        Ok(self.read(after, limit, wait).await?)
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, ports::Error> {
        Ok(self.letters().await?)
    }

    async fn bury(&self, letter: DeadLetter, closing: Closing, events: Vec<Envelope>) -> Result<(), ports::Error> {
        Ok(self.end(letter, closing, events).await?)
    }

    async fn recall(&self, recall: &Recall) -> Result<(), ports::Error> {
        Ok(self.call_back(recall).await?)
    }
}

/// The name of the reports, and the place of the last one; 0 when there is none.
pub(super) async fn reports(engine: &Engine) -> Result<(String, u64), Error> {
    let operation = "look at the reports";
    let looked = engine.at(operation, async |place| {
        let info = place.flows.get_info().await.map_err(Error::at(operation))?;
        Ok((format!("{}-{}", names::FLOWS, info.created.unix_timestamp_nanos()), info.state.last_sequence))
    });
    looked.await
}

/// Whether an offer was refused because there is one of the repository.
fn is_taken(error: &PublishError) -> bool {
    let said = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    said.is_some_and(|said| said.error_code() == ErrorCode::STREAM_STORE_FAILED)
}

/// The offer that is out at `subject`, and its place; none also when it cannot be read.
async fn out(place: &Place, subject: &str, operation: &str) -> Result<Option<(u64, Work)>, Error> {
    let last = log::found(place.work.get_last_raw_message_by_subject(subject).await).map_err(Error::at(operation))?;
    Ok(last.and_then(|message| Some((message.sequence, serde_json::from_slice(&message.payload).ok()?))))
}

/// The offer that an advisory is about, while it is there. One that nobody can read is removed: nobody else will.
async fn offer_of(place: &Place, advisory: &[u8]) -> Result<Option<(u64, Work)>, Error> {
    let operation = "read a dead letter";
    let Ok(Advisory { stream_seq }) = serde_json::from_slice(advisory) else { return Ok(None) };
    let offer = log::found(place.work.get_raw_message(stream_seq).await).map_err(Error::at(operation))?;
    let Some(offer) = offer else { return Ok(None) };
    match serde_json::from_slice(&offer.payload) {
        Ok(work) => Ok(Some((stream_seq, work))),
        Err(error) => {
            tracing::error!(event = "offer.unreadable", offer = stream_seq, %error, "an offer is removed");
            remove(&place.work, stream_seq).await?;
            Ok(None)
        }
    }
}

/// Removes a message; one that is gone is no failure.
async fn remove(stream: &jetstream::stream::Stream, seq: u64) -> Result<(), Error> {
    let operation = "remove a message";
    if log::found(stream.get_raw_message(seq).await).map_err(Error::at(operation))?.is_none() {
        return Ok(());
    }
    stream.delete_message(seq).await.map(drop).map_err(Error::at(operation))
}
