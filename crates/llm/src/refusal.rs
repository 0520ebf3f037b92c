//! What an error answer of a model service means.
//!
//! Bodies differ by provider and proxy: OpenAI writes `{"error":{"message","type","code"}}`,
//! Anthropic `{"type":"error","error":{...}}`, others a bare `message` or `detail`. An exhausted
//! account answers 429 just as a busy one does, and must not be asked again.

use std::time::Duration;

use ports::Verdict;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// When a busy service names no wait.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// A longer wait than this serves no task; a number above it is a mistake.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Parts of a code or type that speak of money, not of speed.
const EXHAUSTED_CODES: &[&str] = &["quota", "billing", "budget", "credit", "payment"];

/// The same inside messages, where proxies repeat a provider's code in a text of their own. Exact
/// codes only: an ordinary rate limit's message may mention the billing page.
const EXHAUSTED_MESSAGES: &[&str] = &["insufficient_quota", "billing_hard_limit", "credit balance is too low"];

/// OpenAI's counters, and the header that says when each is full again.
const COUNTERS: &[(&str, &str)] = &[
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
];

/// An error answer, read.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) verdict: Verdict,
}

/// Reads an error answer. The message is the provider's, neither cut nor redacted.
pub(crate) fn read(status: u16, headers: &HeaderMap, body: &str) -> Refusal {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let message = message(&json).unwrap_or(body).trim().to_owned();
    let verdict = match status {
        429 if exhausted(&json, &message) => Verdict::GiveUp,
        429 => Verdict::RetryAfter(wait(headers, &message).unwrap_or(DEFAULT_WAIT).min(MAX_WAIT)),
        408 | 500..=599 => Verdict::RetryWithBackoff,
        _ => Verdict::GiveUp,
    };
    Refusal { message, verdict }
}

fn message(json: &Value) -> Option<&str> {
    ["/error/message", "/error", "/message", "/detail"].iter().find_map(|place| json.pointer(place)?.as_str())
}

fn exhausted(json: &Value, message: &str) -> bool {
    let says = |place: &&str| {
        let word = json.pointer(place).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        EXHAUSTED_CODES.iter().any(|part| word.contains(part))
    };
    let message = message.to_ascii_lowercase();
    ["/error/code", "/error/type", "/code", "/type"].iter().any(says)
        || EXHAUSTED_MESSAGES.iter().any(|part| message.contains(part))
}

/// The wait by the most exact source there is: a header for it, the counter that ran out, the text.
fn wait(headers: &HeaderMap, message: &str) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let milliseconds = header("retry-after-ms").and_then(|value| duration(&format!("{value}ms")));
    let seconds = || header(RETRY_AFTER.as_str()).and_then(|value| duration(&format!("{value}s")));
    let ran_out = |(remaining, reset): &(&str, &str)| {
        (header(remaining)? == "0").then_some(())?;
        duration(header(reset)?)
    };
    let counters = || COUNTERS.iter().filter_map(ran_out).max();
    milliseconds.or_else(seconds).or_else(counters).or_else(|| wait_in_text(message))
}

/// "Please try again in 6m0.5s." or "Retry in 20 seconds".
fn wait_in_text(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let (_, after) = lower.split_once("try again in ").or_else(|| lower.split_once("retry in "))?;
    let mut words = after.split_whitespace().map(|word| word.trim_end_matches(['.', ',', ')', '"']));
    let first = words.next()?;
    duration(first).or_else(|| match words.next()? {
        "second" | "seconds" => duration(&format!("{first}s")),
        "minute" | "minutes" => duration(&format!("{first}m")),
        _ => None,
    })
}

/// A duration as Go prints it: `6m0s`, `1.5s`, `20ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = after;
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(total).ok() }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    fn verdict(status: u16, headers: &[(&'static str, &str)], body: &str) -> Verdict {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        read(status, &headers, body).verdict
    }

    #[test]
    fn a_status_says_again_or_stop() {
        for (status, expected) in [
            (400, Verdict::GiveUp),
            (401, Verdict::GiveUp),
            (402, Verdict::GiveUp),
            (403, Verdict::GiveUp),
            (404, Verdict::GiveUp),
            (408, Verdict::RetryWithBackoff),
            (413, Verdict::GiveUp),
            (422, Verdict::GiveUp),
            (500, Verdict::RetryWithBackoff),
            (502, Verdict::RetryWithBackoff),
            (503, Verdict::RetryWithBackoff),
            (504, Verdict::RetryWithBackoff),
            (529, Verdict::RetryWithBackoff),
        ] {
            assert_eq!(verdict(status, &[], r#"{"error":{"message":"no"}}"#), expected, "{status}");
        }
    }

    #[test]
    fn an_empty_account_is_not_a_busy_one() {
        for body in [
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            r#"{"error":{"message":"x","type":"billing_not_active"}}"#,
            r#"{"error":{"message":"x","code":"billing_hard_limit_reached"}}"#,
            r#"{"error":{"message":"ExceededBudget","type":"budget_exceeded","code":"429"}}"#,
            r#"{"error":{"message":"litellm.RateLimitError: OpenAIException - code: insufficient_quota","code":"429"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Your credit balance is too low"}}"#,
        ] {
            assert_eq!(verdict(429, &[("retry-after", "1")], body), Verdict::GiveUp, "{body}");
        }
        let busy = r#"{"error":{"message":"Rate limit reached. See https://example.com/account/billing","code":"rate_limit_exceeded"}}"#;
        assert_eq!(verdict(429, &[], busy), Verdict::RetryAfter(DEFAULT_WAIT));
        assert_eq!(verdict(429, &[], r#"{"error":{"code":429,"message":"busy"}}"#), Verdict::RetryAfter(DEFAULT_WAIT));
    }

    #[test]
    fn the_wait_comes_from_the_most_exact_source() {
        fn check(headers: &[(&'static str, &str)], message: &str, expected_ms: u64) {
            let body = serde_json::json!({ "error": { "message": message } }).to_string();
            let expected = Verdict::RetryAfter(Duration::from_millis(expected_ms));
            assert_eq!(verdict(429, headers, &body), expected, "{headers:?} {message}");
        }
        check(&[("retry-after-ms", "1500"), ("retry-after", "9")], "", 1500);
        check(&[("retry-after", "7")], "try again in 1s", 7000);
        check(&[("retry-after", "0.5")], "", 500);
        check(&[("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")], "", 5000);
        check(&[("retry-after", "-3")], "", 5000);
        check(&[("retry-after", "999999")], "", 3_600_000);
        check(&[("retry-after", "99999999999999999999999999")], "", 5000);
        check(&[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s")], "", 360_000);
        check(&[("x-ratelimit-remaining-requests", "9"), ("x-ratelimit-reset-requests", "6m0s")], "", 5000);
        check(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "20ms")], "", 20);
        check(&[], "Rate limit reached. Please try again in 6.5s. Visit ...", 6500);
        check(&[], "Please retry in 20 seconds", 20_000);
        check(&[], "Please try again in a while", 5000);
    }

    #[test]
    fn the_message_is_found_in_every_form_of_body() {
        for (body, expected) in [
            (r#"{"error":{"message":" no such model "}}"#, "no such model"),
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, "Overloaded"),
            (r#"{"error":"model not found"}"#, "model not found"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            ("<html>Bad Gateway</html>", "<html>Bad Gateway</html>"),
            ("", ""),
        ] {
            assert_eq!(read(502, &HeaderMap::new(), body).message, expected);
        }
    }
}
