//! Repositories: list, make, read, change, topics.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, shape};
use crate::github::answer::{Answer, Call, Outcome, Refusal};
use crate::github::objects::{Mode, Object, Signature};
use crate::github::odb::Paths;
use crate::github::state::{AccountKind, NewRepository, Repository, World, branch_ref};

/// GitHub's page size when none is asked for, and its greatest.
const PER_PAGE: usize = 30;
const PER_PAGE_MAX: usize = 100;
/// GitHub's limits of a repository's texts.
const NAME_MAX: usize = 100;
const DESCRIPTION_MAX: usize = 350;
const TOPICS_MAX: usize = 20;
const TOPIC_LENGTH_MAX: usize = 50;

#[derive(Debug, Deserialize)]
struct Creation {
    name: Option<String>,
    description: Option<String>,
    homepage: Option<String>,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    auto_init: bool,
}

#[derive(Debug, Deserialize)]
struct Update {
    description: Option<String>,
    homepage: Option<String>,
    private: Option<bool>,
    default_branch: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Topics {
    names: Vec<String>,
}

/// The repositories of `owner`, or of who asks: their own, and unless only those are asked for, those of the
/// organisations they belong to.
pub(super) fn list(w: &World, c: &Call, owner: Option<&str>) -> Outcome {
    if let Some(owner) = owner {
        w.account(owner).ok_or_else(Refusal::not_found)?;
    }
    let (user, only_own) = (w.user(), c.param("affiliation").as_deref() == Some("owner"));
    let is_listed = |repo: &&Repository| match owner {
        Some(owner) => repo.owner.login.eq_ignore_ascii_case(owner),
        None => repo.owner == user || !only_own && w.may_change(&repo.owner.login),
    };
    let mut repos: Vec<&Repository> = w.repos().filter(is_listed).collect();
    let sort = c.param("sort").unwrap_or_else(|| "full_name".to_owned());
    repos.sort_by_key(|repo| repo.full_name());
    // A stable sort on top: ties stay in the order of their names. Ids break ties within a second.
    match sort.as_str() {
        "created" => repos.sort_by_key(|repo| (repo.created_at, repo.id)),
        "updated" => repos.sort_by_key(|repo| (repo.updated_at, repo.id)),
        "pushed" => repos.sort_by_key(|repo| (repo.pushed_at, repo.id)),
        _ => {}
    }
    let ascending = match c.param("direction").as_deref() {
        Some("asc") => true,
        Some("desc") => false,
        _ => sort == "full_name",
    };
    if !ascending {
        repos.reverse();
    }
    Ok(paged(w, c, &repos, |repo| shape::repository(w, repo)))
}

/// One page of `items` with the `link` header that leads to the others.
pub(super) fn paged<T>(w: &World, c: &Call, items: &[T], shape: impl Fn(&T) -> Value) -> Answer {
    let number = |name: &str| c.param(name).and_then(|text| text.parse::<usize>().ok()).filter(|&n| n > 0);
    let per_page = number("per_page").unwrap_or(PER_PAGE).min(PER_PAGE_MAX);
    let page = number("page").unwrap_or(1);
    let last = items.len().div_ceil(per_page).max(1);
    let shown = items.iter().skip((page - 1).saturating_mul(per_page)).take(per_page).map(shape).collect();

    let link = |page: usize, relation: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(url::form_urlencoded::parse(c.query.as_bytes()).filter(|(key, _)| key != "page"));
        query.append_pair("page", &page.to_string());
        format!("<{}{}?{}>; rel=\"{relation}\"", w.urls.api, c.path, query.finish())
    };
    let mut links = Vec::new();
    if page > 1 {
        links.extend([link((page - 1).min(last), "prev"), link(1, "first")]);
    }
    if page < last {
        links.extend([link(page + 1, "next"), link(last, "last")]);
    }
    let answer = Answer::json(200, Value::Array(shown));
    if links.is_empty() { answer } else { answer.with_header("link", links.join(", ")) }
}

pub(super) fn create(w: &mut World, c: &Call, organisation: Option<&str>) -> Outcome {
    let owner = match organisation {
        None => w.user(),
        Some(login) => match w.account(login) {
            Some(account) if account.kind == AccountKind::Organization && w.may_change(login) => account.clone(),
            Some(account) if account.kind == AccountKind::Organization => {
                let message = "You need admin access to the organization before adding a repository to it.";
                return Err(Refusal::new(403, message));
            }
            _ => return Err(Refusal::not_found()),
        },
    };
    let wanted: Creation = c.json()?;
    let name = sound_name(wanted.name)?;
    sound_description(wanted.description.as_deref())?;
    let new = NewRepository {
        owner: owner.clone(),
        name: name.clone(),
        description: wanted.description,
        homepage: wanted.homepage,
        private: wanted.private,
    };
    if w.create(new, c.now).is_err() {
        return Err(refused(json!({
            "resource": "Repository",
            "code": "custom",
            "field": "name",
            "message": "name already exists on this account",
        })));
    }
    let at = At { owner: &owner.login, name: &name };
    if wanted.auto_init {
        first_commit(w, c, at)?;
    }
    let repo = at.of(w)?;
    let location = shape::repo_url(w, repo);
    Ok(Answer::json(201, shape::repository(w, repo)).with_header("location", location))
}

