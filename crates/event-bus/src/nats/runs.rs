//! The ledger of model calls for hosts that have none: asked over the broker, answered by the host that has it.
//!
//! A reservation and its cap are one commit, so they are made where the ledger is. When that host does not answer, the
//! call is not made: nobody spends what was not reserved.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use ports::{ErrorChain, NewRun, OverCap, RunEnd, RunId, RunLedger, SpendCaps};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::log::encode;
use super::{Broker, names};
use crate::Error;

/// Questions answered at once; each is a small commit.
const AT_ONCE: usize = 32;

/// The pause before the connection is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// What may be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    Begin { run: NewRun, caps: SpendCaps },
    Settle { id: RunId, end: RunEnd },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Begun(RunId),
    OverCap(OverCap),
    Settled,
    /// The ledger failed; it is asked again.
    Failed(String),
}

/// The ledger of calls, on the host that has it.
#[derive(Debug)]
pub struct RemoteRuns {
    broker: Arc<Broker>,
}

impl RemoteRuns {
    /// Asked over `broker`.
    #[must_use]
    pub fn new(broker: Arc<Broker>) -> Self {
        Self { broker }
    }

    async fn ask(&self, operation: &'static str, question: &Question) -> Result<Answer, Error> {
        let context = self.broker.connected(|| operation.to_owned()).await?;
        let question = encode(operation, question)?;
        let answer = self.broker.bounded(self.broker.patience(), || operation.to_owned(), async {
            context.client().request(names::RUNS, question.into()).await.map_err(Error::at(operation))
        });
        let answer = serde_json::from_slice(&answer.await?.payload).map_err(Error::unreadable(operation))?;
        match answer {
            Answer::Failed(why) => Err(Error::of(operation)(why.into())),
            answer => Ok(answer),
        }
    }
}

fn unexpected(operation: &'static str) -> ports::Error {
    Error::unreadable(operation)("another answer than was asked for").into()
}

#[async_trait]
impl RunLedger for RemoteRuns {
    async fn begin(&self, run: NewRun, caps: SpendCaps) -> Result<Result<RunId, OverCap>, ports::Error> {
        let operation = "reserve the cost of a call";
        match self.ask(operation, &Question::Begin { run, caps }).await? {
            Answer::Begun(id) => Ok(Ok(id)),
            Answer::OverCap(over) => Ok(Err(over)),
            _ => Err(unexpected(operation)),
        }
    }

    async fn settle(&self, id: RunId, end: RunEnd) -> Result<(), ports::Error> {
        let operation = "settle a call";
        match self.ask(operation, &Question::Settle { id, end }).await? {
            Answer::Settled => Ok(()),
            _ => Err(unexpected(operation)),
        }
    }

    /// The affair of the host with the ledger.
    async fn close_interrupted(&self) -> Result<u32, ports::Error> {
        Ok(0)
    }
}

/// Answers for the ledger of calls of this host.
pub struct RunsService {
    broker: Arc<Broker>,
    ledger: Arc<dyn RunLedger>,
}

impl fmt::Debug for RunsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunsService").field("broker", &self.broker).finish_non_exhaustive()
    }
}

impl RunsService {
    /// Answers over `broker` for `ledger`.
    #[must_use]
    pub fn new(broker: Arc<Broker>, ledger: Arc<dyn RunLedger>) -> Self {
        Self { broker, ledger }
    }

    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            let served = tokio::select! {
                () = shutdown.cancelled() => return,
                served = self.serve() => served,
            };
            if let Err(error) = served {
                tracing::debug!(event = "runs.unreachable", error = %ErrorChain(&error), "calls of other hosts wait");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Answers for as long as the client lives; it comes back by itself when the broker does.
    async fn serve(&self) -> Result<(), Error> {
        let operation = "answer for the ledger of calls";
        let client = self.broker.connected(|| operation.to_owned()).await?.client();
        let subscribed = client.queue_subscribe(names::RUNS, names::RUNS.to_owned()).await;
        let mut questions = subscribed.map_err(Error::at(operation))?;
        let places = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(message) = questions.next().await {
            let Some(reply) = message.reply else { continue };
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
            let (ledger, client) = (Arc::clone(&self.ledger), client.clone());
            tokio::spawn(async move {
                let _place = place;
                let answer = answer(ledger.as_ref(), &message.payload).await;
                // Whoever asked asks again when it hears nothing.
                if let Ok(answer) = encode(operation, &answer) {
                    let _ = client.publish(reply, answer.into()).await;
                }
            });
        }
        Ok(())
    }
}

async fn answer(ledger: &dyn RunLedger, question: &[u8]) -> Answer {
    let answered = match serde_json::from_slice(question) {
        Ok(Question::Begin { run, caps }) => {
            ledger.begin(run, caps).await.map(|begun| begun.map_or_else(Answer::OverCap, Answer::Begun))
        }
        Ok(Question::Settle { id, end }) => ledger.settle(id, end).await.map(|()| Answer::Settled),
        Err(error) => Err(ports::Error::stop(error)),
    };
    answered.unwrap_or_else(|error| Answer::Failed(ErrorChain(&error).to_string()))
}
