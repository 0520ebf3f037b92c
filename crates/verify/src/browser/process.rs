//! The browser's process and connection, from start to end.
//!
//! The program is started below a shell that ends its whole process group, and removes its profile,
//! as soon as our end of a pipe closes: on [`Running::close`], on drop, and even when this process
//! is killed. See `supervise.sh`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chromiumoxide::Browser;
use chromiumoxide::handler::viewport::Viewport;
use chromiumoxide::handler::{Handler, HandlerConfig};
use futures::StreamExt;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::debug;

use super::COMMAND_TIMEOUT;
use super::sight::DESKTOP;
use crate::{Error, Options, Sandbox};

/// Until the debugging port is offered: 1 s on a quiet machine, more on a crowded one.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Until a browser that was asked to end has ended; then it is killed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Until the last process of a killed browser is gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Of a browser that does not start, this much of its last words is reported, in bytes.
const LAST_WORDS_BYTES: usize = 600;

/// Variables that a browser may need; it gets no others, so no secret of ours. The names of proxies
/// are not among them: pages go out through [`Options::proxy`] or directly, never past the guard.
const PASSED_ON: [&str; 8] =
    ["PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "CHROMIUM_FLAGS"];

/// No first-run pages, no traffic of its own, no throttling of pages that are not in front.
const FLAGS: [&str; 27] = [
    "--headless=new",
    "--remote-debugging-port=0",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    // HTTPS upgrades would send a page at an http URL elsewhere.
    "--disable-features=Translate,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,MediaRouter,OptimizationHints",
    "--disable-gpu",
    "--disable-prompt-on-repost",
    "--disable-quic",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    // In MiB: a script that fills its heap ends its page soon, rather than in minutes.
    "--js-flags=--max-old-space-size=512",
    "--lang=en-US",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--password-store=basic",
];

/// A browser that was started, and our connection to it.
#[derive(Debug)]
pub(super) struct Running {
    browser: Browser,
    product: String,
    /// Process group of all that belongs to it.
    group: Option<u32>,
    /// Closing it ends the browser.
    lifeline: std::sync::Mutex<Option<ChildStdin>>,
    ended: watch::Receiver<bool>,
    /// Ends when the process has been reaped, its profile with it.
    driver: std::sync::Mutex<Option<JoinHandle<()>>>,
    _profile: TempDir,
}

impl Running {
    /// Starts `program` and connects to it.
    pub(super) async fn start(program: PathBuf, options: &Options) -> Result<Self, Error> {
        let profile = tempfile::Builder::new().prefix("sitewright-browser-").tempdir().map_err(Error::Profile)?;
        let mut child = spawn(&program, options, profile.path())?;
        let (lifeline, group) = (child.stdin.take(), child.id());
        let lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
        let address = match lines {
            Some(lines) => debugging_address(&program, lines).await?,
            None => return Err(Error::Silent { path: program, words: String::new() }),
        };
        let (browser, handler) = connect(&address).await?;
        let (end, ended) = watch::channel(false);
        // Ends with the process, which ends with the lifeline.
        let driver = tokio::spawn(drive(handler, child, end));
        let mut running = Self {
            browser,
            product: String::new(),
            group,
            lifeline: std::sync::Mutex::new(lifeline),
            ended,
            driver: std::sync::Mutex::new(Some(driver)),
            _profile: profile,
        };
        running.product = bounded("Browser.getVersion", running.browser.version()).await?.product;
        Ok(running)
    }

    pub(super) fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Product and version, as the browser says.
    pub(super) fn product(&self) -> &str {
        &self.product
    }

    /// The process group of all that belongs to it.
    pub(super) fn group(&self) -> Option<u32> {
        self.group
    }

    pub(super) fn is_alive(&self) -> bool {
        !*self.ended.borrow()
    }

    /// Returns when the browser or the connection to it has ended.
    pub(super) async fn ended(&self) {
        // An error means that the driver is gone, which is an end too.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Ends the browser: asks first, then kills. Pages that still run see it as a crash.
    pub(super) async fn close(&self) {
        use chromiumoxide::cdp::browser_protocol::browser::CloseParams;
        // The library's own `close` wants the browser for itself; the command is the same.
        let asked = timeout(CLOSE_TIMEOUT, self.browser.execute(CloseParams::default())).await;
        let left = asked.is_ok() && timeout(CLOSE_TIMEOUT, self.ended()).await.is_ok();
        self.cut();
        // The connection ends before the process does, and whoever closes a browser wants its
        // profile gone.
        let driver = locked(&self.driver).take();
        let reaped = match driver {
            Some(driver) => timeout(KILL_TIMEOUT, driver).await.is_ok(),
            None => true,
        };
        debug!(event = "browser.ended", asked_to_end = left, reaped, "browser ended");
    }

    fn cut(&self) {
        locked(&self.lifeline).take();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cut();
    }
}

/// What is guarded here is only ever taken, so a panic elsewhere leaves it sound.
fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `command`, bounded by [`COMMAND_TIMEOUT`].
pub(super) async fn bounded<T>(
    operation: &'static str,
    command: impl Future<Output = chromiumoxide::Result<T>>,
) -> Result<T, Error> {
    match timeout(COMMAND_TIMEOUT, command).await {
        Err(_) => Err(Error::Unanswered { operation, waited: COMMAND_TIMEOUT }),
        Ok(answer) => answer.map_err(|source| Error::command(operation, source)),
    }
}

fn spawn(program: &Path, options: &Options, profile: &Path) -> Result<Child, Error> {
    let mut folder = OsString::from("--user-data-dir=");
    folder.push(profile);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(include_str!("supervise.sh")).arg("sitewright-browser").arg(profile);
    command.arg(program).args(FLAGS).arg(folder);
    command.arg(format!("--window-size={},{}", DESKTOP.0, DESKTOP.1));
    // Chromium refuses its sandbox to root; the profile folder, just made, belongs to whom we are.
    let is_root = profile.metadata().map_err(Error::Profile)?.uid() == 0;
    if options.sandbox == Sandbox::Off || is_root {
        command.arg("--no-sandbox");
    }
    command.args(options.proxy.map(way_out).unwrap_or_default());
    command.arg("about:blank");
    command.env_clear().envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("HOME", profile).env("TMPDIR", profile);
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|source| Error::Start { path: program.to_owned(), source })
}

/// Everything goes to `proxy`, and nothing can go elsewhere. A browser takes loopback and link-local
/// addresses for its own business unless told otherwise (`<-loopback>`); it looks names up for itself
/// where a feature forgets the proxy, so none resolve; and WebRTC sends datagrams, which no SOCKS
/// proxy of ours carries (the flag has had two names).
fn way_out(proxy: SocketAddr) -> Vec<String> {
    vec![
        format!("--proxy-server=socks5://{proxy}"),
        "--proxy-bypass-list=<-loopback>".to_owned(),
        format!("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {}", proxy.ip()),
        "--webrtc-ip-handling-policy=disable_non_proxied_udp".to_owned(),
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp".to_owned(),
    ]
}

/// Reads the browser's words until it names its debugging address, and goes on reading after that
/// so that the pipe never fills.
async fn debugging_address(program: &Path, mut lines: Lines<BufReader<ChildStderr>>) -> Result<String, Error> {
    let mut words = String::new();
    let read = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some((_, address)) = line.rsplit_once("DevTools listening on ") {
                return Some(address.trim().to_owned());
            }
            words.push_str(&line);
            words.push(' ');
        }
        None
    };
    match timeout(START_TIMEOUT, read).await {
        Ok(Some(address)) => {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            Ok(address)
        }
        _ => {
            let tail = words.char_indices().rev().nth(LAST_WORDS_BYTES).map_or(0, |(at, _)| at);
            Err(Error::Silent { path: program.to_owned(), words: words.split_off(tail).trim().to_owned() })
        }
    }
}

