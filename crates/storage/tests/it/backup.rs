//! Backups of real folders: whole under load, verified by what is in them, restored into what is empty only.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ports::testing::conformance::request;
use ports::{Acceptance, Blobs, Ledger, Show, TaskPage};
use shared_types::Timestamp;
use storage::backup::{backup, restore, verify};

use crate::durability::{check_filled, fill};
use crate::open;

/// `n` seconds into the hour of the tests.
fn at(n: i64) -> Timestamp {
    Timestamp::from_unix_ms(1_795_298_400_000 + n * 1000)
}

/// A filled data folder with a backup of it.
async fn backed_up(root: &Path) -> PathBuf {
    let store = open(&root.join("data"));
    fill(&store).await;
    fs::write(root.join("data/last_known.json"), "{}").unwrap();
    // The store is open, and its log not folded in.
    backup(&root.join("data"), &root.join("to"), 7, at(0)).unwrap().path
}

/// The file of a blob of [`fill`].
fn blob(root: &Path) -> PathBuf {
    let digest = shared_types::Digest::of(b"a,b\n1,2\n");
    let (shelf, name) = digest.as_str().split_at(2);
    root.join("blobs").join(shelf).join(name)
}

#[tokio::test]
async fn a_backup_holds_everything_and_is_restored_into_an_empty_folder() {
    let root = tempfile::tempdir().unwrap();
    let path = backed_up(root.path()).await;
    assert_eq!(path.file_name().unwrap(), "sitewright-20261121T220000Z");
    let found = verify(&path).unwrap();
    assert_eq!((found.made_at, found.blobs, found.sample), (at(0), 1, Some(request(3, "cyd", 1).id)));
    assert!(found.tables >= 12, "{found:?}");

    let new = root.path().join("new");
    fs::create_dir(&new).unwrap();
    // Of a database that is gone: read into the new one, they would break it.
    for stale in ["sitewright.db-wal", "sitewright.db-shm"] {
        fs::write(new.join(stale), [7; 5000]).unwrap();
    }
    assert_eq!(restore(&path, &new).unwrap(), found);
    assert!(!new.join("sitewright.db-wal").exists());
    assert_eq!(fs::read_to_string(new.join("last_known.json")).unwrap(), "{}");
    check_filled(&open(&new)).await;
    // Whoever works in the new folder does not change the backup.
    assert_eq!(fs::metadata(blob(&new)).unwrap().nlink(), 1);
    verify(&path).unwrap();
}

#[tokio::test]
async fn a_restore_overwrites_nothing() {
    let root = tempfile::tempdir().unwrap();
    let path = backed_up(root.path()).await;
    let data = root.path().join("data");
    let before = fs::read(data.join("sitewright.db")).unwrap();
    let error = restore(&path, &data).unwrap_err().to_string();
    assert!(error.contains("this overwrites nothing: move it away"), "{error}");
    let store = open(&data);
    let error = restore(&path, &data).unwrap_err().to_string();
    assert!(error.contains("is in use by another process"), "{error}");
    drop(store);
    assert_eq!(fs::read(data.join("sitewright.db")).unwrap().len(), before.len());
    check_filled(&open(&data)).await;
}

