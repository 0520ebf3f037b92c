//! Whether a model's reading keeps to the words of its check.
//!
//! A model may put into an oracle what sounds likely: an id, a file, a number that the check never
//! names. Such a reading would fail good sites, so every name in it must stand in the check's text.

use shared_types::{AttributeQuery, ElementQuery, JsonField, JsonRule, Oracle, QueryEffect, SitePath, TextForm};

/// Whether `oracle` names nothing that `source` does not, and asks for something at all.
pub(super) fn is_grounded(oracle: &Oracle, source: &str) -> bool {
    let words = Words { source, lower: source.to_lowercase() };
    match oracle {
        // Code of a model's own would run in the page and decide on a whim.
        Oracle::JavaScript { .. } | Oracle::Judge => false,
        Oracle::Licence => words.say("licen") && words.say("mit"),
        Oracle::Readme => words.say("readme"),
        Oracle::ReadmeSections { sections } => words.say("readme") && all(sections, |section| words.say(section)),
        Oracle::FilesExist { paths } | Oracle::FilesServed { paths } => all(paths, |path| words.name_file(path)),
        Oracle::FileLinked { path } | Oracle::FileEqualsAttachment { path } | Oracle::FileIsJson { path } => {
            words.name_file(path)
        }
        Oracle::JsonFields { path, fields } => words.name_file(path) && all(fields, |field| words.name_field(field)),
        Oracle::SourceText { path, texts, .. } => words.name_file(path) && all(texts, |text| words.quote(text)),
        Oracle::PageText { texts, .. } => all(texts, |text| words.quote(text)),
        Oracle::Title { text, .. } => words.quote(text),
        Oracle::Elements { elements, .. } => all(elements, |element| words.name_element(element)),
        Oracle::ElementText { id, form } => words.quote(id) && words.name_form(form),
        Oracle::Query { parameter, value, effect } => {
            let named = value.as_ref().is_none_or(|value| words.quote(value));
            words.quote(parameter) && named && words.name_effect(effect)
        }
    }
}

fn all<T>(items: &[T], fits: impl Fn(&T) -> bool) -> bool {
    !items.is_empty() && items.iter().all(fits)
}

struct Words<'a> {
    source: &'a str,
    lower: String,
}

impl Words<'_> {
    /// In any case.
    fn say(&self, word: &str) -> bool {
        !word.trim().is_empty() && self.lower.contains(&word.to_lowercase())
    }

    /// Letter for letter.
    fn quote(&self, text: &str) -> bool {
        !text.trim().is_empty() && self.source.contains(text)
    }

    /// By its name, or as "the page", which is what `index.html` is called.
    fn name_file(&self, path: &SitePath) -> bool {
        let called = match path.as_str() {
            "index.html" => ["page", "site", "html", "app"].iter().any(|word| self.say(word)),
            "README.md" => self.say("readme"),
            "LICENSE" => self.say("licen"),
            _ => false,
        };
        called || self.quote(path.as_str())
    }

    fn name_field(&self, JsonField { field, rule }: &JsonField) -> bool {
        let named = field.is_empty() || field.split('.').all(|part| self.quote(part));
        let ruled = match rule {
            JsonRule::Present | JsonRule::Typed { .. } => true,
            JsonRule::Equals { value: serde_json::Value::String(text) } => self.quote(text),
            JsonRule::Equals { value } => self.quote(&value.to_string()),
        };
        named && ruled
    }

    fn name_element(&self, ElementQuery { tag, id, attribute }: &ElementQuery) -> bool {
        let tagged = tag.as_ref().is_none_or(|tag| is_name(tag) && self.name_tag(tag));
        let attributed = attribute.as_ref().is_none_or(|AttributeQuery { name, value }| {
            is_name(name) && self.say(name) && value.as_ref().is_none_or(|value| self.quote(value))
        });
        let any = tag.is_some() || id.is_some() || attribute.is_some();
        any && tagged && attributed && id.as_ref().is_none_or(|id| self.quote(id))
    }

    fn name_tag(&self, tag: &str) -> bool {
        let words: &[&str] = match tag {
            "a" => &["link", "<a>", "<a "],
            "img" => &["image", "picture", "photo", "img"],
            "select" => &["select", "dropdown", "chooser"],
            "ul" | "ol" => &["list"],
            "h1" | "h2" | "h3" => &["heading", "headline"],
            "p" => &["paragraph", "<p>"],
            "input" => &["input", "field", "box"],
            _ => return self.say(tag),
        };
        words.iter().any(|word| self.say(word)) || (tag.len() > 1 && self.say(tag))
    }

    fn name_form(&self, form: &TextForm) -> bool {
        match form {
            TextForm::NotEmpty => true,
            TextForm::Integers { count } => *count > 0,
            TextForm::Integer { equals } | TextForm::Number { equals } => {
                equals.as_ref().is_none_or(|number| number.parse::<f64>().is_ok() && self.quote(number))
            }
            TextForm::Equals { text } | TextForm::Contains { text } => self.quote(text),
        }
    }

    fn name_effect(&self, effect: &QueryEffect) -> bool {
        let placed = |id: &Option<String>| id.as_ref().is_none_or(|id| self.quote(id));
        match effect {
            QueryEffect::Opens | QueryEffect::ShowsImage => true,
            QueryEffect::ShowsValue { id } => placed(id),
            QueryEffect::ShowsText { text, id } => self.quote(text) && placed(id),
        }
    }
}

