//! What an expression of a check says of the page, read from the forms that checks use. The whole
//! expression is never understood: what is read here only says what is worth having on the page.

use std::sync::LazyLock;

use regex::Regex;

use super::selector::{Node, chains};
use super::words::pattern;

/// What an expression speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Chains of elements that it looks for.
    pub(super) chains: Vec<Vec<Node>>,
    /// Of the one element it looks for: what its text is, or holds.
    pub(super) text: Option<Wanted>,
    /// How many of what it looks for there are.
    pub(super) count: Option<Count>,
    /// It wants none of them.
    pub(super) absent: bool,
    pub(super) title: Option<String>,
    pub(super) title_part: Option<String>,
    /// Texts that the page shows.
    pub(super) shown: Vec<String>,
    /// Texts that the first script holds.
    pub(super) code: Vec<String>,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::maker) enum Wanted {
    Is(String),
    Holds(String),
    /// Decimal digits.
    Number(String),
    /// Any whole number.
    Whole,
}

/// A number of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::maker) enum Count {
    Exactly(usize),
    AtLeast(usize),
}

/// Longer expressions are programs of their own.
const LONGEST: usize = 20_000;

const TEXT: &str = r#"(?:"([^"\n]{0,300})"|'([^'\n]{0,300})'|`([^`]{0,300})`)"#;

fn with_text(expression: &str) -> Regex {
    pattern(&expression.replace("TEXT", TEXT))
}

static SELECTOR: LazyLock<Regex> =
    LazyLock::new(|| with_text(r"(?:querySelector(?:All)?|closest|\$\$?)\(\s*TEXT\s*\)"));
static ID: LazyLock<Regex> = LazyLock::new(|| with_text(r"getElementById\(\s*TEXT\s*\)"));
static TAG: LazyLock<Regex> = LazyLock::new(|| with_text(r"getElementsByTagName\(\s*TEXT\s*\)"));
static CLASS: LazyLock<Regex> = LazyLock::new(|| with_text(r"getElementsByClassName\(\s*TEXT\s*\)"));
static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    with_text(
        r"document\.title(?:\.trim\(\)|\.toLowerCase\(\))*\s*(={2,3}|\.(?:includes|startsWith|endsWith|indexOf)\()\s*TEXT",
    )
});
static TAG_NAME: LazyLock<Regex> =
    LazyLock::new(|| with_text(r"\.(?:tagName|nodeName|localName)(?:\.to(?:Lower|Upper)Case\(\))?\s*={2,3}\s*TEXT"));
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| with_text(r"\.(get|has)Attribute\(\s*TEXT\s*\)(?:\s*={2,3}\s*TEXT)?"));
static DATASET: LazyLock<Regex> = LazyLock::new(|| with_text(r"\.dataset\.([A-Za-z]+)(?:\s*={2,3}\s*TEXT)?"));
static PROPERTY: LazyLock<Regex> =
    LazyLock::new(|| with_text(r"\.(type|placeholder|name|role|alt|required|lang)\s*={2,3}\s*(?:TEXT|true)"));
