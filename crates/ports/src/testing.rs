//! Fakes of the ports, and suites that every adapter of a port passes.

pub mod conformance;
mod fakes;
mod known;
mod memory;

pub use fakes::*;
pub use known::*;
pub use memory::*;
