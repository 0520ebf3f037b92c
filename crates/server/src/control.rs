//! From the command line to the service that works in a data folder: a small HTTP client for its own API.
//!
//! The service has written its address into the folder's lock (`storage::holder`), so nobody need name it. It speaks
//! plain HTTP; whoever is elsewhere uses the same routes through whatever stands in front of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use shared_types::http::Problem;
use storage::Holder;
use url::Url;

/// Longer than the longest answer takes: an evaluator that is told again has 15 s, a person that is forgotten 90 s.
const PATIENCE: Duration = Duration::from_secs(120);

/// No answer of ours is longer.
const LONGEST_ANSWER: u64 = 8 << 20;

/// Nothing came of what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be looked at.
    #[error(transparent)]
    Folder(#[from] storage::Error),
    /// Somebody works in the folder and does not say where.
    #[error("a process works in {0} and has not said where it is reached: wait until it is ready, or stop it")]
    Unreachable(String),
    /// The address in the lock is none.
    #[error("{0} is no address of a service")]
    Address(String),
    /// The service does not answer.
    #[error("ask the service at {address}")]
    Ask {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It answered what this program does not understand.
    #[error("the service at {0} answered in a way that this program does not understand: are both of one version?")]
    Answer(String),
    /// It refused.
    #[error("{0}")]
    Refused(String),
}

/// A service that works in a data folder.
#[derive(Debug)]
pub struct Service {
    address: Url,
    token: Option<SecretString>,
}

impl Service {
    /// The one that works in `data_dir`, if one does. `token` opens it, where it wants one.
    ///
    /// # Errors
    /// Somebody works there who cannot be reached.
    pub fn of(data_dir: &Path, token: Option<SecretString>) -> Result<Option<Self>, Error> {
        match storage::holder(data_dir)? {
            Holder::Nobody => Ok(None),
            Holder::Process { address: None } => Err(Error::Unreachable(data_dir.display().to_string())),
            Holder::Process { address: Some(text) } => {
                let address = Url::parse(&text).ok().filter(|url| url.scheme() == "http" && url.has_host());
                Ok(Some(Self { address: address.ok_or(Error::Address(text))?, token }))
            }
        }
    }

    /// Posts `body` (JSON, or nothing) to `path` with its query; gives the answer.
    ///
    /// # Errors
    /// The service does not answer, or refuses; its words say why.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &str) -> Result<T, Error> {
        let asking = |source| Error::Ask { address: self.address.to_string(), source };
        let answer = self.exchange(path, body).map_err(asking)?;
        let unclear = || Error::Answer(self.address.to_string());
        let (status, json) = split(&answer).ok_or_else(unclear)?;
        if status == 200 {
            return serde_json::from_slice(json).map_err(|_| unclear());
        }
        let problem: Problem = serde_json::from_slice(json).map_err(|_| unclear())?;
        let errors: String = problem.errors.iter().map(|e| format!("\n  {} {}", e.pointer, e.detail)).collect();
        Err(Error::Refused(format!("{} ({}): {}{errors}", problem.title, problem.code, problem.detail)))
    }

    /// HTTP/1.0 on purpose: the answer then ends with its connection and comes in one piece.
    fn exchange(&self, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let none = || std::io::Error::other("its address has no host");
        let (host, port) = (self.address.host_str().ok_or_else(none)?, self.address.port_or_known_default());
        let port = port.ok_or_else(none)?;
        let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut head = format!(
            "POST {path} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        if !body.is_empty() {
            head.push_str("Content-Type: application/json\r\n");
        }
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {}\r\n", token.expose_secret()));
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
        let mut answer = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// Status and body of an answer.
fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let status = head.lines().next()?.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.get(end + 4..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        for (answer, expected) in [
            (&b"HTTP/1.0 200 OK\r\na: b\r\n\r\n{}"[..], Some((200, &b"{}"[..]))),
            (b"HTTP/1.1 409 Conflict\r\n\r\n", Some((409, b""))),
            (b"HTTP/1.0 200 OK\r\na: b\r\n", None),
            (b"HTTP/1.0 many OK\r\n\r\n", None),
            (b"\r\n\r\n", None),
            (b"", None),
        ] {
            assert_eq!(split(answer), expected, "{answer:?}");
        }
    }
}
