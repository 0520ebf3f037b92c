//! Lines of the log, from what code says to what an operator reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use serde_json::{Map, Value};
use server::telemetry::{Form, Lines};
use tracing::field::Empty;
use tracing::{error, error_span, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

/// What was written, one element a call.
#[derive(Debug, Clone, Default)]
struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);

impl io::Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writes {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What `code` logs, each line without its end and with a fixed time.
fn lines(form: Form, filter: &str, code: impl FnOnce()) -> Vec<String> {
    let writes = Writes::default();
    let subscriber = tracing_subscriber::registry().with(EnvFilter::new(filter)).with(Lines::new(form, writes.clone()));
    tracing::subscriber::with_default(subscriber, code);
    let written = writes.0.lock().unwrap().clone();
    let time = match form {
        Form::Json => "{\"ts\":\"".len().."{\"ts\":\"2026-11-21T12:00:00.000Z".len(),
        Form::Text | Form::Colour => 0.."12:00:00".len(),
    };
    written
        .into_iter()
        .map(|bytes| {
            let mut line = String::from_utf8(bytes).unwrap();
            assert_eq!(line.pop(), Some('\n'), "one write is one line: {line}");
            let at: String = line[time.clone()].chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            line.replace_range(time.clone(), &at);
            line
        })
        .collect()
}

/// Checks both forms, and what holds for every line.
#[track_caller]
fn check(code: impl Fn(), expected: Expect) {
    let json = lines(Form::Json, "trace", &code);
    for line in &json {
        assert!(!line.contains(char::is_control), "{line}");
        let object: Map<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(object.len(), line.replace("\\\"", "").matches("\":").count(), "a name is there twice: {line}");
    }
    let text = lines(Form::Text, "trace", &code);
    assert!(text.iter().all(|line| !line.contains(char::is_control)), "{text:?}");
    expected.assert_eq(&[json, text].concat().join("\n"));
}

#[test]
fn a_line_without_anything_is_whole() {
    check(
        || info!("from a library"),
        expect![[r#"
        {"ts":"0000-00-00T00:00:00.000Z","level":"info","service":"sitewright","component":"it::logs","event":"log","trace_id":"-","session_id":"-","actor":"system","task":"-","round":"-","nonce":"-","status":"-","latency_ms":"-","message":"from a library"}
        00:00:00 INFO  it::logs from a library event=log actor=system"#]],
    );
}

#[test]
fn the_innermost_value_wins_and_what_is_recorded_later_counts() {
    check(
        || {
            let http = error_span!("http", trace_id = "4bf9", actor = Empty, round = Empty, route = "/build");
            let _http = http.enter();
            http.record("actor", "s***@example.com").record("round", 1);
            http.record("round", 2);
            let _step = error_span!("step", step = "fetch", route = "inner").entered();
            warn!(event = "rate.refused", latency_ms = 3, status = 429, step = "verify", wait_ms = 20, "too often");
        },
        expect![[r#"
            {"ts":"0000-00-00T00:00:00.000Z","level":"warn","service":"sitewright","component":"it::logs","event":"rate.refused","trace_id":"4bf9","session_id":"-","actor":"s***@example.com","task":"-","round":2,"nonce":"-","status":429,"latency_ms":3,"message":"too often","step":"verify","wait_ms":20,"route":"inner"}
            00:00:00 WARN  it::logs too often event=rate.refused trace_id=4bf9 actor=s***@example.com round=2 status=429 latency_ms=3 step=verify wait_ms=20 route=inner"#]],
    );
}

#[test]
fn hostile_values_stay_in_their_places() {
    check(
        || {
            let task = "x\n{\"ts\":\"2026\"}\u{2028}\r\u{1b}[2J";
            let _span = error_span!("http", task, nonce = "a b=c\"", actor = "\"").entered();
            info!(event = "http.request", route = "/\u{85}", message = "line\nbreak student@example.com");
        },
        expect![[r#"
            {"ts":"0000-00-00T00:00:00.000Z","level":"info","service":"sitewright","component":"it::logs","event":"http.request","trace_id":"-","session_id":"-","actor":"\"","task":"x\n{\"ts\":\"2026\"}\u2028\r\u001b[2J","round":"-","nonce":"a b=c\"","status":"-","latency_ms":"-","message":"line\nbreak s***@example.com","route":"/\u0085"}
            00:00:00 INFO  it::logs line\nbreak s***@example.com event=http.request actor="\"" task="x\n{\"ts\":\"2026\"}\u2028\r\u001b[2J" nonce="a b=c\"" route=/\u0085"#]],
    );
}

#[test]
fn values_of_every_kind() {
    struct Broken;
    impl fmt::Display for Broken {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let source = io::Error::other("disk on fire");
    check(
        || {
            error!(
                event = "a.b",
                round = %"no number",
                service = "a library's",
                none = None::<u8>,
                nan = f64::NAN,
                half = 0.5,
                minus = -1,
                large = u128::MAX,
                yes = true,
                empty = "",
                list = ?["a", "b"],
                broken = %Broken,
                error = &source as &(dyn std::error::Error + 'static),
                "all kinds"
            );
        },
        expect![[r#"
            {"ts":"0000-00-00T00:00:00.000Z","level":"error","service":"sitewright","component":"it::logs","event":"a.b","trace_id":"-","session_id":"-","actor":"system","task":"-","round":"-","nonce":"-","status":"-","latency_ms":"-","message":"all kinds","nan":"NaN","half":0.5,"minus":-1,"large":"340282366920938463463374607431768211455","yes":true,"empty":"","list":"[\"a\", \"b\"]","broken":"<unprintable>","error":"disk on fire"}
            00:00:00 ERROR it::logs all kinds event=a.b actor=system nan=NaN half=0.5 minus=-1 large=340282366920938463463374607431768211455 yes=true empty="" list="[\"a\", \"b\"]" broken=<unprintable> error="disk on fire""#]],
    );
}

#[test]
fn no_filter_takes_the_context_from_a_line() {
    let code = || {
        let _http = error_span!("http", trace_id = "4bf9").entered();
        info!(event = "http.request", "request");
        warn!(event = "auth.failed", "wrong secret");
    };
    let lines = lines(Form::Text, "warn", code);
    assert_eq!(lines, ["00:00:00 WARN  it::logs wrong secret event=auth.failed trace_id=4bf9"]);
}

#[test]
fn only_the_level_has_a_colour() {
    let lines = lines(Form::Colour, "info", || warn!(event = "auth.failed", "wrong \u{1b}[31msecret"));
    assert_eq!(
        lines,
        ["00:00:00 \u{1b}[33mWARN \u{1b}[0m it::logs wrong \\u001b[31msecret event=auth.failed actor=system"]
    );
}
