//! End-to-end cases over real processes. Names that hold `browser::` need Chromium, names that
//! hold `nats::` or `hosts::` need nats-server.

mod any_input;
mod bad_input;
mod browser;
mod chaos;
mod class;
mod defects;
mod doctor;
mod github;
mod hosts;
mod logs;
mod model_runs;
mod nats;
mod operators;
mod outgoing;
mod overload;
mod rates;
mod restart;
mod scaffold;
mod secrets;
mod stop;
