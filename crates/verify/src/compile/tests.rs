//! Readings in one line each, the shapes of JavaScript, and the sample requests.

use shared_types::{ElementQuery, JsonField, JsonRule, Presence, QueryEffect, TextForm};

use super::*;

/// A reading in one line, such as `files a.txt b.txt`; the first words name the kind.
fn say(oracle: &Oracle) -> String {
    let joined = |paths: &[shared_types::SitePath]| paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let no = |presence: &Presence| if *presence == Presence::Absent { "no " } else { "" };
    match oracle {
        Oracle::JavaScript { expression } => format!("js {expression}"),
        Oracle::Licence => "licence".to_owned(),
        Oracle::Readme => "readme".to_owned(),
        Oracle::ReadmeSections { sections } => format!("sections {}", sections.join("|")),
        Oracle::FilesExist { paths } => format!("files {}", joined(paths)),
        Oracle::FilesServed { paths } => format!("served {}", joined(paths)),
        Oracle::FileLinked { path } => format!("link {path}"),
        Oracle::FileEqualsAttachment { path } => format!("equals {path}"),
        Oracle::FileIsJson { path } => format!("json {path}"),
        Oracle::JsonFields { path, fields } => {
            format!("fields {path} {}", fields.iter().map(say_field).collect::<Vec<_>>().join(" "))
        }
        Oracle::SourceText { path, texts, presence } => format!("{}source {path} {}", no(presence), texts.join("|")),
        Oracle::PageText { texts, presence } => format!("shows {}{}", no(presence), texts.join("|")),
        Oracle::Title { text, matching } => {
            format!("title {} {text}", if *matching == shared_types::Matching::Equals { '=' } else { '~' })
        }
        Oracle::Elements { elements, presence } => {
            format!("{}elements {}", no(presence), elements.iter().map(say_element).collect::<Vec<_>>().join(" "))
        }
        Oracle::ElementText { id, form } => format!("text #{id} {}", say_form(form)),
        Oracle::Query { parameter, value, effect } => {
            let value = value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
            format!("query {parameter}{value} {}", say_effect(effect))
        }
        Oracle::Judge => "judge".to_owned(),
    }
}

fn say_field(field: &JsonField) -> String {
    match &field.rule {
        JsonRule::Present => format!("{}?", field.field),
        JsonRule::Typed { json_type } => format!("{}:{}", field.field, format!("{json_type:?}").to_lowercase()),
        JsonRule::Equals { value } => format!("{}={value}", field.field),
    }
}

fn say_element(element: &ElementQuery) -> String {
    let id = element.id.as_ref().map(|id| format!("#{id}")).unwrap_or_default();
    let attribute = element.attribute.as_ref().map(|attribute| match &attribute.value {
        Some(value) => format!("[{}={value}]", attribute.name),
        None => format!("[{}]", attribute.name),
    });
    format!("{}{id}{}", element.tag.as_deref().unwrap_or_default(), attribute.unwrap_or_default())
}

fn say_form(form: &TextForm) -> String {
    let number = |equals: &Option<String>| equals.as_ref().map(|number| format!(" {number}")).unwrap_or_default();
    match form {
        TextForm::NotEmpty => "any".to_owned(),
        TextForm::Integer { equals } => format!("int{}", number(equals)),
        TextForm::Number { equals } => format!("num{}", number(equals)),
        TextForm::Integers { count } => format!("ints {count}"),
        TextForm::Equals { text } => format!("= {text}"),
        TextForm::Contains { text } => format!("~ {text}"),
    }
}

fn say_effect(effect: &QueryEffect) -> String {
    let place = |id: &Option<String>| id.as_ref().map(|id| format!(" #{id}")).unwrap_or_default();
    match effect {
        QueryEffect::Opens => "opens".to_owned(),
        QueryEffect::ShowsImage => "image".to_owned(),
        QueryEffect::ShowsValue { id } => format!("value{}", place(id)),
        QueryEffect::ShowsText { text, id } => format!("text{} {text}", place(id)),
    }
}

fn reading(text: &str) -> Check {
    let mut compiled = compile(Round::FIRST, &[CheckBody::Text(text.to_owned())]);
    assert_eq!(compiled[0].source, text);
    compiled.remove(0)
}

/// `text` is read as `expected`.
pub(super) fn check(text: &str, expected: &str) {
    assert_eq!(say(&reading(text).oracle), expected, "{text:?}");
}

/// `text` is read as surely as `expected` says.
pub(super) fn check_sure(text: &str, expected: &str) {
    assert_eq!(format!("{:?}", reading(text).confidence).to_lowercase(), expected, "{text:?}");
}

