//! The two HTTP servers: the API and the sites. All IO of the stand-in is here.

use std::any::Any;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;

use actix_web::dev::{Extensions, Server};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderName, HeaderValue};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::answer::{Answer, Body, Call};
use super::faults::{Fault, Reply};
use super::handle::{Handle, Inside};
use super::{push, routes, site};
use crate::{Error, http};

/// GitHub takes files of up to 100 MB; with base64 and JSON around it this is as much as the
/// stand-in needs to hold at once.
const BODY_MAX: usize = 64 * 1024 * 1024;
/// What requests under way may take when the stand-in ends.
const SHUTDOWN_SECONDS: u64 = 1;

/// A second hand on the connection's socket, to cut it with.
struct Socket(TcpStream);

/// Serves the API until `shutdown`.
pub(super) async fn api(listener: TcpListener, handle: Handle, shutdown: CancellationToken) -> Result<(), Error> {
    let fail = |source| Error::Serve { what: "stand-in for GitHub's API", source };
    start_api(listener, handle, shutdown).map_err(fail)?.await.map_err(fail)
}

/// Apart from [`api`], because the builder may not cross an await. Not [`http::serve`]: the
/// connections' sockets are kept.
fn start_api(listener: TcpListener, handle: Handle, shutdown: CancellationToken) -> io::Result<Server> {
    let app = move || {
        App::new()
            .app_data(web::PayloadConfig::new(BODY_MAX))
            .app_data(web::Data::new(handle.clone()))
            .default_service(web::to(answer_api))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .shutdown_signal(shutdown.cancelled_owned())
        .on_connect(keep_socket)
        .listen(listener)?
        .run();
    Ok(server)
}

/// Serves the sites until `shutdown`.
pub(super) async fn sites(listener: TcpListener, handle: Handle, shutdown: CancellationToken) -> Result<(), Error> {
    let configure = move |config: &mut ServiceConfig| {
        config.app_data(web::Data::new(handle.clone())).default_service(web::to(answer_site));
    };
    http::serve("stand-in for GitHub Pages", listener, configure, shutdown).await
}

async fn answer_site(request: HttpRequest, handle: web::Data<Handle>) -> HttpResponse {
    if !matches!(request.method().as_str(), "GET" | "HEAD") {
        return HttpResponse::MethodNotAllowed().finish();
    }
    let mut inside = handle.lock();
    let Inside { world, caches, site_faults, .. } = &mut *inside;
    if let Some(reply) = site_faults.pop_front() {
        return respond_reply(&reply, Vec::new());
    }
    let view = caches.view(&request.uri().to_string());
    let host = header(&request, &HOST).unwrap_or_default();
    let answer = site::serve(world, host, request.path(), view);
    drop(inside);
    respond(answer, Vec::new())
}

async fn answer_api(request: HttpRequest, body: web::Bytes, handle: web::Data<Handle>) -> HttpResponse {
    let method = request.method().as_str();
    let (path, query) = (request.uri().path(), request.query_string());
    let (number, fault) = handle.lock().gate.count(method, path, query);
    debug!(number, method, path, fault = ?fault, "request to the stand-in for GitHub");

    match &fault {
        Some(Fault::CutBefore) => {
            cut(&request);
            return HttpResponse::ServiceUnavailable().finish();
        }
        Some(Fault::Answer(reply)) => {
            let mut inside = handle.lock();
            inside.gate.answered(number, reply.status);
            return respond_reply(reply, inside.gate.headers(number));
        }
        Some(Fault::Delay(wait)) => tokio::time::sleep(*wait).await,
        Some(Fault::DeclinePush(reason)) => {
            handle.lock().gate.answered(number, 200);
            return respond(push::decline(&body, reason), Vec::new());
        }
        Some(Fault::CutAfter) | None => {}
    }

    let call = Call {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        accept: header(&request, &ACCEPT).unwrap_or_default().to_owned(),
        body,
        now: OffsetDateTime::now_utc(),
    };
    let (answer, headers) = take_effect(&handle, &call, number, header(&request, &AUTHORIZATION));
    if fault == Some(Fault::CutAfter) {
        cut(&request);
    }
    respond(answer, headers)
}

/// Runs the call against the world, all under one lock: requests take effect one after another.
fn take_effect(
    handle: &Handle,
    call: &Call,
    number: u64,
    authorization: Option<&str>,
) -> (Answer, Vec<(&'static str, String)>) {
    let mut inside = handle.lock();
    let Inside { world, gate, .. } = &mut *inside;
    if let Some(request) = push::Request::of(&call.path, &call.query) {
        let answer = match gate.admit_git(number, authorization) {
            Ok(account) => {
                world.sign_in(account);
                push::answer(world, &request, &call.body, gate.scopes(), call.now)
            }
            Err(refusal) => refusal,
        };
        gate.answered(number, answer.status);
        return (answer, Vec::new());
    }
    let answer = match gate.admit(number, authorization, call.now) {
        Ok(account) => {
            world.sign_in(account);
            routes::answer(world, call, gate.scopes())
        }
        Err(refusal) => refusal,
    };
    gate.answered(number, answer.status);
    gate.keep(call, &answer);
    (answer, gate.headers(number))
}

fn header<'r>(request: &'r HttpRequest, name: &HeaderName) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

fn keep_socket(io: &dyn Any, connection: &mut Extensions) {
    let stream = io.downcast_ref::<actix_web::rt::net::TcpStream>();
    let twin = stream.and_then(|stream| stream.as_fd().try_clone_to_owned().ok());
    if let Some(twin) = twin {
        connection.insert(Socket(TcpStream::from(twin)));
    }
}

/// Closes the connection under the server: nothing of the answer leaves.
fn cut(request: &HttpRequest) {
    if let Some(Socket(stream)) = request.conn_data::<Socket>() {
        // It may be closed already, which is what is wanted.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn respond(answer: Answer, headers: Vec<(&'static str, String)>) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or_default());
    for (name, value) in headers.into_iter().chain(answer.headers) {
        response.insert_header((name, value));
    }
    match answer.body {
        Body::Empty => response.finish(),
        Body::Json(body) => response.content_type("application/json; charset=utf-8").body(body.to_string()),
        Body::Raw(bytes, content_type) => response.content_type(content_type).body(bytes),
    }
}

fn respond_reply(reply: &Reply, headers: Vec<(&'static str, String)>) -> HttpResponse {
    let answer = match &reply.body {
        Value::String(page) => Answer::raw(reply.status, page.clone(), "text/html; charset=utf-8"),
        body => Answer::json(reply.status, body.clone()),
    };
    let mut response = respond(answer, headers);
    for (name, value) in &reply.headers {
        // A header that cannot be sent is a slip of the test that set it; the rest still goes out.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
