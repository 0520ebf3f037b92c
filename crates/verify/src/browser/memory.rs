//! How much memory a browser takes: the proportional set size of its process group, so that pages
//! which its processes share count once. Linux only; elsewhere nothing is known.

use std::fs;
use std::path::Path;

/// Processes looked at; a machine with more has other worries.
const MAX_PROCESSES: usize = 50_000;

/// Bytes of all processes of `groups`, by process group. None where the system does not say.
pub(super) fn of_groups(groups: &[u32]) -> Option<u64> {
    let processes = fs::read_dir("/proc").ok()?.flatten().take(MAX_PROCESSES);
    let ours =
        processes.map(|entry| entry.path()).filter(|path| group(path).is_some_and(|group| groups.contains(&group)));
    Some(ours.filter_map(|path| resident(&path)).sum())
}

/// The group of a process, from `stat`: its name, in brackets, may hold anything.
fn group(process: &Path) -> Option<u32> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()
}

fn resident(process: &Path) -> Option<u64> {
    let rollup = fs::read_to_string(process.join("smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
