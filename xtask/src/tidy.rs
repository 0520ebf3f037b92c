//! What no compiler checks. Each rule is a file below; all findings come at once.

mod logs;
pub(crate) mod migrations;
mod packages;
mod packaging;
mod records;
pub(crate) mod sources;

use anyhow::Result;

use crate::finding::Finding;
use crate::tree::Tree;

/// Every violation in `tree`.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = packages::check(tree)?;
    findings.extend(sources::check(tree)?);
    findings.extend(migrations::check(tree)?);
    findings.extend(records::check(tree)?);
    findings.extend(packaging::check(tree)?);
    findings.extend(logs::check(tree)?);
    Ok(findings)
}
