//! JavaScript as text: is it sound, is a check's text an expression, and how is it best evaluated?
//!
//! The parser descends recursively and a stack overflow would end the whole process, so every parse
//! runs on a thread with a stack of its own, and texts too long or too deep for it are not parsed.

use std::thread;

use oxc_allocator::Allocator;
use oxc_ast::ast::{Expression, Statement};
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType};

/// Longest source that is parsed, in bytes: with [`STACK_BYTES`] that leaves 1 KiB a byte.
pub(crate) const MAX_SOURCE_BYTES: usize = 256 * 1024;

/// Deepest nesting of brackets that is parsed; hand-written and minified code stays below 100.
const MAX_DEPTH: usize = 400;

/// Address space for the parser's stack; the system commits only the pages that are touched.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// How a script is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `<script>`, or a file that nothing imports.
    Classic,
    /// `<script type=module>`, or a file with `import` or `export`.
    Module,
}

impl Flavour {
    /// What the attribute `type` of a script says; none for a block that is no JavaScript: a template, JSON, an
    /// import map.
    pub(crate) fn of_type(kind: Option<&str>) -> Option<Self> {
        match kind.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "text/javascript" | "application/javascript" | "text/ecmascript" => Some(Self::Classic),
            "module" => Some(Self::Module),
            _ => None,
        }
    }

    /// For the parser.
    pub(crate) fn source_type(self) -> SourceType {
        match self {
            Self::Classic => SourceType::script(),
            Self::Module => SourceType::mjs(),
        }
    }
}

/// A check's expression, made ready for the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runnable {
    /// What the browser evaluates; it awaits a promise.
    pub source: String,
    /// Evaluating it may change the page, so it is evaluated once only.
    pub acts: bool,
    /// For a comparison its left side, worth looking at when the comparison fails.
    pub subject: Option<String>,
}

/// Whether a plain text is one JavaScript expression and reads as code rather than as words.
pub(crate) fn is_bare_expression(text: &str) -> bool {
    let text = trimmed(text);
    reads_as_code(text)
        && can_be_parsed(text)
        && [SourceType::script(), SourceType::mjs()].into_iter().any(|kind| {
            on_deep_stack(|| {
                let allocator = Allocator::default();
                let parsed = Parser::new(&allocator, text, kind).parse();
                parsed.diagnostics.is_empty()
                    && parsed.program.directives.is_empty()
                    && matches!(parsed.program.body.as_slice(), [Statement::ExpressionStatement(_)])
            })
            .unwrap_or(false)
        })
}

/// How to evaluate a check's expression: as it stands where that parses, called when it is a
/// function, and inside an async function when only that makes its `await` or `return` legal.
pub(crate) fn runnable(expression: &str) -> Runnable {
    let text = trimmed(expression);
    let plain = Runnable { source: text.to_owned(), acts: may_act(text), subject: None };
    if !can_be_parsed(text) {
        return Runnable { acts: true, ..plain };
    }
    if let Some(shape) = shape_of(text) {
        return match shape {
            Shape::Function => Runnable { source: format!("({text}\n)()"), ..plain },
            Shape::Comparison { left } => Runnable { subject: Some(left), ..plain },
            Shape::Other => plain,
        };
    }
    [format!("(async () => ({text}\n))()"), format!("(async () => {{ {text}\n }})()")]
        .into_iter()
        .find(|wrapped| shape_of(wrapped).is_some())
        .map_or(plain, |source| Runnable { source, acts: may_act(text), subject: None })
}

enum Shape {
    Function,
    Comparison { left: String },
    Other,
}

/// The shape of a source that parses as a classic script, as the browser will read it.
fn shape_of(source: &str) -> Option<Shape> {
    on_deep_stack(|| {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::script()).parse();
        if !parsed.diagnostics.is_empty() {
            return None;
        }
        let [Statement::ExpressionStatement(only)] = parsed.program.body.as_slice() else {
            return Some(Shape::Other);
        };
        Some(match only.expression.without_parentheses() {
            Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_) => Shape::Function,
            Expression::BinaryExpression(binary) if binary.operator.is_equality() || binary.operator.is_compare() => {
                let span = binary.left.span();
                let left = source.get(span.start as usize..span.end as usize).unwrap_or_default();
                Shape::Comparison { left: left.to_owned() }
            }
            _ => Shape::Other,
        })
    })
    .flatten()
}

