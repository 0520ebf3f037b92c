//! X5: the disk is full or read-only, the database is cut short, blobs are altered: refuse or mend, loudly, and never
//! publish what is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lab::witness::Effect;
use rustix::process::{Pid, Resource, geteuid, getrlimit, prlimit};
use shared_types::http::Outcome;
use shared_types::{Payload, TaskId};

use super::judge::{Asked, Told};
use super::plan::{Blow, Cut, Moment};
use super::tally::Tally;
use super::world::{Options, World};
use crate::Instance;

const LONG: Duration = Duration::from_secs(180);

/// Tasks of each trial with a disk that fails.
const TASKS: usize = 6;

/// All of it, so many times.
///
/// # Errors
/// Something could not be tried at all.
pub async fn run(times: usize) -> Result<Vec<Tally>> {
    let (mut full, mut cut_short, mut altered) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..times {
        full.push(no_byte(&format!("x5-no-byte-{n}"), n as u64).await);
        cut_short.push(truncated(&format!("x5-truncated-{n}"), n).await);
        altered.push(corrupted(&format!("x5-blob-{n}"), n).await);
    }
    let mut tallies = vec![
        tally("x5_disk_without_a_byte", full),
        tally("x5_database_cut_short", cut_short),
        tally("x5_blob_altered", altered),
    ];
    if geteuid().is_root() {
        let mut mounted = Vec::new();
        for n in 0..times {
            mounted.push(mounted_full(&format!("x5-mounted-{n}")).await);
        }
        tallies.push(tally("x5_disk_full", mounted));
        tallies.push(tally("x5_disk_read_only", vec![mounted_read_only("x5-read-only").await]));
    } else {
        println!("x5_disk_full and x5_disk_read_only are left out: only root may mount a disk");
    }
    Ok(tallies)
}

fn tally(name: &str, tried: Vec<Result<()>>) -> Tally {
    let mut tally = Tally::new(name, tried.len(), &[]);
    tally.violations = tried.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    tally
}

/// Not a byte can be written for a while, somewhere in the middle of the work: to whoever writes, a full disk or one that
/// has become read-only. Unlike these it needs no rights.
async fn no_byte(name: &str, after_tasks: u64) -> Result<()> {
    let world = World::new(name, Options::default())?;
    let server = Instance::start(world.launch()).await?;
    let mut asked = Vec::new();
    for n in 0..TASKS {
        if n as u64 == after_tasks % TASKS as u64 {
            files_may_have(&server, Some(0))?;
            let refused = world.request(&format!("{name}-refused"), 1)?.post(&server, Duration::from_millis(500)).await;
            ensure!(refused.is_err(), "a request was accepted although nothing can be written");
            files_may_have(&server, None)?;
            asked.push(post(&world, &server, &format!("{name}-refused")).await?);
        }
        asked.push(post(&world, &server, &format!("{name}-{n}")).await?);
    }
    all_end_well(&world, &server, asked).await
}

fn files_may_have(server: &Instance, bytes: Option<u64>) -> Result<()> {
    let pid = server.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())).context("not running")?;
    let mut limit = getrlimit(Resource::Fsize);
    limit.current = bytes.or(limit.maximum);
    prlimit(Some(pid), Resource::Fsize, limit).context("limit the size of files")?;
    Ok(())
}

/// A disk of a few megabytes is filled by others while tasks are under way, and has room again later.
async fn mounted_full(name: &str) -> Result<()> {
    let world = World::new(name, Options::default())?;
    let mut server = Instance::new(world.launch())?;
    let disk = Disk::mount(&server.data().join("data"), "24m")?;
    server.up().await?;
    let mut asked = vec![post(&world, &server, &format!("{name}-0")).await?];
    let filler = disk.0.join("filler");
    // As large as there is room.
    let _no_room = std::fs::write(&filler, vec![0; 64 << 20]);
    let refused = world.request(&format!("{name}-refused"), 1)?.post(&server, Duration::from_millis(500)).await;
    ensure!(refused.is_err(), "a request was accepted although the disk is full");
    std::fs::remove_file(&filler).context("make room")?;
    for n in 1..TASKS {
        asked.push(post(&world, &server, &format!("{name}-{n}")).await?);
    }
    let ended = all_end_well(&world, &server, asked).await;
    server.terminate().await?;
    ended
}

/// A service whose disk is read-only does not start, and says so.
async fn mounted_read_only(name: &str) -> Result<()> {
    let world = World::new(name, Options::default())?;
    let mut server = Instance::new(world.launch())?;
    let disk = Disk::mount(&server.data().join("data"), "24m")?;
    server.up().await?;
    server.terminate().await?;
    disk.make_read_only()?;
    let ended = server.run(&["serve"]).await?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(!ended.status.success() && said.contains("ead-only"), "{}: {said}", ended.status);
    Ok(())
}

