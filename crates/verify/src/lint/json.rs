//! JSON: does it parse?

use serde::de::IgnoredAny;
use shared_types::{Finding, SitePath};

/// The first error of a JSON file.
pub(super) fn check(path: &SitePath, text: &str) -> Vec<Finding> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Vec::new(),
        Err(fault) => {
            let line = u32::try_from(fault.line()).unwrap_or(u32::MAX).max(1);
            vec![super::error("json.syntax", path, Some(line), fault.to_string())]
        }
    }
}
