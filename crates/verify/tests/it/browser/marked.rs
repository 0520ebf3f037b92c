//! Chromium below a script that writes down what it starts, so that a test can kill it and look for
//! what is left.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use verify::{Options, Program};

use crate::world::options;

/// Until the last process of an ended browser is gone, on a crowded machine.
const GONE: Duration = Duration::from_secs(20);

/// The folder of the script and its notes.
pub(crate) struct Marked {
    folder: TempDir,
}

impl Marked {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The mark stands in the environment of all that the browser starts.
        let script = "#!/bin/sh\nfolder=$(dirname \"$0\")\nexport SITEWRIGHT_MARK=\"$folder\"\n\
            echo $$ >>\"$folder/all\"\necho $$ >\"$folder/pid.new\"\nmv \"$folder/pid.new\" \"$folder/pid\"\n\
            exec \"$(command -v chromium || command -v chromium-browser || command -v google-chrome)\" \"$@\"\n";
        std::fs::write(folder.path().join("run"), script).unwrap();
        std::fs::set_permissions(folder.path().join("run"), PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder }
    }

    pub(crate) fn options(&self) -> Options {
        self.with(options())
    }

    pub(crate) fn with(&self, options: Options) -> Options {
        Options { program: Program::At(self.folder.path().join("run")), ..options }
    }

    /// Names the process that was started last.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.folder.path().join("pid")
    }

    /// How many browsers were started.
    pub(crate) fn started(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("all")).map_or(0, |all| all.lines().count())
    }

    /// Kills the browser that was started last; says whether there was one not killed before.
    pub(crate) fn kill(&self) -> bool {
        let Ok(pid) = std::fs::read_to_string(self.pid_file()) else { return false };
        std::fs::remove_file(self.pid_file()).unwrap();
        Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success()
    }

    /// Waits until no process is left of any browser that was started here.
    pub(crate) async fn all_gone(&self) {
        let gone = async {
            while !self.left().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(GONE, gone).await.is_ok(), "still there: {:?}", self.left());
    }

    /// Processes that carry the mark.
    pub(crate) fn left(&self) -> Vec<String> {
        let mark = format!("SITEWRIGHT_MARK={}", self.folder.path().display());
        let carries = |process: &Path| {
            std::fs::read(process.join("environ"))
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == mark.as_bytes()))
        };
        let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        processes.filter(|path| carries(path)).map(|path| path.display().to_string()).collect()
    }
}
