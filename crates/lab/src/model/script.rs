//! What a model is scripted to answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// What the model answers to one call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// This text; `{boundary}` in it becomes the prompt's boundary, when the prompt has one.
    Text(String),
    /// These files, path and content, as blocks with the prompt's boundary.
    Files(Vec<(String, String)>),
    /// This HTTP status and body, whatever the body is.
    Status(u16, String),
    /// Not a byte for this long (milliseconds in JSON), then the 504 of a gateway.
    Stall(#[serde(deserialize_with = "milliseconds")] Duration),
    /// As [`Reply::Text`], cut by the output limit.
    Truncated(String),
    /// Silence for so long (milliseconds in JSON), then this: the first token is late.
    After(#[serde(deserialize_with = "milliseconds")] Duration, Box<Reply>),
    /// As [`Reply::Text`], with so long a pause (milliseconds in JSON) before each piece of its stream.
    Trickle(#[serde(deserialize_with = "milliseconds")] Duration, String),
    /// 429 of a busy service that names a wait of so many seconds.
    Busy(u32),
    /// 429 of a service that has no money of ours left: asking again is of no use.
    NoQuota,
    /// A tiny valid page with the ids that the prompt names; a sentence when the prompt has no
    /// boundary. For benchmarks.
    Instant,
    /// As [`Reply::Instant`], and no two pages are the same: as a model is that was asked again.
    Unlike,
}

/// The answers: by model name, then by number of the call. The last answer of a list repeats.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Script {
    pub(super) models: BTreeMap<String, Vec<Reply>>,
    otherwise: Vec<Reply>,
}

impl Script {
    /// No answers: every model is unknown (404).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every model answers every prompt with a tiny valid page.
    #[must_use]
    pub fn instant() -> Self {
        Self::new().otherwise([Reply::Instant])
    }

    /// `model` answers its first call with the first reply, and so on.
    #[must_use]
    pub fn on(mut self, model: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.models.entry(model.to_owned()).or_default().extend(replies);
        self
    }

    /// Models that are not named answer so, each counting its own calls.
    #[must_use]
    pub fn otherwise(mut self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.otherwise.extend(replies);
        self
    }

    /// The answer to call `call`, from 0, of `model`.
    pub(super) fn reply(&self, model: &str, call: usize) -> Option<&Reply> {
        let replies = self.models.get(model).unwrap_or(&self.otherwise);
        replies.get(call).or(replies.last())
    }
}

fn milliseconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_go_by_model_and_call_and_the_last_repeats() {
        let text = |text: &str| Reply::Text(text.to_owned());
        let script = Script::new().on("a", [text("1"), text("2")]).otherwise([text("else")]);
        for (model, call, expected) in [("a", 0, "1"), ("a", 1, "2"), ("a", 7, "2"), ("b", 0, "else"), ("b", 3, "else")]
        {
            assert_eq!(script.reply(model, call), Some(&text(expected)), "{model} {call}");
        }
        assert_eq!(Script::new().reply("a", 0), None);
    }

    #[test]
    fn a_script_can_be_a_file() {
        let script: Script = serde_json::from_str(
            r#"{"models": {"m": [{"status": [500, "no"]}, {"stall": 20}, {"files": [["index.html", "x"]]},
                {"after": [30, {"text": "x"}]}, {"trickle": [5, "x"]}, {"busy": 7}, "no_quota"]},
                "otherwise": ["instant"]}"#,
        )
        .unwrap();
        let expected = Script::instant().on(
            "m",
            [
                Reply::Status(500, "no".to_owned()),
                Reply::Stall(Duration::from_millis(20)),
                Reply::Files(vec![("index.html".to_owned(), "x".to_owned())]),
                Reply::After(Duration::from_millis(30), Box::new(Reply::Text("x".to_owned()))),
                Reply::Trickle(Duration::from_millis(5), "x".to_owned()),
                Reply::Busy(7),
                Reply::NoQuota,
            ],
        );
        assert_eq!(script, expected);
    }
}
