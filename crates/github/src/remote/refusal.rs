//! What a refusal of GitHub means: again, later, or stop, and what a person can do about it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, StatusCode};
use ports::Verdict;

use super::client::Reply;
use super::wire;
use crate::Error;

/// GitHub's advice for a limit that names no wait.
const LIMIT_WAIT: Duration = Duration::from_secs(60);
/// The primary limit resets within the hour; a longer wait is a wrong clock.
const MAX_WAIT: Duration = Duration::from_secs(3_600);
/// Of GitHub's words, enough for a log line.
const MAX_MESSAGE_CHARS: usize = 300;

/// The error that `reply` is, as an answer to `operation` on `object` at `now`.
pub(super) fn read(operation: &'static str, object: &str, reply: &Reply, now: SystemTime) -> Error {
    let message = message(reply);
    let (verdict, remedy) = judge(reply, &message, now);
    Error::Refused { operation, object: object.to_owned(), status: reply.status.as_u16(), message, remedy, verdict }
}

/// Whether a 409 says that a secret was found in the pushed content.
pub(super) fn is_push_protection(body: &[u8]) -> bool {
    refusal(body).metadata.is_some_and(|metadata| metadata.get("secret_scanning").is_some())
}

/// Whether a 422 is about the field `field`, or says `phrase`.
pub(super) fn is_about(body: &[u8], field: &str, phrase: &str) -> bool {
    let refusal = refusal(body);
    let says = |text: &str| text.to_ascii_lowercase().contains(phrase);
    says(&refusal.message)
        || refusal.errors.iter().any(|error| {
            error.get("field").and_then(serde_json::Value::as_str) == Some(field)
                || error.get("message").and_then(serde_json::Value::as_str).is_some_and(says)
                || error.as_str().is_some_and(says)
        })
}

fn judge(reply: &Reply, message: &str, now: SystemTime) -> (Verdict, String) {
    let status = reply.status;
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::FORBIDDEN && is_limit(&reply.headers, message) {
        let wait = named_wait(&reply.headers, now);
        return (Verdict::RetryAfter(wait), format!("a limit was reached: wait {} s", wait.as_secs()));
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return (Verdict::RetryWithBackoff, "this passes as a rule: see https://www.githubstatus.com".to_owned());
    }
    if status == StatusCode::CONFLICT && !is_push_protection(&reply.body) {
        return (Verdict::RetryWithBackoff, "the repository is empty or still being made".to_owned());
    }
    if status == StatusCode::UNAUTHORIZED {
        // Somebody sets another one, and what waited goes on.
        return (Verdict::RetryAfter(LIMIT_WAIT), remedy(reply));
    }
    (Verdict::GiveUp, remedy(reply))
}

fn remedy(reply: &Reply) -> String {
    match reply.status {
        StatusCode::UNAUTHORIZED => {
            format!("the token is wrong or has expired: set a new {}", reply.token_name)
        }
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            let token = &reply.token_name;
            match needed(&reply.headers) {
                Some(needed) => format!("check that it exists and that the token in {token} has: {needed}"),
                None => format!(
                    "check that it exists and that the token in {token} has Administration, Contents, Pages and \
                     Pull requests: write"
                ),
            }
        }
        StatusCode::CONFLICT => {
            "push protection found a secret in the content: remove it from the site and build again".to_owned()
        }
        _ => "the request itself is refused: the same one will be refused again".to_owned(),
    }
}

/// What GitHub says that the token lacks: permissions of a fine-grained one, or a scope of a classic one.
fn needed(headers: &HeaderMap) -> Option<String> {
    let named = |name: &str| headers.get(name)?.to_str().ok().filter(|text| !text.is_empty());
    if let Some(permissions) = named("x-accepted-github-permissions") {
        return Some(permissions.to_owned());
    }
    let words = |text: &'static str| headers.get(text)?.to_str().ok().map(|text| text.split(',').map(str::trim));
    // The list of a classic token's own scopes may be empty, and is not there for a fine-grained one.
    let (own, accepted) = (words("x-oauth-scopes")?, named("x-accepted-oauth-scopes")?);
    let own: Vec<&str> = own.collect();
    let has_one = accepted.split(',').any(|scope| own.contains(&scope.trim()));
    (!has_one).then(|| format!("the scope {accepted}"))
}

/// A 403 is a limit when GitHub names a wait, says that nothing remains, or calls it one.
fn is_limit(headers: &HeaderMap, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    headers.contains_key(http::header::RETRY_AFTER)
        || headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0")
        || message.contains("rate limit")
        || message.contains("abuse detection")
}

fn named_wait(headers: &HeaderMap, now: SystemTime) -> Duration {
    let seconds = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    // The hour's end says when there will be more only to who has none left.
    let until_reset = || {
        seconds("x-ratelimit-remaining").filter(|left| *left == 0)?;
        let reset = UNIX_EPOCH.checked_add(Duration::from_secs(seconds("x-ratelimit-reset")?))?;
        reset.duration_since(now).ok()
    };
    let wait = seconds("retry-after").map(Duration::from_secs).or_else(until_reset);
    wait.unwrap_or(LIMIT_WAIT).min(MAX_WAIT)
}