async fn connect(address: &str) -> Result<(Browser, Handler), Error> {
    let config = HandlerConfig {
        ignore_https_errors: false,
        viewport: Some(Viewport { width: DESKTOP.0, height: DESKTOP.1, ..Viewport::default() }),
        request_timeout: COMMAND_TIMEOUT,
        ..HandlerConfig::default()
    };
    match timeout(COMMAND_TIMEOUT, Browser::connect_with_config(address, config)).await {
        Err(_) => Err(Error::Unanswered { operation: "connect", waited: COMMAND_TIMEOUT }),
        Ok(connected) => connected.map_err(|source| Error::Connect(Box::new(source))),
    }
}

/// Drives the connection until it or the process ends, and reaps the process.
async fn drive(mut handler: Handler, mut child: Child, end: watch::Sender<bool>) {
    // The library sends what it cannot read as an error and goes on; only a broken connection counts.
    let connection = async {
        while let Some(event) = handler.next().await {
            if let Err(error) = event
                && !matches!(error, chromiumoxide::error::CdpError::InvalidMessage(..))
            {
                break;
            }
        }
    };
    tokio::select! {
        () = connection => {}
        _ = child.wait() => {}
    }
    end.send_replace(true);
    // Its lifeline is cut when the last page has seen the end, so this returns.
    let _ = child.wait().await;
}
