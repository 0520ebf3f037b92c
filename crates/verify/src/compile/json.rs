//! JSON files: that they parse, and what their fields are.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use shared_types::{JsonField, JsonRule, JsonType, Oracle};

use super::rule::{Found, Rule, certain, likely};
use super::vocabulary;

pub(super) const RULES: &[Rule] = &[
    certain(
        "{a_file} (?:is|contains|holds) {the}(?:valid|well-formed|parse?able|syntactically valid|syntactically correct) json(?: file| document| data)?",
        is_json,
    ),
    certain("{a_file} (?:is valid and )?(?:parses|can be parsed|is parse?able) as (?:valid )?json", is_json),
    certain(
        r"json\.parse(?:\(\))? (?:accepts|reads|parses|succeeds (?:on|for|with)|works (?:on|for|with)) {a_file}",
        is_json,
    ),
    certain(r"{a_file} (?:can be parsed|parses) (?:with|by|using) json\.parse(?:\(\))?", is_json),
    certain("{a_file} (?:is|holds|contains) {the}json (?P<type>array|list|object)", root),
    certain(
        r"{a_file}{place}? {has} {the}(?:(?P<type>[a-z]+) )?(?:fields?|keys?|propert(?:y|ies)) (?:named |called )?(?P<names>.+?)(?:,? (?:of type|as|that (?:is|are)|which (?:is|are)|with|being) {the}(?P<after>[a-z]+)(?: values?| type)?)?",
        fields,
    ),
    likely(r"{file}:? (?P<clauses>\S.*)", labelled),
    certain(r"in {a_file},? (?P<clauses>.+)", clauses),
    certain(r"{a_file}'s (?:field |key |property )?(?P<clauses>.+)", clauses),
    certain(
        r"{the}(?:(?:field|key|property|value|value of) )?(?P<name>\S+) (?:in|of) {a_file} (?P<claim>.+)",
        one_field,
    ),
];

fn is_json(found: &Found<'_>) -> Option<Oracle> {
    Some(Oracle::FileIsJson { path: found.path("file")? })
}

fn root(found: &Found<'_>) -> Option<Oracle> {
    let rule = JsonRule::Typed { json_type: json_type(found.words("type")?)? };
    json_fields(found, vec![JsonField { field: String::new(), rule }])
}

fn fields(found: &Found<'_>) -> Option<Oracle> {
    let kind = found.words("type").or(found.words("after"));
    let rule = match kind {
        Some(word) => JsonRule::Typed { json_type: json_type(word)? },
        None => JsonRule::Present,
    };
    let names = found.words("names")?.replace(", and ", ", ").replace(" and ", ", ");
    let field = |name: &str| Some(JsonField { field: field_name(found, name)?, rule: rule.clone() });
    json_fields(found, names.split(',').map(field).collect::<Option<_>>()?)
}

/// `data.json: a is 5, b is an integer`. Without the colon a file's name begins other sentences too.
fn labelled(found: &Found<'_>) -> Option<Oracle> {
    let whole = found.words("clauses")?;
    let file = found.words("file")?;
    found.whole().get(file.len()..)?.starts_with(':').then_some(())?;
    json_fields(found, claims(found, whole)?)
}

fn clauses(found: &Found<'_>) -> Option<Oracle> {
    json_fields(found, claims(found, found.words("clauses")?)?)
}

fn one_field(found: &Found<'_>) -> Option<Oracle> {
    let text = format!("{} {}", found.words("name")?, found.words("claim")?);
    json_fields(found, vec![claim(found, &text)?])
}

fn json_fields(found: &Found<'_>, fields: Vec<JsonField>) -> Option<Oracle> {
    const MOST: usize = 30;
    let path = found.path("file")?;
    let fits = path.extension() == "json" && (1..=MOST).contains(&fields.len());
    fits.then_some(Oracle::JsonFields { path, fields })
}

fn claims(found: &Found<'_>, text: &str) -> Option<Vec<JsonField>> {
    let text = text.replace(", and ", ", ").replace("; ", ", ").replace(" and ", ", ");
    text.split(", ").map(|part| claim(found, part)).collect()
}

/// `max.city is Delhi`, `count is an integer`.
fn claim(found: &Found<'_>, text: &str) -> Option<JsonField> {
    static CLAIM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        vocabulary::compile(
            r"(?:the )?(?:field |key |property |value of )?(?P<name>\S+) (?:is|equals|=|==|===|is equal to) (?:of type )?(?P<value>.+)",
        )
    });
    let parts = CLAIM.as_ref()?.captures(text.trim())?;
    Some(JsonField { field: field_name(found, &parts["name"])?, rule: value_rule(found, &parts["value"])? })
}

fn field_name(found: &Found<'_>, token: &str) -> Option<String> {
    let name = found.resolve(token.trim());
    let name = ["a ", "an ", "the "].iter().find_map(|article| name.strip_prefix(article)).unwrap_or(&name);
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    name.split('.').all(is_part).then(|| name.to_owned())
}

