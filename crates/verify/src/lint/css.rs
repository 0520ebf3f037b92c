//! Style sheets: do they parse?

use lightningcss::stylesheet::{ParserOptions, StyleSheet};
use shared_types::{Finding, SitePath};

use crate::script::nesting;

/// Deepest nesting that is parsed: the parser descends recursively, on the caller's stack.
const MAX_DEPTH: usize = 60;

/// The first error of a style sheet whose first line is line `first` of the file.
pub(super) fn check(path: &SitePath, text: &str, first: u32) -> Vec<Finding> {
    if nesting(text) > MAX_DEPTH {
        return vec![super::error("css.syntax", path, None, "blocks are nested too deeply to be read")];
    }
    match StyleSheet::parse(text, ParserOptions::default()) {
        Ok(_) => Vec::new(),
        Err(fault) => {
            // The parser counts from 0.
            let line = fault.loc.as_ref().map(|loc| loc.line.saturating_add(first));
            vec![super::error("css.syntax", path, line, fault.kind.to_string())]
        }
    }
}
