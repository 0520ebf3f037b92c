//! The HTTP contract: the document that the `api` crate generates.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::process;
use crate::tree::Tree;

/// The generated document, checked in.
pub(crate) const GENERATED: &str = "openapi/sitewright.v1.json";
/// The frozen promise: a copy of the document as released.
pub(crate) const RELEASED: &str = "openapi/released/sitewright.v1.json";

/// The document as the sources have it now.
#[derive(Debug)]
pub(crate) struct Document {
    /// Text of [`GENERATED`].
    pub(crate) text: String,
    pub(crate) value: Value,
}

impl Document {
    /// Asks the `openapi` example of the api crate.
    fn from_api(tree: &Tree) -> Result<Self> {
        // Started from the workspace, not with `-p api`: so it has the features that the tests build with,
        // and what one of them compiled serves the other.
        let output = process::cargo()
            .args(["run", "--quiet", "--example", "openapi"])
            .current_dir(tree.root())
            .stderr(Stdio::inherit())
            .output()
            .context("start cargo")?;
        ensure!(output.status.success(), "`cargo run --example openapi` failed ({})", output.status);
        Self::new(String::from_utf8(output.stdout).context("read the OpenAPI document")?)
    }

    /// Takes the document from `file`, else from the crate.
    pub(crate) fn load(tree: &Tree, file: Option<&Path>) -> Result<Self> {
        file.map_or_else(|| Self::from_api(tree), Self::from_file)
    }

    fn from_file(file: &Path) -> Result<Self> {
        Self::new(std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?)
    }

    fn new(text: String) -> Result<Self> {
        let value = parse(&text)?;
        // One newline at the end, whatever the printer did.
        Ok(Self { text: format!("{}\n", text.trim_end()), value })
    }
}

/// Parses an OpenAPI document.
pub(crate) fn parse(text: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(text).context("parse the OpenAPI document")?;
    ensure!(value.get("paths").is_some_and(Value::is_object), "the OpenAPI document has no paths");
    Ok(value)
}
