//! `layers` and `tidy` on small workspaces that break their rules.

use crate::house::House;

/// A workspace of crates, each with its `[dependencies]`.
fn workspace(crates: &[(&str, &str)]) -> House {
    let house = House::new();
    house.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n[workspace.lints.rust]\n");
    for (name, dependencies) in crates {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [lints]\nworkspace = true\n[dependencies]\n{dependencies}\n"
        );
        house.write(&format!("crates/{name}/Cargo.toml"), &manifest);
        house.write(&format!("crates/{name}/src/lib.rs"), "//! A crate.\n");
        house.write(
            &format!("crates/{name}/README.md"),
            "# A crate\n\n## Contract\n\n## Health\n\n## Extraction criteria\n",
        );
    }
    house
}

#[test]
fn a_forbidden_edge_fails() {
    let house = workspace(&[("api", "storage = { path = \"../storage\" }"), ("storage", "rusqlite = \"0.40\"")]);
    house.xtask(&["layers"]).check(
        1,
        &["crates/api/Cargo.toml", "[forbidden-edge]", "`api` may not use `storage`", "an adapter knows", "next: "],
    );
}

#[test]
fn a_borrowed_heavy_dependency_and_an_environment_read_fail_together() {
    let house = workspace(&[("api", "rusqlite = \"0.40\""), ("storage", "")]);
    house.write("crates/storage/src/lib.rs", "pub fn home() -> bool {\n    std::env::var(\"HOME\").is_ok()\n}\n");
    house
        .xtask(&["layers"])
        .check(1, &["[not-the-owner]", "crates/storage/src/lib.rs:2", "[environment-read]", "layers: 2 violation(s)"]);
}

#[test]
fn a_workspace_within_the_table_holds() {
    let house = workspace(&[("ports", "shared-types = { path = \"../shared-types\" }"), ("shared-types", "")]);
    house.xtask(&["layers"]).check(0, &["layers: holds"]);
}

#[test]
fn tidy_names_everything_at_once() {
    let house = workspace(&[("ports", ""), ("shared-types", "")]);
    house.write("configs/dev.env", "PORT=8080\n");
    house.write("docker-compose.yml", "services:\n  sitewright:\n    image: x\n    environment:\n      PORT: 1\n");
    house.write("Dockerfile", "FROM scratch\nCOPY crates /src\n");
    house.xtask(&["tidy"]).check(0, &["tidy: holds"]);

    house.write("crates/ports/README.md", "# Ports\n\n## Contract\n");
    house.write("crates/ports/src/lib.rs", &"//! Long.\n".repeat(501));
    house.write("crates/shared-types/Cargo.toml", "[package]\nname = \"shared-types\"\n");
    house.write("crates/shared-types/src/lib.rs", "fn log() {\n    info!(event = \"a.happened\", \"a\");\n}\n");
    house.write("docs/adr/0002-second.md", "# Second\n");
    house.write("migrations/0001_tasks.sql", "select 1;\n");
    house.write("Dockerfile", "FROM scratch\nCOPY nowhere /src\n");
    house.replace("docker-compose.yml", "PORT", "HARBOUR");
    house.xtask(&["tidy"]).check(
        1,
        &[
            "crates/ports/README.md: [readme]",
            "crates/ports/src/lib.rs: [file-length]",
            "crates/shared-types/Cargo.toml: [lints]",
            "crates/shared-types/src/lib.rs:2: [log-event]",
            "docs/adr/0002-second.md: [record-number]",
            "migrations/released.sha256: [migrations-not-released]",
            "Dockerfile:2: [dockerfile-path]",
            "docker-compose.yml: [compose-variable]",
        ],
    );
}