/// All of `texts` are read as `expected`; names every one that is not.
pub(super) fn all_read(expected: &str, texts: &[&str]) {
    assert!(texts.len() >= 5, "one reading needs many phrasings");
    let wrong: Vec<_> =
        texts.iter().map(|text| (say(&reading(text).oracle), text)).filter(|(said, _)| said != expected).collect();
    assert!(wrong.is_empty(), "not read as {expected:?}: {wrong:#?}");
}

/// None of `texts` is read as a reading of the kind `kind`.
pub(super) fn none_is(kind: &str, texts: &[&str]) {
    let of_kind = |said: &String| said == kind || said.starts_with(&format!("{kind} "));
    let wrong: Vec<_> =
        texts.iter().map(|text| (say(&reading(text).oracle), text)).filter(|(said, _)| of_kind(said)).collect();
    assert!(wrong.is_empty(), "read as {kind:?}: {wrong:#?}");
}

#[test]
fn every_pattern_compiles() {
    let broken: Vec<&str> = FAMILIES
        .iter()
        .flat_map(|family| family.iter())
        .filter(|rule| Ready::new(rule).is_none())
        .map(|rule| rule.pattern)
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(RULES.len() > 80);
}

#[test]
fn javascript_in_all_its_shapes() {
    check("js: document.title === 'x'", "js document.title === 'x'");
    check(" JS :\n  a b", "js a b");
    check("javascript: document.title === 'x'", "js document.title === 'x'");
    check("document.scripts[0].text.indexOf('fetch(') >= 0", "js document.scripts[0].text.indexOf('fetch(') >= 0");
    check("!!document.querySelector('#x');", "js !!document.querySelector('#x');");
    check("document.title", "js document.title");
    check("`document.title === 'x'`", "js document.title === 'x'");
    check("```js\ndocument.title === 'x'\n```", "js document.title === 'x'");
    check("document.title === `Sales ${seed}`", "js document.title === `Sales ${seed}`");
    check("(() => { return 1 === 1 })()", "js (() => { return 1 === 1 })()");
    check("(await (await fetch('a.json')).json()).n === 5", "js (await (await fetch('a.json')).json()).n === 5");
    check("Array.from(document.images).every(i => i.alt)", "js Array.from(document.images).every(i => i.alt)");
    check("$('#total').text() == '5'", "js $('#total').text() == '5'");
    let object = compile(Round::FIRST, &[CheckBody::JavaScript { js: "js: 1 > 0".to_owned() }]);
    assert_eq!(say(&object[0].oracle), "js 1 > 0");
    let words = compile(Round::FIRST, &[CheckBody::JavaScript { js: "plainly words".to_owned() }]);
    assert_eq!(say(&words[0].oracle), "js plainly words");
}

#[test]
fn words_are_not_code() {
    none_is(
        "js",
        &[
            "README.md",
            "well-formed",
            "Light/dark",
            "responsive",
            "document.title contains Sales",
            "js is used sparingly",
            "Page uses window.fetch to load data.csv",
            "The total === 5 in the table",
            "`document.title` is \"Sales\"",
            "",
            "   ",
            "const a = 1; a > 0 && b",
        ],
    );
}

#[test]
fn what_needs_an_eye_is_left_over() {
    for text in ["Code is clean", "🦀", "The layout is responsive", "README.md reads professionally", ""] {
        check(text, "judge");
    }
    check(&"The page has #a and ".repeat(200), "judge");
}

#[test]
fn no_sentence_takes_long_or_panics() {
    let nasty = ["the ", "«0»", "\"", "'a", "#a, ", "a.b/", "<a ", "is an is a ", "?url= ", "and "];
    for piece in nasty {
        reading(&piece.repeat(600 / piece.len()));
        reading(&format!("index.html contains {}", piece.repeat(100)));
    }
}

#[test]
fn every_check_of_the_sample_requests_is_read_as_meant() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/requests");
    let mut english = Vec::new();
    for name in ["sales-summary", "markdown-reader", "photo-card", "many-files"] {
        let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
        let case: serde_json::Value = serde_json::from_str(&text).unwrap();
        for round in case["rounds"].as_array().unwrap() {
            let items: Vec<CheckBody> = serde_json::from_value(round["request"]["checks"].clone()).unwrap();
            for check in compile(Round::FIRST, &items) {
                let code = check.source.starts_with("js:")
                    || ["document", "Math"].iter().any(|word| check.source.starts_with(word));
                assert_eq!(code, matches!(check.oracle, Oracle::JavaScript { .. }), "{}", check.source);
                if !code {
                    english.push(say(&check.oracle));
                }
            }
        }
    }
    assert_eq!(
        english,
        [
            "licence",
            "judge",
            "query url image",
            "link uid.txt",
            "equals uid.txt",
            "text #photo-size ints 2",
            "served index.html about.md summary.json badge.svg air.json",
            "judge",
            "judge",
            "fields summary.json stations=5 max.city=\"Delhi\" max.pm25=102",
            "judge",
            "equals air.json",
        ]
    );
}
