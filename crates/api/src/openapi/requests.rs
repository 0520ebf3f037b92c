//! The body of a submission as each path takes it: the same fields everywhere, and the round that belongs there.

use std::borrow::Cow;

use serde_json::{Value, json};
use shared_types::Round;
use shared_types::http::TaskRequest;
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::{AllOfBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::constraints;

/// A task of round 1.
pub(crate) struct FirstRound;

/// A task of a round from 2 on.
pub(crate) struct LaterRound;

impl PartialSchema for FirstRound {
    fn schema() -> RefOr<Schema> {
        with_round(&json!({"const": 1}))
    }
}

impl PartialSchema for LaterRound {
    fn schema() -> RefOr<Schema> {
        with_round(&json!({"minimum": 2}))
    }
}

macro_rules! named {
    ($name:ident) => {
        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.push((TaskRequest::name().into_owned(), TaskRequest::schema()));
                TaskRequest::schemas(schemas);
            }
        }
    };
}
named!(FirstRound);
named!(LaterRound);

fn with_round(constraints: &Value) -> RefOr<Schema> {
    let (least, greatest) = (Round::FIRST.get(), Round::MAX);
    let mut round =
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(greatest)).build();
    constraints::note(&mut round, constraints);
    let narrowed = ObjectBuilder::new().property("round", round);
    RefOr::T(AllOfBuilder::new().item(Ref::from_schema_name("TaskRequest")).item(narrowed).into())
}

/// From each receipt to what can be read of its task.
pub(super) fn link_receipts(document: &mut OpenApi) {
    let operations = document.paths.paths.values_mut().filter_map(|item| item.post.as_mut());
    for operation in operations {
        let Some(RefOr::T(receipt)) = operation.responses.responses.get_mut("200") else { continue };
        for reader in ["show_task", "stream_task", "task_screenshot"] {
            let link = LinkBuilder::new().operation_id(reader).parameter("id", "$response.body#/id").build();
            receipt.links.insert(reader.to_owned(), RefOr::T(link));
        }
    }
}

/// A check that is a bare text says something beside blanks and `js:`, as the one in an object does, whose pattern the
/// derived schema can say itself.
pub(super) fn bound_checks(document: &mut OpenApi) {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let Some(RefOr::T(Schema::OneOf(shapes))) = schemas.and_then(|schemas| schemas.get_mut("CheckBody")) else {
        return;
    };
    let objects = || {
        shapes.items.iter().filter_map(|shape| if let RefOr::T(Schema::Object(it)) = shape { Some(it) } else { None })
    };
    let pattern = objects().find_map(|object| match object.properties.get("js") {
        Some(RefOr::T(Schema::Object(js))) => js.pattern.clone(),
        _ => None,
    });
    if let Some(RefOr::T(Schema::Object(text))) = shapes.items.first_mut() {
        text.pattern = pattern;
    }
}
