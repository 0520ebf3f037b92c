//! Workflow files: do they parse as YAML, and say when to run and what?

use saphyr_parser::{Event, Parser};
use shared_types::{Finding, SitePath};

/// Longest workflow that is read; GitHub itself takes no larger ones.
const MAX_BYTES: usize = 512 * 1024;

/// Whether the host reads the file at `path` as a workflow.
pub(super) fn is_workflow(path: &SitePath) -> bool {
    path.as_str().starts_with(".github/workflows/") && matches!(path.extension().as_str(), "yml" | "yaml")
}

pub(super) fn check(path: &SitePath, text: &str) -> Vec<Finding> {
    if text.len() > MAX_BYTES {
        return vec![super::error("yaml.syntax", path, None, "the workflow is larger than the host reads")];
    }
    let mut keys = Vec::new();
    let mut depth = 0usize;
    // Whether the next scalar of the outermost mapping is a key.
    let mut key = true;
    for event in Parser::new_from_str(text) {
        let event = match event {
            Ok((event, _)) => event,
            Err(fault) => {
                let line = u32::try_from(fault.marker().line()).ok();
                let message = format!("the workflow is no YAML: {}", fault.info());
                return vec![super::error("yaml.syntax", path, line, message)];
            }
        };
        match event {
            Event::Scalar(name, ..) if depth == 1 => {
                if key {
                    keys.push(name.into_owned());
                }
                key = !key;
            }
            Event::Alias(_) if depth == 1 => key = !key,
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                // What ended was a value.
                key |= depth == 1;
            }
            _ => {}
        }
    }
    let lacking = ["on", "jobs"].into_iter().filter(|name| !keys.iter().any(|key| key == name));
    let message = |name| format!("the workflow has no `{name}:`, so the host refuses it");
    lacking.map(|name| super::error("yaml.workflow", path, None, message(name))).collect()
}
