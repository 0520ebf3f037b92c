//! What may not happen to the HTTP contract inside a version: paths, methods, parameters, bodies, answers.

use serde_json::{Map, Value};

use super::breaking::Break;
use super::schema::follow;
use super::schema_rules::{Comparison, Direction};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// Every way in which `current` breaks what `released` promised, in the order of the document.
pub(crate) fn breaks(released: &Value, current: &Value) -> Vec<Break> {
    let mut rules = Rules { released, current, schemas: Comparison::new(released, current) };
    for (path, was) in entries(released.get("paths")) {
        match current.get("paths").and_then(|paths| paths.get(path)) {
            Some(is) => rules.path(path, was, is),
            None => rules.add(path, "path-removed", "the path is gone or renamed"),
        }
    }
    rules.schemas.breaks
}

struct Rules<'doc> {
    released: &'doc Value,
    current: &'doc Value,
    schemas: Comparison<'doc>,
}

impl<'doc> Rules<'doc> {
    fn path(&mut self, path: &str, was: &'doc Value, is: &'doc Value) {
        for method in METHODS {
            let Some(operation) = was.get(method) else { continue };
            let at = format!("{} {path}", method.to_uppercase());
            match is.get(method) {
                Some(now) => {
                    self.parameters(&at, (was, operation), (is, now));
                    self.request(&at, operation, now);
                    self.responses(&at, operation, now);
                }
                None => self.add(&at, "method-removed", "the method is gone"),
            }
        }
    }

    /// Parameters may be written beside the operation or beside the path.
    fn parameters(
        &mut self,
        at: &str,
        (was_path, was): (&'doc Value, &'doc Value),
        (is_path, is): (&'doc Value, &'doc Value),
    ) {
        let released = parameters(self.released, [was_path, was]);
        let current = parameters(self.current, [is_path, is]);
        for (key, parameter) in &released {
            let place = format!("{at} {key}");
            let Some((_, now)) = current.iter().find(|(other, _)| other == key) else {
                self.add(&place, "parameter-removed", "the parameter is gone or renamed");
                continue;
            };
            if is_required(now) && !is_required(parameter) {
                self.add(&place, "parameter-required", "the parameter is newly required");
            }
            if let (Some(was), Some(is)) = (parameter.get("schema"), now.get("schema")) {
                self.schemas.schema(&place, was, is, Direction::Request);
            }
        }
        for (key, parameter) in &current {
            if is_required(parameter) && !released.iter().any(|(other, _)| other == key) {
                self.add(&format!("{at} {key}"), "parameter-required", "a new parameter is required");
            }
        }
    }

    fn request(&mut self, at: &str, was: &'doc Value, is: &'doc Value) {
        let place = format!("{at} request");
        let released = was.get("requestBody").map(|body| follow(self.released, body));
        let current = is.get("requestBody").map(|body| follow(self.current, body));
        match (released, current) {
            (Some(was), Some(is)) => {
                if is_required(is) && !is_required(was) {
                    self.add(&place, "request-body-required", "the body is newly required");
                }
                self.contents(&place, was, is, Direction::Request);
            }
            (Some(_), None) => self.add(&place, "request-body-removed", "the body is gone"),
            (None, Some(is)) if is_required(is) => {
                self.add(&place, "request-body-required", "a body is newly required");
            }
            (None, _) => {}
        }
    }

    fn responses(&mut self, at: &str, was: &'doc Value, is: &'doc Value) {
        for (status, released) in entries(was.get("responses")) {
            let place = format!("{at} {status}");
            match is.get("responses").and_then(|responses| responses.get(status)) {
                Some(current) => {
                    let (was, is) = (follow(self.released, released), follow(self.current, current));
                    self.contents(&place, was, is, Direction::Response);
                }
                None => self.add(&place, "response-status-removed", "the status is no longer answered"),
            }
        }
    }

    fn contents(&mut self, at: &str, was: &'doc Value, is: &'doc Value, direction: Direction) {
        for (kind, released) in entries(was.get("content")) {
            let place = format!("{at} {kind} $");
            let Some(current) = is.get("content").and_then(|contents| contents.get(kind)) else {
                self.add(&place, "content-type-removed", "the content type is gone");
                continue;
            };
            match (released.get("schema"), current.get("schema")) {
                (Some(was), Some(is)) => self.schemas.schema(&place, was, is, direction),
                (Some(_), None) => self.add(&place, "type-changed", "the schema is gone"),
                (None, _) => {}
            }
        }
    }

