//! Python files: do they compile? Asked of `python3`, when the system has one.
//!
//! Nothing of a file is run: it is compiled in memory, by an interpreter that sees no settings, no installed
//! packages and no variables, writes nothing, and is ended after [`TIMEOUT`].

use std::process::Stdio;
use std::time::Duration;

use ports::{Attachment, Site};
use serde::Deserialize;
use shared_types::{Finding, Severity, SitePath};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tracing::debug;

use crate::lint;

/// For all files together; compiling takes milliseconds, starting the interpreter some tens.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Files that are looked at, and the longest of them in bytes.
const MAX_FILES: usize = 50;
const MAX_FILE_BYTES: usize = 512 * 1024;

/// Looked for where the system's own programs are: the environment is not handed on, `PATH` neither.
const INTERPRETER: &str = "python3";

/// Reads a list of sources; says of each its first error as `[line, message]`, or `null`.
const PROGRAM: &str = "\
import json, sys, warnings
warnings.simplefilter('ignore')
def fault(source):
    try:
        compile(source, 'file', 'exec', dont_inherit=True)
    except SyntaxError as error:
        return [error.lineno or 1, error.msg]
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return [1, str(error)]
json.dump([fault(source) for source in json.load(sys.stdin)], sys.stdout)
";

/// A line and what is wrong there.
#[derive(Debug, Deserialize)]
struct Fault(u32, String);

/// The first error of each Python file of `site`; none without an interpreter. What was given stays as it is, so its
/// faults are notices.
pub(crate) async fn check(site: &Site, attachments: &[Attachment]) -> Vec<Finding> {
    let files: Vec<(&SitePath, &str)> = site
        .iter()
        .filter(|(path, bytes)| path.extension() == "py" && bytes.len() <= MAX_FILE_BYTES)
        .filter_map(|(path, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)))
        .take(MAX_FILES)
        .collect();
    if files.is_empty() {
        return Vec::new();
    }
    let sources: Vec<&str> = files.iter().map(|(_, text)| *text).collect();
    match tokio::time::timeout(TIMEOUT, ask(&sources)).await {
        Ok(Some(faults)) => {
            let found = files.into_iter().zip(faults).filter_map(|((path, text), fault)| {
                let given = lint::is_attachment(attachments, path, text.as_bytes());
                Some(finding(path, fault?, if given { Severity::Notice } else { Severity::Error }))
            });
            found.collect()
        }
        Ok(None) | Err(_) => {
            debug!(event = "python.silent", count = files.len(), "Python files were not looked at");
            Vec::new()
        }
    }
}

fn finding(path: &SitePath, Fault(line, message): Fault, severity: Severity) -> Finding {
    let message = format!("the program does not start: {message}");
    Finding { severity, rule: "python.syntax".to_owned(), path: path.clone(), line: Some(line.max(1)), message }
}

async fn ask(sources: &[&str]) -> Option<Vec<Option<Fault>>> {
    let mut child = Command::new(INTERPRETER)
        // Isolated, without `site`, without bytecode, in UTF-8 whatever the machine speaks.
        .args(["-I", "-S", "-B", "-X", "utf8", "-c", PROGRAM])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let request = serde_json::to_vec(sources).ok()?;
    // It reads all before it writes anything, so this cannot wait for each other.
    stdin.write_all(&request).await.ok()?;
    drop(stdin);
    let output = child.wait_with_output().await.ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of the findings, by file.
    async fn check(files: &[(&str, &str)], expected: &[(&str, u32)]) {
        let site: Site =
            files.iter().map(|(path, text)| (path.parse().unwrap(), bytes::Bytes::from(text.to_string()))).collect();
        let findings = super::check(&site, &[]).await;
        let found: Vec<_> = findings.iter().filter_map(|found| Some((found.path.as_str(), found.line?))).collect();
        // Without an interpreter nothing is known, and nothing said.
        if found.is_empty() && Command::new(INTERPRETER).env_clear().arg("--version").output().await.is_err() {
            return;
        }
        assert_eq!(found, expected, "{files:?}");
    }

    #[tokio::test]
    async fn programs_compile() {
        check(&[("a.py", "print('ü')\n"), ("b.py", ""), ("c.py", "import nothing_that_is_there\nx: int = 1\n")], &[])
            .await;
        check(&[("a.py", "def f(:\n"), ("b.py", "x = 1\n  y = 2\n"), ("ok.py", "pass")], &[("a.py", 1), ("b.py", 2)])
            .await;
        check(&[("a.py", "print 'old'\n"), ("z.txt", "def (")], &[("a.py", 1)]).await;
        // Compiled, not run: this would never end.
        check(&[("a.py", "while True: pass\n")], &[]).await;
    }
}
