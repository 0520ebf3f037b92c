//! JSON files of the site.

use ports::Site;
use serde_json::Value;
use shared_types::{JsonField, JsonRule, JsonType, SitePath};

use super::Decision;
use crate::text::brief;

/// Of a value, this much is shown as evidence, in characters.
const VALUE_CHARS: usize = 80;

/// The file at `path` parses as JSON.
pub(super) fn parses(site: &Site, path: &SitePath) -> Decision {
    match read(site, path) {
        Ok(_) => Decision::passed(format!("{path} is valid JSON")),
        Err(reason) => Decision::failed(reason),
    }
}

/// Every one of `fields` is as it should be.
pub(super) fn fields(site: &Site, path: &SitePath, fields: &[JsonField]) -> Decision {
    let document = match read(site, path) {
        Ok(document) => document,
        Err(reason) => return Decision::failed(reason),
    };
    let wrong: Vec<String> = fields.iter().filter_map(|field| fault(&document, field)).collect();
    if wrong.is_empty() {
        Decision::passed(format!("{path} has every field as asked"))
    } else {
        Decision::failed(format!("{path}: {}", wrong.join("; ")))
    }
}

fn read(site: &Site, path: &SitePath) -> Result<Value, String> {
    let bytes = site.get(path.as_str()).ok_or_else(|| format!("{path} is not part of the site"))?;
    serde_json::from_slice(bytes).map_err(|error| format!("{path} is no valid JSON: {error}"))
}

/// What is wrong with a field; none when nothing is.
fn fault(document: &Value, JsonField { field, rule }: &JsonField) -> Option<String> {
    let name = if field.is_empty() { "the document" } else { field };
    let Some(value) = find(document, field) else { return Some(format!("there is no {name}")) };
    let shown = || brief(&value.to_string(), VALUE_CHARS);
    match rule {
        JsonRule::Present => None,
        JsonRule::Typed { json_type } if is_typed(value, *json_type) => None,
        JsonRule::Typed { json_type } => {
            Some(format!("{name} is {}, not of type {}", shown(), format!("{json_type:?}").to_lowercase()))
        }
        JsonRule::Equals { value: wanted } if value == wanted => None,
        JsonRule::Equals { value: wanted } => Some(format!("{name} is {}, not {wanted}", shown())),
    }
}

/// The value at `field`. A name that holds dots itself is found too; numbers are places in a list.
fn find<'a>(document: &'a Value, field: &str) -> Option<&'a Value> {
    if field.is_empty() {
        return Some(document);
    }
    if let Some(value) = document.get(field) {
        return Some(value);
    }
    field.split('.').try_fold(document, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => value.get(name),
    })
}

fn is_typed(value: &Value, kind: JsonType) -> bool {
    match kind {
        JsonType::Integer => value.is_i64() || value.is_u64(),
        JsonType::Number => value.is_number(),
        JsonType::String => value.is_string(),
        JsonType::Boolean => value.is_boolean(),
        JsonType::Array => value.is_array(),
        JsonType::Object => value.is_object(),
        JsonType::Null => value.is_null(),
    }
}
