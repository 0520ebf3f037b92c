//! Faults of the disk, with real files: what cannot be trusted is refused at the start, with words that say what to do.

use std::fs;
use std::path::Path;

use ports::Verdict;
use ports::testing::conformance::request;
use ports::{HealthPart, Ledger};
use storage::{Options, Store};

use crate::open;

/// A closed folder with `tasks` tasks.
async fn closed(folder: &Path, tasks: u64) {
    let store = open(folder);
    for n in 1..=tasks {
        store.accept(request(n, "ann", 1)).await.unwrap();
    }
    store.close().await.unwrap();
}

/// Does `damage` to the database of a folder, and opens it.
async fn check(damage: impl FnOnce(&Path), expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    closed(folder.path(), 50).await;
    damage(&folder.path().join("sitewright.db"));
    let error = Store::open(Options::new(folder.path())).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(expected) && text.contains("sitewright.db"), "{text}");
    assert!(text.contains("sitewright restore"), "it says what to do: {text}");
    assert_eq!(error.verdict(), Verdict::GiveUp, "{text}");
}

#[tokio::test]
async fn a_database_that_was_cut_short_is_refused() {
    let cut = |path: &Path, bytes: u64| fs::File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
    check(|path| cut(path, fs::metadata(path).unwrap().len() / 2 / 4096 * 4096), "is damaged").await;
    check(|path| cut(path, fs::metadata(path).unwrap().len() - 4096), "is damaged").await;
    check(|path| cut(path, fs::metadata(path).unwrap().len() - 1), "is damaged").await;
    check(|path| cut(path, 4096), "is damaged").await;
}

#[tokio::test]
async fn a_database_whose_pages_were_overwritten_is_refused() {
    let overwrite = |path: &Path, page: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        fs::write(path, bytes).unwrap();
    };
    check(|path| overwrite(path, 3), "is damaged").await;
    check(|path| overwrite(path, 12), "is damaged").await;
}

/// An empty file where thousands of tasks were is no new ledger: the log beside it tells.
#[tokio::test]
async fn a_log_without_its_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    closed(folder.path(), 5).await;
    let store = open(folder.path());
    for n in 6..=9 {
        store.accept(request(n, "ann", 1)).await.unwrap();
    }
    let image = tempfile::tempdir().unwrap();
    crate::durability::copy(folder.path(), image.path());
    drop(store);
    fs::remove_file(image.path().join("sitewright.db")).unwrap();
    let error = Store::open(Options::new(image.path())).unwrap_err().to_string();
    assert!(error.contains("there is a log") && error.contains("sitewright restore"), "{error}");
    // Nothing was thrown away: with its database back, all is there.
    fs::copy(folder.path().join("sitewright.db"), image.path().join("sitewright.db")).unwrap();
    let page = ports::TaskPage { before: None, limit: 99, show: ports::Show::All };
    assert!(open(image.path()).tasks(page).await.unwrap().len() >= 5);
}

const CHILD: &str = "STORAGE_READ_ONLY_FOLDER";

/// The other half of the test below, in a process that may not write.
#[test]
#[ignore = "run by `a_disk_that_cannot_be_written_is_refused_by_name`"]
fn in_a_process_that_may_not_write() {
    let folder = std::env::var_os(CHILD).unwrap();
    println!("said: {}", ports::ErrorChain(&Store::open(Options::new(folder)).unwrap_err()));
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_cannot_be_written_is_refused_by_name() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    let folder = tempfile::tempdir().unwrap();
    closed(folder.path(), 3).await;
    let set = |mode: u32, files: u32| {
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let mode = if path.is_dir() { mode } else { files };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    };
    set(0o555, 0o444);
    // Whoever may not write need not reach the folder that this program was built in either.
    let shared = tempfile::tempdir().unwrap();
    fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = shared.path().join("storage-tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut child = std::process::Command::new(program);
    child.current_dir(shared.path());
    child.args(["--exact", "faults::in_a_process_that_may_not_write", "--ignored", "--nocapture"]);
    child.env(CHILD, folder.path());
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        // Nothing is read-only to root.
        child.uid(65534);
    }
    let said = child.output().unwrap();
    set(0o755, 0o644);
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(text.contains("said: ") && text.contains("sitewright.lock: Permission denied"), "{text} {said:?}");
    let page = ports::TaskPage { before: None, limit: 99, show: ports::Show::All };
    assert_eq!(open(folder.path()).tasks(page).await.unwrap().len(), 3, "nothing was lost");
}

/// The log's place is taken by a folder, say by a tool that has gone wrong.
#[tokio::test]
async fn a_log_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    closed(folder.path(), 3).await;
    fs::create_dir(folder.path().join("sitewright.db-wal")).unwrap();
    let error = Store::open(Options::new(folder.path())).unwrap_err();
    assert!(error.to_string().contains("sitewright.db"), "{error}");
}

/// The file is overwritten below a running service: the next look of the health check says so.
#[tokio::test]
async fn a_database_that_breaks_while_it_is_open_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(open(folder.path()));
    for n in 1..=50 {
        store.accept(request(n, "ann", 1)).await.unwrap();
    }
    let health = storage::DatabaseHealth::new(store.clone());
    for name in ["sitewright.db", "sitewright.db-wal"] {
        fs::File::options().write(true).open(folder.path().join(name)).unwrap().set_len(0).unwrap();
    }
    let part = health.look().await;
    assert_eq!(part.state, shared_types::http::PartState::Down, "{}", part.detail);
}