static IS: LazyLock<Regex> = LazyLock::new(|| {
    with_text(r"\.(?:textContent|innerText|innerHTML|value)(?:\s*\?\?\s*'')?\)?(?:\??\.trim\(\))?\s*={2,3}\s*TEXT")
});
static HOLDS: LazyLock<Regex> = LazyLock::new(|| {
    with_text(
        r"\.(?:textContent|innerText|innerHTML|outerHTML|text|toLowerCase\(\))(?:\??\.(?:trim|toLowerCase)\(\))*\??\.(?:includes|indexOf|startsWith|endsWith)\(\s*TEXT",
    )
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:textContent|innerText|value|parseFloat|parseInt|Number)\b[^;]*?(?:[)\w]\s*-|[^!<>=]={2,3})\s*(-?\d+(?:\.\d+)?)\b",
    )
});
static QUOTED: LazyLock<Regex> = LazyLock::new(|| with_text("TEXT"));
static LENGTH: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.length\s*(={2,3}|>=|>)\s*(\d{1,6})\b"));
static WHOLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"parseInt\(|isInteger\(|/\^\[?\\?[d0]"));
static ABSENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*!\s*document\.(?:querySelector|getElementById)\([^()]*\)\s*;?\s*$|^\s*document\.[A-Za-z]+\([^()]*\)(?:\s*={2,3}\s*null|\.length\s*={2,3}\s*0)\s*;?\s*$",
    )
});
static FIRST_SCRIPT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"document\.scripts\[0\]|querySelector\(\s*["'`]script["'`]\s*\)"#));
static WHOLE_PAGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"document\.(?:body|documentElement)\b"));

/// What `expression` says.
pub(super) fn read(expression: &str) -> Said {
    let mut said = Said::default();
    if expression.len() > LONGEST {
        return said;
    }
    said.chains = elements(expression);
    said.absent = ABSENT.is_match(expression);
    for found in TITLE.captures_iter(expression) {
        let whole = found[1].starts_with('=');
        let Some(text) = text(&found, 2) else { continue };
        *(if whole { &mut said.title } else { &mut said.title_part }) = Some(text);
    }
    let holds: Vec<String> = HOLDS.captures_iter(expression).filter_map(|found| text(&found, 1)).collect();
    if FIRST_SCRIPT.is_match(expression) {
        said.code = holds;
        return said;
    }
    let one = said.chains.len() == 1;
    if !one {
        if WHOLE_PAGE.is_match(expression) && said.chains.is_empty() {
            said.shown = holds;
        }
        return said;
    }
    if let Some(found) = LENGTH.captures(expression) {
        said.count = found[2].parse().ok().map(|count: usize| match &found[1] {
            ">" => Count::AtLeast(count + 1),
            ">=" => Count::AtLeast(count),
            _ => Count::Exactly(count),
        });
    }
    let number = || {
        let code = QUOTED.replace_all(expression, "''");
        let code = LENGTH.replace_all(&code, "");
        NUMBER.captures(&code).map(|found| found[1].to_owned())
    };
    said.text = IS
        .captures(expression)
        .and_then(|found| text(&found, 1))
        .map(|text| if text.parse::<f64>().is_ok() { Wanted::Number(text) } else { Wanted::Is(text) })
        .or_else(|| number().map(Wanted::Number))
        // A piece of HTML is no text to be shown.
        .or_else(|| holds.into_iter().next().filter(|text| !text.contains('<')).map(Wanted::Holds))
        .or_else(|| WHOLE.is_match(expression).then_some(Wanted::Whole));
    if let Some(node) = said.chains.first_mut().and_then(|chain| chain.last_mut()) {
        properties(expression, node);
    }
    said
}

fn elements(expression: &str) -> Vec<Vec<Node>> {
    let mut found: Vec<Vec<Node>> = Vec::new();
    let mut add = |chain: Vec<Node>| {
        if !found.contains(&chain) {
            found.push(chain);
        }
    };
    let selectors = SELECTOR.captures_iter(expression).filter_map(|found| raw(&found, 1).map(str::to_owned));
    selectors.flat_map(|selector| chains(&selector)).for_each(&mut add);
    for (pattern, mark) in [(&ID, "#"), (&TAG, ""), (&CLASS, ".")] {
        let named = pattern.captures_iter(expression).filter_map(|found| text(&found, 1));
        named.flat_map(|name| chains(&format!("{mark}{name}"))).for_each(&mut add);
    }
    for (list, tag) in [("document.images", "img"), ("document.forms", "form"), ("document.links", "a")] {
        if expression.contains(list) {
            chains(tag).into_iter().for_each(&mut add);
        }
    }
    found
}

/// What the expression says of its one element beyond where it stands.
fn properties(expression: &str, node: &mut Node) {
    if let Some(tag) = TAG_NAME.captures(expression).and_then(|found| text(&found, 1)) {
        node.tag = Some(tag.to_lowercase());
    }
    for found in ATTRIBUTE.captures_iter(expression) {
        if let Some(name) = text(&found, 2) {
            node.attributes.push((name.to_lowercase(), text(&found, 5)));
        }
    }
    for found in DATASET.captures_iter(expression) {
        let kebab = found[1].chars().flat_map(|c| {
            let dash = c.is_uppercase().then_some('-');
            dash.into_iter().chain(c.to_lowercase())
        });
        node.attributes.push((format!("data-{}", kebab.collect::<String>()), text(&found, 2)));
    }
    for found in PROPERTY.captures_iter(expression) {
        node.attributes.push((found[1].to_owned(), text(&found, 2)));
    }
}

/// The text that starts at group `from`; none where a script fills in a part of it.
fn text(found: &regex::Captures<'_>, from: usize) -> Option<String> {
    raw(found, from).filter(|text| !text.contains("${")).map(|text| text.replace("\\'", "'").replace("\\\"", "\""))
}

fn raw<'a>(found: &regex::Captures<'a>, from: usize) -> Option<&'a str> {
    (from..from + 3).find_map(|group| found.get(group)).map(|text| text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [
            &SELECTOR,
            &ID,
            &TAG,
            &CLASS,
            &TITLE,
            &TAG_NAME,
            &ATTRIBUTE,
            &DATASET,
            &PROPERTY,
            &IS,
            &HOLDS,
            &NUMBER,
            &QUOTED,
            &LENGTH,
            &WHOLE,
            &ABSENT,
            &FIRST_SCRIPT,
            &WHOLE_PAGE,
        ] {
            assert!(!pattern.as_str().is_empty());
        }
    }

    #[test]
    fn texts_and_numbers() {
        let check = |code: &str, expected: Option<Wanted>| assert_eq!(read(code).text, expected, "{code}");
        let number = |text: &str| Some(Wanted::Number(text.to_owned()));
        check("Math.abs(parseFloat(document.querySelector('#a').textContent) - 1301.15) < 0.005", number("1301.15"));
        check("document.getElementById('a').textContent.trim() === '5'", number("5"));
        check("document.querySelector('#a').textContent.trim() === \"48x32\"", Some(Wanted::Is("48x32".to_owned())));
        check("document.querySelector('#a').innerText.includes('Hi')", Some(Wanted::Holds("Hi".to_owned())));
        check("document.querySelectorAll('#a tr').length === 4", None);
        check("parseFloat(document.getElementById('a-1').textContent) > 0", None);
        check("document.getElementById('a').textContent.indexOf(\"b\") !== -1", Some(Wanted::Holds("b".to_owned())));
        check("document.querySelector('#a').textContent === `x ${seed}`", None);
    }

    #[test]
    fn what_else_is_said() {
        let said = read("document.querySelectorAll('#a tbody tr').length >= 3");
        assert_eq!((said.count, said.chains.len(), said.chains[0].len()), (Some(Count::AtLeast(3)), 1, 3));
        assert_eq!(read("document.title.includes('Sales')").title_part.as_deref(), Some("Sales"));
        assert_eq!(read("document.title === 'Sales'").title.as_deref(), Some("Sales"));
        assert_eq!(read("document.title === `Sales ${seed}`").title, None);
        assert_eq!(read("document.querySelector('script').textContent.includes('fetch(')").code, ["fetch("]);
        assert_eq!(read("document.body.innerText.includes('Hello')").shown, ["Hello"]);
        assert!(read("!document.querySelector('#a')").absent && !read("!!document.querySelector('#a')").absent);
        let said = read("document.querySelector('#s').getAttribute('aria-live') === 'polite'");
        assert_eq!(said.chains[0][0].attributes, [("aria-live".to_owned(), Some("polite".to_owned()))]);
        let said = read("document.querySelector('#f').tagName === 'FORM'");
        assert_eq!(said.chains[0][0].tag.as_deref(), Some("form"));
        let said = read("document.getElementById('t').dataset.chosenRegion !== undefined");
        assert_eq!(said.chains[0][0].attributes, [("data-chosen-region".to_owned(), None)]);
    }
}
