//! What a check claims of the page, as far as it can be compared with other claims.

use std::sync::LazyLock;

use regex::Regex;
use shared_types::{Check, Confidence, Matching, Oracle, Presence, SitePath, TextForm};

/// Something that holds or does not.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Claim {
    /// The whole title.
    Title(String),
    /// A part of the title.
    TitlePart(String),
    /// An element of this id is there, or is not.
    Element(String, Presence),
    /// The element's whole text.
    Text(String, String),
    /// The number that the element's text is.
    Number(String, f64),
    /// The element's text groups its digits with commas.
    Grouped(String),
    /// A file holds a text, or does not.
    Source(SitePath, String, Presence),
    /// The sum of a column of some table.
    Sum(String, f64),
}

impl Claim {
    /// The element without which the claim cannot hold.
    pub(super) fn element(&self) -> Option<&str> {
        match self {
            Self::Element(id, Presence::Present) | Self::Text(id, _) | Self::Number(id, _) | Self::Grouped(id) => {
                Some(id)
            }
            _ => None,
        }
    }
}

/// An expression over the whole text.
fn whole(expression: &str) -> Option<Regex> {
    const QUOTE: &str = r#"["'`]"#;
    let element = format!(
        r"document\.(?:getElementById\(\s*{QUOTE}(?P<id>[A-Za-z][\w-]*){QUOTE}\s*\)|querySelector\(\s*{QUOTE}#(?P<hash>[A-Za-z][\w-]*){QUOTE}\s*\))"
    );
    let text = format!(r"{element}\??\.(?:textContent|innerText)(?:\.trim\(\))?");
    let number = r"(?P<num>-?\d+(?:\.\d+)?)";
    let spelt =
        expression.replace("{text}", &text).replace("{el}", &element).replace("{num}", number).replace("{q}", QUOTE);
    Regex::new(&format!("^(?:{spelt})$")).ok()
}

static TITLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    whole(r#"document\.title(?:\.trim\(\))?\s*={2,3}\s*(?:"(?P<a>[^"\\]*)"|'(?P<b>[^'\\]*)'|`(?P<c>[^`$\\]*)`)"#)
});
static PRESENT: LazyLock<Option<Regex>> = LazyLock::new(|| whole(r"(?:!!\s*)?{el}(?:\s*!==?\s*null)?"));
static ABSENT: LazyLock<Option<Regex>> = LazyLock::new(|| whole(r"(?P<not>!)?\s*{el}(?P<null>\s*={2,3}\s*null)?"));
static NEAR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    whole(r"Math\.abs\(\s*(?:Number\.)?(?:parseFloat|Number)\({text}\)\s*-\s*{num}\s*\)\s*<=?\s*[\d.e-]+")
});
static EQUAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| whole(r"(?:Number\.)?(?:parseFloat|parseInt|Number)\({text}(?:,\s*10)?\)\s*={2,3}\s*{num}"));
static TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| whole(r"{text}\s*={2,3}\s*{q}(?P<text>[^\x22'`$\\]*){q}"));
static COMMA: LazyLock<Option<Regex>> = LazyLock::new(|| {
    whole(r"{text}\.(?:includes\(\s*{q},{q}\s*\)|indexOf\(\s*{q},{q}\s*\)\s*(?:>=?\s*\d+|>\s*-1|!==?\s*-1))")
});
static SUM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)\b(?:sum|total) of (?:the |all )?(?:values (?:in|of) )?(?:the )?(?:column )?["'`]?(?P<column>[\w-]+)["'`]?(?: column)?(?: (?:in|of) ["'`]?[\w./-]+["'`]?)? (?:is|equals|should be|must be|adds up to|must equal|should equal) (?P<num>-?\d+(?:\.\d+)?)\s*[.!]?\s*$"#,
    )
    .ok()
});

/// The claims of a check whose reading is more than a guess.
pub(super) fn claims(check: &Check) -> Vec<Claim> {
    if check.confidence == Confidence::Guess {
        return Vec::new();
    }
    let mut claims = match &check.oracle {
        Oracle::JavaScript { expression } => {
            return of_code(expression.trim().trim_end_matches(';').trim()).into_iter().collect();
        }
        Oracle::Title { text, matching: Matching::Equals } => vec![Claim::Title(text.clone())],
        Oracle::Title { text, matching: Matching::Contains } => vec![Claim::TitlePart(text.clone())],
        Oracle::Elements { elements, presence } => {
            // Absent by tag and id together may well be there under another tag.
            let plain = elements.iter().filter(|element| {
                *presence == Presence::Present || (element.tag.is_none() && element.attribute.is_none())
            });
            plain.filter_map(|element| Some(Claim::Element(element.id.clone()?, *presence))).collect()
        }
        Oracle::ElementText { id, form } => of_form(id, form),
        Oracle::SourceText { path, texts, presence } => {
            texts.iter().map(|text| Claim::Source(path.clone(), text.clone(), *presence)).collect()
        }
        _ => Vec::new(),
    };
    if let Some(found) = SUM.as_ref().and_then(|sum| sum.captures(&check.source)) {
        claims.extend(found["num"].parse().ok().map(|number| Claim::Sum(found["column"].to_owned(), number)));
    }
    claims
}

