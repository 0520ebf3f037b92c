//! X6: a loss of power after the answer loses nothing, because the commit is on the disk before the answer leaves.
//!
//! strace writes down what the process asks of the system while requests are accepted. In that order, before each answer
//! with 200, a page with the answer's trace id must have been written to SQLite's log, and then the log flushed, and the
//! flush must have come back. With commits that are flushed later, which only a test can ask for, the same look must find
//! that they were not.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::tally::Tally;
use super::world::{Options, World, tasks_of};
use crate::measure::Figure;
use crate::{Instance, Launch};

const SOON: Duration = Duration::from_secs(60);

/// Beyond a page of the log, and a receipt with its headers.
const SHOWN: &str = "8192";

/// Digits of a trace id.
const TRACE_ID: usize = 32;

/// When commits are flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// As it is shipped.
    BeforeTheAnswer,
    /// Some time after the answer.
    Later,
}

/// What the order of calls says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// Answers with 200 to a request that was accepted.
    pub answers: usize,
    /// Those of them that left before their commit was on the disk, with the line of the trace.
    pub early: Vec<String>,
}

/// Accepts `requests` requests under strace, one after the other.
///
/// # Errors
/// There is no strace, or it may not trace.
pub async fn trace(name: &str, requests: usize, flush: Flush) -> Result<Order> {
    let world = World::new(name, Options::default())?;
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("trace");
    let mut launch: Launch = world.launch().with("ROLES", "intake");
    if flush == Flush::Later {
        launch = launch.with("CHAOS_FLUSH", "checkpoints");
    }
    let shown = trace.display().to_string();
    // As a grandchild, so that the service is the child that signals reach.
    let strace =
        ["strace", "-D", "-f", "-y", "-s", SHOWN, "-e", "trace=fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg"];
    let through = strace.into_iter().chain(["-o", &shown]).map(str::to_owned).collect();
    let mut server = Instance::start(launch.through(through)).await.context("start the service under strace")?;
    for n in 0..requests {
        world.request(&format!("{}-{n}", tasks_of(name)), 1)?.post(&server, SOON).await?;
    }
    server.terminate().await?;
    let order = read(&read_whole(&trace).await?);
    ensure!(order.answers == requests, "{} answers in the trace, {requests} requests", order.answers);
    Ok(order)
}

