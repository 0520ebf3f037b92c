//! A copy of parts of the checkout, and xtask run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A temporary folder to alter and check; removed when dropped.
pub(crate) struct House {
    folder: TempDir,
}

/// What xtask answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    /// Everything it printed.
    pub(crate) text: String,
}

impl House {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Copies the file at `path` from the checkout.
    pub(crate) fn copy(&self, path: &str) {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        self.write(path, &fs::read_to_string(checkout.join(path)).unwrap());
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let target = self.path(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, text).unwrap();
    }

    /// Replaces `from`, which must be there, by `to`.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replace(from, to));
    }

    /// Runs `cargo xtask WORDS --root FOLDER`.
    pub(crate) fn xtask(&self, words: &[&str]) -> Answer {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(words)
            .arg("--root")
            .arg(self.folder.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        Answer { code: output.status.code().unwrap(), text: String::from_utf8(text).unwrap() }
    }
}

impl Answer {
    /// Asserts the exit code, and that every one of `parts` was printed.
    pub(crate) fn check(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "no {part:?} in:\n{}", self.text);
        }
    }
}