fn message(reply: &Reply) -> String {
    let refusal = refusal(&reply.body);
    let details = refusal.errors.iter().filter_map(|error| {
        error.get("message").and_then(serde_json::Value::as_str).or_else(|| error.as_str()).map(str::to_owned)
    });
    let words: Vec<String> = std::iter::once(refusal.message)
        .chain(details)
        .chain(plain_text(reply))
        .filter(|text| !text.is_empty())
        .collect();
    if words.is_empty() {
        return "no reason".to_owned();
    }
    words.join("; ").chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE_CHARS).collect()
}

/// Git's protocol refuses in plain words.
fn plain_text(reply: &Reply) -> Option<String> {
    let kind = reply.headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    kind.starts_with("text/plain").then(|| String::from_utf8_lossy(&reply.body).trim().to_owned())
}

/// A body that is no JSON (a proxy's page) says nothing.
fn refusal(body: &[u8]) -> wire::Refusal {
    serde_json::from_slice(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const NOW_S: u64 = 1_795_000_000;

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Reply {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::from_static(body.as_bytes()));
        Reply { status, headers, body, token_name: "ADA_TOKEN".into() }
    }

    fn check(reply: &Reply, verdict: Verdict, words: &str) {
        let error = read("create repository", "octo/demo", reply, UNIX_EPOCH + Duration::from_secs(NOW_S));
        assert_eq!(error.verdict(), verdict, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().starts_with("create repository octo/demo: GitHub answered "), "{error}");
    }

    #[test]
    fn a_limit_is_later() {
        let later = |s| Verdict::RetryAfter(Duration::from_secs(s));
        check(&reply(429, &[("retry-after", "7")], ""), later(7), "wait 7 s");
        check(&reply(429, &[], ""), later(60), "wait 60 s");
        let other_limit = [("x-ratelimit-remaining", "4000"), ("x-ratelimit-reset", "1795003000")];
        check(&reply(429, &other_limit, ""), later(60), "wait 60 s");
        check(&reply(403, &[("retry-after", "30")], ""), later(30), "wait 30 s");
        let reset = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795000090")];
        check(&reply(403, &reset, ""), later(90), "wait 90 s");
        let past = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")];
        check(&reply(403, &past, ""), later(60), "wait 60 s");
        let far = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9999999999")];
        check(&reply(403, &far, ""), later(3_600), "wait 3600 s");
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        check(&reply(403, &[], secondary), later(60), "secondary rate limit");
        check(&reply(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], ""), later(60), "wait 60 s");
    }

    #[test]
    fn a_trouble_of_the_other_side_passes() {
        for status in [500, 502, 503, 504, 408] {
            check(&reply(status, &[], "<html>"), Verdict::RetryWithBackoff, "no reason");
        }
        let empty = r#"{"message":"Git Repository is empty."}"#;
        check(&reply(409, &[], empty), Verdict::RetryWithBackoff, "empty");
    }

    #[test]
    fn a_trouble_of_ours_stays_and_names_a_remedy() {
        check(
            &reply(401, &[], r#"{"message":"Bad credentials"}"#),
            Verdict::RetryAfter(LIMIT_WAIT),
            "set a new ADA_TOKEN",
        );
        let needs = [("x-accepted-github-permissions", "administration=write")];
        check(&reply(403, &needs, r#"{"message":"Resource not accessible"}"#), Verdict::GiveUp, "administration=write");
        let classic = [("x-oauth-scopes", "repo, workflow"), ("x-accepted-oauth-scopes", "delete_repo")];
        check(&reply(403, &classic, r#"{"message":"Must have admin rights"}"#), Verdict::GiveUp, "scope delete_repo");
        let enough = [("x-oauth-scopes", "repo"), ("x-accepted-oauth-scopes", "repo")];
        check(&reply(403, &enough, r#"{"message":"No"}"#), Verdict::GiveUp, "Administration, Contents");
        check(&reply(404, &[], r#"{"message":"Not Found"}"#), Verdict::GiveUp, "Not Found");
        let clash =
            r#"{"message":"Repository creation failed.","errors":[{"field":"name","message":"name already exists"}]}"#;
        check(&reply(422, &[], clash), Verdict::GiveUp, "name already exists");
        let secret = r#"{"message":"Secret detected","metadata":{"secret_scanning":{"bypass_placeholders":[]}}}"#;
        check(&reply(409, &[], secret), Verdict::GiveUp, "push protection");
        let plain = reply(403, &[("content-type", "text/plain")], "Write access to repository not granted.\n");
        check(&plain, Verdict::GiveUp, "Write access to repository not granted.");
        check(&reply(418, &[], r#"{"message":17,"errors":"x"}"#), Verdict::GiveUp, "no reason");
    }

    #[test]
    fn a_name_clash_is_told_from_other_refusals() {
        let clash = br#"{"message":"Repository creation failed.","errors":[{"resource":"Repository","code":"custom","field":"name","message":"name already exists on this account"}]}"#;
        assert!(is_about(clash, "name", "already exists"));
        let other = br#"{"message":"Validation Failed","errors":[{"field":"description","message":"is too long"}]}"#;
        assert!(!is_about(other, "name", "already exists"));
        assert!(!is_about(b"<html>", "name", "already exists"));
    }
}
