//! The public network, played by a SOCKS5 proxy: what a host does is decided by its name.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a library host gives for any path.
pub(crate) const LIBRARY: &str = "window.library = 'fetched'";

/// Ends with the test.
pub(crate) struct Outside {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    running: JoinHandle<()>,
}

impl Outside {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let noted = Arc::clone(&asked);
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let noted = Arc::clone(&noted);
                // A browser that leaves half-way is no fault of the test.
                tokio::spawn(async move { serve(stream, &noted).await.ok() });
            }
        });
        Self { address, asked, running }
    }

    /// The hosts that were asked since the last look, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn serve(mut stream: TcpStream, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting).await?;
    stream.write_all(&[5, 0]).await?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    // Names come with their length; no test asks for an address.
    let mut name = vec![0; usize::from(head[4]) + 2];
    stream.read_exact(&mut name).await?;
    name.truncate(usize::from(head[4]));
    let host = String::from_utf8_lossy(&name).into_owned();
    asked.lock().unwrap().push(host.clone());
    let granted = match host.split('.').next() {
        Some("blocked" | "10") => 2,
        Some("gone") => 4,
        _ => 0,
    };
    stream.write_all(&[5, granted, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    let mut request = [0; 4096];
    while granted == 0 && stream.read(&mut request).await? > 0 {
        let (status, body) = match host.split('.').next() {
            Some("silent") => continue,
            Some("busy") => ("503 Service Unavailable", ""),
            Some("empty") => ("404 Not Found", ""),
            _ => ("200 OK", LIBRARY),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/javascript\r\ncontent-length: {}\r\n\
             access-control-allow-origin: *\r\nx-jsd-version: 2.3.4\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
    Ok(())
}
