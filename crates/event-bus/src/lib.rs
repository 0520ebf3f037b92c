//! The event bus: in-process, with a mirror to NATS JetStream.
