//! What every operation has, whatever it does: the headers of its answers, two headers that it takes over, and the
//! problems that any request may meet before or beside its route.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::{ObjectBuilder, OpenApi, Ref, RefOr, Required, Type};

use super::{examples, problems};
use crate::head::{BROKEN_ENCODING, MAX_TARGET_BYTES};
use crate::problem::{Fault, Kind};
use crate::routes::{ALL_PRODUCED, Produced, READS, WRITES};

/// Headers of every answer: name, name of the component, what it is, pattern, example.
const ANSWERED: [(&str, &str, &str, &str, &str); 4] = [
    (
        "x-trace-id",
        "TraceId",
        "The trace of the request; the log lines about it carry it.",
        "^[0-9a-f]{32}$",
        "4bf92f3577b34da6a3ce929d0e0e4736",
    ),
    (
        "traceparent",
        "Traceparent",
        "The same trace with the service's own span, by W3C Trace Context.",
        "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    (
        "x-request-id",
        "RequestId",
        "The request's own id: the caller's when it sent a sound one, else a new one.",
        "^[!-~]{1,128}$",
        "req-7f3a9",
    ),
    (
        "cache-control",
        "CacheControl",
        "Nothing that tells of tasks, people or a moment may be kept.",
        "^[a-z0-9=, -]+$",
        "no-store",
    ),
];

/// Headers that are taken over from a request; one that is not sound is ignored, and so never a reason to refuse.
const TAKEN: [(&str, &str, &str, &str); 2] = [
    (
        "traceparent",
        "Traceparent",
        "W3C Trace Context: the trace that the request belongs to. A new one is begun when it is absent or invalid.",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    (
        "x-request-id",
        "RequestId",
        "1 to 128 visible ASCII characters by which the caller knows the request; returned, and in the log line.",
        "req-7f3a9",
    ),
];

/// Completes a document of what handlers say of themselves.
pub(super) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    for (_, component, description, pattern, example) in ANSWERED {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
        let header =
            HeaderBuilder::new().schema(Some(text)).description(Some(description)).example(Some(example.into()));
        components.headers.insert(component.to_owned(), RefOr::T(header.build()));
    }
    for (name, component, description, example) in TAKEN {
        components.parameters.insert(component.to_owned(), RefOr::T(taken(name, description, example)));
    }
    for item in document.paths.paths.values_mut() {
        item.parameters = Some(TAKEN.map(|(_, component, ..)| reference("parameters", component)).into());
        item.get.iter_mut().for_each(|operation| complete_operation(operation, READS));
        item.post.iter_mut().for_each(|operation| complete_operation(operation, WRITES));
    }
}

fn taken(name: &str, description: &str, example: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(Some(example.into()))
        .build()
}

fn reference<T>(kind: &str, component: &str) -> RefOr<T> {
    RefOr::Ref(Ref::new(format!("#/components/{kind}/{component}")))
}

fn complete_operation(operation: &mut Operation, allow: &'static str) {
    let responses = &mut operation.responses.responses;
    let produced = responses.get("200").and_then(produced);
    let mut faults = vec![
        Fault::BadRequest(BROKEN_ENCODING),
        Fault::MethodNotAllowed { allow },
        Fault::UriTooLong { limit_bytes: MAX_TARGET_BYTES },
        Fault::Busy,
    ];
    faults.extend(produced.map(|produced| Fault::NotAcceptable { produced }));
    for fault in &faults {
        problems::add(responses, fault.kind(), fault.problem(examples::trace_id()), &fault.headers());
    }
    let failure = Kind::of_status(StatusCode::INTERNAL_SERVER_ERROR);
    let problem = failure.problem(problems::UNFORESEEN.to_owned(), examples::trace_id());
    problems::add(responses, failure, problem, &[]);
    for response in responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        for (name, component, ..) in ANSWERED {
            response.headers.insert(name.to_owned(), reference("headers", component));
        }
    }
}

/// What the route says that it produces, found by the content of its 200.
fn produced(response: &RefOr<Response>) -> Option<Produced> {
    let RefOr::T(response) = response else { return None };
    let essence = |media_type: &str| media_type.split(';').next().unwrap_or(media_type).trim().to_owned();
    let documented: BTreeSet<String> = response.content.keys().map(|key| essence(key)).collect();
    let same = |produced: &&Produced| produced.iter().map(|key| essence(key)).collect::<BTreeSet<_>>() == documented;
    ALL_PRODUCED.iter().find(same).copied()
}
