//! What a token is good for, as far as GitHub tells without a change being made.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use super::client::{Call, Reply};
use super::{AccountKind, RemoteHost, wire};
use crate::Error;

/// Repositories that are looked at, the newest ones.
const RECENT: usize = 30;

/// What GitHub says of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// Whose token it is.
    pub login: String,
    /// Who owns new repositories.
    pub owner: String,
    /// The scopes of a classic token; `None` for a fine-grained one, whose permissions GitHub does not list.
    pub scopes: Option<Vec<String>>,
    /// When the token ends, as GitHub writes it; `None` for one that does not.
    pub expires: Option<String>,
    /// Why it may not make repositories, with the remedy; `None` when it may.
    pub cannot_create: Option<String>,
    /// Of the owner's newest repositories, how many have Pages, and how many were looked at.
    pub with_pages: (usize, usize),
    /// The hour's requests, when GitHub says.
    pub budget: Option<Budget>,
}

/// Requests of the current hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// In all.
    pub limit: u64,
    /// Still to be used.
    pub left: u64,
    /// Until the next hour begins.
    pub resets_in: Duration,
}

impl RemoteHost {
    /// Asks GitHub about the token: three requests, of which none changes anything.
    ///
    /// # Errors
    /// GitHub cannot be reached, or refuses the token; the text names the remedy.
    pub async fn examine(&self) -> Result<Examination, Error> {
        let call = Call::get("read the user of", "the token".to_owned(), "/user".to_owned());
        let reply = self.client.send(&call).await?;
        let user: wire::User = reply.read(&call)?;
        let account = self.account().await?;
        let (creating, listing) = match account.kind {
            AccountKind::User => {
                ("/user/repos".to_owned(), "/user/repos?affiliation=owner&sort=created&direction=desc".to_owned())
            }
            AccountKind::Organization => {
                let repos = format!("/orgs/{}/repos", account.owner);
                (repos.clone(), format!("{repos}?sort=created&direction=desc"))
            }
        };
        let cannot_create = self.tries_to_create(&account.owner, creating).await?;
        let call =
            Call::get("list repositories of", account.owner.clone(), format!("{listing}&per_page={RECENT}&page=1"));
        let repositories: Vec<wire::Repository> = self.client.get(call).await?;
        let with_pages = repositories.iter().filter(|repository| repository.has_pages).count();
        Ok(Examination {
            login: user.login,
            owner: account.owner.clone(),
            scopes: scopes(&reply.headers),
            expires: header(&reply.headers, "github-authentication-token-expiration").map(str::to_owned),
            cannot_create,
            with_pages: (with_pages, repositories.len()),
            budget: budget(&reply.headers, SystemTime::now()),
        })
    }

    /// GitHub asks for the right before it looks at the name, and no repository has an empty one.
    async fn tries_to_create(&self, owner: &str, route: String) -> Result<Option<String>, Error> {
        let body = Some(json!({ "name": "" }));
        let object = format!("{owner}/");
        let call = Call { method: Method::POST, operation: "create repository", object, route, body };
        let reply: Reply = self.client.send(&call).await?;
        match reply.status {
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => Ok(None),
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(Some(reply.refusal(&call).to_string())),
            _ => Err(reply.refusal(&call)),
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The header is there for classic tokens only, and empty for one without any scope.
fn scopes(headers: &HeaderMap) -> Option<Vec<String>> {
    let listed = header(headers, "x-oauth-scopes")?;
    Some(listed.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect())
}

fn budget(headers: &HeaderMap, now: SystemTime) -> Option<Budget> {
    let number = |name: &str| header(headers, name)?.trim().parse::<u64>().ok();
    let resets = UNIX_EPOCH.checked_add(Duration::from_secs(number("x-ratelimit-reset")?))?;
    Some(Budget {
        limit: number("x-ratelimit-limit")?,
        left: number("x-ratelimit-remaining")?,
        resets_in: resets.duration_since(now).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_scopes_and_what_is_left() {
        let mut headers = HeaderMap::new();
        assert_eq!((scopes(&headers), budget(&headers, UNIX_EPOCH)), (None, None));
        for (name, value) in [
            ("x-oauth-scopes", "public_repo, workflow"),
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4987"),
            ("x-ratelimit-reset", "60"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        assert_eq!(scopes(&headers).unwrap(), ["public_repo", "workflow"]);
        let expected = Budget { limit: 5000, left: 4987, resets_in: Duration::from_secs(60) };
        assert_eq!(budget(&headers, UNIX_EPOCH), Some(expected));
        headers.insert("x-oauth-scopes", "".parse().unwrap());
        assert_eq!(scopes(&headers), Some(Vec::new()));
    }
}
