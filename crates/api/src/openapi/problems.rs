//! Problem documents in the document: one response a status, with one example a code.
//!
//! The examples are made by the code that answers with them, so the two cannot drift apart.

use std::collections::BTreeMap;

use shared_types::http::Problem;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::response::Response;
use utoipa::openapi::{Content, ContentBuilder, ObjectBuilder, Ref, RefOr, Type};

use super::examples;
use crate::problem::{Fault, Kind, PROBLEM_JSON};

/// What a failure that nobody thought of says of itself.
pub(crate) const UNFORESEEN: &str = "The service failed in a way that nobody thought of.";

/// Responses by status.
pub(super) type Responses = BTreeMap<String, RefOr<Response>>;

/// What answers with `faults` document.
pub(super) fn documented(faults: &[Fault]) -> Responses {
    let mut responses = Responses::new();
    for fault in faults {
        add(&mut responses, fault.kind(), fault.problem(examples::trace_id()), &fault.headers());
    }
    responses
}

/// Adds one kind of problem, with `problem` as its example. A kind that is there already stays as it is.
pub(super) fn add(responses: &mut Responses, kind: &Kind, problem: Problem, headers: &[(&'static str, String)]) {
    let response = responses.entry(kind.status.to_string()).or_insert_with(|| RefOr::T(Response::new("")));
    let RefOr::T(response) = response else { return };
    let content = response.content.entry(PROBLEM_JSON.to_owned()).or_insert_with(|| RefOr::T(empty()));
    let RefOr::T(content) = content else { return };
    if content.examples.contains_key(kind.code) {
        return;
    }
    // A document of texts and numbers always serializes.
    let example = ExampleBuilder::new().value(Some(serde_json::to_value(problem).unwrap_or_default())).build();
    content.examples.insert(kind.code.to_owned(), RefOr::T(example));
    let separator = if response.description.is_empty() { "" } else { "; " };
    response.description.push_str(&format!("{separator}`{}`: {}", kind.code, kind.title));
    for (name, value) in headers {
        response.headers.entry((*name).to_owned()).or_insert_with(|| RefOr::T(header(name, value)));
    }
}

fn empty() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build()
}

fn header(name: &str, example: &str) -> Header {
    let (description, schema) = match name {
        "retry-after" => {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            return HeaderBuilder::new()
                .description(Some("Seconds after which to send the request again."))
                .schema(Some(seconds))
                .example(example.parse::<u64>().ok().map(Into::into))
                .build();
        }
        "allow" => ("The methods that the path answers.", Type::String),
        "www-authenticate" => ("The scheme to authenticate with.", Type::String),
        "ratelimit" => ("What is left of the limit, and the seconds until it is whole again.", Type::String),
        "ratelimit-policy" => ("The limit and the seconds that it counts over.", Type::String),
        _ => ("See the description of the status.", Type::String),
    };
    HeaderBuilder::new()
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(schema)))
        .example(Some(example.into()))
        .build()
}
