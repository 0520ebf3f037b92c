//! The outline of a long text: the lines by which one finds one's way in it, with their numbers.

use std::sync::LazyLock;

use regex::Regex;

/// Characters of a line that are shown; minified files have lines without end.
const SHOWN_WIDTH: usize = 160;

/// The lines of `text` that make its outline, by `extension`, in at most `limit` characters; empty for a
/// format without one.
pub(super) fn of(extension: &str, text: &str, limit: usize) -> String {
    let pattern = match extension {
        "html" | "htm" | "svg" => &HTML,
        "js" | "mjs" | "ts" => &SCRIPT,
        "md" | "markdown" => &MARKDOWN,
        "css" => &STYLES,
        "py" => &PYTHON,
        _ => return String::new(),
    };
    let mut outline = String::new();
    let mut left = limit;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| pattern.is_match(line)) {
        let line: String = line.trim().chars().take(SHOWN_WIDTH).collect();
        let entry = format!("line {}: {line}\n", index + 1);
        let Some(rest) = left.checked_sub(entry.chars().count()) else { break };
        left = rest;
        outline.push_str(&entry);
    }
    outline
}

/// Ids, headings, scripts and styles.
static HTML: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bid\s*=|<h[1-6]\b|<(?:script|style|link|title)\b"));
/// What stands at the top level.
static SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function|class|const|let|var|import|interface|type)\b")
});
static MARKDOWN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^#{1,6}\s"));
static STYLES: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[^\s{}/][^{}]*\{"));
static PYTHON: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:async\s+)?(?:def|class|import|from)\b"));

#[expect(clippy::expect_used, reason = "the patterns are constants and a test compiles them all")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}
