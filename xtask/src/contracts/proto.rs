//! The event contract: compiled without protoc, generated as Rust, described as a promise.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use serde::{Deserialize, Serialize};

use crate::tree::Tree;

/// Where the hand-written files are.
pub(crate) const SOURCE: &str = "proto/sitewright/events/v1/events.proto";
/// What is generated from them.
pub(crate) const GENERATED: &str = "crates/shared-types/src/gen/sitewright.events.v1.rs";
/// The frozen promise.
pub(crate) const RELEASED: &str = "proto/released/events.v1.json";

const PACKAGE: &str = "sitewright.events.v1";
const SOURCE_FOLDER: &str = "proto/sitewright/events/v1";
const INCLUDE: &str = "proto";
const EDITION: &str = "2024";
const HEADER: &str =
    "// Generated from proto/sitewright/events/v1/events.proto by `cargo xtask contracts gen`. Do not edit.\n\n";

/// The event contract as the proto files have it now.
#[derive(Debug)]
pub(crate) struct Events {
    /// Text of [`GENERATED`].
    pub(crate) rust: String,
    /// What a release would freeze.
    pub(crate) promise: Promise,
}

/// Everything about the package that others rely on: names (JSON) and numbers (binary). Comments are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Promise {
    pub(crate) package: String,
    /// By name; a nested message is `Outer.Inner`.
    pub(crate) messages: BTreeMap<String, Message>,
    pub(crate) enums: BTreeMap<String, Enum>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// By number.
    pub(crate) fields: Vec<Field>,
    /// First and last number of each range, both included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reserved_numbers: Vec<(i32, i32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reserved_names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Field {
    pub(crate) number: i32,
    pub(crate) name: String,
    /// `string`, `uint64`, ..., or the full name of a message or enum.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// `singular`, `optional` (presence is tracked) or `repeated`.
    pub(crate) label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) oneof: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Enum {
    pub(crate) values: BTreeMap<String, i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reserved_numbers: Vec<(i32, i32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reserved_names: Vec<String>,
}

impl Events {
    /// Compiles the proto files of `tree`.
    pub(crate) fn compile(tree: &Tree) -> Result<Self> {
        let prefix = format!("{INCLUDE}/");
        let files: Vec<String> = tree
            .files(SOURCE_FOLDER, "proto")?
            .iter()
            .filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned))
            .collect();
        ensure!(!files.is_empty(), "no .proto file below {SOURCE_FOLDER}");
        let descriptors =
            protox::compile(&files, [tree.at(INCLUDE)]).with_context(|| format!("compile {SOURCE_FOLDER}"))?;
        let promise = Promise::of(&descriptors);
        Ok(Self { rust: format_rust(tree, &generate(descriptors)?)?, promise })
    }
}

impl Promise {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).with_context(|| format!("parse {RELEASED}"))
    }

    pub(crate) fn to_text(&self) -> Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    fn of(descriptors: &FileDescriptorSet) -> Self {
        let mut promise = Self { package: PACKAGE.to_owned(), messages: BTreeMap::new(), enums: BTreeMap::new() };
        for file in descriptors.file.iter().filter(|file| file.package() == PACKAGE) {
            promise.add_enums("", &file.enum_type);
            for message in &file.message_type {
                promise.add_message("", message);
            }
        }
        promise
    }

    fn add_message(&mut self, outer: &str, message: &DescriptorProto) {
        let name = format!("{outer}{}", message.name());
        let mut fields: Vec<Field> = message.field.iter().map(|field| describe(message, field)).collect();
        fields.sort_by_key(|field| field.number);
        // The descriptor's `end` is exclusive for messages.
        let reserved_numbers = message.reserved_range.iter().map(|range| (range.start(), range.end() - 1)).collect();
        let reserved_names = message.reserved_name.clone();
        self.messages.insert(name.clone(), Message { fields, reserved_numbers, reserved_names });
        let inner = format!("{name}.");
        self.add_enums(&inner, &message.enum_type);
        for nested in &message.nested_type {
            self.add_message(&inner, nested);
        }
    }

    fn add_enums(&mut self, outer: &str, enums: &[EnumDescriptorProto]) {
        for found in enums {
            let described = Enum {
                values: found.value.iter().map(|value| (value.name().to_owned(), value.number())).collect(),
                // The descriptor's `end` is inclusive for enums.
                reserved_numbers: found.reserved_range.iter().map(|range| (range.start(), range.end())).collect(),
                reserved_names: found.reserved_name.clone(),
            };
            self.enums.insert(format!("{outer}{}", found.name()), described);
        }
    }
}

fn describe(message: &DescriptorProto, field: &FieldDescriptorProto) -> Field {
    let kind = match field.r#type() {
        Type::Message | Type::Enum | Type::Group => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_ascii_lowercase(),
    };
    let label = match field.label() {
        Label::Repeated => "repeated",
        _ if field.proto3_optional() => "optional",
        _ => "singular",
    };
    // An `optional` field sits alone in a synthetic oneof, which nobody can see.
    let oneof = field
        .oneof_index
        .filter(|_| !field.proto3_optional())
        .and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?))
        .map(|oneof| oneof.name().to_owned());
    Field { number: field.number(), name: field.name().to_owned(), kind, label: label.to_owned(), oneof }
}

fn generate(descriptors: FileDescriptorSet) -> Result<String> {
    let mut config = prost_build::Config::new();
    config
        .type_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .enum_attribute(".sitewright.events.v1.Envelope.payload", "#[serde(rename_all = \"snake_case\")]");
    let requests = descriptors
        .file
        .into_iter()
        .filter(|file| file.package() == PACKAGE)
        .map(|file| (prost_build::Module::from_protobuf_package_name(PACKAGE), file))
        .collect();
    let modules = config.generate(requests).context("generate Rust from proto/")?;
    let body = modules.into_values().next().context("proto/ generated no module")?;
    Ok(format!("{HEADER}{body}"))
}

/// `text` as the repository's rustfmt.toml wants it, so that a reviewer reads one style everywhere.
fn format_rust(tree: &Tree, text: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", EDITION, "--config-path"])
        .arg(tree.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start rustfmt (rustup component add rustfmt)")?;
    // Taken, so that it is closed when written: rustfmt reads to the end before it answers.
    let mut input = rustfmt.stdin.take().context("open rustfmt's input")?;
    input.write_all(text.as_bytes()).context("write to rustfmt")?;
    drop(input);
    let output = rustfmt.wait_with_output().context("wait for rustfmt")?;
    ensure!(output.status.success(), "rustfmt refused the generated code ({})", output.status);
    String::from_utf8(output.stdout).context("read rustfmt's output")
}
