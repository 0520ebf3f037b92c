//! `sitewright secret hash`: from a secret to the line of a class file. Needs no settings.
//!
//! The secret comes in by standard input only: an argument would stand in the list of processes and
//! in the history of a shell.

use std::io::{IsTerminal as _, Read, Write as _};
use std::process::ExitCode;

use clap::Subcommand;
use console::Term;
use ports::ErrorChain;
use secrecy::{ExposeSecret as _, SecretString};
use secrets::MAX_SECRET_BYTES;

/// Input that is no secret (EX_DATAERR of sysexits).
const EXIT_DATA: u8 = 65;

/// A shorter secret would be found in innocent text, so nobody looks for it in what goes out.
const GOOD_BYTES: usize = 8;

/// What can be done with a secret.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read a secret from standard input and print its argon2id hash for SECRETS_FILE.
    ///
    /// On a terminal it asks without showing what is typed. One line break at the end is cut; all
    /// else counts. The hash alone goes to standard output, everything else to standard error.
    Hash,
}

/// The input is no secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing can be read.
    #[error("read the secret from standard input")]
    Read(#[source] std::io::Error),
    /// It is no text.
    #[error("the secret is not UTF-8")]
    NotUtf8,
    /// It is empty, or too long.
    #[error(transparent)]
    Secret(#[from] secrets::Error),
}

impl Command {
    /// Does it; gives the process's exit code: 0, or 65 for input that is no secret.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let Self::Hash = self;
        let (input, terminal) = (std::io::stdin(), Term::stderr());
        let hashed = if input.is_terminal() && terminal.is_term() {
            ask(&terminal).and_then(|secret| hash(&secret))
        } else {
            read(input.lock()).and_then(|secret| hash(&secret))
        };
        match hashed.and_then(|hash| writeln!(std::io::stdout(), "{hash}").map_err(Error::Read)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("sitewright secret hash: {}", ErrorChain(&error));
                ExitCode::from(EXIT_DATA)
            }
        }
    }
}

fn ask(terminal: &Term) -> Result<SecretString, Error> {
    terminal.write_str("Secret (not shown): ").map_err(Error::Read)?;
    terminal.read_secure_line().map(SecretString::from).map_err(Error::Read)
}

/// The secret in `input`, without the line break that `echo` adds.
fn read(input: impl Read) -> Result<SecretString, Error> {
    // Room for a line break, and for one byte that shows it to be too long.
    let limit = MAX_SECRET_BYTES as u64 + 3;
    let mut bytes = Vec::with_capacity(MAX_SECRET_BYTES + 3);
    input.take(limit).read_to_end(&mut bytes).map_err(Error::Read)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    String::from_utf8(bytes).map(SecretString::from).map_err(|_| Error::NotUtf8)
}

fn hash(secret: &SecretString) -> Result<String, Error> {
    let hash = secrets::hash(secret)?;
    if secret.expose_secret().len() < GOOD_BYTES {
        eprintln!("This secret is short: one below {GOOD_BYTES} bytes is not looked for in what goes out.");
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_is_cut_and_nothing_else() {
        let longest = "x".repeat(MAX_SECRET_BYTES);
        for (input, expected) in [
            (b"a secret".as_slice(), Ok("a secret")),
            (b"a secret\n", Ok("a secret")),
            (b"a secret\r\n", Ok("a secret")),
            (b" a secret \n\n", Ok(" a secret \n")),
            (b"\xc3\xa4\r", Ok("\u{e4}\r")),
            (b"\xff", Err("the secret is not UTF-8")),
            (b"", Err("a secret has 1 to 1024 bytes")),
            (b"\n", Err("a secret has 1 to 1024 bytes")),
            (format!("{longest}\r\n").as_bytes(), Ok(&longest)),
            (format!("{longest}x").as_bytes(), Err("a secret has 1 to 1024 bytes")),
            (format!("{longest}xxxx\u{e4}").as_bytes(), Err("a secret has 1 to 1024 bytes")),
        ] {
            let read = read(input).and_then(|secret| hash(&secret).map(|_| secret));
            let read = read.map_err(|error| error.to_string());
            assert_eq!(read.as_ref().map(|secret| secret.expose_secret()).map_err(String::as_str), expected);
        }
    }
}
