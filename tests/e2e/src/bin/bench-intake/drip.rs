//! Clients that send almost nothing: half of them never finish a head, the others never finish a body. Whenever the
//! server has had enough of one, another takes its place, so their number stays the same.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// One byte each.
const DRIP: Duration = Duration::from_secs(1);

/// A port of loopback is free again a minute after its connection; several addresses have enough ports for all.
const SOURCES: u8 = 8;

/// The process ends by itself if nobody ends it.
const LONGEST: Duration = Duration::from_secs(180);

/// Keeps `count` connections to `port` of loopback dripping.
pub(crate) async fn run(port: u16, count: usize) -> Result<()> {
    let mut clients = JoinSet::new();
    for n in 0..count {
        clients.spawn(async move {
            // Not all in the same moment of each second.
            tokio::time::sleep(DRIP.mul_f64(n as f64 / count as f64)).await;
            loop {
                if let Ok(stream) = connect(port, n).await {
                    drip(stream, n).await;
                }
                tokio::time::sleep(DRIP).await;
            }
        });
    }
    tokio::time::sleep(LONGEST).await;
    Ok(())
}

async fn connect(port: u16, n: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let source = Ipv4Addr::new(127, 0, 0, 2 + (n % usize::from(SOURCES)) as u8);
    socket.bind(SocketAddr::from((source, 0)))?;
    socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

/// Sends a byte at a time until the server ends the connection.
async fn drip(mut stream: TcpStream, n: usize) {
    let beginning = if n.is_multiple_of(2) {
        "POST /build HTTP/1.1\r\nhost: localhost\r\nx-slow: "
    } else {
        "POST /build HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2000\r\n\r\n{\"a\":\""
    };
    if stream.write_all(beginning.as_bytes()).await.is_err() {
        return;
    }
    let mut answer = [0_u8; 512];
    loop {
        tokio::select! {
            // Whatever the server says, it is the end.
            _ = tokio::io::AsyncReadExt::read(&mut stream, &mut answer) => return,
            () = tokio::time::sleep(DRIP) => {}
        }
        if stream.write_all(b"a").await.is_err() {
            return;
        }
    }
}
