//! A stand-in that runs for as long as a test looks at it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use lab::evaluator::{self, Evaluator};
use lab::model::{self, ModelServer, Script};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Nothing on loopback takes this long; a test that waits it out has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// A free port of this machine.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A handle and what ends the stand-in behind it.
pub(crate) struct Running<H> {
    pub(crate) handle: H,
    pub(crate) task: JoinHandle<Result<(), lab::Error>>,
    pub(crate) stop: DropGuard,
}

pub(crate) fn evaluator() -> Running<evaluator::Handle> {
    let evaluator = Evaluator::bind(LOOPBACK).unwrap();
    let (handle, stop) = (evaluator.handle(), CancellationToken::new());
    let task = tokio::spawn(evaluator.run(stop.clone()));
    Running { handle, task, stop: stop.drop_guard() }
}

pub(crate) fn model(script: Script) -> Running<model::Handle> {
    let server = ModelServer::bind(LOOPBACK, script).unwrap();
    let (handle, stop) = (server.handle(), CancellationToken::new());
    let task = tokio::spawn(server.run(stop.clone()));
    Running { handle, task, stop: stop.drop_guard() }
}