fn value_rule(found: &Found<'_>, text: &str) -> Option<JsonRule> {
    let text = text.trim();
    let words: Vec<&str> = text.split(' ').collect();
    let is_article = |word: &str| matches!(word, "a" | "an" | "the");
    let typed = |word: &str| json_type(word).map(|json_type| JsonRule::Typed { json_type });
    match words.as_slice() {
        [article, kind] if is_article(article) && *article != "the" => typed(kind),
        [article, kind, "value"] if is_article(article) && *article != "the" => typed(kind),
        ["not" | "a" | "an", ..] => None,
        [article, kind, rest] if is_article(article) => {
            let value = value(found, rest)?;
            holds_type(&value, json_type(kind)?).then_some(JsonRule::Equals { value })
        }
        [kind] if json_type(kind).is_some_and(|kind| kind != JsonType::Null) => typed(kind),
        [single] => Some(JsonRule::Equals { value: value(found, single)? }),
        _ => None,
    }
}

/// A word that begins with a capital, a quote, a number or a constant; other words are remarks.
fn value(found: &Found<'_>, token: &str) -> Option<Value> {
    if token.starts_with('«') {
        return Some(Value::String(found.resolve(token)));
    }
    if let Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) = serde_json::from_str(token) {
        return Some(value);
    }
    let named = token.starts_with(char::is_uppercase) && token.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
    named.then(|| Value::String(token.to_owned()))
}

fn json_type(word: &str) -> Option<JsonType> {
    Some(match word.to_lowercase().trim_end_matches('s') {
        "integer" | "int" => JsonType::Integer,
        "number" | "float" | "numeric" => JsonType::Number,
        "string" | "text" => JsonType::String,
        "boolean" | "bool" => JsonType::Boolean,
        "array" | "list" => JsonType::Array,
        "object" => JsonType::Object,
        "null" => JsonType::Null,
        _ => return None,
    })
}

fn holds_type(value: &Value, kind: JsonType) -> bool {
    match kind {
        JsonType::Integer => value.is_i64() || value.is_u64(),
        JsonType::Number => value.is_number(),
        JsonType::String => value.is_string(),
        JsonType::Boolean => value.is_boolean(),
        JsonType::Array | JsonType::Object | JsonType::Null => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, check, none_is};

    #[test]
    fn files_that_parse() {
        all_read(
            "json data.json",
            &[
                "data.json is valid JSON",
                "`data.json` parses as JSON",
                "The file data.json is well-formed JSON",
                "data.json contains valid JSON",
                "data.json must be a valid JSON file",
                "data.json can be parsed as JSON",
                "data.json is parseable JSON",
                "data.json should be a syntactically valid JSON document",
                "JSON.parse accepts data.json",
                "data.json can be parsed with JSON.parse",
                "Verify that data.json holds valid JSON",
            ],
        );
        none_is(
            "json",
            &[
                "data.json is not valid JSON",
                "data.json is valid",
                "The page loads data.json",
                "data.json is valid JSON with five rows",
                "The answer is valid JSON",
                "data.json looks like JSON",
            ],
        );
    }

    #[test]
    fn fields_by_type() {
        all_read(
            "fields data.json count:integer",
            &[
                "data.json: count is an integer",
                "The field count in data.json is an integer",
                "data.json has an integer field count",
                "In data.json, count is an integer",
                "data.json has a field `count` of type integer",
                "data.json's count is an integer",
                "count in data.json must be an integer",
                "data.json contains a key \"count\" that is an integer",
                "The property `count` of data.json is an integer",
                "data.json has a property named count with an integer value",
                "The value of count in data.json should be an integer value",
            ],
        );
        check("data.json is a JSON array", "fields data.json :array");
        check("data.json has the keys a, b and c", "fields data.json a? b? c?");
        check("data.json has number fields lat and lon", "fields data.json lat:number lon:number");
    }

    #[test]
    fn fields_by_value() {
        check(
            "summary.json: stations is 5, max.city is Delhi, max.pm25 is the integer 102",
            "fields summary.json stations=5 max.city=\"Delhi\" max.pm25=102",
        );
        check(
            "In data.json, name equals \"New Delhi\" and total is 1.5",
            "fields data.json name=\"New Delhi\" total=1.5",
        );
        check("The field ok in data.json is true", "fields data.json ok=true");
        check("data.json's max.city is the string «Delhi»", "fields data.json max.city=\"Delhi\"");
        check("data.json: error is null", "fields data.json error=null");
    }

    #[test]
    fn remarks_about_json_files() {
        none_is(
            "fields",
            &[
                "data.json: looks good",
                "data.json has many fields",
                "data.json: count is large",
                "data.json: count is not 5",
                "data.json: a is the integer x",
                "data.csv: count is 5",
                "In data.json, every name is a string of five letters",
                "The chart in data.json is nice",
                "data.json has fields for every city",
                "about.md has exactly 3 words",
            ],
        );
    }
}
