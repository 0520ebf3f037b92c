//! Authentication of incoming secrets, redaction, and scanning for leaked ones.
