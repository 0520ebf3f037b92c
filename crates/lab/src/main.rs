//! `sitewright-lab`: the demo, and each stand-in on its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use lab::Error;
use lab::cases::Case;
use lab::demo::{self, Afterwards, BrowserNote, Progress};
use lab::evaluator::Evaluator;
use lab::github::{self, LabGitHub};
use lab::model::{ModelServer, Script};
use ports::ErrorChain;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// What a shell reports for a program ended by Ctrl-C.
const EXIT_INTERRUPTED: u8 = 130;

/// Environment variables that the server of the demo sees: what any program needs, the way to
/// the browser and the network, and a language model. A token for GitHub stays outside, and so
/// does `BROWSER`, which on a desktop names a person's own; `--env VERIFY_BROWSER=off` leaves it out.
const PASSED_ON: [&str; 13] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "LANG",
    "TZ",
    "LOG",
    "LOG_FORMAT",
    "RUST_BACKTRACE",
    "LITELLM_URL",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
];
const PASSED_ON_PREFIXES: [&str; 5] = ["LLM_", "LC_", "XDG_", "CHROM", "SSL_CERT_"];

/// Stand-ins for the outside world of Sitewright, and a demo that puts them around a server.
#[derive(Debug, Parser)]
#[command(name = "sitewright-lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a server, send it every round of a task, show what comes out.
    Demo(Box<DemoArgs>),
    /// Wait for notifications, print them, answer by script.
    Evaluator(EvaluatorArgs),
    /// Be an OpenAI-compatible language model with scripted answers.
    Model(ModelArgs),
    /// Be GitHub: its API on one port, Pages on another. Any token is accepted.
    Github(GithubArgs),
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// The program `sitewright`.
    #[arg(long)]
    server: PathBuf,
    /// Sample task to send.
    #[arg(long, default_value = "sales-summary", conflicts_with = "request")]
    case: String,
    /// Your own task instead: one request body, an array of them, or the format of the samples.
    #[arg(long)]
    request: Option<PathBuf>,
    /// Folder of the samples.
    #[arg(long, default_value = "tests/fixtures/requests")]
    fixtures: PathBuf,
    /// Data folder of the server [default: a new one below the temporary folder].
    #[arg(long)]
    data: Option<PathBuf>,
    /// Port of the API [default: 8080 if free, else any].
    #[arg(long)]
    port: Option<u16>,
    /// Port of the published pages [default: 8081 if free, else any].
    #[arg(long)]
    pages_port: Option<u16>,
    /// One more variable for the server's environment, NAME=VALUE; may be repeated.
    #[arg(long = "env", value_parser = name_and_value)]
    environment: Vec<(String, String)>,
    /// Stop after the last round; the exit code is 0 only if every round was handed in and confirmed.
    #[arg(long)]
    exit: bool,
    /// Leave out the line about a missing browser.
    #[arg(long)]
    no_browser_note: bool,
}

#[derive(Debug, Args)]
struct EvaluatorArgs {
    /// Port to listen on.
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Answers to right notifications in order, such as 500,500,200; then 200.
    #[arg(long, value_delimiter = ',')]
    script: Vec<u16>,
}

#[derive(Debug, Args)]
struct ModelArgs {
    /// Port to listen on.
    #[arg(long, default_value_t = 9001)]
    port: u16,
    /// JSON file `{"models": {NAME: [REPLY, ...]}, "otherwise": [REPLY, ...]}` [default: instant pages].
    #[arg(long)]
    script: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct GithubArgs {
    /// Port of the API.
    #[arg(long, default_value_t = 9002)]
    port: u16,
    /// Port of the sites.
    #[arg(long, default_value_t = 9003)]
    pages_port: u16,
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("start the runtime")),
    };
    runtime.block_on(run(cli.command)).unwrap_or_else(|error| failed(&error))
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let shutdown = on_signals()?;
    match command {
        Command::Demo(args) => run_demo(*args, shutdown).await,
        Command::Evaluator(args) => run_evaluator(args, shutdown).await,
        Command::Model(args) => run_model(args, shutdown).await,
        Command::Github(args) => run_github(args, shutdown).await,
    }
}

async fn run_demo(args: DemoArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let case = match &args.request {
        Some(file) => Case::read(file)?,
        None => Case::load(&args.fixtures, &args.case)?,
    };
    let options = demo::Options {
        server: args.server,
        case,
        data: args.data,
        port: args.port,
        pages_port: args.pages_port,
        environment: passed_on().chain(args.environment).collect(),
        afterwards: if args.exit { Afterwards::Stop } else { Afterwards::Serve },
        browser_note: if args.no_browser_note { BrowserNote::LeaveOut } else { BrowserNote::Say },
    };
    let summary = demo::run(options, &mut Progress::stdout(), shutdown).await?;
    // Someone who ended the demo by hand has seen the table; only --exit reports by its code.
    Ok(if summary.confirmed() || !args.exit { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_evaluator(args: EvaluatorArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let evaluator = Evaluator::bind(loopback(args.port))?;
    let handle = evaluator.handle();
    handle.script(args.script);
    println!("evaluation_url {}", evaluator.url());
    let print = tokio::spawn(async move {
        let mut seen = 0;
        while let Ok(all) = handle.wait_for(seen + 1, std::time::Duration::MAX).await {
            for received in &all[seen..] {
                println!("{} HTTP {} {}", received.at_time, received.status, String::from_utf8_lossy(&received.body));
            }
            seen = all.len();
        }
    });
    let served = evaluator.run(shutdown).await;
    print.abort();
    served?;
    Ok(ExitCode::SUCCESS)
}

async fn run_model(args: ModelArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let script = args.script.as_deref().map_or_else(|| Ok(Script::instant()), read_script)?;
    let model = ModelServer::bind(loopback(args.port), script)?;
    println!("LLM_BASE_URL={}", model.base_url());
    model.run(shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

async fn run_github(args: GithubArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let options = github::Options { pages_addr: Some(loopback(args.pages_port)), ..github::Options::default() };
    let github = LabGitHub::bind(loopback(args.port), options)?;
    println!("GITHUB_API_URL={}", github.api_url());
    println!("sites below {}", github.pages_url());
    github.run(shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

fn read_script(path: &Path) -> anyhow::Result<Script> {
    let text = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("read {} as a script", path.display()))
}

/// Cancelled by Ctrl-C, by a polite end, and when the terminal goes away.
fn on_signals() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut stream = signal(kind).context("listen for signals")?;
        let token = token.clone();
        tokio::spawn(async move {
            if stream.recv().await.is_some() {
                token.cancel();
            }
        });
    }
    Ok(token)
}

fn passed_on() -> impl Iterator<Item = (String, String)> {
    let wanted = |name: &str| {
        let upper = name.to_ascii_uppercase();
        PASSED_ON.contains(&upper.as_str()) || PASSED_ON_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
    };
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(move |(name, _)| wanted(name))
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Says what happened, why, and what to do next.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", ErrorChain(error.as_ref()));
    match error.downcast_ref::<Error>() {
        Some(Error::Interrupted) => return ExitCode::from(EXIT_INTERRUPTED),
        Some(error) => eprintln!("next:  {}", error.remedy()),
        None => {}
    }
    ExitCode::FAILURE
}
