//! The lines of one flow: its lease and its journal in one.
//!
//! Each line is added with a compare-and-set: the broker takes it only when the last line of the flow is the one that
//! the writer knows. So the last line's sequence is the fencing token: whoever takes a flow adds a line, and from then
//! on everything of an earlier holder is refused. A repeat of the same line within two minutes is recognised by its id,
//! and after that by looking at the last line.

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageError};
use shared_types::TaskId;

use super::wire::{Entry, INLINE, Line};
use super::{Engine, SharedBlobs, names};
use crate::Error;

/// Lines of one flow that are read: far more than any flow writes before it is given up.
const MAX_LINES: usize = 20_000;

/// A line in its place.
pub(super) struct Stored {
    pub(super) seq: u64,
    pub(super) entry: Entry,
}

/// The last line's place and id.
pub(super) struct Last {
    pub(super) seq: u64,
    pub(super) id: Option<String>,
}

/// What became of a line.
pub(super) enum Added {
    /// It is the flow's last line, in this place.
    At(u64),
    /// Another line is the last one.
    Overtaken(Option<Last>),
}

/// Adds a line after the line at `after`; 0: as the first.
pub(super) async fn add(
    engine: &Engine,
    blobs: &SharedBlobs,
    task: TaskId,
    id: &str,
    entry: Entry,
    after: u64,
) -> Result<Added, Error> {
    let operation = format!("tell of flow {task}");
    let mut line = encode(&operation, &Line::Entry(Box::new(entry)))?;
    if line.len() > INLINE {
        let blob = blobs.store_for(task, line.into()).await?;
        line = encode(&operation, &Line::Blob(blob))?;
    }
    let sent = engine
        .at(&operation, async |place| {
            let message = PublishMessage::build()
                .message_id(id)
                .expected_stream(names::FLOWS)
                .expected_last_subject_sequence(after)
                .payload(line.into());
            let sent = match Box::pin(place.context.send_publish(names::flow_subject(task), message)).await {
                Ok(acknowledgement) => acknowledgement.await,
                Err(source) => Err(source),
            };
            match sent {
                Ok(acknowledgement) => Ok(Some(acknowledgement.sequence)),
                Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(None),
                Err(error) => Err(Error::at(operation.clone())(error)),
            }
        })
        .await?;
    if let Some(seq) = sent {
        return Ok(Added::At(seq));
    }
    Ok(match last(engine, task).await? {
        // It was taken before, and the answer was lost.
        Some(last) if last.id.as_deref() == Some(id) => Added::At(last.seq),
        other => Added::Overtaken(other),
    })
}

/// The flow's last line.
pub(super) async fn last(engine: &Engine, task: TaskId) -> Result<Option<Last>, Error> {
    let operation = format!("look at flow {task}");
    let found = engine.at(&operation, async |place| {
        match place.flows.get_last_raw_message_by_subject(&names::flow_subject(task)).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(Error::at(operation.clone())(error)),
        }
    });
    let id = |message: &StreamMessage| message.headers.get(NATS_MESSAGE_ID).map(|id| id.as_str().to_owned());
    Ok(found.await?.map(|message| Last { seq: message.sequence, id: id(&message) }))
}

/// All lines of the flow, in order.
pub(super) async fn read(engine: &Engine, blobs: &SharedBlobs, task: TaskId) -> Result<Vec<Stored>, Error> {
    let operation = format!("read flow {task}");
    let mut lines = Vec::new();
    let mut from = 1;
    loop {
        let next = engine.at(&operation, async |place| {
            let next = place.flows.get_first_raw_message_by_subject(names::flow_subject(task), from).await;
            found(next).map_err(Error::at(operation.clone()))
        });
        let Some(message) = next.await? else { return Ok(lines) };
        if lines.len() >= MAX_LINES {
            return Err(Error::unreadable(operation)(format!("it has more than {MAX_LINES} lines")));
        }
        from = message.sequence.saturating_add(1);
        lines.push(Stored { seq: message.sequence, entry: decode(blobs, &operation, &message.payload).await? });
    }
}

/// `None` for the answer that there is no such message.
pub(super) fn found(answer: Result<StreamMessage, RawMessageError>) -> Result<Option<StreamMessage>, RawMessageError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The entry that `line` is or names.
pub(super) async fn decode(blobs: &SharedBlobs, operation: &str, line: &[u8]) -> Result<Entry, Error> {
    let read = |bytes: &[u8]| serde_json::from_slice(bytes).map_err(Error::unreadable(operation));
    match read(line)? {
        Line::Entry(entry) => Ok(*entry),
        Line::Blob(blob) => match read(&blobs.load(&blob).await?)? {
            Line::Entry(entry) => Ok(*entry),
            Line::Blob(_) => Err(Error::unreadable(operation)("a blob names a blob")),
        },
    }
}

pub(super) fn encode<T: serde::Serialize>(operation: &str, value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(Error::unreadable(operation))
}