fn trimmed(text: &str) -> &str {
    text.trim().trim_end_matches(|c: char| c == ';' || c.is_whitespace())
}

/// Signs of code that prose does not carry. A text without any is left to a judge even where it
/// happens to parse, as `README.md` (a member) and `well-formed` (a difference) do.
fn reads_as_code(text: &str) -> bool {
    const SIGNS: [&str; 22] = [
        "===",
        "!==",
        "==",
        "!=",
        "=>",
        "&&",
        "||",
        ">=",
        "<=",
        "document.",
        "window.",
        "Math.",
        "Array.",
        "Object.",
        "JSON.",
        "localStorage",
        "sessionStorage",
        "getComputedStyle(",
        "location.",
        "navigator.",
        "$(",
        ").",
    ];
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// Whether evaluating `text` twice might differ from evaluating it once. Errs on the side of yes.
fn may_act(text: &str) -> bool {
    const WORDS: [&str; 16] = [
        "click", "dispatch", "submit", "focus", "blur", "set", "remove", "append", "insert", "push", "fetch", "await",
        "reload", "eval", "new ", "call",
    ];
    let assigns = text.as_bytes().windows(3).any(|three| {
        three[1] == b'=' && !matches!(three[0], b'=' | b'!' | b'<' | b'>') && !matches!(three[2], b'=' | b'>')
    });
    // `[href*='x']` and its like are selectors, whose `=` follows a sign; treating them as acting
    // costs a wait and nothing else, but they are the commonest of checks.
    let assigns = assigns && !only_selector_equals(text);
    assigns || text.contains("++") || text.contains("--") || WORDS.iter().any(|word| text.contains(word))
}

/// Whether every lone `=` stands inside a string literal's attribute selector.
fn only_selector_equals(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..bytes.len().saturating_sub(1)).all(|at| {
        let lone = bytes[at] == b'='
            && !matches!(bytes[at - 1], b'=' | b'!' | b'<' | b'>')
            && !matches!(bytes[at + 1], b'=' | b'>');
        let quoted = matches!(bytes[at + 1], b'\'' | b'"' | b'\\') && text[..at].contains('[');
        !lone || quoted
    })
}

pub(crate) fn can_be_parsed(source: &str) -> bool {
    source.len() <= MAX_SOURCE_BYTES && nesting(source) <= MAX_DEPTH
}

/// The deepest nesting of brackets, counted blindly: strings and comments only make it greater.
pub(crate) fn nesting(source: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Runs `work` on a stack of [`STACK_BYTES`]; none when no thread could be made or `work` panicked.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        thread::Builder::new()
            .name("verify-parse".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .ok()?
            .join()
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_overflows_the_parser() {
        for part in ["(", "[", "{", "!", "a=>", "a?", "`${", "new ", "if(a)", "-", "async()=>{", "<", "a.b(", "a**"] {
            let source = part.repeat(100_000 / part.len());
            is_bare_expression(&format!("document.{source}"));
            runnable(&source);
        }
    }

    #[test]
    fn an_expression_is_made_ready() {
        let check = |text: &str, source: &str, acts: bool, subject: Option<&str>| {
            let expected = Runnable { source: source.to_owned(), acts, subject: subject.map(ToOwned::to_owned) };
            assert_eq!(runnable(text), expected, "{text}");
        };
        check("document.title === 'x';", "document.title === 'x'", false, Some("document.title"));
        check("!!document.title", "!!document.title", false, None);
        check("() => 1 > 0", "(() => 1 > 0\n)()", false, None);
        check("(await x()).ok", "(async () => ((await x()).ok\n))()", true, None);
        check("const a = 1; return a", "(async () => { const a = 1; return a\n })()", true, None);
        check("const a = 1; a > 0", "const a = 1; a > 0", true, None);
        check("b.click() || true", "b.click() || true", true, None);
        check("x = 5", "x = 5", true, None);
        check("not code at all", "not code at all", false, None);
        check("document.querySelector(\"a[href*='x']\")", "document.querySelector(\"a[href*='x']\")", false, None);
    }
}
