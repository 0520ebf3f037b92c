//! The parameters of lists: read, and everything wrong with them named at once.

use std::collections::HashMap;
use std::str::FromStr;

use actix_web::web;
use shared_types::http::FieldError;

use crate::problem::Fault;

/// Items in a page when `limit` is not given.
const DEFAULT_LIMIT: u32 = 50;
/// The greatest `limit`.
const MAX_LIMIT: u32 = 200;

pub(super) type Fields = HashMap<String, String>;

pub(super) fn fields_of(query: &str) -> Result<Fields, Fault> {
    let invalid = |_| Fault::InvalidQuery(vec![field_error("", "name=value pairs joined by &")]);
    web::Query::<Fields>::from_query(query).map(web::Query::into_inner).map_err(invalid)
}

pub(super) fn field<T: FromStr>(
    fields: &Fields,
    name: &str,
    expected: &str,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    let parsed = fields.get(name)?.parse().ok();
    if parsed.is_none() {
        errors.push(field_error(name, expected));
    }
    parsed
}

/// Pointers into a query are `/name`, as if it were an object.
pub(super) fn field_error(name: &str, expected: &str) -> FieldError {
    let pointer = if name.is_empty() { String::new() } else { format!("/{name}") };
    FieldError { pointer, detail: format!("expected {expected}") }
}

/// `limit`, or its default.
pub(super) fn limit(fields: &Fields, errors: &mut Vec<FieldError>) -> u32 {
    const EXPECTED: &str = "an integer from 1 to 200";
    let limit = field(fields, "limit", EXPECTED, errors).unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        errors.push(field_error("limit", EXPECTED));
    }
    limit
}
