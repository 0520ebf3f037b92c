//! Bytes both ways between two connections, bounded in rest and in age.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep};

/// Of each direction, in bytes.
const BUFFER: usize = 16 * 1024;

/// Carries until both sides have ended, one fails, nothing has moved for `idle`, or `lifetime` is over.
pub(crate) async fn carry(mut client: TcpStream, mut server: TcpStream, idle: Duration, lifetime: Duration) {
    // Small requests and answers are what a page's traffic is made of.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let moved = LastMove { began: Instant::now(), after_ms: AtomicU64::new(0) };
    let both =
        async { tokio::try_join!(pass(from_client, to_server, &moved), pass(from_server, to_client, &moved)).is_ok() };
    tokio::select! {
        _ = both => {}
        () = moved.rested(idle) => {}
        () = sleep(lifetime) => {}
    }
}

async fn pass(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, moved: &LastMove) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        moved.now();
        to.write_all(&buffer[..read]).await?;
        moved.now();
    }
}

/// When bytes moved last, in either direction.
struct LastMove {
    began: Instant,
    after_ms: AtomicU64,
}

impl LastMove {
    fn now(&self) {
        let after = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.after_ms.store(after, Ordering::Relaxed);
    }

    /// Returns when nothing has moved for `idle`.
    async fn rested(&self, idle: Duration) {
        loop {
            let last = Duration::from_millis(self.after_ms.load(Ordering::Relaxed));
            let rest = self.began.elapsed().saturating_sub(last);
            if rest >= idle {
                return;
            }
            sleep(idle - rest).await;
        }
    }
}
