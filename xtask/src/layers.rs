//! Who may know whom: the table of ARCHITECTURE.md, checked against the manifests.
//!
//! A crate that knows only ports can be taken out and run elsewhere; an edge that is not in the table
//! takes that away without anybody noticing. So each row says why it is there, and the check prints it.
//! To change a row, write the decision down in `docs/adr/` first.

mod environment;
mod rules;

use anyhow::Result;

use crate::finding::Finding;
use crate::tree::Tree;

/// Which of our crates one crate may use; the same for normal, build and dev-dependencies.
struct Row {
    name: &'static str,
    uses: &'static [&'static str],
    reason: &'static str,
}

/// The only crates that may use a heavy dependency. A pattern that ends in `*` stands for every name with that start.
struct Owned {
    pattern: &'static str,
    owners: &'static [&'static str],
    /// Who may use it in tests only, beside the owners.
    in_tests: &'static [&'static str],
    reason: &'static str,
}

const ADAPTER_MAY_USE: &[&str] = &["ports", "shared-types", "secrets"];
const ADAPTER: &str = "an adapter knows the port it implements, never another adapter or the flows; \
                       so taking it out means one remote adapter behind the same port";
/// The adapters: they talk to the outside world, so their tests stand in for it.
const ADAPTERS: &[&str] = &["api", "llm", "github", "http-notify", "verify", "storage", "event-bus"];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { name: "shared-types", uses: &[], reason: "the wire stands on nothing of ours" },
    Row { name: "ports", uses: &["shared-types"], reason: "ports speak in the words of the wire and nothing else" },
    Row { name: "core-flows", uses: &["ports", "shared-types"], reason: "decisions see ports only, so that they compile no HTTP, SQL, git or browser code" },
    Row { name: "secrets", uses: &["ports", "shared-types"], reason: "adapters redact with it, so it stands below them" },
    Row { name: "api", uses: ADAPTER_MAY_USE, reason: ADAPTER },
    Row { name: "llm", uses: ADAPTER_MAY_USE, reason: ADAPTER },
    Row { name: "github", uses: ADAPTER_MAY_USE, reason: ADAPTER },
    Row { name: "http-notify", uses: ADAPTER_MAY_USE, reason: ADAPTER },
    Row { name: "verify", uses: ADAPTER_MAY_USE, reason: ADAPTER },
    Row { name: "storage", uses: ADAPTER_MAY_USE, reason: ADAPTER },
    Row { name: "event-bus", uses: ADAPTER_MAY_USE, reason: ADAPTER },
    Row { name: "lab", uses: &["ports", "shared-types", "github"], reason: "the lab plays the outside world; of ours it needs only the local Pages server" },
    Row { name: "server", uses: &["shared-types", "ports", "core-flows", "api", "llm", "github", "http-notify", "secrets", "verify", "storage", "event-bus"], reason: "the server wires the product together; the lab is not part of the product" },
    Row { name: "e2e", uses: &["server", "lab", "verify", "secrets", "http-notify", "storage", "ports", "shared-types"], reason: "end-to-end cases see what a user sees; a benchmark holds planted defects and secrets against the parts that find them, and times the queue, without a server around" },
    Row { name: "xtask", uses: &[], reason: "xtask must build in seconds, and also when our crates do not" },
];

#[rustfmt::skip]
const OWNERS: &[Owned] = &[
    Owned { pattern: "actix-*", owners: &["api", "lab", "github", "e2e"], in_tests: ADAPTERS, reason: "HTTP is served by the API, the lab's stand-ins, the local Pages server, and the bare handler that a benchmark holds the API against; an adapter's tests may stand in for its peer" },
    Owned { pattern: "tracing-actix-web", owners: &["api"], in_tests: &[], reason: "the API alone has requests to trace" },
    Owned { pattern: "utoipa-swagger-ui", owners: &["api"], in_tests: &[], reason: "the API alone shows its documentation" },
    Owned { pattern: "octocrab", owners: &["github"], in_tests: &[], reason: "one crate speaks GitHub" },
    Owned { pattern: "gix*", owners: &["github"], in_tests: &[], reason: "one crate writes git objects" },
    Owned { pattern: "rusqlite", owners: &["storage"], in_tests: &[], reason: "one crate speaks SQL" },
    Owned { pattern: "r2d2*", owners: &["storage"], in_tests: &[], reason: "one crate speaks SQL" },
    Owned { pattern: "async-nats", owners: &["event-bus", "e2e"], in_tests: &[], reason: "one crate carries events; end-to-end cases read the stream as a foreign client" },
    Owned { pattern: "genai", owners: &["llm"], in_tests: &[], reason: "one gate to language models, which counts the money" },
    Owned { pattern: "reqwest", owners: &["http-notify", "llm", "lab", "e2e"], in_tests: ADAPTERS, reason: "outgoing HTTP passes the SSRF guard or the model gate; the lab and tests play the outside world" },
    Owned { pattern: "fast-socks5", owners: &["http-notify"], in_tests: &[], reason: "the browser's way out passes the SSRF guard" },
    Owned { pattern: "chromiumoxide*", owners: &["verify"], in_tests: &[], reason: "one crate drives the browser" },
    Owned { pattern: "oxc_*", owners: &["verify"], in_tests: &[], reason: "one crate judges a site" },
    Owned { pattern: "lightningcss", owners: &["verify"], in_tests: &[], reason: "one crate judges a site" },
    Owned { pattern: "html5ever", owners: &["verify"], in_tests: &[], reason: "one crate judges a site" },
    Owned { pattern: "markup5ever*", owners: &["verify"], in_tests: &[], reason: "one crate judges a site" },
    Owned { pattern: "lol_html", owners: &["verify"], in_tests: &[], reason: "one crate judges a site" },
    Owned { pattern: "calamine", owners: &["core-flows"], in_tests: &[], reason: "what a spreadsheet says decides what a site holds; it is read from bytes in memory, without IO, so it needs no port" },
    Owned { pattern: "prost", owners: &["shared-types", "storage", "event-bus", "e2e", "xtask"], in_tests: &[], reason: "event types are defined once; only who stores or carries the envelope encodes it" },
    Owned { pattern: "prost-*", owners: &["xtask"], in_tests: &[], reason: "code is generated by `cargo xtask contracts gen` and checked in" },
    Owned { pattern: "protox*", owners: &["xtask"], in_tests: &[], reason: "code is generated by `cargo xtask contracts gen` and checked in" },
    Owned { pattern: "config", owners: &["server"], in_tests: &[], reason: "configuration is read once, by the server, and handed on as options" },
];

/// Who may build with what is behind the feature `testing` of a crate of [`WITH_FAKES`] outside its tests: who plays the
/// outside world.
const FAKES_IN_BUILD: &[&str] = &["lab", "e2e"];

/// Crates whose feature `testing` holds fakes and made-up data.
const WITH_FAKES: &[&str] = &["ports", "secrets"];

/// Sources that may read the environment, by the start of their path.
struct Reader {
    place: &'static str,
    reason: &'static str,
}

#[rustfmt::skip]
const READERS: &[Reader] = &[
    Reader { place: "crates/server/src/", reason: "it turns the environment into the options of every other crate" },
    Reader { place: "crates/lab/src/", reason: "it is a program of its own, which hands the server of the demo a chosen few variables" },
    Reader { place: "crates/verify/src/browser/", reason: "PATH is how a browser is found, and the browser gets a chosen few variables of the machine; none is a setting" },
];

/// Every violation in `tree`.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = rules::check(&rules::packages(tree)?);
    findings.extend(environment::check(tree)?);
    Ok(findings)
}
