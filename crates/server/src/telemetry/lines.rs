//! One line an event: the thirteen fields of `docs/logging.md` in their order, then the message, then what else the
//! event and its spans hold.
//!
//! A line is made in a buffer that its thread keeps, and leaves with one write to where it goes: nothing is queued, so
//! that what a process said before it was killed is there, and lines of several threads do not mix. Values of spans
//! become text when they are recorded and are copied from then on. No lock is held while a value is made into text,
//! nor one of a span while the line is written.

use std::cell::RefCell;
use std::fmt;
use std::io::Write as _;
use std::ops::Range;

use ports::Clock as _;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context as Spans;
use tracing_subscriber::registry::LookupSpan;

use super::fields::{ACTOR, Context, EVENT, Form, HEAD, Reader, Sink, TAKEN, TRACE_ID, place};
use super::text;
use crate::clock::SystemClock;

/// The name of an event that has none, such as a library's.
const UNNAMED: &str = "log";

/// Who acts in a line that belongs to no request and to no task.
const SYSTEM: &str = "system";

thread_local! {
    static LINE: RefCell<Line> = RefCell::default();
}

/// Writes a line for each event.
#[derive(Debug)]
pub struct Lines<W> {
    form: Form,
    writer: W,
}

impl<W> Lines<W> {
    /// Lines of this form, to what `writer` makes.
    pub fn new(form: Form, writer: W) -> Self {
        Self { form, writer }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, spans: Spans<'_, S>) {
        let mut context = Context::default();
        attributes.record(&mut Reader { form: self.form, sink: &mut context });
        if let Some(span) = spans.span(id) {
            span.extensions_mut().replace(context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, spans: Spans<'_, S>) {
        let mut newer = Context::default();
        values.record(&mut Reader { form: self.form, sink: &mut newer });
        if let Some(span) = spans.span(id)
            && let Some(context) = span.extensions_mut().get_mut::<Context>()
        {
            context.update(newer);
        }
    }

    fn on_event(&self, event: &Event<'_>, spans: Spans<'_, S>) {
        let print = |line: &mut Line| {
            line.make(self.form, event, &spans);
            // Whoever closed the log does not want to know.
            let _ = self.writer.make_writer_for(event.metadata()).write_all(line.out.as_bytes());
        };
        let printed = LINE.try_with(|line| line.try_borrow_mut().map(|mut line| print(&mut line)));
        // The thread is ending, or printing a value wrote to the log itself.
        if !matches!(printed, Ok(Ok(()))) {
            print(&mut Line::default());
        }
    }
}

/// A line in the making.
#[derive(Debug, Default)]
struct Line {
    out: String,
    /// The event's own values of the first fields.
    values: String,
    head: [Option<Range<usize>>; HEAD.len()],
    /// Everything behind the first fields, ready to be appended.
    further: String,
    message: String,
    /// What `further` holds already: inner values win over outer ones.
    seen: Vec<&'static str>,
    /// Keys are written in the form of the log.
    is_json: bool,
}

impl Sink for Line {
    fn put(&mut self, name: &'static str, write: impl FnOnce(&mut String)) {
        if let Some(place) = place(name) {
            let begin = self.values.len();
            write(&mut self.values);
            self.head[place] = Some(begin..self.values.len());
        } else if name == "message" {
            self.message.clear();
            write(&mut self.message);
        } else if self.is_new(name) {
            self.key(name);
            write(&mut self.further);
        }
    }
}

impl Line {
    fn make<S>(&mut self, form: Form, event: &Event<'_>, spans: &Spans<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.clear();
        self.is_json = form == Form::Json;
        event.record(&mut Reader { form, sink: self });
        for span in spans.event_scope(event).into_iter().flatten() {
            if let Some(context) = span.extensions().get::<Context>() {
                self.add(context);
            }
        }
        if self.head[EVENT].is_none() {
            self.put_text(EVENT, UNNAMED);
        }
        if self.head[TRACE_ID].is_none() && self.head[ACTOR].is_none() {
            self.put_text(ACTOR, SYSTEM);
        }
        let began = match form {
            Form::Json => self.object(event.metadata()),
            Form::Text | Form::Colour => self.sentence(form, event.metadata()),
        };
        // Writing to a text does not fail.
        debug_assert!(began.is_ok());
    }

    fn clear(&mut self) {
        for text in [&mut self.out, &mut self.values, &mut self.further, &mut self.message] {
            text.clear();
        }
        self.head = Default::default();
        self.seen.clear();
    }

    /// What a span has and neither the event nor a span within it.
    fn add(&mut self, context: &Context) {
        for (place, value) in context.head.iter().enumerate() {
            if let (None, Some(value)) = (&self.head[place], value) {
                let begin = self.values.len();
                self.values.push_str(value);
                self.head[place] = Some(begin..self.values.len());
            }
        }
        for (name, value) in &context.further {
            if self.is_new(name) {
                self.key(name);
                self.further.push_str(value);
            }
        }
    }

    fn put_text(&mut self, place: usize, value: &str) {
        let quote = if self.is_json { "\"" } else { "" };
        let begin = self.values.len();
        self.values.extend([quote, value, quote]);
        self.head[place] = Some(begin..self.values.len());
    }

    /// Whether a further field of this name may still be added; if so, it counts as added.
    fn is_new(&mut self, name: &'static str) -> bool {
        let is_new = !self.seen.contains(&name) && !TAKEN.contains(&name) && name != "message";
        if is_new {
            self.seen.push(name);
        }
        is_new
    }

    fn key(&mut self, name: &str) {
        let (before, after) = if self.is_json { (",\"", "\":") } else { (" ", "=") };
        self.further.push_str(before);
        text::append(&mut self.further, format_args!("{name}"));
        self.further.push_str(after);
    }

    fn object(&mut self, metadata: &Metadata<'_>) -> fmt::Result {
        use fmt::Write as _;
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        write!(self.out, "{{\"ts\":\"{}\",\"level\":\"{level}\",\"service\":\"sitewright\"", SystemClock.now())?;
        self.out.push_str(",\"component\":\"");
        text::append(&mut self.out, format_args!("{}", metadata.target()));
        self.out.push('"');
        for (name, value) in HEAD.into_iter().zip(&self.head) {
            self.out.extend([",\"", name, "\":"]);
            self.out.push_str(value.clone().map_or("\"-\"", |range| &self.values[range]));
        }
        if !self.message.is_empty() {
            self.out.extend([",\"message\":", &self.message]);
        }
        self.out.extend([&self.further, "}\n"]);
        Ok(())
    }

    fn sentence(&mut self, form: Form, metadata: &Metadata<'_>) -> fmt::Result {
        use fmt::Write as _;
        let (colour, plain) = match *metadata.level() {
            _ if form == Form::Text => ("", ""),
            Level::ERROR => ("\u{1b}[31m", "\u{1b}[0m"),
            Level::WARN => ("\u{1b}[33m", "\u{1b}[0m"),
            Level::INFO => ("\u{1b}[32m", "\u{1b}[0m"),
            Level::DEBUG | Level::TRACE => ("\u{1b}[2m", "\u{1b}[0m"),
        };
        let ts = SystemClock.now().to_string();
        // `2026-11-21T12:00:00.000Z` without its day, which whoever looks knows, and its milliseconds.
        let time = ts.get(11..19).unwrap_or(&ts);
        write!(self.out, "{time} {colour}{:<5}{plain} ", metadata.level().as_str())?;
        text::append(&mut self.out, format_args!("{}", metadata.target()));
        self.out.extend([" ", &self.message]);
        for (name, value) in HEAD.into_iter().zip(&self.head) {
            if let Some(range) = value.clone() {
                self.out.extend([" ", name, "=", &self.values[range]]);
            }
        }
        self.out.extend([&self.further, "\n"]);
        Ok(())
    }
}
