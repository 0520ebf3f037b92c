//! Rust types of the event contract, generated from `proto/` without protoc.

use anyhow::{Context as _, Result};

const HEADER: &str =
    "// Generated from proto/sitewright/events/v1/events.proto by `cargo xtask contracts gen`. Do not edit.\n\n";

/// The text of `crates/shared-types/src/gen/sitewright.events.v1.rs`.
pub(crate) fn generate() -> Result<String> {
    let descriptors = protox::compile(["sitewright/events/v1/events.proto"], ["proto"])
        .context("compile proto/sitewright/events/v1")?;
    let mut config = prost_build::Config::new();
    config
        .type_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .enum_attribute(".sitewright.events.v1.Envelope.payload", "#[serde(rename_all = \"snake_case\")]");
    let requests = descriptors
        .file
        .into_iter()
        .map(|file| (prost_build::Module::from_protobuf_package_name(file.package()), file))
        .collect();
    let modules = config.generate(requests).context("generate Rust")?;
    let body = modules.into_values().next().context("no module was generated")?;
    Ok(format!("{HEADER}{body}"))
}
