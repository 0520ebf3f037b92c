//! A JSON schema of an OpenAPI 3.1 document with its `$ref`s followed and its `allOf`s merged.
//!
//! Only what the compatibility rules need. `oneOf`/`anyOf` with `null` is how an optional reference
//! is written; it becomes the other branch with `null` among its types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Deeper chains of `$ref` and `allOf` are taken as "anything": only a cycle gets here.
const MAX_DEPTH: usize = 16;

/// Limits that may only grow in a request, then those that may only shrink.
pub(crate) const UPPER: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
pub(crate) const LOWER: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];

/// One resolved level of a schema; what lies below is resolved when it is looked at.
#[derive(Debug, Default)]
pub(crate) struct Schema<'doc> {
    /// JSON types; none means any.
    pub(crate) types: BTreeSet<&'doc str>,
    pub(crate) format: Option<&'doc str>,
    pub(crate) pattern: Option<&'doc str>,
    /// Allowed values as JSON text, from `enum` and `const`; `None` means any.
    pub(crate) values: Option<BTreeSet<String>>,
    pub(crate) properties: BTreeMap<&'doc str, &'doc Value>,
    pub(crate) required: BTreeSet<&'doc str>,
    pub(crate) items: Option<&'doc Value>,
    pub(crate) additional: Option<&'doc Value>,
    pub(crate) limits: BTreeMap<&'doc str, f64>,
    /// Branches of `oneOf`/`anyOf` when there are several.
    pub(crate) variants: Vec<&'doc Value>,
}

/// Follows `$ref`s from `value` to what they mean in `document`.
pub(crate) fn follow<'doc>(document: &'doc Value, mut value: &'doc Value) -> &'doc Value {
    for _ in 0..MAX_DEPTH {
        let Some(target) = reference(value).and_then(|name| document.pointer(name.trim_start_matches('#'))) else {
            return value;
        };
        value = target;
    }
    value
}

/// The `$ref` of `value`, when it has one.
pub(crate) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// Resolves the first level of `value`.
pub(crate) fn resolve<'doc>(document: &'doc Value, value: &'doc Value) -> Schema<'doc> {
    let mut schema = Schema::default();
    schema.merge(document, value, 0);
    if schema.types.is_empty() && !schema.properties.is_empty() {
        schema.types.insert("object");
    }
    schema
}

/// What a variant is recognised by: the name of its reference, its fixed properties, its title, else its position.
pub(crate) fn variant_key(document: &Value, variant: &Value, position: usize) -> String {
    if let Some(name) = reference(variant) {
        return name.rsplit('/').next().unwrap_or(name).to_owned();
    }
    let schema = resolve(document, variant);
    let fixed: Vec<String> = schema
        .properties
        .iter()
        .filter_map(|(name, property)| match resolve(document, property).values {
            Some(values) if values.len() == 1 => Some(format!("{name}={}", values.into_iter().next()?)),
            _ => None,
        })
        .collect();
    if !fixed.is_empty() {
        return fixed.join(",");
    }
    let title = variant.get("title").and_then(Value::as_str);
    title.map_or_else(|| format!("variant {position}"), str::to_owned)
}

impl<'doc> Schema<'doc> {
    fn merge(&mut self, document: &'doc Value, value: &'doc Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        if let Some(target) = reference(value).and_then(|name| document.pointer(name.trim_start_matches('#'))) {
            self.merge(document, target, depth + 1);
        }
        self.merge_keywords(value);
        for part in list(value, "allOf") {
            self.merge(document, part, depth + 1);
        }
        for keyword in ["oneOf", "anyOf"] {
            self.merge_variants(document, list(value, keyword), depth);
        }
    }

    fn merge_keywords(&mut self, value: &'doc Value) {
        match value.get("type") {
            Some(Value::String(one)) => drop(self.types.insert(one)),
            Some(Value::Array(several)) => self.types.extend(several.iter().filter_map(Value::as_str)),
            _ => {}
        }
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        self.format = text("format").or(self.format);
        self.pattern = text("pattern").or(self.pattern);
        if let Some(values) = value.get("enum").and_then(Value::as_array) {
            self.values = Some(values.iter().map(Value::to_string).collect());
        }
        if let Some(only) = value.get("const") {
            self.values = Some(BTreeSet::from([only.to_string()]));
        }
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            self.properties.extend(properties.iter().map(|(name, property)| (name.as_str(), property)));
        }
        self.required.extend(list(value, "required").iter().filter_map(Value::as_str));
        self.items = value.get("items").or(self.items);
        self.additional = value.get("additionalProperties").or(self.additional);
        for name in UPPER.into_iter().chain(LOWER) {
            if let Some(limit) = value.get(name).and_then(Value::as_f64) {
                self.limits.insert(name, limit);
            }
        }
    }

    fn merge_variants(&mut self, document: &'doc Value, variants: &'doc [Value], depth: usize) {
        let is_null = |variant: &&Value| variant.get("type").and_then(Value::as_str) == Some("null");
        let others: Vec<&Value> = variants.iter().filter(|variant| !is_null(variant)).collect();
        let nullable = others.len() < variants.len();
        match others.as_slice() {
            [only] => self.merge(document, only, depth + 1),
            _ => self.variants.extend(others),
        }
        if nullable {
            self.types.insert("null");
        }
    }
}

fn list<'doc>(value: &'doc Value, keyword: &str) -> &'doc [Value] {
    value.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_all_of_and_null_are_resolved() {
        let document = json!({"components": {"schemas": {
            "Base": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
            "Task": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"round": {"type": "integer"}}}]},
        }}});
        let optional = json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Task"}]});
        let schema = resolve(&document, &optional);
        assert_eq!(schema.types, BTreeSet::from(["null", "object"]));
        assert_eq!(schema.properties.keys().copied().collect::<Vec<_>>(), ["id", "round"]);
        assert_eq!(schema.required, BTreeSet::from(["id"]));
        assert!(schema.variants.is_empty());
    }

    #[test]
    fn a_cycle_ends() {
        let document = json!({"components": {"schemas": {"A": {"$ref": "#/components/schemas/A"}}}});
        let schema = resolve(&document, &document["components"]["schemas"]["A"]);
        assert!(schema.types.is_empty());
    }

    #[test]
    fn variants_are_known_by_name_tag_or_place() {
        let document = json!({});
        for (variant, expected) in [
            (json!({"$ref": "#/components/schemas/Passed"}), "Passed"),
            (json!({"properties": {"kind": {"const": "js"}}}), "kind=\"js\""),
            (json!({"title": "Text", "type": "string"}), "Text"),
            (json!({"type": "string"}), "variant 3"),
        ] {
            assert_eq!(variant_key(&document, &variant, 3), expected);
        }
    }
}