/// Names of tags and attributes go into selectors as they are.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_come_from_the_check() {
        let check = |source: &str, oracle: serde_json::Value, expected| {
            assert_eq!(
                is_grounded(&serde_json::from_value(oracle.clone()).unwrap(), source),
                expected,
                "{source}: {oracle}"
            );
        };
        let elements = |element| json!({"kind": "elements", "elements": [element], "presence": "present"});
        check("A figure called total is on the page", elements(json!({"id": "total"})), true);
        check("A figure called total is on the page", elements(json!({"id": "total-sales"})), false);
        check("The page has a picture", elements(json!({"tag": "img"})), true);
        check("The page has a picture", elements(json!({"tag": "table"})), false);
        check("The page has a picture", elements(json!({})), false);
        check("the x] { page", elements(json!({"tag": "x]"})), false);
        check("The page has a picture", json!({"kind": "elements", "elements": [], "presence": "present"}), false);
        check("about.md says hello", json!({"kind": "files_exist", "paths": ["about.md"]}), true);
        check("about.md says hello", json!({"kind": "files_exist", "paths": ["uid.txt"]}), false);
        check("The page must say Hello", json!({"kind": "page_text", "texts": ["Hello"], "presence": "present"}), true);
        check(
            "The page must say Hello",
            json!({"kind": "page_text", "texts": ["hello"], "presence": "present"}),
            false,
        );
        check(
            "n in a.json is five",
            json!({"kind": "json_fields", "path": "a.json", "fields": [{"field": "n", "rule": {"is": "equals", "value": 5}}]}),
            false,
        );
        check(
            "n in a.json is 5",
            json!({"kind": "json_fields", "path": "a.json", "fields": [{"field": "n", "rule": {"is": "equals", "value": 5}}]}),
            true,
        );
        check(
            "total reads 5",
            json!({"kind": "element_text", "id": "total", "form": {"form": "number", "equals": "5"}}),
            true,
        );
        check(
            "total reads 5",
            json!({"kind": "element_text", "id": "total", "form": {"form": "number", "equals": "6"}}),
            false,
        );
        check("It honours ?lang=", json!({"kind": "query", "parameter": "lang", "effect": {"effect": "opens"}}), true);
        check(
            "It honours ?lang=",
            json!({"kind": "query", "parameter": "lang", "value": "de", "effect": {"effect": "opens"}}),
            false,
        );
        check("1 > 0", json!({"kind": "java_script", "expression": "1 > 0"}), false);
    }
}
