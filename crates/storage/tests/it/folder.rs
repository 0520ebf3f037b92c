//! The data folder: whose it is, what is refused, how it is.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ports::testing::conformance::request;
use ports::{Blobs, HealthPart, Ledger, Verdict};
use shared_types::Digest;
use shared_types::http::PartState;
use storage::{DatabaseHealth, DiskHealth, Options, Store};

use crate::open;

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let text = Store::open(Options::new(folder.path())).unwrap_err().to_string();
    assert!(text.ends_with("is in use by another process: stop it, or choose another folder"), "{text}");
    drop(first);
    open(folder.path());
}

#[test]
fn a_database_that_cannot_be_trusted_is_refused() {
    fn check(tamper: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        let database = rusqlite::Connection::open(folder.path().join("sitewright.db")).unwrap();
        database.execute_batch(tamper).unwrap();
        drop(database);
        let error = Store::open(Options::new(folder.path())).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.verdict(), Verdict::GiveUp);
    }
    check("UPDATE schema_migrations SET sha256 = 'x'", "migrations/0001_ledger.sql was altered");
    check(
        "INSERT INTO schema_migrations VALUES (99, '0099_later.sql', 'x', 0)",
        "holds migration 0099_later.sql, which this program does not know",
    );
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sitewright.db"), [b'x'; 5000]).unwrap();
    let error = Store::open(Options::new(folder.path())).unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp);
    let text = error.to_string();
    assert!(text.contains("sitewright.db is damaged: file is not a database"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(Options::new(file.join("data"))).unwrap_err();
    assert_eq!(error.to_string(), format!("create folder {}", file.join("data").display()));
}

#[cfg(unix)]
#[tokio::test]
async fn everything_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    fn check(path: &Path, seen: &mut u32) {
        let metadata = fs::metadata(path).unwrap();
        let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, wanted, "{}", path.display());
        *seen += 1;
        if metadata.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| check(&entry.unwrap().path(), seen));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("new").join("data");
    let store = open(&data_dir);
    store.accept(request(1, "ann", 1)).await.unwrap();
    store.blobs().put(Bytes::from_static(b"blob")).await.unwrap();
    let mut seen = 0;
    check(&data_dir, &mut seen);
    // The folder, the lock, the database and its two companions, three folders and a blob.
    assert_eq!(seen, 9);
}

#[tokio::test]
async fn leftovers_of_a_torn_write_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let leftover = folder.path().join("blobs/tmp/0");
    fs::write(&leftover, "half").unwrap();
    let store = open(folder.path());
    assert!(!leftover.exists());
    store.blobs().put(Bytes::from_static(b"whole")).await.unwrap();
}

#[tokio::test]
async fn a_damaged_blob_is_noticed_and_healed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path()).blobs();
    let bytes = Bytes::from_static(b"a,b\n1,2\n");
    let digest = blobs.put(bytes.clone()).await.unwrap();
    let (shelf, name) = digest.as_str().split_at(2);
    fs::write(folder.path().join("blobs").join(shelf).join(name), "a,b\n1,3\n").unwrap();

    let error = blobs.get(&digest).await.unwrap_err();
    assert_eq!(error.to_string(), format!("blob {digest} was altered on disk"));
    assert_eq!(error.verdict(), Verdict::GiveUp);
    assert_eq!(blobs.put(bytes.clone()).await.unwrap(), Digest::of(&bytes));
    assert_eq!(blobs.get(&digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn health_follows_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()));
    let health = DatabaseHealth::new(Arc::clone(&store));
    let part = health.look().await;
    assert_eq!((part.name.as_str(), part.state, part.needed), ("database", PartState::Up, true), "{}", part.detail);
    store.close().await.unwrap();
    let part = health.look().await;
    assert_eq!(part.state, PartState::Down);
    assert!(part.detail.starts_with("the store is closed"), "{}", part.detail);
    let part = DiskHealth::new(folder.path()).look().await;
    assert!(part.detail.contains("MB free"), "{}", part.detail);
}
