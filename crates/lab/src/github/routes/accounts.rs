//! `/user`, `/users/{login}`, `/orgs/{login}`.

use serde_json::json;
use time::OffsetDateTime;

use super::shape;
use crate::github::answer::{Answer, Outcome, Refusal};
use crate::github::state::{AccountKind, World};

pub(super) fn me(w: &World) -> Outcome {
    let user = w.user();
    let mut body = shape::account(w, &user);
    body["name"] = json!(user.login);
    for absent in ["company", "location", "email", "hireable", "bio"] {
        body[absent] = serde_json::Value::Null;
    }
    for counter in ["public_gists", "followers", "following"] {
        body[counter] = json!(0);
    }
    body["blog"] = json!("");
    for at in ["created_at", "updated_at"] {
        body[at] = json!(shape::time(OffsetDateTime::UNIX_EPOCH));
    }
    body["public_repos"] = json!(w.repos().filter(|repo| repo.owner == user).count());
    Ok(Answer::json(200, body))
}

pub(super) fn get(w: &World, login: &str) -> Outcome {
    let account = w.account(login).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, shape::account(w, account)))
}

pub(super) fn organisation(w: &World, login: &str) -> Outcome {
    match w.account(login) {
        Some(account) if account.kind == AccountKind::Organization => Ok(Answer::json(200, shape::account(w, account))),
        _ => Err(Refusal::not_found()),
    }
}
