//! The binary sitewright: configuration, wiring, roles, shutdown, command line.