/// A file system of its own, in memory.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Result<Self> {
        std::fs::create_dir_all(at).with_context(|| at.display().to_string())?;
        let disk = Self(at.to_owned());
        command("mount", &["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"], at)?;
        Ok(disk)
    }

    fn make_read_only(&self) -> Result<()> {
        command("mount", &["-o", "remount,ro"], &self.0)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that is being killed may still have files there.
        if let Err(error) = command("umount", &["--lazy"], &self.0) {
            eprintln!("{error:#}");
        }
    }
}

fn command(program: &str, arguments: &[&str], at: &Path) -> Result<()> {
    let ended =
        Command::new(program).args(arguments).arg(at).stdin(Stdio::null()).output().context(program.to_owned())?;
    ensure!(ended.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

/// The database is cut short while the service is down: it is refused with words, or everything is there.
async fn truncated(name: &str, n: usize) -> Result<()> {
    let world = World::new(name, Options::default())?;
    let mut server = Instance::start(world.launch()).await?;
    let mut asked = Vec::new();
    for n in 0..3 {
        asked.push(post(&world, &server, &format!("{name}-{n}")).await?);
    }
    for request in &asked {
        Told::at_the_end(&server, request.id, LONG).await?;
    }
    // Folded into the database, so that the log cannot mend it.
    server.terminate().await?;
    let database = server.data().join("data/sitewright.db");
    let length = std::fs::metadata(&database).context("look at the database")?.len();
    // From nothing at all to all but a page, and some odd length between.
    let lengths = [0, 100, 4096, length / 2, length / 3 + 7, length.saturating_sub(4096)];
    let left = lengths[n % lengths.len()];
    std::fs::File::options().write(true).open(&database).and_then(|file| file.set_len(left)).context("cut it short")?;
    let ended = tokio::time::timeout(Duration::from_secs(5), server.run(&["serve"])).await;
    match ended {
        Ok(ended) => {
            let ended = ended?;
            let said = String::from_utf8_lossy(&ended.stderr);
            ensure!(!ended.status.success() && said.contains("sitewright.db"), "{} after {left}: {said}", ended.status);
            Ok(())
        }
        // It runs: then nothing may be missing.
        Err(_) => {
            server.up().await?;
            all_end_well(&world, &server, asked).await.with_context(|| format!("{left} of {length} bytes were left"))
        }
    }
}

/// Blobs are altered on the disk while the service is down in the middle of a task.
async fn corrupted(name: &str, n: usize) -> Result<()> {
    let world = World::new(name, Options::default())?;
    let mut server = Instance::start(world.launch()).await?;
    // Where the attachments are known, where the site is, and where the commit is planned.
    let at = [("prepare", Moment::Begun), ("generate", Moment::Journaled), ("commit", Moment::Journaled)];
    let (step, moment) = at[n % at.len()];
    world.plans.add(name, 1, &Cut { step: step.to_owned(), moment, blow: Blow::Kill })?;
    let id = world.request(name, 1)?.post(&server, LONG).await?;
    let struck = async {
        while world.plans.struck(name, 1).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, struck).await.context("it was not struck")?;
    server.kill().await?;
    let altered = alter(&server.data().join("data/blobs"))?;
    ensure!(altered > 0, "there is no blob");
    server.up().await?;
    let told = Told::at_the_end(&server, id, LONG).await?;
    let outcome = told.view.summary.outcome;
    let reason = told.events.iter().rev().find_map(|event| match &event.payload {
        Some(Payload::TaskFinished(end)) => Some(end.reason.clone()),
        _ => None,
    });
    ensure!(outcome == Some(Outcome::Failed), "ended {outcome:?} for {reason:?}");
    ensure!(reason.as_ref().is_some_and(|reason| reason.contains("blob")), "{reason:?}");
    let published = world.log()?.into_iter().any(|entry| matches!(entry.effect, Effect::RefMoved { .. }));
    ensure!(!published, "something was published");
    Ok(())
}

/// Changes one bit of every file; says how many there are.
fn alter(folder: &Path) -> Result<usize> {
    let mut altered = 0;
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            altered += alter(&path)?;
            continue;
        }
        let mut bytes = std::fs::read(&path)?;
        if let Some(byte) = bytes.first_mut() {
            *byte ^= 1;
            std::fs::write(&path, bytes)?;
            altered += 1;
        }
    }
    Ok(altered)
}

async fn post(world: &World, server: &Instance, task: &str) -> Result<Asked> {
    let id = world.request(task, 1)?.post(server, LONG).await?;
    Ok(Asked { task: task.to_owned(), round: 1, id, cuts: None, retold: None })
}

/// Everything that was accepted ends as promised.
async fn all_end_well(world: &World, server: &Instance, asked: Vec<Asked>) -> Result<()> {
    let mut told: BTreeMap<TaskId, Told> = BTreeMap::new();
    for request in &asked {
        told.insert(request.id, Told::at_the_end(server, request.id, LONG).await?);
    }
    let violations = world.judge(&asked, &told)?;
    ensure!(violations.is_empty(), "{violations:#?}");
    Ok(())
}
