//! Sample tasks, and a person's own.
//!
//! A sample is a file `{"id", "rounds": [{"request", "facts"}]}`: `request` is the body as an
//! issuer sends it, without `secret`; `facts` says what is true of its data. A person's own file
//! may be that, or one bare request body, or an array of bodies. Bodies are kept as they came,
//! whatever is missing from them or wrong with them: judging them is the server's work.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::Error;

/// No request that a server accepts is near this.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A task, round by round.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its name; a person's file is named after itself.
    pub id: String,
    /// In the order they are sent. Never empty.
    pub rounds: Vec<CaseRound>,
}

/// One round of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseRound {
    /// The body as an issuer sends it.
    pub request: Map<String, Value>,
    /// What is true of its data; null when the file does not say.
    pub facts: Value,
}

/// An attached file, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// As the request names it.
    pub name: String,
    /// As the data URI declares it; `text/plain` when it does not.
    pub media_type: String,
    /// The decoded bytes.
    pub bytes: Bytes,
}

impl Case {
    /// The sample `name` of the folder `fixtures`.
    ///
    /// # Errors
    /// [`Error::UnknownCase`] with the names there are; else as [`Case::read`].
    pub fn load(fixtures: &Path, name: &str) -> Result<Self, Error> {
        let known = Self::names(fixtures)?;
        if !known.iter().any(|candidate| candidate == name) {
            return Err(Error::UnknownCase { name: name.to_owned(), dir: fixtures.to_owned(), known });
        }
        Self::read(&fixtures.join(name).with_added_extension("json"))
    }

    /// The names of all samples in the folder `fixtures`, sorted.
    ///
    /// # Errors
    /// [`Error::ReadCase`] when the folder cannot be read.
    pub fn names(fixtures: &Path) -> Result<Vec<String>, Error> {
        let fail = |source| Error::ReadCase { path: fixtures.to_owned(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(fixtures).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
            }
        }
        names.sort();
        Ok(names)
    }

    /// A sample, a bare request body, or an array of bodies.
    ///
    /// # Errors
    /// [`Error::ReadCase`], [`Error::ParseCase`] or [`Error::CaseShape`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let fail = |source| Error::ReadCase { path: path.to_owned(), source };
        let shape = |reason: String| Error::CaseShape { path: path.to_owned(), reason };
        let size = fs::metadata(path).map_err(fail)?.len();
        if size > MAX_FILE_BYTES {
            return Err(shape(format!("{size} bytes are more than the {MAX_FILE_BYTES} allowed")));
        }
        let text = fs::read(path).map_err(fail)?;
        let value =
            serde_json::from_slice(&text).map_err(|source| Error::ParseCase { path: path.to_owned(), source })?;
        let stem = path.file_stem().map_or_else(|| "request".into(), |stem| stem.to_string_lossy());
        Self::from_value(value, &stem).map_err(shape)
    }

    /// As [`Case::read`] does, from JSON; `name` is the id when the JSON has none. The error says
    /// what was expected and what came.
    fn from_value(value: Value, name: &str) -> Result<Self, String> {
        let (id, rounds) = match value {
            Value::Array(bodies) => (name.to_owned(), bodies.into_iter().map(bare).collect::<Result<Vec<_>, _>>()?),
            Value::Object(mut object) => match object.remove("rounds") {
                Some(Value::Array(rounds)) => {
                    let id = object.get("id").and_then(Value::as_str).unwrap_or(name).to_owned();
                    (id, rounds.into_iter().map(with_facts).collect::<Result<Vec<_>, _>>()?)
                }
                Some(_) => return Err("`rounds` is not an array".to_owned()),
                None => (name.to_owned(), vec![bare(Value::Object(object))?]),
            },
            _ => return Err("expected an object or an array".to_owned()),
        };
        if rounds.is_empty() {
            return Err("there is no request in it".to_owned());
        }
        Ok(Self { id, rounds })
    }
}

