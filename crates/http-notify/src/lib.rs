//! Outbound HTTP: one delivery or probe at a time, with time-outs, size caps and the SSRF guard.
