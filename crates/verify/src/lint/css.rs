//! Style sheets: do they parse, and do their blocks end?

use std::sync::{Arc, RwLock};

use lightningcss::error::ParserError;
use lightningcss::stylesheet::{ParserOptions, StyleSheet};
use shared_types::{Finding, Severity, SitePath};

use super::finding;
use crate::script::nesting;
use crate::text::line_at;

/// Deepest nesting that is parsed: the parser descends recursively, on the caller's stack.
const MAX_DEPTH: usize = 60;

/// The errors of a style sheet whose first line is line `first` of the file. What a browser leaves out without
/// harm to the rest, as it does with the old tricks of libraries, is a notice.
pub(super) fn check(path: &SitePath, text: &str, first: u32) -> Vec<Finding> {
    if nesting(text) > MAX_DEPTH {
        return vec![super::error("css.syntax", path, None, "blocks are nested too deeply to be read: flatten them")];
    }
    if let Some((at, message)) = unbalanced(text) {
        let line = line_at(text, at).saturating_add(first.saturating_sub(1));
        return vec![super::error("css.unclosed", path, Some(line), message)];
    }
    let warnings = Arc::new(RwLock::new(Vec::new()));
    let options =
        ParserOptions { error_recovery: true, warnings: Some(Arc::clone(&warnings)), ..ParserOptions::default() };
    let fatal =
        StyleSheet::parse(text, options).err().map(|fault| (fault.kind.to_string(), fault.loc, Severity::Error));
    let skipped = warnings.read().map(|warnings| {
        let each = warnings.iter().map(|fault| (fault.kind.to_string(), fault.loc.clone(), weight(&fault.kind)));
        each.collect::<Vec<_>>()
    });
    let faults = skipped.unwrap_or_default().into_iter().chain(fatal);
    let found = faults.map(|(words, loc, severity)| {
        // The parser counts from 0.
        let line = loc.map(|loc| loc.line.saturating_add(first));
        let message = format!("the browser skips this: {words}: correct or remove it");
        finding(severity, "css.syntax", path, line, message)
    });
    found.collect()
}

/// A declaration, a selector or an at-rule that is not known is left out by itself; else a whole rule is lost.
fn weight(kind: &ParserError<'_>) -> Severity {
    match kind {
        ParserError::EndOfInput
        | ParserError::QualifiedRuleInvalid
        | ParserError::UnexpectedImportRule
        | ParserError::MaximumNestingDepth => Severity::Error,
        _ => Severity::Notice,
    }
}

/// The first brace that closes nothing, else the outermost that is never closed, with what to do.
fn unbalanced(text: &str) -> Option<(usize, &'static str)> {
    let bytes = text.as_bytes();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = text.get(at + 2..).and_then(|rest| rest.find("*/")).map_or(bytes.len(), |end| at + end + 3);
            }
            b'"' | b'\'' => at = string_end(bytes, at),
            b'\\' => at += 1,
            b'{' => open.push(at),
            b'}' if open.pop().is_none() => {
                return Some((at, "this } closes nothing, and the rule after it is lost: remove it"));
            }
            _ => {}
        }
        at += 1;
    }
    open.first().map(|at| (*at, "the block that begins here never ends: add its }"))
}

/// The closing quote; a string also ends with its line.
fn string_end(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' => break,
            byte if *byte == bytes[begin] => break,
            _ => {}
        }
        at += 1;
    }
    at
}
