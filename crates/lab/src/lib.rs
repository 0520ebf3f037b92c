//! Stand-ins for the outside world with settable faults: instructor, evaluator, GitHub with
//! Pages, language model. Tests, benchmarks and `cargo xtask demo` share them.
//!
//! - [`cases`]: sample tasks, and a person's own.
//! - [`instructor`]: posts a request to a server, as an issuer does.
//! - [`evaluator`]: waits for the notification; answers by script.
//! - [`model`]: an OpenAI-compatible service whose answers are scripted.
//! - [`github`]: the part of GitHub's API that a publication needs.
//! - [`proxy`]: a line in front of any of them that fails.
//! - [`witness`]: writes down what GitHub and the evaluator saw.
//! - [`demo`]: all of it around one real server process.
//!
//! Nothing here is part of the product. Every stand-in listens on an address it is given (port 0
//! for a free one) and runs until its token is cancelled.

pub mod cases;
pub mod demo;
mod error;
pub mod evaluator;
pub mod github;
mod http;
mod inbox;
pub mod instructor;
pub mod model;
pub mod proxy;
pub mod sse;
pub mod witness;

pub use error::Error;
pub use http::{client, install_crypto_provider};
