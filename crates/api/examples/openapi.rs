//! Prints the OpenAPI document; `cargo xtask contracts gen` writes it to `openapi/sitewright.v1.json`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let document = serde_json::to_string_pretty(&api::openapi()).map_err(io::Error::other)?;
    writeln!(io::stdout(), "{document}")
}