#[tokio::test]
async fn what_was_damaged_is_found() {
    async fn check(damage: impl Fn(&Path), expected: &str) {
        let root = tempfile::tempdir().unwrap();
        let path = backed_up(root.path()).await;
        damage(&path);
        let error = verify(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        let new = root.path().join("new");
        assert_eq!(restore(&path, &new).unwrap_err().to_string(), error);
        assert!(!new.join("sitewright.db").exists(), "{expected}: half a restore");
    }
    let database = |path: &Path| path.join("sitewright.db");
    let turn = |path: &Path, place: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[place] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    check(|path| turn(&database(path), 9000), "sitewright.db has the SHA-256").await;
    check(|path| fs::File::options().write(true).open(database(path)).unwrap().set_len(4096).unwrap(), "SHA-256").await;
    check(|path| turn(&blob(path), 0), "was altered").await;
    check(|path| fs::remove_file(blob(path)).unwrap(), "which a task names, is missing").await;
    check(|path| fs::remove_file(path.join("manifest.json")).unwrap(), "is no backup").await;
    check(|path| fs::write(path.join("manifest.json"), "{\"form\":2}").unwrap(), "is no backup").await;
    // Rows that went missing before the file was summed up.
    let fewer = |path: &Path| {
        rewrite(path, "DELETE FROM cursors");
    };
    check(fewer, "its tables hold").await;
    let dangling = |path: &Path| {
        rewrite(path, "PRAGMA foreign_keys = OFF; DELETE FROM flows WHERE ord = 1; DELETE FROM tasks WHERE ord = 1");
    };
    check(dangling, "name rows that are not there").await;
}

/// Changes the database of a backup, and its manifest as if it had been made like that.
fn rewrite(path: &Path, sql: &str) {
    use sha2::Digest as _;
    let database = path.join("sitewright.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch(sql).unwrap();
    let sum: String = sha2::Sha256::digest(fs::read(&database).unwrap()).iter().map(|b| format!("{b:02x}")).collect();
    let file = path.join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    manifest["database_sha256"] = sum.into();
    fs::write(file, manifest.to_string()).unwrap();
}

#[tokio::test]
async fn a_blob_that_is_damaged_in_the_data_folder_is_said_and_not_saved() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let store = open(&data);
    fill(&store).await;
    fs::write(blob(&data), "a,b\n1,3\n").unwrap();
    let made = backup(&data, &root.path().join("to"), 7, at(0)).unwrap();
    assert_eq!((made.blobs, made.damaged), (0, vec![shared_types::Digest::of(b"a,b\n1,2\n")]));
}

#[tokio::test]
async fn the_newest_are_kept_and_blobs_lie_on_the_disk_once() {
    let root = tempfile::tempdir().unwrap();
    let (data, to) = (root.path().join("data"), root.path().join("to"));
    let store = open(&data);
    fill(&store).await;
    fs::create_dir_all(to.join(".partial-sitewright-20200101T000000Z/blobs")).unwrap();
    fs::create_dir_all(to.join("sitewright-of-somebody-else")).unwrap();
    let made: Vec<_> = (0..4).map(|n| backup(&data, &to, 2, at(n)).unwrap()).collect();
    assert_eq!(made.iter().map(|made| made.linked).collect::<Vec<_>>(), [0, 1, 1, 1]);
    assert_eq!(made[3].removed, [made[1].path.clone()]);
    let mut left: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.sort();
    assert_eq!(left, [made[2].path.clone(), made[3].path.clone(), to.join("sitewright-of-somebody-else")]);
    assert_eq!(fs::metadata(blob(&made[3].path)).unwrap().nlink(), 2);
    // The first of them is gone, and the others want nothing of it.
    verify(&made[3].path).unwrap();
    let error = backup(&data, &to, 2, at(3)).unwrap_err().to_string();
    assert!(error.contains("wait a second"), "{error}");
    verify(&made[3].path).unwrap();
}

#[test]
fn without_a_database_there_is_nothing_to_back_up() {
    let root = tempfile::tempdir().unwrap();
    let error = backup(&root.path().join("data"), &root.path().join("to"), 7, at(0)).unwrap_err().to_string();
    assert!(error.contains("nothing has run with this data folder yet"), "{error}");
    assert!(!root.path().join("to").exists());
}

/// Each backup is of one moment of a ledger that is written to all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_of_one_moment() {
    let root = tempfile::tempdir().unwrap();
    let (data, to) = (root.path().join("data"), root.path().join("to"));
    let store = Arc::new(open(&data));
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let new = request(n, "ann", 1);
                store.blobs().put(Bytes::from_static(b"a,b\n1,2\n")).await.unwrap();
                assert_eq!(store.accept(new).await.unwrap(), Acceptance::New);
            }
            n
        }
    });
    while store.tasks(page()).await.unwrap().len() < 200 {
        tokio::task::yield_now().await;
    }
    let (from, into) = (data.clone(), to.clone());
    let made = tokio::task::spawn_blocking(move || [0, 1].map(|n| backup(&from, &into, 7, at(n)).unwrap()));
    let made = made.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let written = writing.await.unwrap();
    let mut sizes = Vec::new();
    for made in made {
        verify(&made.path).unwrap();
        let new = root.path().join(made.path.file_name().unwrap());
        restore(&made.path, &new).unwrap();
        let restored = open(&new);
        let tasks = restored.tasks(page()).await.unwrap().len() as u64;
        // Each task is there with its event and its flow.
        assert_eq!(restored.events_after(0, 100_000).await.unwrap().len() as u64, tasks);
        sizes.push(tasks);
    }
    assert!(sizes[0] >= 200 && sizes[0] <= sizes[1] && sizes[1] <= written, "{sizes:?} of {written}");
}

fn page() -> TaskPage {
    TaskPage { before: None, limit: 100_000, show: Show::All }
}
