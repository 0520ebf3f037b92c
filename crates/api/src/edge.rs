//! What happens to every request: its trace, its headers, its one log line, its metrics, and the document of its
//! error when it has one.

use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use metrics::{counter, histogram};
use ports::ErrorChain;
use shared_types::TraceId;
use tracing::field::Empty;
use tracing::{Instrument, error, error_span, info};

use crate::body::Incoming;
use crate::connections::{self, Standing};
use crate::head;
use crate::problem::{Fault, Kind, PROBLEM_JSON};
use crate::state::State;
use crate::trace::{RequestId, TRACEPARENT, Trace, X_REQUEST_ID};

/// Counter: requests answered.
pub(crate) const REQUESTS: &str = "sitewright_http_requests_total";
/// Histogram: seconds until the head of the answer.
pub(crate) const SECONDS: &str = "sitewright_http_request_seconds";

/// The name of a route that is none, so that strangers cannot make label values.
const UNMATCHED: &str = "unmatched";

/// Headers of every answer, after the HTTP headers and REST cheat sheets of OWASP. The policy lets our own pages and
/// Swagger UI work (its style sheet is ours, but it also sets styles inline) and nothing else.
///
/// Two of the usual ones are absent on purpose. `Strict-Transport-Security` counts only over TLS, which this service
/// does not speak: whatever terminates TLS in front of it knows whether the whole host is HTTPS, and says so.
/// `X-Frame-Options` says what `frame-ancestors` says, to browsers older than the policy.
const HEADERS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-permitted-cross-domain-policies", "none"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
         microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), usb=()",
    ),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

/// What caches may keep of an answer that does not say so itself: nothing, for it tells of tasks and people, or of
/// one moment.
const UNCACHED: &str = "no-store";

/// Wraps the whole application.
pub(crate) async fn handle(
    state: web::Data<State>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let trace = Trace::of(request.headers(), state.ports.ids.as_ref());
    let trace_id = trace.0.clone();
    let request_id = RequestId::of(request.headers(), state.ports.ids.as_ref());
    let incoming = Incoming::new(request.take_payload());
    request.extensions_mut().insert(trace);
    request.extensions_mut().insert(incoming.clone());

    // Of the level of errors, so that no filter takes the context from a line that is shown. What is empty here,
    // whoever reads the request fills in.
    let span = error_span!(
        "http",
        %trace_id,
        actor = Empty,
        task = Empty,
        round = Empty,
        nonce = Empty,
        task_id = Empty,
    );
    let standing = connections::standing(&request);
    let response = match standing {
        Standing::Served => match head::check(&request) {
            Ok(()) => next.call(request).instrument(span.clone()).await?.map_into_boxed_body(),
            Err(fault) => request.error_response(fault),
        },
        Standing::Surplus => request.error_response(Fault::Busy),
    };
    let _in_span = span.entered();
    let mut response = with_document(response, &trace_id);
    if standing == Standing::Surplus {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    suit_version(&mut response);
    let span_id = state.ports.ids.boundary();
    add_headers(response.headers_mut(), &trace_id, &span_id, &request_id);
    observe(&response, &request_id, began);
    Ok(response.map_body(|_, body| incoming.held_by(body)))
}

/// HTTP/1.0 has no chunks: there a body of unknown length ends with its connection (RFC 9112, section 6.3).
fn suit_version(response: &mut ServiceResponse) {
    if response.request().version() < Version::HTTP_11 && response.response().body().size() == BodySize::Stream {
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
}

/// Replaces an answer that was made from an error by the document about it.
fn with_document(response: ServiceResponse, trace_id: &TraceId) -> ServiceResponse {
    let Some(error) = response.response().error() else { return response };
    let fault = error.as_error::<Fault>();
    let problem = match fault {
        Some(fault) => fault.problem(trace_id.clone()),
        None => {
            let kind = Kind::of_status(error.as_response_error().status_code());
            kind.problem("The request could not be read as HTTP for this path.".to_owned(), trace_id.clone())
        }
    };
    if let Some(failure) = fault.and_then(Fault::failure) {
        error!(event = "http.failed", error = %ErrorChain(failure), "a request could not be served");
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    answer.content_type(PROBLEM_JSON);
    for header in fault.map(Fault::headers).unwrap_or_default() {
        answer.insert_header(header);
    }
    // A document of texts and numbers always serializes; an empty body is the honest answer if it ever did not.
    let answer = answer.body(serde_json::to_vec(&problem).unwrap_or_default());
    response.into_response(answer)
}

fn add_headers(headers: &mut HeaderMap, trace_id: &TraceId, span_id: &str, request_id: &RequestId) {
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(UNCACHED));
    }
    let ours = [
        ("x-trace-id", trace_id.to_string()),
        (TRACEPARENT, format!("00-{trace_id}-{span_id}-01")),
        (X_REQUEST_ID, request_id.0.clone()),
    ];
    for (name, value) in ours {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

fn observe(response: &ServiceResponse, request_id: &RequestId, began: Instant) {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned());
    let status = response.status().as_u16();
    let took = began.elapsed();
    counter!(REQUESTS, "route" => route.clone(), "status" => status.to_string()).increment(1);
    histogram!(SECONDS, "route" => route.clone()).record(took.as_secs_f64());
    let latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let request_id = &request_id.0;
    let method = request.method();
    info!(event = "http.request", status, latency_ms, %method, route, request_id, "request");
}
