//! Server-sent events, read from bytes as they come.

use crate::Error;

/// Longer than any event of this project by far; a stream without line ends must not fill memory.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The id in force, for `Last-Event-ID`.
    pub id: Option<String>,
    /// Its kind; `message` when the stream does not say.
    pub event: String,
    /// Its data, lines joined by a line feed.
    pub data: String,
}

/// Cuts a stream into events. Comments, `retry` and unknown fields are passed over.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    last_id: Option<String>,
    event: String,
    data: Vec<String>,
    data_bytes: usize,
}

impl Parser {
    /// The id in force, for `Last-Event-ID`.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The events that `bytes` complete, in order.
    ///
    /// # Errors
    /// [`Error::EventTooLong`] beyond [`MAX_EVENT_BYTES`]; the parser is of no use then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data_bytes > MAX_EVENT_BYTES {
                return Err(Error::EventTooLong { limit_bytes: MAX_EVENT_BYTES });
            }
            if self.line.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.line).trim_end_matches(['\r', '\n']).to_owned();
                self.line.clear();
                events.extend(self.take_line(&line));
            }
        }
        Ok(events)
    }

    fn take_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => self.last_id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data_bytes += value.len();
                self.data.push(value.to_owned());
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        self.data_bytes = 0;
        if data.is_empty() {
            return None;
        }
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Event { id: self.last_id.clone(), event, data: data.join("\n") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        "retry: 3000\n\n: hello\n\nid: 7\nevent: step_finished\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\nid: 9\n\n";

    #[test]
    fn events_are_the_same_however_the_bytes_arrive() {
        for size in [1, 2, 7, STREAM.len()] {
            let mut parser = Parser::default();
            let events: Vec<Event> =
                STREAM.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk).unwrap()).collect();
            let seen: Vec<_> = events.iter().map(|e| (e.id.as_deref(), e.event.as_str(), e.data.as_str())).collect();
            assert_eq!(
                seen,
                [(Some("7"), "step_finished", "{\"a\":\n1}"), (Some("7"), "message", "x"),],
                "in pieces of {size}"
            );
            assert_eq!(parser.last_id(), Some("9"));
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; MAX_EVENT_BYTES / 4];
        let refused = (0..5).find_map(|_| parser.push(&chunk).err());
        assert!(matches!(refused, Some(Error::EventTooLong { .. })));
    }
}
