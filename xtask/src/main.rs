//! The project's own commands.
mod proto;
fn main() -> anyhow::Result<()> {
    std::fs::write("crates/shared-types/src/gen/sitewright.events.v1.rs", proto::generate()?)?;
    Ok(())
}
