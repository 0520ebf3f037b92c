//! The mirror against Debian's nats-server, started by each test on a port of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, stream::Stream};
use event_bus::nats::Broker as Connection;
use event_bus::nats::{Mirror, Options, STREAM, SUBJECT_PREFIX};
use event_bus::{Error, InProcessBus};
use futures::StreamExt as _;
use ports::{Bus as _, HealthPart as _, Verdict};
use prost::Message as _;
use shared_types::Envelope;
use shared_types::http::PartState;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::events::stored;

/// More than a started broker ever needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where `apt-get install nats-server` puts it; not on every user's PATH.
const DEBIAN_PATH: &str = "/usr/sbin/nats-server";

/// A broker; killed when dropped. Its port and its data outlive it, for a next one.
pub(crate) struct Broker {
    process: Child,
    pub(crate) port: u16,
}

impl Broker {
    pub(crate) fn start(data: &Path, port: u16) -> Self {
        let program = if Path::new(DEBIAN_PATH).exists() { DEBIAN_PATH } else { "nats-server" };
        let process = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("start {program}: {error}. Install it: apt-get install nats-server"));
        let broker = Self { process, port };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "nats-server did not listen on port {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
        broker
    }

    /// The stream as any listener elsewhere sees it.
    async fn stream(&self) -> Stream {
        let client = async_nats::connect(format!("127.0.0.1:{}", self.port)).await.unwrap();
        jetstream::new(client).get_stream(STREAM).await.unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn mirror(port: u16) -> Mirror {
    let url = format!("nats://127.0.0.1:{port}").into();
    let connection = Connection::new(Options::new(url)).unwrap();
    Mirror::new(Arc::new(connection), InProcessBus::new(event_bus::Options::default()))
}

/// Subject and event of the first `count` messages of the stream.
async fn received(stream: &Stream, count: usize) -> Vec<(String, Envelope)> {
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let messages = consumer.messages().await.unwrap().take(count);
    let decode = |message: Result<jetstream::Message, _>| {
        let message = message.unwrap();
        (message.subject.to_string(), Envelope::decode(message.payload.clone()).unwrap())
    };
    timeout(PATIENCE, messages.map(decode).collect()).await.expect("the events arrive")
}

#[tokio::test]
async fn events_arrive_in_order_as_protobuf_and_a_repeat_is_stored_once() {
    let data = TempDir::new().unwrap();
    let broker = Broker::start(data.path(), free_port());
    let mirror = mirror(broker.port);
    let events = stored(20);
    for event in &events {
        mirror.publish(event.clone()).await.unwrap();
        mirror.publish(event.clone()).await.unwrap();
    }

    let stream = broker.stream().await;
    assert_eq!(stream.cached_info().state.messages, 20);
    let (subjects, arrived): (Vec<_>, Vec<_>) = received(&stream, 20).await.into_iter().unzip();
    assert_eq!(arrived, events.iter().map(|event| (**event).clone()).collect::<Vec<_>>());
    assert!(subjects.iter().all(|subject| subject.starts_with(SUBJECT_PREFIX) && subject.ends_with(".step_started")));
    assert!(!subjects.concat().contains("sales"), "{subjects:?}");
}

#[tokio::test]
async fn a_second_process_uses_the_stream_that_is_there() {
    let data = TempDir::new().unwrap();
    let broker = Broker::start(data.path(), free_port());
    let events = stored(2);
    mirror(broker.port).publish(events[0].clone()).await.unwrap();
    mirror(broker.port).publish(events[1].clone()).await.unwrap();
    assert_eq!(broker.stream().await.cached_info().state.messages, 2);
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_made_again() {
    let data = TempDir::new().unwrap();
    let broker = Broker::start(data.path(), free_port());
    let mirror = mirror(broker.port);
    let events = stored(2);
    mirror.publish(events[0].clone()).await.unwrap();
    let client = async_nats::connect(format!("127.0.0.1:{}", broker.port)).await.unwrap();
    jetstream::new(client).delete_stream(STREAM).await.unwrap();

    let error = mirror.publish(events[1].clone()).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{error:?}");
    mirror.publish(events[1].clone()).await.unwrap();
    assert_eq!(received(&broker.stream().await, 1).await[0].1.seq, 2);
}

#[tokio::test]
async fn a_broker_that_is_away_costs_a_bounded_error_and_works_when_it_is_back() {
    let data = TempDir::new().unwrap();
    let port = free_port();
    let mirror = mirror(port);
    let events = stored(3);

    check_away(&mirror, &events[0]).await;
    let broker = Broker::start(data.path(), port);
    mirror.publish(events[0].clone()).await.unwrap();
    assert_eq!(mirror.look().await.state, PartState::Up, "{}", mirror.look().await.detail);

    drop(broker);
    check_away(&mirror, &events[1]).await;
    let broker = Broker::start(data.path(), port);
    for event in &events[1..] {
        publish_until_taken(&mirror, event).await;
    }
    let seqs: Vec<_> = received(&broker.stream().await, 3).await.iter().map(|(_, event)| event.seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
}

#[tokio::test]
async fn a_port_that_never_says_a_word_is_a_broker_that_is_away() {
    let port = free_port();
    let _mute = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    check_away(&mirror(port), &stored(1)[0]).await;
}

#[tokio::test]
async fn an_event_above_the_limit_of_the_broker_is_given_up() {
    let data = TempDir::new().unwrap();
    let broker = Broker::start(data.path(), free_port());
    let large = Envelope { producer: "x".repeat(2 * 1024 * 1024), ..(*stored(1)[0]).clone() };
    let error = mirror(broker.port).publish_event(&large).await.unwrap_err();
    assert!(matches!(error, Error::Publish { .. }), "{error:?}");
    assert_eq!(error.verdict(), Verdict::GiveUp);
}

#[tokio::test]
async fn subscribers_hear_the_bus_of_this_process() {
    let local = InProcessBus::new(event_bus::Options::default());
    let connection = Connection::new(Options::new("nats://127.0.0.1:1".into())).unwrap();
    let mirror = Mirror::new(Arc::new(connection), local.clone());
    let mut subscription = mirror.subscribe();
    local.publish(stored(1)[0].clone()).await.unwrap();
    assert_eq!(timeout(PATIENCE, subscription.next()).await.unwrap().unwrap().seq, 1);
}

/// Publishing fails with "again", the part says what to do, and neither keeps anyone waiting.
async fn check_away(mirror: &Mirror, event: &Arc<Envelope>) {
    let bound = Duration::from_secs(2 + 5 + 1);
    let error = timeout(bound, mirror.publish(event.clone())).await.expect("within the bound").unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{error:?}");

    let part = timeout(Duration::from_secs(1), mirror.look()).await.expect("within a second");
    assert_eq!((part.name.as_str(), part.state, part.needed), ("bus", PartState::Degraded, false));
    assert!(part.detail.contains("Start NATS with JetStream"), "{}", part.detail);
}

/// Publishes as a relay does: again while it fails.
async fn publish_until_taken(mirror: &Mirror, event: &Arc<Envelope>) {
    let again = async {
        while mirror.publish(event.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("the mirror works again");
}