/// The trace, once strace has written all of it.
async fn read_whole(trace: &Path) -> Result<String> {
    let whole = async {
        loop {
            let bytes = std::fs::read(trace).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if text.lines().last().is_some_and(|line| line.contains("+++ exited")) {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, whole).await.context("strace did not end")
}

/// Reads a trace: each line is the entry of a call, or the end of one that others came between.
#[must_use]
pub fn read(trace: &str) -> Order {
    let mut order = Order::default();
    // Writes to the log since the last answer with their places in the trace, and up to where the log is on the disk.
    let (mut written, mut flushed) = (Vec::new(), 0);
    let mut flushing: HashMap<&str, usize> = HashMap::new();
    for (line, at) in trace.lines().zip(1..) {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let on_log = call.split_once(", ").map_or(call, |(first, _)| first).contains("-wal>");
        let is_flush = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        if call.starts_with("pwrite64(") && on_log {
            written.push((at, call));
        } else if is_flush && call.contains("-wal>") {
            if call.ends_with("= 0") {
                flushed = at;
            } else if call.ends_with("<unfinished ...>") {
                flushing.insert(process, at);
            }
        } else if call.starts_with("<... fdatasync resumed>") || call.starts_with("<... fsync resumed>") {
            // What was written after its beginning may not be on the disk.
            if let Some(began) = flushing.remove(process).filter(|_| call.ends_with("= 0")) {
                flushed = flushed.max(began);
            }
        } else if call.contains("HTTP/1.1 200")
            && let Some(id) = accepted(call)
        {
            order.answers += 1;
            let commit = written.iter().find(|(_, page)| page.contains(id)).map(|(at, _)| *at);
            if commit.is_none_or(|written| flushed < written) {
                let shown: String = line.chars().take(120).collect();
                order.early.push(format!("line {at}, in the log by {commit:?}, flushed at {flushed}: {shown}"));
            }
            written.clear();
        }
    }
    order
}

/// The trace id of an answer that says that a request was accepted.
fn accepted(call: &str) -> Option<&str> {
    let (_, after) = call.split_once("trace_id").filter(|_| call.contains("accepted"))?;
    let id = after.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).get(..TRACE_ID)?;
    id.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(id)
}

/// The order as it is shipped, and the same look at commits that are flushed later, which must find that they left early.
///
/// # Errors
/// Something could not be tried at all.
pub async fn run(name: &str, requests: usize) -> Result<Vec<Tally>> {
    let shipped = trace(name, requests, Flush::BeforeTheAnswer).await?;
    let mut order = Tally::new(name, shipped.answers, &[]);
    order.violations = shipped.early;
    let planted = format!("{name}_planted_noticed");
    let later = trace(&planted, requests, Flush::Later).await?;
    let mut noticed = Tally::new(&planted, 1, &[]);
    if later.early.is_empty() {
        noticed.violations.push(format!("{requests} commits were flushed later, and that was not noticed"));
    }
    let noticed = noticed.note(Figure::plain(&format!("{name}_planted_early"), later.early.len() as f64, "answers"));
    Ok(vec![order, noticed])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(trace: &str, answers: usize, early: usize) {
        let order = read(trace);
        assert_eq!((order.answers, order.early.len()), (answers, early), "{order:?}");
    }

    const WRITE: &str =
        "7 pwrite64(9</d/sitewright.db-wal>, \"\\r\\0 0af7651916cd43dd8448eb211c80319c\\1\", 4096, 32) = 4096\n";
    const FLUSH: &str = "7 fdatasync(9</d/sitewright.db-wal>) = 0\n";
    const ANSWER: &str = "8 write(12<TCP:[1]>, \"HTTP/1.1 200 OK\\r\\n\\r\\n{\\\"status\\\":\\\"accepted\\\",\\\"trace_id\\\":\\\"0af7651916cd43dd8448eb211c80319c\\\"}\", 50) = 50\n";

    #[test]
    fn a_commit_is_on_the_disk_before_its_answer() {
        check(&[WRITE, FLUSH, ANSWER].concat(), 1, 0);
        check(&[WRITE, FLUSH, ANSWER, WRITE, FLUSH, ANSWER].concat(), 2, 0);
        check(&[WRITE, ANSWER, FLUSH].concat(), 1, 1);
        check(&[FLUSH, WRITE, ANSWER].concat(), 1, 1);
        // Of another request, or of somebody who writes by himself.
        let other = WRITE.replace("0af7", "1111");
        check(&[&other, FLUSH, ANSWER].concat(), 1, 1);
        check(&[WRITE, FLUSH, &other, ANSWER].concat(), 1, 0);
        check(&[&other, FLUSH, WRITE, ANSWER].concat(), 1, 1);
        // The second answer has no commit of its own.
        check(&[WRITE, FLUSH, ANSWER, ANSWER].concat(), 2, 1);
        // Another file.
        check(&[WRITE, &FLUSH.replace("-wal", ""), ANSWER].concat(), 1, 1);
        check(&[WRITE, &FLUSH.replace("= 0", "= -1 EIO (Input/output error)"), ANSWER].concat(), 1, 1);
    }

    #[test]
    fn a_flush_counts_from_its_beginning_and_once_it_has_come_back() {
        const BEGUN: &str = "7 fdatasync(9</d/sitewright.db-wal> <unfinished ...>\n";
        const BACK: &str = "7 <... fdatasync resumed>) = 0\n";
        check(&[WRITE, BEGUN, BACK, ANSWER].concat(), 1, 0);
        check(&[WRITE, BEGUN, ANSWER, BACK].concat(), 1, 1);
        check(&[BEGUN, WRITE, BACK, ANSWER].concat(), 1, 1);
        check(&[WRITE, BEGUN, &BACK.replace('7', "6"), ANSWER].concat(), 1, 1);
    }
}
