//! Checks without what must not be published: the scaffold takes texts out of their readings.

use serde_json::Value;
use shared_types::Oracle;

/// The reading with every text of it redacted; the kind and what else is an enumeration stay, as no
/// redaction finds a secret in them. One that would be no reading any more is nobody's.
pub(super) fn oracle(oracle: &Oracle, redact: &dyn Fn(&mut String)) -> Oracle {
    let Ok(mut value) = serde_json::to_value(oracle) else { return Oracle::Judge };
    let before = value.clone();
    texts(&mut value, redact);
    if value == before { oracle.clone() } else { serde_json::from_value(value).unwrap_or(Oracle::Judge) }
}

/// A reading is nested a few levels deep; the values that a JSON field is held against were parsed with
/// bounded depth.
fn texts(value: &mut Value, redact: &dyn Fn(&mut String)) {
    match value {
        Value::String(text) => redact(text),
        Value::Array(items) => items.iter_mut().for_each(|item| texts(item, redact)),
        Value::Object(fields) => fields.values_mut().for_each(|field| texts(field, redact)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_of_readings_are_redacted() {
        let check = |given: Value, expected: Value| {
            let given: Oracle = serde_json::from_value(given).unwrap();
            let redacted = oracle(&given, &|text: &mut String| *text = text.replace("hush", "[redacted]"));
            assert_eq!(serde_json::to_value(redacted).unwrap(), expected);
        };
        let title = |text: &str| json!({"kind": "title", "text": text, "matching": "equals"});
        check(title("say hush"), title("say [redacted]"));
        check(title("say"), title("say"));
        let code = |text: &str| json!({"kind": "java_script", "expression": text});
        check(code("a === 'hush'"), code("a === '[redacted]'"));
        check(
            json!({"kind": "file_is_json", "path": "hush.json"}),
            json!({"kind": "file_is_json", "path": "[redacted].json"}),
        );
    }
}
