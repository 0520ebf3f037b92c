//! All decisions: intake, plans, steps, runner, deadline, retry, relay. Sees ports only.
