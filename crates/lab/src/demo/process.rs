//! The server as a child process: started, awaited, stopped, and never left behind.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use shared_types::http::{Health, PartState};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use crate::Error;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEFAULT_PORT: u16 = 8080;
const DEFAULT_PAGES_PORT: u16 = 8081;
const LOG_FILE: &str = "server.log";
/// A start takes half a second; a loaded machine may take many times that.
const READY_WITHIN: Duration = Duration::from_secs(30);
const HEALTH_EVERY: Duration = Duration::from_millis(50);
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// The server promises to stop within 30 s; then it gets a moment more, then no more.
const STOP_WITHIN: Duration = Duration::from_secs(35);
/// Enough for the lines that say why, whatever came before them.
const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 20;

/// How to start the server.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) program: &'a Path,
    pub(super) data: &'a Path,
    pub(super) port: u16,
    pub(super) pages_port: u16,
    pub(super) secret: &'a SecretString,
    pub(super) environment: &'a [(String, String)],
}

/// The running server. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct ServerProcess {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts `sitewright serve` on embedded defaults; its output goes to `server.log` in the
    /// data folder.
    pub(super) fn spawn(launch: &Launch<'_>) -> Result<Self, Error> {
        let fail = |source| Error::Spawn { program: launch.program.to_owned(), source };
        // Looked at first, since a wrapper would report a missing program as its own failure.
        let program = fs::canonicalize(launch.program).map_err(fail)?;
        let log = launch.data.join(LOG_FILE);
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|source| Error::DataDir { path: log.clone(), source })?;
        let child = tied_to_us(&program)
            .arg("serve")
            .env_clear()
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .env("DRY_RUN", "1")
            .env("DATA_DIR", launch.data)
            .env("PORT", launch.port.to_string())
            .env("PAGES_PORT", launch.pages_port.to_string())
            .env("STUDENT_SECRET", launch.secret.expose_secret())
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(fail)?)
            .stderr(output)
            // A Ctrl-C of the terminal reaches us alone; we then stop the server in good order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(fail)?;
        Ok(Self { child, port: launch.port, log })
    }

    /// Where its API is.
    pub(super) fn url(&self) -> Url {
        crate::http::url_of(SocketAddr::new(LOCALHOST, self.port), "/")
    }

    /// Waits until `/health` says that every needed part is up.
    pub(super) async fn ready(&mut self, client: &reqwest::Client) -> Result<(), Error> {
        let began = Instant::now();
        let mut last = "no answer yet".to_owned();
        while began.elapsed() < READY_WITHIN {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.died(Ok(status)));
            }
            match health(client, self.url()).await {
                Ok(()) => return Ok(()),
                Err(reason) => last = reason,
            }
            sleep(HEALTH_EVERY).await;
        }
        Err(Error::ServerUnhealthy { waited: READY_WITHIN, last, log: self.log.clone(), tail: tail(&self.log) })
    }

    /// Waits for its end.
    pub(super) async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// The error that says that it ended, and what it said last.
    pub(super) fn died(&self, status: io::Result<ExitStatus>) -> Error {
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        Error::ServerDied { status, log: self.log.clone(), tail: tail(&self.log) }
    }

    /// Asks it to stop and waits for that; kills it when it does not. No error when it had
    /// already ended: whoever saw that has reported it.
    pub(super) async fn stop(mut self) -> Result<(), Error> {
        // No id means that it was waited for: the number may be someone else's by now.
        let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else {
            return Ok(());
        };
        let fail = |status: String| Error::ServerStop { status, log: self.log.clone() };
        kill_process(pid, Signal::TERM).map_err(|error| fail(error.to_string()))?;
        match timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(fail(status.to_string())),
            Ok(Err(error)) => Err(fail(error.to_string())),
            Err(_) => {
                self.child.kill().await.map_err(|error| fail(error.to_string()))?;
                Err(fail(format!("killed after {} s", STOP_WITHIN.as_secs())))
            }
        }
    }
}

/// The ports of the API and of the pages: as asked, else the defaults, else free ones. All are
/// held until both are chosen, so that they differ and are free at that moment.
pub(super) fn choose_ports(api: Option<u16>, pages: Option<u16>) -> Result<(u16, u16), Error> {
    let api = reserve("server's API", api, DEFAULT_PORT)?;
    let pages = reserve("published pages", pages, DEFAULT_PAGES_PORT)?;
    Ok((port_of(&api)?, port_of(&pages)?))
}

