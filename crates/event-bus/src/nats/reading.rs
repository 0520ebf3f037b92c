//! Reads what a stream holds now, in order.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::Stream;
use futures::StreamExt as _;
use tokio::time::timeout;

use crate::Error;

/// A broker that is well sends the next message at once.
const NEXT: Duration = Duration::from_secs(10);

/// At most `limit` messages behind the place `after`, on subjects that `filter` matches (empty: on all), each with its
/// place. What comes later than this is asked is left to the next time.
pub(super) async fn batch(
    stream: &Stream,
    filter: &str,
    after: u64,
    limit: usize,
    operation: &str,
) -> Result<Vec<(u64, Message)>, Error> {
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after.saturating_add(1) },
        filter_subject: filter.to_owned(),
        ..pull::OrderedConfig::default()
    };
    let consumer = Box::pin(stream.create_consumer(config)).await.map_err(Error::at(operation))?;
    let mut left = consumer.cached_info().num_pending.min(limit as u64);
    let mut found = Vec::new();
    if left == 0 {
        return Ok(found);
    }
    let mut messages = Box::pin(consumer.messages()).await.map_err(Error::at(operation))?;
    while left > 0 {
        let Ok(next) = timeout(NEXT, messages.next()).await else {
            return Err(Error::of(operation)("the broker sends nothing more".into()));
        };
        let Some(message) = next.transpose().map_err(Error::at(operation))? else { break };
        let info = message.info().map_err(Error::of(operation))?;
        let (place, pending) = (info.stream_sequence, info.pending);
        found.push((place, message));
        left -= 1;
        // Somebody may have removed messages meanwhile.
        if pending == 0 {
            break;
        }
    }
    Ok(found)
}