/// What `auto_init` does: a README with the repository's name.
fn first_commit(w: &mut World, c: &Call, at: At<'_>) -> Result<(), Refusal> {
    let user = w.user();
    let who = Signature::new(&user.login, &format!("{}@users.noreply.github.com", user.login), c.now);
    let repo = at.of_mut(w)?;
    let branch = branch_ref(&repo.default_branch);
    let readme = repo.objects.insert(Object::Blob(format!("# {}", repo.name).into()));
    let leaves = Paths::from([("README.md".to_owned(), (Mode::File, readme))]);
    let head = repo.commit(None, &leaves, "Initial commit", who.clone(), who);
    w.push(at.owner, at.name, &branch, head, c.now);
    Ok(())
}

pub(super) fn get(w: &World, at: At<'_>) -> Outcome {
    Ok(Answer::json(200, shape::repository(w, at.of(w)?)))
}

pub(super) fn update(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: Update = c.json()?;
    sound_description(wanted.description.as_deref())?;
    let repo = at.of_mut(w)?;
    if let Some(branch) = wanted.default_branch {
        if repo.branch(&branch).is_none() {
            let error = json!({
                "resource": "Repository",
                "field": "default_branch",
                "code": "invalid",
                "message": format!("The branch {branch} was not found. Please push that ref first or create it via the Git Data API."),
            });
            return Err(Refusal::validation("Validation Failed", error));
        }
        repo.default_branch = branch;
    }
    repo.description = wanted.description.or(repo.description.take());
    repo.homepage = wanted.homepage.or(repo.homepage.take());
    repo.private = wanted.private.unwrap_or(repo.private);
    repo.updated_at = c.now;
    get(w, at)
}

/// A right of its own: no other route asks for this scope.
pub(super) fn delete(w: &mut World, at: At<'_>, scopes: &str) -> Outcome {
    const SCOPE: &str = "delete_repo";
    at.of(w)?;
    if !scopes.split(',').any(|scope| scope.trim() == SCOPE) {
        let refusal = Refusal::new(403, "Must have admin rights to Repository.");
        let answer = refusal.into_answer("repos/repos#delete-a-repository");
        return Ok(answer.with_header("x-accepted-oauth-scopes", SCOPE));
    }
    w.delete(at.owner, at.name);
    Ok(Answer::empty(204))
}

pub(super) fn topics(w: &World, at: At<'_>) -> Outcome {
    Ok(Answer::json(200, json!({ "names": at.of(w)?.topics })))
}

pub(super) fn set_topics(w: &mut World, c: &Call, at: At<'_>) -> Outcome {
    let wanted: Topics = c.json()?;
    let names: Vec<String> = wanted.names.iter().map(|name| name.to_lowercase()).collect();
    if names.len() > TOPICS_MAX {
        return Err(Refusal::new(422, format!("A repository cannot have more than {TOPICS_MAX} topics.")));
    }
    let is_sound = |name: &String| {
        name.len() <= TOPIC_LENGTH_MAX
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !names.iter().all(is_sound) {
        return Err(Refusal::new(
            422,
            "Topics must start with a lowercase letter or number, consist of 50 characters or less, and can include hyphens.",
        ));
    }
    let repo = at.of_mut(w)?;
    repo.topics = names;
    repo.updated_at = c.now;
    topics(w, at)
}

fn refused(error: Value) -> Refusal {
    Refusal::validation("Repository creation failed.", error)
}

/// GitHub puts a hyphen for each character that no name may have.
fn sound_name(name: Option<String>) -> Result<String, Refusal> {
    let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
        return Err(refused(json!({ "resource": "Repository", "code": "missing_field", "field": "name" })));
    };
    let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if is_sound(c) { c } else { '-' }).collect();
    if name.len() > NAME_MAX || matches!(name.as_str(), "." | "..") {
        let message = format!("name is too long (maximum is {NAME_MAX} characters)");
        return Err(refused(
            json!({ "resource": "Repository", "code": "custom", "field": "name", "message": message }),
        ));
    }
    Ok(name)
}

fn sound_description(description: Option<&str>) -> Result<(), Refusal> {
    let description = description.unwrap_or_default();
    let message = if description.chars().any(char::is_control) {
        "description control characters are not allowed".to_owned()
    } else if description.chars().count() > DESCRIPTION_MAX {
        format!("description cannot be more than {DESCRIPTION_MAX} characters")
    } else {
        return Ok(());
    };
    let error = json!({ "resource": "Repository", "code": "custom", "field": "description", "message": message });
    Err(Refusal::validation("Validation Failed", error))
}
