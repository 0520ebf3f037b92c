//! Stale is 4, breaking is 100, and a release is what makes the difference.

use crate::house::{Answer, House};

const PROTO: &str = "proto/sitewright/events/v1/events.proto";
const RUST: &str = "crates/shared-types/src/gen/sitewright.events.v1.rs";
const OPENAPI: &str = "openapi/sitewright.v1.json";
/// Stands for what the api crate generates.
const DOCUMENT: &str = "document.json";

const RECEIPT: &str = r##"{
  "openapi": "3.1.0",
  "paths": {"/build": {"post": {"responses": {"200": {"content": {"application/json": {
    "schema": {"$ref": "#/components/schemas/Receipt"}}}}}}}},
  "components": {"schemas": {"Receipt": {"type": "object", "required": ["status_url"],
    "properties": {"status_url": {"type": "string"}}}}}
}"##;

/// The event contract as it is, a small HTTP contract, both generated and released.
fn released() -> House {
    let house = House::new();
    house.copy(PROTO);
    house.copy("rustfmt.toml");
    house.write(DOCUMENT, RECEIPT);
    run(&house, "gen").check(0, &["wrote crates/shared-types/src/gen", "wrote openapi/sitewright.v1.json"]);
    run(&house, "release").check(0, &["wrote proto/released/events.v1.json", "wrote openapi/released"]);
    run(&house, "check").check(0, &["keeps its promise"]);
    house
}

fn run(house: &House, action: &str) -> Answer {
    let document = house.path(DOCUMENT);
    house.xtask(&["contracts", action, "--openapi", document.to_str().unwrap()])
}

#[test]
fn renumbering_a_proto_field_exits_100() {
    let house = released();
    house.replace(PROTO, "uint64 seq = 7;", "uint64 seq = 8;");
    let parts = [PROTO, "[field-number-changed]", "Envelope.seq: was 7, is 8", "next: "];
    run(&house, "check").check(100, &parts);
    // Generating afresh does not make it right, and it cannot be released.
    run(&house, "gen").check(0, &[]);
    run(&house, "check").check(100, &parts);
    run(&house, "release").check(100, &parts);
}

#[test]
fn renaming_a_response_field_exits_100() {
    let house = released();
    house.replace(DOCUMENT, "status_url", "url");
    let parts = [OPENAPI, "[response-field-removed]", "POST /build 200 application/json $.status_url", "next: "];
    run(&house, "check").check(100, &parts);
    run(&house, "gen").check(0, &[]);
    run(&house, "check").check(100, &parts);
}

#[test]
fn a_stale_file_exits_4() {
    let house = released();
    house.write(RUST, &format!("{}// by hand\n", house.read(RUST)));
    run(&house, "check").check(4, &[RUST, "[stale]", "next: cargo xtask contracts gen"]);
    run(&house, "release").check(4, &["[stale]"]);
    run(&house, "gen").check(0, &["wrote crates/shared-types"]);
    run(&house, "check").check(0, &[]);
    house.write(OPENAPI, "{}");
    run(&house, "check").check(4, &[OPENAPI, "[stale]"]);
}

#[test]
fn an_addition_is_stale_until_generated_and_then_released() {
    let house = released();
    house.replace(PROTO, "uint64 seq = 7;", "uint64 seq = 7;\n  string region = 8;");
    run(&house, "check").check(4, &[RUST]);
    run(&house, "gen").check(0, &[]);
    run(&house, "check").check(0, &[]);
    run(&house, "release").check(0, &["wrote proto/released/events.v1.json", "fresh openapi/released"]);
    house.replace(PROTO, "\n  string region = 8;", "");
    run(&house, "check").check(100, &["Envelope.region", "[field-removed]"]);
}

#[test]
fn without_a_promise_the_check_says_how_to_make_one() {
    let house = House::new();
    house.copy(PROTO);
    house.copy("rustfmt.toml");
    house.write(DOCUMENT, RECEIPT);
    run(&house, "gen").check(0, &[]);
    run(&house, "check").check(4, &["[not-released]", "next: cargo xtask contracts release"]);
}

#[test]
fn a_release_freezes_migrations() {
    let house = released();
    house.write("migrations/0001_tasks.sql", "create table tasks (id text);\n");
    run(&house, "release").check(0, &["wrote migrations/released.sha256"]);
    house.write("migrations/0001_tasks.sql", "create table tasks (id integer);\n");
    run(&house, "release").check(1, &["migrations/0001_tasks.sql", "[migration-altered]"]);
}

#[test]
fn a_broken_proto_file_is_an_error_with_its_place() {
    let house = released();
    house.replace(PROTO, "uint64 seq = 7;", "uint64 seq = ;");
    run(&house, "check").check(1, &["error: compile proto/sitewright/events/v1"]);
}
