//! The journals and events of released versions: what they wrote is read by what the sources are now.
//!
//! Files of `released/` are only added. What they hold is replayed by `crates/core-flows/examples/replay.rs`.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::finding::Finding;
use crate::process;
use crate::tree::Tree;

/// A folder for each released version.
pub(crate) const RELEASED: &str = "crates/core-flows/released";

/// What is not read any more as a released version wrote it.
pub(crate) fn breaks(tree: &Tree) -> Result<Vec<Finding>> {
    let output = process::cargo()
        .args(["run", "--quiet", "--example", "replay", "--", RELEASED])
        .current_dir(tree.root())
        .stderr(Stdio::inherit())
        .output()
        .context("start cargo")?;
    let said = String::from_utf8(output.stdout).context("read what does not replay")?;
    let findings: Vec<_> = said.lines().map(finding).collect();
    if !output.status.success() && findings.is_empty() {
        bail!("`cargo run --example replay` failed ({})", output.status);
    }
    Ok(findings)
}

fn finding(line: &str) -> Finding {
    let (path, detail) = line.split_once(": ").unwrap_or((RELEASED, line));
    let next = "read what was written: add fields with a default, keep their names, keep the names of steps";
    Finding::new(path, "journal-unread", detail, next)
}

/// Writes the journals of this version, unless they are frozen already.
pub(crate) fn release(tree: &Tree, version: &str) -> Result<()> {
    let folder = tree.root().join(RELEASED).join(version);
    if folder.exists() {
        println!("fresh {RELEASED}/{version}");
        return Ok(());
    }
    let mut command = process::cargo();
    command.args(["test", "--quiet", "-p", "core-flows", "--test", "it", "released::"]);
    process::run(command.current_dir(tree.root()).env("RELEASE_JOURNALS", &folder))?;
    println!("wrote {RELEASED}/{version}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_finding() {
        let found = finding("released/0.1.0/round-1.json: decide/why is not read any more");
        assert_eq!(found.path, "released/0.1.0/round-1.json");
        assert_eq!(found.detail, "decide/why is not read any more");
    }
}
