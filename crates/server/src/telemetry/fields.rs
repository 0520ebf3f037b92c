//! The fields of events and spans, made into text once, in the form of the log.

use std::fmt;

use tracing::field::{Field, Visit};

use super::text;

/// Form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON object.
    Json,
    /// For people.
    Text,
    /// For people at a terminal: the level has a colour.
    Colour,
}

/// The nine of the thirteen first fields that events and spans set; the other four are known without them.
pub(super) const HEAD: [&str; 9] =
    ["event", "trace_id", "session_id", "actor", "task", "round", "nonce", "status", "latency_ms"];

pub(super) const EVENT: usize = 0;
pub(super) const TRACE_ID: usize = 1;
pub(super) const ACTOR: usize = 3;

/// What a library's field may not be called: a line would have two of them.
pub(super) const TAKEN: [&str; 4] = ["ts", "level", "service", "component"];

/// The place of a field in [`HEAD`].
pub(super) fn place(name: &str) -> Option<usize> {
    HEAD.iter().position(|head| *head == name)
}

/// Where fields go.
pub(super) trait Sink {
    /// Takes one field; `write` appends its value in the form of the log.
    fn put(&mut self, name: &'static str, write: impl FnOnce(&mut String));
}

/// The fields of one span. A field that is recorded again has its newest value.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) head: [Option<String>; HEAD.len()],
    pub(super) further: Vec<(&'static str, String)>,
}

impl Context {
    pub(super) fn update(&mut self, newer: Self) {
        for (old, new) in self.head.iter_mut().zip(newer.head) {
            if new.is_some() {
                *old = new;
            }
        }
        for (name, value) in newer.further {
            self.set(name, value);
        }
    }

    fn set(&mut self, name: &'static str, value: String) {
        match self.further.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.further.push((name, value)),
        }
    }
}

impl Sink for Context {
    fn put(&mut self, name: &'static str, write: impl FnOnce(&mut String)) {
        let mut value = String::new();
        write(&mut value);
        match place(name) {
            Some(place) => self.head[place] = Some(value),
            None => self.set(name, value),
        }
    }
}

/// Reads fields into a sink.
pub(super) struct Reader<'a, S> {
    pub(super) form: Form,
    pub(super) sink: &'a mut S,
}

impl<S: Sink> Reader<'_, S> {
    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // The dictionary promises a number or nothing.
        if matches!(field.name(), "round" | "latency_ms") {
            return;
        }
        let form = self.form;
        self.sink.put(field.name(), |out| match form {
            Form::Json => {
                out.push('"');
                text::append(out, value);
                out.push('"');
            }
            // The message stands by itself, as a sentence.
            Form::Text | Form::Colour if field.name() == "message" => text::append(out, value),
            Form::Text | Form::Colour => {
                let begin = out.len();
                text::append(out, value);
                if out[begin..].is_empty() || out[begin..].contains([' ', '=', '"']) {
                    out.insert(begin, '"');
                    out.push('"');
                }
            }
        });
    }

    /// A number or a truth value, whose text is the same in all forms.
    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        use fmt::Write as _;
        self.sink.put(field.name(), |out| {
            let _ = write!(out, "{value}");
        });
    }
}

impl<S: Sink> Visit for Reader<'_, S> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() { self.bare(field, value) } else { self.text(field, format_args!("{value}")) }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        // Readers of JSON lose the last digits of such numbers.
        self.text(field, format_args!("{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.text(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, format_args!("{}", ports::ErrorChain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }
}
