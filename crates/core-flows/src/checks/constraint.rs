//! A check as a plain sentence for whoever writes the site.

use shared_types::{
    Check, Confidence, ElementQuery, JsonField, JsonRule, JsonType, Matching, Oracle, Presence, QueryEffect, SitePath,
    TextForm,
};

/// One line for each check whose reading says more than its text: what must hold, or why it cannot.
pub(crate) fn constraints(checks: &[Check]) -> Vec<String> {
    let line = |(number, check): (usize, &Check)| {
        if let Some(reason) = &check.unsatisfiable {
            return Some(format!(
                "Check {number} cannot hold ({reason}). Keep to the data, invent nothing, and meet the others."
            ));
        }
        match &check.oracle {
            Oracle::JavaScript { .. } | Oracle::Judge => None,
            oracle if check.confidence == Confidence::Guess => {
                Some(format!("Check {number}, probably: {}", constraint(oracle)))
            }
            oracle => Some(format!("Check {number}: {}", constraint(oracle))),
        }
    };
    (1..).zip(checks).filter_map(line).collect()
}

/// One sentence, such as: An element with the id `total-sales` exists in the served page.
pub(crate) fn constraint(oracle: &Oracle) -> String {
    match oracle {
        Oracle::JavaScript { expression } => {
            format!("In the loaded page, `{}` gives exactly true.", one_line(expression))
        }
        Oracle::Licence => "`LICENSE` in the root holds the MIT licence.".to_owned(),
        Oracle::Readme => "`README.md` has a summary and sections for setup, usage and licence.".to_owned(),
        Oracle::ReadmeSections { sections } => format!("`README.md` has headings for {}.", ticked(sections)),
        Oracle::FilesExist { paths } => format!("These files are part of the site: {}.", named(paths)),
        Oracle::FilesServed { paths } => format!("A request for each of these is answered with 200: {}.", named(paths)),
        Oracle::FileLinked { path } => format!("`index.html`, as it is served, has a link to `{path}`."),
        Oracle::FileEqualsAttachment { path } => format!("`{path}` is the attachment of that name, byte for byte."),
        Oracle::FileIsJson { path } => format!("`{path}` is valid JSON."),
        Oracle::JsonFields { path, fields } => {
            format!("In `{path}`, {}.", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Oracle::SourceText { path, texts, presence: Presence::Present } => {
            format!("`{path}`, as it is served, holds literally: {}.", ticked(texts))
        }
        Oracle::SourceText { path, texts, presence: Presence::Absent } => {
            format!("`{path}` holds none of these anywhere, not even in a comment: {}.", ticked(texts))
        }
        Oracle::PageText { texts, presence: Presence::Present } => {
            format!("The page shows the text {}.", ticked(texts))
        }
        Oracle::PageText { texts, presence: Presence::Absent } => format!("The page never shows {}.", ticked(texts)),
        Oracle::Title { text, matching: Matching::Equals } => {
            format!("The `<title>` of the served page is exactly `{}`.", one_line(text))
        }
        Oracle::Title { text, matching: Matching::Contains } => {
            format!("The `<title>` of the served page contains `{}`.", one_line(text))
        }
        Oracle::Elements { elements, presence } => elements_sentence(elements, *presence),
        Oracle::ElementText { id, form } => format!("The text of the element with the id `{id}` {}.", text_form(form)),
        Oracle::Query { parameter, value, effect } => query(parameter, value.as_deref(), effect),
        Oracle::Judge => "A reader judges whether it holds.".to_owned(),
    }
}

fn elements_sentence(elements: &[ElementQuery], presence: Presence) -> String {
    let listed: Vec<String> = elements.iter().map(element).collect();
    match (presence, listed.as_slice()) {
        (Presence::Present, [one]) => format!("{} exists in the served page.", capital(one)),
        (Presence::Present, _) => format!("These exist in the served page: {}.", listed.join("; ")),
        (Presence::Absent, _) => format!("The page never has {}.", listed.join(" or ")),
    }
}

fn element(ElementQuery { tag, id, attribute }: &ElementQuery) -> String {
    let mut text = match tag {
        Some(tag) => format!("a `<{tag}>` element"),
        None => "an element".to_owned(),
    };
    if let Some(id) = id {
        text.push_str(&format!(" with the id `{id}`"));
    }
    match attribute.as_ref().map(|attribute| (&attribute.name, &attribute.value)) {
        Some((name, Some(value))) => text.push_str(&format!(" with `{name}=\"{}\"`", one_line(value))),
        Some((name, None)) => text.push_str(&format!(" with an attribute `{name}`")),
        None => {}
    }
    text
}

fn field(JsonField { field, rule }: &JsonField) -> String {
    let name = if field.is_empty() { "the whole document".to_owned() } else { format!("`{field}`") };
    match rule {
        JsonRule::Present => format!("{name} is there"),
        JsonRule::Typed { json_type } => format!("{name} is {}", type_name(*json_type)),
        JsonRule::Equals { value } => format!("{name} is `{value}`"),
    }
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Boolean => "a boolean",
        JsonType::Array => "an array",
        JsonType::Object => "an object",
        JsonType::Null => "null",
    }
}

fn text_form(form: &TextForm) -> String {
    match form {
        TextForm::NotEmpty => "is not empty once the page has loaded".to_owned(),
        TextForm::Integer { equals: None } => "is digits alone, as `int()` reads them".to_owned(),
        TextForm::Integer { equals: Some(number) } => format!("is the digits of {number} alone"),
        TextForm::Number { equals: None } => "is a plain number, without separators or signs around it".to_owned(),
        TextForm::Number { equals: Some(number) } => {
            format!("is the plain number {number}, computed from the data, without separators or signs around it")
        }
        TextForm::Integers { count } => format!("holds {count} integers, such as `48x32`"),
        TextForm::Equals { text } => format!("is exactly `{}`", one_line(text)),
        TextForm::Contains { text } => format!("contains `{}`", one_line(text)),
    }
}

fn query(parameter: &str, value: Option<&str>, effect: &QueryEffect) -> String {
    let opened = match value {
        Some(value) => format!("Opened with `?{parameter}={}`, the page", one_line(value)),
        None => format!("Opened with any value of `?{parameter}=`, the page"),
    };
    let place =
        |id: &Option<String>| id.as_ref().map(|id| format!(" in the element with the id `{id}`")).unwrap_or_default();
    match effect {
        QueryEffect::Opens => format!("{opened} works, and it works without one."),
        QueryEffect::ShowsImage => format!("{opened} shows the picture at the address that the value is."),
        QueryEffect::ShowsValue { id } => format!("{opened} shows that value{}.", place(id)),
        QueryEffect::ShowsText { text, id } => format!("{opened} shows `{}`{}.", one_line(text), place(id)),
    }
}

fn named(paths: &[SitePath]) -> String {
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
}

fn ticked(texts: &[String]) -> String {
    texts.iter().map(|text| format!("`{}`", one_line(text))).collect::<Vec<_>>().join(", ")
}

/// A sentence of a prompt stands on one line, so that nothing in a check begins a new one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::Round;

    use super::*;

    fn read(oracle: serde_json::Value) -> Oracle {
        serde_json::from_value(oracle).unwrap()
    }

    #[test]
    fn every_kind_has_its_sentence() {
        for (oracle, expected) in [
            (json!({"kind": "java_script", "expression": "1 >\n0"}), "In the loaded page, `1 > 0` gives exactly true."),
            (json!({"kind": "licence"}), "`LICENSE` in the root holds the MIT licence."),
            (
                json!({"kind": "readme_sections", "sections": ["setup", "usage"]}),
                "`README.md` has headings for `setup`, `usage`.",
            ),
            (json!({"kind": "files_exist", "paths": ["a.txt"]}), "These files are part of the site: `a.txt`."),
            (
                json!({"kind": "files_served", "paths": ["a.txt"]}),
                "A request for each of these is answered with 200: `a.txt`.",
            ),
            (json!({"kind": "file_linked", "path": "a.txt"}), "`index.html`, as it is served, has a link to `a.txt`."),
            (
                json!({"kind": "file_equals_attachment", "path": "a.txt"}),
                "`a.txt` is the attachment of that name, byte for byte.",
            ),
            (json!({"kind": "file_is_json", "path": "a.json"}), "`a.json` is valid JSON."),
            (
                json!({"kind": "json_fields", "path": "a.json", "fields": [
                    {"field": "n", "rule": {"is": "typed", "json_type": "integer"}},
                    {"field": "c", "rule": {"is": "equals", "value": "Delhi"}}, {"field": "d", "rule": {"is": "present"}},
                ]}),
                "In `a.json`, `n` is an integer, `c` is `\"Delhi\"`, `d` is there.",
            ),
            (
                json!({"kind": "source_text", "path": "index.html", "texts": ["eval("], "presence": "absent"}),
                "`index.html` holds none of these anywhere, not even in a comment: `eval(`.",
            ),
            (json!({"kind": "page_text", "texts": ["Hi"], "presence": "present"}), "The page shows the text `Hi`."),
            (
                json!({"kind": "title", "text": "A b", "matching": "equals"}),
                "The `<title>` of the served page is exactly `A b`.",
            ),
            (
                json!({"kind": "elements", "elements": [{"id": "total-sales"}], "presence": "present"}),
                "An element with the id `total-sales` exists in the served page.",
            ),
            (
                json!({"kind": "elements", "elements": [{"tag": "meta", "attribute": {"name": "name", "value": "x"}}], "presence": "absent"}),
                "The page never has a `<meta>` element with `name=\"x\"`.",
            ),
            (
                json!({"kind": "element_text", "id": "n", "form": {"form": "integer"}}),
                "The text of the element with the id `n` is digits alone, as `int()` reads them.",
            ),
            (
                json!({"kind": "query", "parameter": "url", "effect": {"effect": "shows_image"}}),
                "Opened with any value of `?url=`, the page shows the picture at the address that the value is.",
            ),
            (json!({"kind": "judge"}), "A reader judges whether it holds."),
        ] {
            assert_eq!(constraint(&read(oracle)), expected);
        }
    }

    #[test]
    fn lines_carry_the_numbers_of_their_checks() {
        let check = |oracle| Check::new(Round::FIRST, 0, "x", oracle);
        let cannot = Check { unsatisfiable: Some("no attachment is named a.txt".to_owned()), ..check(Oracle::Judge) };
        let guess = Check { confidence: Confidence::Guess, ..check(Oracle::Licence) };
        let lines = constraints(&[check(Oracle::Judge), check(Oracle::Licence), cannot, guess]);
        assert_eq!(
            lines,
            [
                "Check 2: `LICENSE` in the root holds the MIT licence.",
                "Check 3 cannot hold (no attachment is named a.txt). Keep to the data, invent nothing, and meet the others.",
                "Check 4, probably: `LICENSE` in the root holds the MIT licence.",
            ]
        );
    }
}