fn reserve(what: &'static str, asked: Option<u16>, default: u16) -> Result<TcpListener, Error> {
    let bind = |port| {
        let addr = SocketAddr::new(LOCALHOST, port);
        TcpListener::bind(addr).map_err(|source| Error::Listen { what, addr, source })
    };
    match asked {
        Some(port) => bind(port),
        None => bind(default).or_else(|_| bind(0)),
    }
}

fn port_of(listener: &TcpListener) -> Result<u16, Error> {
    let addr = SocketAddr::new(LOCALHOST, 0);
    let local = listener.local_addr().map_err(|source| Error::Listen { what: "server", addr, source })?;
    Ok(local.port())
}

/// A command whose process the kernel ends together with ours, where `setpriv` (util-linux) can
/// arrange that; elsewhere plain, and only a killed demo could leave it behind.
fn tied_to_us(program: &Path) -> Command {
    const TIE: [&str; 2] = ["--pdeathsig", "TERM"];
    let probe = std::process::Command::new("setpriv")
        .args(TIE)
        .arg("true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if probe.is_ok_and(|status| status.success()) {
        let mut command = Command::new("setpriv");
        command.args(TIE).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Ok when healthy, else what is wrong.
async fn health(client: &reqwest::Client, mut url: Url) -> Result<(), String> {
    url.set_path("/health");
    let response = client.get(url).timeout(HEALTH_TIMEOUT).send().await.map_err(|_| "no answer".to_owned())?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let down = response.json::<Health>().await.map_or_else(
        |_| String::new(),
        |health| {
            let down = health.parts.into_iter().filter(|part| part.needed && part.state == PartState::Down);
            down.map(|part| format!(", {}: {}", part.name, part.detail)).collect()
        },
    );
    Err(format!("HTTP {}{down}", status.as_u16()))
}

/// The last lines of a log; says so when there are none.
fn tail(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) if bytes.is_empty() => "  (it is empty)".to_owned(),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
            last.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
        }
        Err(error) => format!("  (it cannot be read: {error})"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn ports_are_as_asked_and_never_the_same() {
        let taken = TcpListener::bind((LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(matches!(choose_ports(Some(port), None), Err(Error::Listen { .. })));
        let (api, pages) = choose_ports(Some(0), Some(0)).unwrap();
        assert_ne!(api, pages);
    }

    #[test]
    fn a_tail_is_the_last_lines() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        assert!(tail(&log).contains("cannot be read"));
        fs::write(&log, "").unwrap();
        assert_eq!(tail(&log), "  (it is empty)");
        let lines: String = (0..5000).map(|n| format!("line {n}\n")).collect();
        fs::write(&log, lines).unwrap();
        let tail = tail(&log);
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("  line 4999"), "{tail}");
    }

    /// A program that is this shell script, started with `environment`.
    fn start(dir: &Path, script: &str, environment: &[(String, String)]) -> ServerProcess {
        let program = dir.join("sitewright");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let secret = SecretString::from("s3cret");
        let launch = Launch { program: &program, data: dir, port: 1, pages_port: 2, secret: &secret, environment };
        ServerProcess::spawn(&launch).unwrap()
    }

    #[tokio::test]
    async fn a_server_that_dies_is_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let mut server = start(dir.path(), "echo boom >&2; exit 3", &[]);
        let error = server.ready(&crate::client().unwrap()).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("  boom"), "{error}");
        server.stop().await.unwrap();
    }

    #[tokio::test]
    async fn it_sees_the_embedded_defaults_and_what_it_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let given = [("LLM_MODEL".to_owned(), "m".to_owned())];
        let mut server =
            start(dir.path(), "echo \"$1 $DRY_RUN $PORT $PAGES_PORT $STUDENT_SECRET $LLM_MODEL [$HOME]\"", &given);
        assert!(server.exited().await.unwrap().success());
        assert_eq!(tail(&server.log), "  serve 1 1 2 s3cret m []");
        assert!(!format!("{server:?}").contains("s3cret"));
    }

    #[tokio::test]
    async fn it_is_asked_to_stop_before_it_is_made_to() {
        let dir = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye; exit 0' TERM; echo up; while :; do /bin/sleep 0.02; done";
        let server = start(dir.path(), script, &[]);
        let log = server.log.clone();
        let up = async {
            while !fs::read_to_string(&log).unwrap().contains("up") {
                sleep(HEALTH_EVERY).await;
            }
        };
        timeout(READY_WITHIN, up).await.unwrap();
        server.stop().await.unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "up\nbye\n");
    }
}