impl CaseRound {
    /// The round's number, when the body has one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.request.get("round")?.as_u64()
    }

    /// A field of the body that is a text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.request.get(field)?.as_str()
    }

    /// The attached files, decoded; none when the field is absent, null or empty.
    ///
    /// # Errors
    /// [`Error::Attachment`] for an item that is not `{name, url}` with a sound data URI.
    pub fn attachments(&self) -> Result<Vec<Attachment>, Error> {
        let items = match self.request.get("attachments") {
            Some(Value::Array(items)) => items.as_slice(),
            _ => &[],
        };
        let fail = |index| move |reason: &str| Error::Attachment { index, reason: reason.to_owned() };
        items.iter().enumerate().map(|(index, item)| attachment(item).map_err(fail(index))).collect()
    }
}

fn bare(body: Value) -> Result<CaseRound, String> {
    match body {
        Value::Object(request) => Ok(CaseRound { request, facts: Value::Null }),
        _ => Err("a request body is not an object".to_owned()),
    }
}

fn with_facts(round: Value) -> Result<CaseRound, String> {
    match round {
        Value::Object(mut round) => match round.remove("request") {
            Some(Value::Object(request)) => {
                Ok(CaseRound { request, facts: round.remove("facts").unwrap_or(Value::Null) })
            }
            _ => Err("a round has no object `request`".to_owned()),
        },
        _ => Err("a round is not an object".to_owned()),
    }
}

fn attachment(item: &Value) -> Result<Attachment, &'static str> {
    let text = |field| item.get(field).and_then(Value::as_str);
    let name = text("name").ok_or("it has no `name`")?;
    let uri = text("url").ok_or("it has no `url`")?;
    let rest = uri.strip_prefix("data:").ok_or("its `url` is not a data URI")?;
    let (header, data) = rest.split_once(',').ok_or("its data URI has no comma")?;
    let (media_type, encoded) = match header.strip_suffix(";base64") {
        Some(media_type) => (media_type, true),
        None => (header, false),
    };
    let data: Vec<u8> = percent_encoding::percent_decode_str(data).collect();
    let bytes = if encoded { STANDARD.decode(data).map_err(|_| "its data is not base64")? } else { data };
    let media_type = if media_type.is_empty() { "text/plain" } else { media_type };
    Ok(Attachment { name: name.to_owned(), media_type: media_type.to_owned(), bytes: bytes.into() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_a_sample_or_a_body_or_several() {
        fn check(value: Value, expected: Result<(&str, &[Option<u64>]), &str>) {
            let read = Case::from_value(value.clone(), "mine");
            let seen =
                read.as_ref().map(|case| (case.id.as_str(), case.rounds.iter().map(CaseRound::number).collect()));
            let expected = expected.map(|(id, rounds)| (id, rounds.to_vec()));
            assert_eq!(seen.map_err(String::as_str), expected, "{value}");
        }
        check(
            json!({"id": "x", "rounds": [{"request": {"round": 1}, "facts": {}}, {"request": {"round": 2}}]}),
            Ok(("x", &[Some(1), Some(2)])),
        );
        check(json!({"brief": "hi"}), Ok(("mine", &[None])));
        check(json!([{"round": 2}, {"round": 3}]), Ok(("mine", &[Some(2), Some(3)])));
        check(json!([]), Err("there is no request in it"));
        check(json!({"rounds": 3}), Err("`rounds` is not an array"));
        check(json!({"rounds": [{"facts": {}}]}), Err("a round has no object `request`"));
        check(json!([1]), Err("a request body is not an object"));
        check(json!("x"), Err("expected an object or an array"));
    }

    #[test]
    fn data_uris_are_decoded_or_refused() {
        fn check(url: &str, expected: Result<(&str, &[u8]), &str>) {
            let seen = attachment(&json!({"name": "a", "url": url}));
            let seen = seen.as_ref().map(|a| (a.media_type.as_str(), a.bytes.as_ref())).map_err(|reason| *reason);
            assert_eq!(seen, expected, "{url}");
        }
        check("data:text/csv;base64,YSxiCg==", Ok(("text/csv", b"a,b\n")));
        check("data:,a%20b", Ok(("text/plain", b"a b")));
        check("data:text/csv;base64,???", Err("its data is not base64"));
        check("data:text/csv;base64", Err("its data URI has no comma"));
        check("https://example.com/a", Err("its `url` is not a data URI"));
    }
}
