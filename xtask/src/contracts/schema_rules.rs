//! What may not happen to a schema inside a version.
//!
//! Who writes the value decides: in a request the new schema must take everything that the old one
//! took; in a response it must not send anything that the old one did not announce. One exception,
//! which every client is told: a response may bring new fields, new values of an enum and new variants.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::breaking::Break;
use super::schema::{self, LOWER, Schema, UPPER};

/// Nesting beyond this is not compared: only a schema that contains itself without a name gets here.
const MAX_DEPTH: usize = 64;

/// Who writes the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// The client writes, we read.
    Request,
    /// We write, the client reads.
    Response,
}

/// Compares schemas of two documents and collects what breaks.
#[derive(Debug)]
pub(crate) struct Comparison<'doc> {
    released: &'doc Value,
    current: &'doc Value,
    /// Named pairs that were compared, or are being compared: this ends recursion and repeats.
    seen: HashSet<(&'doc str, &'doc str, Direction)>,
    pub(crate) breaks: Vec<Break>,
}

impl<'doc> Comparison<'doc> {
    pub(crate) fn new(released: &'doc Value, current: &'doc Value) -> Self {
        Self { released, current, seen: HashSet::new(), breaks: Vec::new() }
    }

    /// Compares one value's schema, found at `at` for people.
    pub(crate) fn schema(&mut self, at: &str, released: &'doc Value, current: &'doc Value, direction: Direction) {
        self.nested(at, released, current, direction, 0);
    }

    fn nested(&mut self, at: &str, released: &'doc Value, current: &'doc Value, direction: Direction, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        if let (Some(was), Some(is)) = (schema::reference(released), schema::reference(current))
            && !self.seen.insert((was, is, direction))
        {
            return;
        }
        let was = schema::resolve(self.released, released);
        let is = schema::resolve(self.current, current);
        if was.variants.is_empty() != is.variants.is_empty() {
            self.one_against_several(at, (released, &was), (current, &is), direction);
            return;
        }
        self.types(at, &was, &is, direction);
        self.values(at, &was, &is, direction);
        if direction == Direction::Request {
            self.limits(at, &was, &is);
        }
        self.properties(at, &was, &is, direction, depth);
        self.variants(at, &was, &is, direction, depth);
        if let (Some(was), Some(is)) = (was.items, is.items) {
            self.nested(&format!("{at}[]"), was, is, direction, depth + 1);
        }
        self.additional(at, &was, &is, direction, depth);
    }

    fn types(&mut self, at: &str, was: &Schema<'_>, is: &Schema<'_>, direction: Direction) {
        let (wide, narrow) = match direction {
            Direction::Request => (is, was),
            Direction::Response => (was, is),
        };
        // Beside variants, which say their own types, only `null` is said here.
        let kept = if wide.variants.is_empty() {
            covers(&wide.types, &narrow.types)
        } else {
            wide.types.contains("null") || !narrow.types.contains("null")
        };
        if !kept {
            self.add(at, "type-changed", format!("was {}, is {}", words(&was.types), words(&is.types)));
        }
        // A format that comes or goes is documentation; one that changes is another type.
        if let (Some(was), Some(is)) = (was.format, is.format)
            && was != is
        {
            self.add(at, "type-changed", format!("format was {was}, is {is}"));
        }
    }

    fn values(&mut self, at: &str, was: &Schema<'_>, is: &Schema<'_>, direction: Direction) {
        if direction == Direction::Response {
            return;
        }
        match (&was.values, &is.values) {
            (Some(was), Some(is)) => {
                for gone in was.difference(is) {
                    self.add(at, "request-value-removed", format!("{gone} is no longer taken"));
                }
            }
            (None, Some(_)) => self.add(at, "request-value-removed", "only some values are still taken"),
            (_, None) => {}
        }
    }

    fn limits(&mut self, at: &str, was: &Schema<'_>, is: &Schema<'_>) {
        let bounds = UPPER.map(|name| (name, 1.0)).into_iter().chain(LOWER.map(|name| (name, -1.0)));
        for (name, sign) in bounds {
            let Some(now) = is.limits.get(name) else { continue };
            let before = was.limits.get(name);
            if before.is_none_or(|before| now * sign < before * sign) {
                let before = before.map_or_else(|| "absent".to_owned(), f64::to_string);
                self.add(at, "request-limit-tightened", format!("{name} was {before}, is {now}"));
            }
        }
        if let Some(now) = is.pattern
            && was.pattern != Some(now)
        {
            self.add(at, "request-limit-tightened", format!("pattern was {:?}, is {now:?}", was.pattern.unwrap_or("")));
        }
    }

