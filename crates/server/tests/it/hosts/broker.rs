//! Debian's nats-server on a port of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_bus::nats::{self, Engine, EngineOptions};
use tempfile::TempDir;

/// More than a started broker ever needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where `apt-get install nats-server` puts it; not on every user's PATH.
const DEBIAN_PATH: &str = "/usr/sbin/nats-server";

/// A broker with its data; killed when dropped.
pub(super) struct Broker {
    process: Child,
    port: u16,
    _data: TempDir,
}

impl Broker {
    pub(super) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let program = if Path::new(DEBIAN_PATH).exists() { DEBIAN_PATH } else { "nats-server" };
        let process = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("start {program}: {error}. Install it: apt-get install nats-server"));
        let broker = Self { process, port, _data: data };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "nats-server did not listen on port {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
        broker
    }

    /// What one host has of it: a connection of its own, and claims that do not wait.
    pub(super) fn engine(&self, options: EngineOptions) -> Arc<Engine> {
        let url = format!("nats://127.0.0.1:{}", self.port);
        let connection = Arc::new(nats::Broker::new(nats::Options::new(url.into())).unwrap());
        Arc::new(Engine::new(connection, options))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
