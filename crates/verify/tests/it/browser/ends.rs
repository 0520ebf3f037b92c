//! A browser that goes away in the middle of a run.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ports::Verifier;
use shared_types::{BrowserRun, Verdict};
use tempfile::TempDir;
use verify::{Options, Program, SiteVerifier};

use crate::world::{inspection, options, page, ran, results, verify};

/// Chromium below a script that writes down its process id.
struct Marked {
    folder: TempDir,
}

impl Marked {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\necho $$ >\"$(dirname \"$0\")/pid.new\"\nmv \"$(dirname \"$0\")/pid.new\" \"$(dirname \"$0\")/pid\"\n\
            exec \"$(command -v chromium || command -v chromium-browser || command -v google-chrome)\" \"$@\"\n";
        std::fs::write(folder.path().join("run"), script).unwrap();
        std::fs::set_permissions(folder.path().join("run"), PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn options(&self) -> Options {
        Options { program: Program::At(self.folder.path().join("run")), ..options() }
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("pid")
    }

    /// Kills the browser that was started last; says whether there was one not killed before.
    fn kill(&self) -> bool {
        let Ok(pid) = std::fs::read_to_string(self.pid_file()) else { return false };
        std::fs::remove_file(self.pid_file()).unwrap();
        Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success()
    }
}

#[tokio::test]
async fn one_end_is_survived() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(marked.options());
    ran(verify(&verifier, page("<p>"), &["js: true"]).await);
    let slow = ["js: new Promise(done => setTimeout(() => done(true), 1500))"];
    let (seen, ()) = tokio::join!(verify(&verifier, page("<p>"), &slow), async {
        // Well inside the 1.5 s that the check takes; killed earlier or later, the outcome is the same.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(marked.kill());
    });
    assert_eq!(results(&ran(seen)), [(Verdict::Passed, "true")]);
    assert!(marked.pid_file().exists(), "another browser was started");
    verifier.close().await;
}

#[tokio::test]
async fn a_browser_that_keeps_ending_is_given_up() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(marked.options());
    let slow = inspection(&verifier, page("<p>"), &["js: new Promise(done => setTimeout(() => done(true), 3000))"]);
    let kill = async {
        loop {
            marked.kill();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let seen = tokio::select! {
        seen = verifier.verify(slow) => seen.unwrap(),
        () = kill => unreachable!("it never ends"),
    };
    assert!(matches!(&seen.report.browser, BrowserRun::NotRun { .. }));
    assert_eq!(results(&seen), [(Verdict::NotRun, "no browser ran")]);
    verifier.close().await;
}

#[tokio::test]
async fn nothing_outlives_a_dropped_verifier() {
    let marked = Marked::new();
    let verifier = SiteVerifier::new(marked.options());
    ran(verify(&verifier, page("<p>"), &["js: true"]).await);
    let pid = std::fs::read_to_string(marked.pid_file()).unwrap();
    let command = std::fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap();
    let command = String::from_utf8_lossy(&command).into_owned();
    let profile = command.split('\0').find_map(|arg| arg.strip_prefix("--user-data-dir=")).unwrap().to_owned();
    assert!(PathBuf::from(&profile).exists());
    drop(verifier);
    let gone = async {
        while PathBuf::from(&profile).exists() || PathBuf::from(format!("/proc/{}", pid.trim())).exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
}
