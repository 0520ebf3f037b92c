//! What requests are held against and version 1 did not say when it was released: patterns, lengths, values.
//!
//! A request schema does not become stricter within a version, not even on paper: whoever generated code from it would
//! have to change. So what was always refused, and was never written down, is written down as the annotation
//! [`NAME`], an object of JSON Schema keywords, beside the schema that stays as it was. Version 2 makes keywords of it.

use serde_json::{Map, Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::{Object, OpenApi, RefOr, Schema};

/// The annotation. One key for all keywords, since extensions have no order.
pub(crate) const NAME: &str = "x-constraints";

/// Schemas that describe requests.
const REQUESTS: [&str; 4] = ["TaskRequest", "AttachmentBody", "CheckBody", "TaskId"];
/// Numbers that events have.
const EVENT_PARAMETERS: [&str; 2] = ["after", "Last-Event-ID"];

/// Turns the keywords that the types say of themselves into annotations.
pub(super) fn annotate(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    for name in REQUESTS {
        if let Some(RefOr::T(schema)) = components.schemas.get_mut(name) {
            for object in objects(schema) {
                move_keywords(object);
            }
        }
    }
    for item in document.paths.paths.values_mut() {
        let parameters = item.get.iter_mut().filter_map(|operation| operation.parameters.as_mut()).flatten();
        for parameter in parameters {
            let RefOr::T(parameter) = parameter else { continue };
            if let Some(RefOr::T(Schema::Object(number))) = &mut parameter.schema
                && EVENT_PARAMETERS.contains(&parameter.name.as_str())
            {
                number.maximum = None;
                note(number, &json!({"maximum": u64::MAX}));
            }
        }
    }
}

/// Sets the annotation.
pub(super) fn note(object: &mut Object, keywords: &Value) {
    object.extensions = Some(ExtensionsBuilder::new().add(NAME, keywords.clone()).build());
}

/// The schema itself, its properties and its variants with theirs.
fn objects(schema: &mut Schema) -> Vec<&mut Object> {
    match schema {
        Schema::OneOf(shapes) => {
            let shapes = shapes.items.iter_mut();
            shapes
                .filter_map(|shape| if let RefOr::T(shape) = shape { Some(shape) } else { None })
                .flat_map(objects)
                .collect()
        }
        Schema::Object(object) => {
            if object.properties.is_empty() {
                return vec![object];
            }
            let properties = object.properties.values_mut();
            properties
                .filter_map(
                    |property| if let RefOr::T(Schema::Object(object)) = property { Some(object) } else { None },
                )
                .collect()
        }
        _ => Vec::new(),
    }
}

fn move_keywords(object: &mut Object) {
    let mut keywords = Map::new();
    if let Some(pattern) = object.pattern.take() {
        keywords.insert("pattern".to_owned(), pattern.into());
    }
    if let Some(length) = object.max_length.take() {
        keywords.insert("maxLength".to_owned(), length.into());
    }
    if !keywords.is_empty() {
        note(object, &Value::Object(keywords));
    }
}

#[cfg(test)]
mod tests {
    use crate::openapi::openapi;

    #[test]
    fn constraints_are_annotations_and_no_keywords() {
        let document = serde_json::to_value(openapi()).unwrap();
        let schemas = &document["components"]["schemas"];
        for pointer in [
            "/TaskRequest/properties/email",
            "/TaskRequest/properties/task",
            "/AttachmentBody/properties/url",
            "/CheckBody/oneOf/0",
            "/CheckBody/oneOf/1/properties/js",
            "/TaskId",
        ] {
            let schema = schemas.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
            assert!(schema["x-constraints"]["pattern"].is_string(), "{pointer}: {schema}");
            assert!(schema.get("pattern").is_none() && schema.get("maxLength").is_none(), "{pointer}: {schema}");
        }
    }
}
