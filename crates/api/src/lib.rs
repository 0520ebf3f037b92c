//! Inbound HTTP of Sitewright: routes, problem documents, limits, the OpenAPI document and Swagger UI.
//!
//! - [`Service`] binds a socket and serves it until it is told to stop; [`Options`] bound it and [`Ports`] are
//!   everything it asks of the rest.
//! - [`reading`] shows tasks as the routes do, to whoever reads them without HTTP.
//! - [`openapi`] is the contract, from which `openapi/sitewright.v1.json` is generated.
//!
//! No decisions about tasks are made here: a body is read, bounded and parsed, then `Intake` decides. Invariants:
//! every error answer is a problem document (RFC 9457) with a code of `docs/errors.md`; no body, query, secret or
//! address in clear is ever logged; every read and every wait has a bound.

mod accept;
mod admin;
mod body;
mod client;
mod connections;
mod edge;
mod error;
mod head;
mod json;
mod manual;
mod openapi;
mod options;
mod problem;
pub mod reading;
mod routes;
mod service;
mod state;
mod stream;
mod trace;
mod view;

pub use error::Error;
pub use openapi::openapi;
pub use options::{Options, Ports};
pub use service::Service;