    fn properties(&mut self, at: &str, was: &Schema<'doc>, is: &Schema<'doc>, direction: Direction, depth: usize) {
        for (name, released) in &was.properties {
            let place = join(at, name);
            let Some(current) = is.properties.get(name) else {
                let rule = match direction {
                    Direction::Request => "request-field-removed",
                    Direction::Response => "response-field-removed",
                };
                self.add(&place, rule, "the field is gone or renamed");
                continue;
            };
            if direction == Direction::Response && was.required.contains(name) && !is.required.contains(name) {
                self.add(&place, "response-field-optional", "the field was always there, now it may be absent");
            }
            self.nested(&place, released, current, direction, depth + 1);
        }
        if direction == Direction::Request {
            for name in is.required.difference(&was.required) {
                self.add(&join(at, name), "request-field-required", "the field is newly required");
            }
        }
    }

    fn additional(&mut self, at: &str, was: &Schema<'doc>, is: &Schema<'doc>, direction: Direction, depth: usize) {
        match (was.additional, is.additional) {
            (Some(was), Some(is)) if was.is_object() && is.is_object() => {
                self.nested(&join(at, "*"), was, is, direction, depth + 1);
            }
            (was, Some(Value::Bool(false))) if was != Some(&Value::Bool(false)) && direction == Direction::Request => {
                self.add(at, "request-limit-tightened", "unknown fields are no longer ignored");
            }
            _ => {}
        }
    }

    fn variants(&mut self, at: &str, was: &Schema<'doc>, is: &Schema<'doc>, direction: Direction, depth: usize) {
        let current: Vec<(String, &Value)> = keyed(self.current, &is.variants);
        for (key, released) in keyed(self.released, &was.variants) {
            let place = format!("{at}<{key}>");
            match current.iter().find(|(other, _)| *other == key) {
                Some((_, now)) => self.nested(&place, released, now, direction, depth + 1),
                None => self.add(&place, "variant-removed", "the variant is gone or renamed"),
            }
        }
    }

    /// A value with one form became one with several, or the other way round.
    fn one_against_several(
        &mut self,
        at: &str,
        (released, was): (&'doc Value, &Schema<'doc>),
        (current, is): (&'doc Value, &Schema<'doc>),
        direction: Direction,
    ) {
        let old = if was.variants.is_empty() { vec![released] } else { was.variants.clone() };
        let new = if is.variants.is_empty() { vec![current] } else { is.variants.clone() };
        let kept = match direction {
            Direction::Request => old.iter().all(|old| new.iter().any(|new| self.fits(old, new, direction))),
            Direction::Response => new.iter().all(|new| old.iter().any(|old| self.fits(old, new, direction))),
        };
        if !kept {
            self.add(at, "type-changed", format!("had {} form(s), has {}", old.len(), new.len()));
        }
    }

    fn fits(&self, released: &'doc Value, current: &'doc Value, direction: Direction) -> bool {
        let mut trial = Comparison::new(self.released, self.current);
        // Nested trials would multiply; what was seen on the way here is taken as fitting.
        trial.seen.clone_from(&self.seen);
        trial.nested("", released, current, direction, 1);
        trial.breaks.is_empty()
    }

    fn add(&mut self, at: &str, rule: &'static str, detail: impl Into<String>) {
        self.breaks.push(Break::new(at, rule, detail));
    }
}

/// Whether every value of the types `narrow` is one of the types `wide`.
fn covers(wide: &BTreeSet<&str>, narrow: &BTreeSet<&str>) -> bool {
    if wide.is_empty() {
        return true;
    }
    let covered = |kind: &&str| wide.contains(kind) || (*kind == "integer" && wide.contains("number"));
    !narrow.is_empty() && narrow.iter().all(covered)
}

