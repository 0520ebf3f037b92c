//! How many files the process may have open. Each connection is one, and a process that runs out of them can neither
//! accept a connection nor open its database.

/// What the process needs beside connections to the API: the database, blobs, repositories, local pages, outgoing
/// connections, the browser.
const BESIDE: usize = 1024;

/// How many files beside the connections stay free at least when the limit is low.
const LEAST_BESIDE: usize = 64;

/// Raises the limit to what `connections` need, as far as that is allowed, and returns how many connections fit.
#[cfg(unix)]
pub(crate) fn make_room_for(connections: usize) -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let wanted = connections.saturating_add(BESIDE) as u64;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let before = limit.current;
        // No further than needed: some programs that we start close every file that they might have.
        limit.current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        match setrlimit(Resource::Nofile, limit) {
            Ok(()) => tracing::info!(
                event = "service.open_files_raised",
                from = before,
                to = limit.current,
                "more files may be open"
            ),
            Err(error) => {
                tracing::warn!(event = "service.open_files_kept", %error, limit = before, "the limit of open files cannot be raised");
                limit.current = before;
            }
        }
    }
    limit.current.map_or(connections, |files| fitting(connections, usize::try_from(files).unwrap_or(usize::MAX)))
}

#[cfg(not(unix))]
pub(crate) fn make_room_for(connections: usize) -> usize {
    connections
}

/// As many of `connections` as `files` allow: beside them there is room for everything else, or for half of all when
/// that is very little.
fn fitting(connections: usize, files: usize) -> usize {
    let beside = BESIDE.min(files / 2).max(LEAST_BESIDE);
    connections.min(files.saturating_sub(beside)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_rest() {
        for (connections, files, expected) in [
            (16_384, 20_000, 16_384),
            (17_408, 17_408 + BESIDE, 17_408),
            (17_408, 10_240, 10_240 - BESIDE),
            (17_408, 1024, 512),
            (100, 1024, 100),
            (100, 64, 1),
        ] {
            assert_eq!(fitting(connections, files), expected, "{connections} connections, {files} files");
        }
    }
}
