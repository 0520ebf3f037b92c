//! Is this site right? Lint, check rules, browser run, verdict.
