//! Code host and Pages: remote (GitHub) and local (bare repositories with a static Pages server).