    fn add(&mut self, at: &str, rule: &'static str, detail: &str) {
        self.schemas.breaks.push(Break::new(at, rule, detail));
    }
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.and_then(Value::as_object).into_iter().flat_map(Map::iter);
    entries.map(|(name, value)| (name.as_str(), value))
}

/// Parameters of `places`, each with its key such as `query limit`.
fn parameters<'doc>(document: &'doc Value, places: [&'doc Value; 2]) -> Vec<(String, &'doc Value)> {
    let lists = places.into_iter().filter_map(|place| place.get("parameters")?.as_array());
    lists
        .flatten()
        .filter_map(|parameter| {
            let parameter = follow(document, parameter);
            let text = |name: &str| parameter.get(name)?.as_str();
            Some((format!("{} {}", text("in")?, text("name")?), parameter))
        })
        .collect()
}

fn is_required(value: &Value) -> bool {
    value.get("required").and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn released() -> Value {
        json!({
            "paths": {
                "/tasks": {
                    "post": {
                        "parameters": [{"in": "query", "name": "wait", "schema": {"type": "integer"}}],
                        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
                        "responses": {
                            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}}},
                            "400": {"description": "refused"},
                        },
                    },
                    "get": {"responses": {"200": {"description": "list"}}},
                },
                "/health": {"get": {"responses": {"200": {"description": "ok"}}}},
            },
            "components": {"schemas": {
                "Order": {"type": "object", "properties": {"task": {"type": "string"}}},
                "Receipt": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
            }},
        })
    }

    /// Asserts the rules broken when the value at `pointer` becomes `value`; `Null` removes it.
    fn check(pointer: &str, value: Value, expected: &[&str]) {
        let mut current = released();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let name = name.replace("~1", "/");
        let parent = current.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(&name).unwrap();
        } else {
            parent.insert(name, value);
        }
        let found: Vec<String> =
            breaks(&released(), &current).iter().map(|found| format!("{} {}", found.at, found.rule)).collect();
        assert_eq!(found, expected, "{pointer}");
    }

    #[test]
    fn additions_keep_the_promise() {
        assert_eq!(breaks(&released(), &released()), []);
        check("/paths/~1metrics", json!({"get": {}}), &[]);
        check("/paths/~1tasks/delete", json!({}), &[]);
        check("/paths/~1tasks/post/responses/409", json!({}), &[]);
        check("/components/schemas/Receipt/properties/url", json!({"type": "string"}), &[]);
        check("/components/schemas/Order/properties/round", json!({"type": "integer"}), &[]);
    }

    #[test]
    fn removals_break() {
        check("/paths/~1health", Value::Null, &["/health path-removed"]);
        check("/paths/~1tasks/get", Value::Null, &["GET /tasks method-removed"]);
        check("/paths/~1tasks/post/responses/400", Value::Null, &["POST /tasks 400 response-status-removed"]);
        check("/paths/~1tasks/post/parameters", Value::Null, &["POST /tasks query wait parameter-removed"]);
        check("/paths/~1tasks/post/requestBody", Value::Null, &["POST /tasks request request-body-removed"]);
        check(
            "/paths/~1tasks/post/responses/200/content",
            json!({"text/plain": {}}),
            &["POST /tasks 200 application/json $ content-type-removed"],
        );
    }

    #[test]
    fn bodies_and_parameters_keep_their_shape() {
        check(
            "/components/schemas/Receipt/properties",
            json!({"identifier": {"type": "string"}}),
            &["POST /tasks 200 application/json $.id response-field-removed"],
        );
        check(
            "/components/schemas/Order/required",
            json!(["task"]),
            &["POST /tasks request application/json $.task request-field-required"],
        );
        check("/paths/~1tasks/post/requestBody/required", json!(true), &["POST /tasks request request-body-required"]);
        check(
            "/paths/~1tasks/post/parameters",
            json!([{"in": "query", "name": "wait", "required": true, "schema": {"type": "string"}}]),
            &["POST /tasks query wait parameter-required", "POST /tasks query wait type-changed"],
        );
    }
}