fn keyed<'doc>(document: &Value, variants: &[&'doc Value]) -> Vec<(String, &'doc Value)> {
    let key = |(position, variant): (usize, &&'doc Value)| (schema::variant_key(document, variant, position), *variant);
    variants.iter().enumerate().map(key).collect()
}

fn join(at: &str, name: &str) -> String {
    format!("{at}.{name}")
}

fn words(types: &BTreeSet<&str>) -> String {
    if types.is_empty() { "anything".to_owned() } else { types.iter().copied().collect::<Vec<_>>().join("|") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Direction::{Request, Response};
    use super::*;

    /// Asserts the rules broken by going from `was` to `is`, as `place rule`.
    fn check(direction: Direction, was: Value, is: Value, expected: &[&str]) {
        let document = json!({"components": {"schemas": {
            "Name": {"type": "string"},
            "Tree": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Tree"}}},
        }}});
        let mut comparison = Comparison::new(&document, &document);
        comparison.schema("$", &was, &is, direction);
        let found: Vec<String> = comparison.breaks.iter().map(|found| format!("{} {}", found.at, found.rule)).collect();
        assert_eq!(found, expected, "{was} -> {is}");
    }

    fn object(properties: Value, required: &[&str]) -> Value {
        json!({"type": "object", "properties": properties, "required": required})
    }

    #[test]
    fn what_we_send_stays_readable() {
        let string = json!({"type": "string"});
        let both = object(json!({"id": string, "url": string}), &["id"]);
        check(Response, both.clone(), both.clone(), &[]);
        check(Response, object(json!({"id": string}), &["id"]), both.clone(), &[]);
        check(Response, both.clone(), object(json!({"id": string}), &["id"]), &["$.url response-field-removed"]);
        check(
            Response,
            both.clone(),
            object(json!({"id": string, "link": string}), &["id"]),
            &["$.url response-field-removed"],
        );
        check(
            Response,
            both.clone(),
            object(json!({"id": string, "url": string}), &[]),
            &["$.id response-field-optional"],
        );
        check(Response, string.clone(), json!({"type": ["string", "null"]}), &["$ type-changed"]);
        check(Response, json!({"type": ["string", "null"]}), string.clone(), &[]);
        check(Response, json!({"type": "integer"}), json!({"type": "number"}), &["$ type-changed"]);
        check(
            Response,
            json!({"type": "integer", "format": "int32"}),
            json!({"type": "integer", "format": "int64"}),
            &["$ type-changed"],
        );
        check(Response, json!({"enum": ["a"]}), json!({"enum": ["a", "b"]}), &[]);
        check(
            Response,
            json!({"type": "array", "items": string}),
            json!({"type": "array", "items": {}}),
            &["$[] type-changed"],
        );
    }

    #[test]
    fn what_we_took_is_still_taken() {
        let string = json!({"type": "string"});
        let one = object(json!({"task": string}), &[]);
        check(Request, one.clone(), object(json!({"task": string, "round": string}), &[]), &[]);
        check(Request, one.clone(), object(json!({"task": string}), &["task"]), &["$.task request-field-required"]);
        check(
            Request,
            one.clone(),
            object(json!({"task": string, "round": string}), &["round"]),
            &["$.round request-field-required"],
        );
        check(Request, one.clone(), object(json!({}), &[]), &["$.task request-field-removed"]);
        check(Request, one, object(json!({"task": {"type": "integer"}}), &[]), &["$.task type-changed"]);
        check(Request, json!({"type": "integer"}), json!({"type": "number"}), &[]);
        check(Request, json!({"enum": ["a", "b"]}), json!({"enum": ["a"]}), &["$ request-value-removed"]);
        check(Request, string.clone(), json!({"type": "string", "maxLength": 9}), &["$ request-limit-tightened"]);
        check(Request, json!({"minimum": 1}), json!({"minimum": 2}), &["$ request-limit-tightened"]);
        check(Request, json!({"maximum": 1}), json!({"maximum": 2}), &[]);
        check(
            Request,
            json!({"type": "object"}),
            json!({"type": "object", "additionalProperties": false}),
            &["$ request-limit-tightened"],
        );
    }

    #[test]
    fn references_and_variants_are_looked_through() {
        let name = json!({"$ref": "#/components/schemas/Name"});
        let tree = json!({"$ref": "#/components/schemas/Tree"});
        check(Response, name.clone(), json!({"type": "string"}), &[]);
        check(Response, tree.clone(), tree.clone(), &[]);
        check(Request, name.clone(), json!({"oneOf": [name, tree]}), &[]);
        check(Response, name.clone(), json!({"oneOf": [name, tree]}), &["$ type-changed"]);
        check(Response, json!({"oneOf": [name, tree]}), name.clone(), &[]);
        check(
            Request,
            json!({"oneOf": [name, tree]}),
            json!({"oneOf": [name, {"type": "null"}, {"title": "x"}]}),
            &["$<Tree> variant-removed"],
        );
    }
}
