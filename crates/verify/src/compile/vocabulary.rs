//! Words that rules of all families share, and how a pattern that names them becomes an expression.
//!
//! A pattern covers the whole sentence: what says one thing more than a rule can decide matches
//! none and is left over. `{word}` in a pattern stands for a row of [`WORDS`].

use regex::{Regex, RegexBuilder};

/// A file as a sentence names it: its extension or its well-known name sets it apart from a word.
pub(super) const FILE: &str =
    r"(?:(?:[A-Za-z0-9_.-]+/)*(?:[A-Za-z0-9_-]*\.[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?|LICENSE))";

/// An id.
pub(super) const NAME: &str = r"[A-Za-z][\w-]*";

/// The names of a pattern and what they stand for; a later row may use the earlier ones.
const WORDS: [(&str, &str); 24] = [
    ("FILE", FILE),
    ("NAME", NAME),
    ("the", "(?:(?:the|an?|its|this|their) )?"),
    ("and", "(?:, and |, or |, | and | or | & )"),
    ("has", "(?:has|have|contains?|includes?|holds?)"),
    ("file", r"(?P<file>/?{FILE})"),
    ("a_file", "(?:{the}(?:file |page )?(?:named |called )?{file}(?: file)?)"),
    ("files", "(?P<files>/?{FILE}(?:{and}/?{FILE})*)"),
    ("licence", "(?:licen[sc]e(?: file| text)?)"),
    (
        "place",
        "(?: (?:in|at|to|of) {the}(?:(?:root|top)(?: level| folder| directory)? of )?{the}(?:repo|repository|project|site|root|repo root|repository root|root folder|root directory|repo's root))",
    ),
    ("owner", "(?:{the}(?:repo|repository|project|site|codebase) )"),
    (
        "page",
        r"(?:{the}(?:main |home ?|index |web ?|served |deployed |published |live )*(?:page|site|index\.html|html|app))",
    ),
    ("there", "(?:(?:exists?|(?:is|are) (?:present|there|included|available|provided)){place}?|(?:is|are){place})"),
    ("mark", r"(?:«\d+»)"),
    ("literal", r"(?:«\d+»|#{NAME}|<[a-z][a-z0-9]*>|/?{FILE})"),
    ("text", "(?P<text>{literal})"),
    ("quote", "(?P<text>{mark})"),
    ("texts", "(?P<texts>{literal}(?:{and}{literal})*)"),
    ("quotes", "(?P<texts>{mark}(?:{and}{mark})*)"),
    ("num", r"(?P<num>[+-]?\d+(?:\.\d+)?)"),
    ("hash", "(?P<hash>#{NAME})"),
    ("with_id", "(?:with|whose|having) {the}id(?: is| of| =|=|:)? ?(?P<id>{mark}|#?{NAME})"),
    (
        "el",
        "(?:{the}(?:(?:inner ?)?text(?: ?content)?|content|value|number|figure)(?: (?:of|in|inside|shown in))? )?{the}(?:(?:[a-z]+ )?element )?(?:{hash}(?: element)?|(?:element |[a-z]+ )?{with_id})(?:(?:'s|\\.)? ?(?:text(?: ?content)?|value|content))?",
    ),
    (
        "param",
        r"{the}(?:optional )?(?:query |url )?(?:parameter |string )?\?(?P<param>[A-Za-z_][\w-]*)(?:=(?P<value>[^ ,;]*))?(?: (?:optional )?(?:query |url )?(?:parameter|string|query))?",
    ),
];

/// `pattern` with its words spelt out, over the whole sentence and in any case.
pub(super) fn expand(pattern: &str) -> Option<Regex> {
    // From the last row, so that what a row stands for is spelt out in its turn.
    let spelt = WORDS
        .iter()
        .rev()
        .fold(pattern.to_owned(), |text, (name, meaning)| text.replace(&format!("{{{name}}}"), meaning));
    compile(&spelt)
}

/// An expression over the whole text, in any case.
pub(super) fn compile(expression: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{expression})$")).case_insensitive(true).build().ok()
}