fn of_form(id: &str, form: &TextForm) -> Vec<Claim> {
    let id = id.to_owned();
    match form {
        TextForm::Integer { equals: Some(number) } | TextForm::Number { equals: Some(number) } => {
            number.parse().map(|number| Claim::Number(id, number)).into_iter().collect()
        }
        TextForm::Equals { text } => vec![Claim::Text(id, text.trim().to_owned())],
        TextForm::Contains { text } if text.trim() == "," => vec![Claim::Grouped(id)],
        _ => vec![Claim::Element(id, Presence::Present)],
    }
}

/// The claim of an expression that has a well-known form.
fn of_code(code: &str) -> Option<Claim> {
    let find = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().and_then(|pattern| pattern.captures(code));
    let id = |found: &regex::Captures<'_>| {
        let id = found.name("id").or_else(|| found.name("hash"))?;
        Some(id.as_str().to_owned())
    };
    if let Some(found) = find(&TITLE) {
        let text = ["a", "b", "c"].iter().find_map(|group| found.name(group))?;
        return Some(Claim::Title(text.as_str().to_owned()));
    }
    if let Some(found) = find(&NEAR).or_else(|| find(&EQUAL)) {
        return Some(Claim::Number(id(&found)?, found["num"].parse().ok()?));
    }
    if let Some(found) = find(&TEXT) {
        let (id, text) = (id(&found)?, found["text"].trim().to_owned());
        return Some(text.parse().map_or(Claim::Text(id.clone(), text), |number| Claim::Number(id, number)));
    }
    if let Some(found) = find(&COMMA) {
        return Some(Claim::Grouped(id(&found)?));
    }
    if let Some(found) = find(&PRESENT) {
        return Some(Claim::Element(id(&found)?, Presence::Present));
    }
    let found = find(&ABSENT)?;
    let absent = found.name("not").is_some() != found.name("null").is_some();
    absent.then(|| id(&found).map(|id| Claim::Element(id, Presence::Absent)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_well_known_forms() {
        let check = |code: &str, expected: Option<Claim>| assert_eq!(of_code(code), expected, "{code}");
        let number = |id: &str, number| Some(Claim::Number(id.to_owned(), number));
        let element = |presence| Some(Claim::Element("a".to_owned(), presence));
        check("document.title === \"Sales 7\"", Some(Claim::Title("Sales 7".to_owned())));
        check("document.title.trim() == `A`", Some(Claim::Title("A".to_owned())));
        check("document.title === `A ${seed}`", None);
        check("document.title === 'A' || true", None);
        check(
            "Math.abs(Number.parseFloat(document.getElementById('t-s').textContent) - 1301.15) < 0.005",
            number("t-s", 1301.15),
        );
        check("parseInt(document.querySelector('#n').innerText, 10) === 5", number("n", 5.0));
        check("document.querySelector(\"#n\").textContent.trim() === '5'", number("n", 5.0));
        check(
            "document.querySelector('#n').textContent === 'USD'",
            Some(Claim::Text("n".to_owned(), "USD".to_owned())),
        );
        check("document.getElementById('w').textContent.indexOf(',') > 0", Some(Claim::Grouped("w".to_owned())));
        check("document.getElementById('w').textContent.includes(',')", Some(Claim::Grouped("w".to_owned())));
        check("!!document.querySelector('#a')", element(Presence::Present));
        check("document.getElementById('a') !== null", element(Presence::Present));
        check("!document.querySelector('#a')", element(Presence::Absent));
        check("document.getElementById('a') === null", element(Presence::Absent));
        check("document.querySelector('#a p')", None);
        check("document.querySelectorAll('#a').length === 4", None);
        check("not code", None);
    }

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&TITLE, &PRESENT, &ABSENT, &NEAR, &EQUAL, &TEXT, &COMMA, &SUM] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn sums_that_a_sentence_names() {
        let check = |source: &str, expected: &[(&str, f64)]| {
            let claims = claims(&Check::new(shared_types::Round::FIRST, 0, source, Oracle::Judge));
            let expected: Vec<Claim> =
                expected.iter().map(|(name, sum)| Claim::Sum((*name).to_owned(), *sum)).collect();
            assert_eq!(claims, expected, "{source}");
        };
        check("The sum of the column `sales` is 15000", &[("sales", 15000.0)]);
        check("The total of sales in data.csv must be 1301.15.", &[("sales", 1301.15)]);
        check("The sum of sales is shown in #total", &[]);
        check("The sum of sales is 15000 for the north", &[]);
    }
}
