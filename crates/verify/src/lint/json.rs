//! JSON: does it parse?

use serde::de::IgnoredAny;
use shared_types::{Finding, SitePath};

/// The first error of a JSON file. A mark of the byte order, which browsers skip, is none.
pub(super) fn check(path: &SitePath, text: &str) -> Vec<Finding> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Vec::new(),
        Err(fault) => {
            let line = u32::try_from(fault.line()).unwrap_or(u32::MAX).max(1);
            let message = format!("no JSON, so every reader of the file fails: {fault}");
            vec![super::error("json.syntax", path, Some(line), message)]
        }
    }
}
