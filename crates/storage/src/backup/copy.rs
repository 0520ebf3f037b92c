//! Copying: the database page by page out of one moment, files with their bytes checked.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use shared_types::Digest;

use crate::folder::{create_private_dir, open_private, sync_dir};
use crate::{Error, connection};

/// Pages copied in one go: a quarter of a megabyte, some hundred microseconds.
const STEP_PAGES: i32 = 64;

/// Between two goes. A writer that waits for the same disk is served in it; some 50 MB a second remain.
const BREATH: Duration = Duration::from_millis(5);

/// Goes between two flushes: one flush of everything at the end would keep a writer's own flush waiting.
const STEPS_TO_FLUSH: u32 = 4;

/// What became of the blobs.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) count: u64,
    pub(super) linked: u64,
    pub(super) damaged: Vec<Digest>,
}

/// Copies the database at `source` as it is at one moment. Readers never keep a writer waiting, and this is one.
pub(super) fn database(source: &Path, target: &Path) -> Result<(), Error> {
    let opening = |source| Error::Open { path: target.to_owned(), source };
    let copying = |fault| Error::Backup { path: source.to_owned(), source: fault };
    let from = Connection::open_with_flags(source, connection::reader_flags()).map_err(copying)?;
    from.busy_timeout(connection::BUSY_TIMEOUT).map_err(copying)?;
    let flushed = open_private(target, OpenOptions::new().write(true).create_new(true))
        .map_err(Error::folder("create file", target))?;
    let mut to = Connection::open(target).map_err(opening)?;
    // Half a backup is thrown away, so nothing need be undone; it is flushed below.
    to.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(opening)?;
    // One transaction for all steps: without it, SQLite begins anew after each commit of the writer.
    from.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(copying)?;
    {
        let pages = Backup::new(&from, &mut to).map_err(copying)?;
        let mut steps = 0_u32;
        while pages.step(STEP_PAGES).map_err(copying)? != StepResult::Done {
            std::thread::sleep(BREATH);
            steps += 1;
            if steps.is_multiple_of(STEPS_TO_FLUSH) {
                flushed.sync_data().map_err(Error::folder("sync file", target))?;
            }
        }
    }
    from.execute_batch("COMMIT").map_err(copying)?;
    // As one file that says everything: the mode of the source has two more beside it.
    to.pragma_update(None, "journal_mode", "DELETE").map_err(opening)?;
    to.close().map_err(|(_, source)| Error::Open { path: target.to_owned(), source })?;
    flushed.sync_all().map_err(Error::folder("sync file", target))
}

/// Copies every blob, or links it to the one in the backup `earlier`.
pub(super) fn blobs(source: &Path, target: &Path, earlier: Option<&Path>) -> Result<Copied, Error> {
    let mut copied = Copied::default();
    for (digest, file) in crate::blobs::list(source)? {
        let (shelf, name) = digest.as_str().split_at(2);
        let place = target.join(shelf).join(name);
        create_private_dir(&target.join(shelf))?;
        let kept = earlier.map(|earlier| earlier.join(super::BLOBS).join(shelf).join(name));
        // Whoever verifies it reads it; a link to a good file is as good as the file.
        if kept.is_some_and(|kept| fs::hard_link(kept, &place).is_ok()) {
            copied.linked += 1;
            copied.count += 1;
            continue;
        }
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            // Somebody was forgotten meanwhile.
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => continue,
            Err(fault) => return Err(Error::Blob { operation: "read", digest, source: fault }),
        };
        if Digest::of(&bytes) == digest {
            write(&place, &bytes).map_err(Error::folder("write file", &place))?;
            copied.count += 1;
        } else {
            copied.damaged.push(digest);
        }
    }
    for shelf in fs::read_dir(target).map_err(Error::folder("list folder", target))? {
        let shelf = shelf.map_err(Error::folder("list folder", target))?.path();
        sync_dir(&shelf).map_err(Error::folder("sync folder", &shelf))?;
    }
    Ok(copied)
}

/// Copies one file durably.
pub(super) fn file(source: &Path, target: &Path) -> Result<(), Error> {
    let mut from = File::open(source).map_err(Error::folder("open file", source))?;
    let writing = |from: &mut File| {
        let mut to = open_private(target, OpenOptions::new().write(true).create_new(true))?;
        std::io::copy(from, &mut to)?;
        to.sync_all()
    };
    writing(&mut from).map_err(Error::folder("write file", target))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = open_private(path, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(bytes)?;
    file.sync_all()
}
