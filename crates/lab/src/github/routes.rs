//! The REST API: one table from method and path to the function that answers.
//!
//! A route sees the world and the call and returns an answer or a refusal; it does no IO. Each
//! line names the route's page in GitHub's documentation, which its refusals point to.

mod accounts;
mod commits;
mod contents;
mod deployments;
mod objects;
mod pages;
mod pulls;
mod refs;
mod repos;
mod shape;

use super::answer::{Answer, Call, Outcome, Refusal};
use super::state::{Repository, World};

/// Answers one call; `scopes` are those of its token.
pub(super) fn answer(world: &mut World, call: &Call, scopes: &str) -> Answer {
    let segments = call.segments();
    let mut segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    // By its number a repository is found under any name.
    let named: Option<(String, String)> = match segments.as_slice() {
        ["repositories", id, ..] => {
            let repo = id.parse().ok().and_then(|id| world.repo_by_id(id));
            repo.map(|repo| (repo.owner.login.clone(), repo.name.clone()))
        }
        _ => None,
    };
    if let Some((owner, name)) = &named {
        segments.splice(..2, ["repos", owner, name]);
    }
    let (docs, outcome) = match segments.as_slice() {
        ["repos", owner, name, rest @ ..] if world.renamed(owner, name).is_some() => {
            let id = world.renamed(owner, name).unwrap_or_default();
            ("repos/repos#get-a-repository", Ok(shape::moved(world, id, rest, &call.query)))
        }
        ["repos", owner, ..] if !matches!(call.method.as_str(), "GET" | "HEAD") && !world.may_change(owner) => {
            ("repos/repos", Err(Refusal::new(403, "Resource not accessible by personal access token")))
        }
        ["repos", owner, name] if call.method == "DELETE" => {
            ("repos/repos#delete-a-repository", repos::delete(world, At { owner, name }, scopes))
        }
        ["repos", owner, name, rest @ ..] if !rest.is_empty() => {
            let at = At { owner, name };
            match world.repo(owner, name) {
                Some(_) => in_repository(world, call, at, rest),
                None => ("repos/repos#get-a-repository", Err(Refusal::not_found())),
            }
        }
        segments => top_level(world, call, segments),
    };
    outcome.unwrap_or_else(|refusal| refusal.into_answer(docs))
}

/// The repository a route works on; [`answer`] has made sure that it is there.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    owner: &'a str,
    name: &'a str,
}

impl At<'_> {
    fn of<'w>(&self, world: &'w World) -> Result<&'w Repository, Refusal> {
        world.repo(self.owner, self.name).ok_or_else(Refusal::not_found)
    }

    fn of_mut<'w>(&self, world: &'w mut World) -> Result<&'w mut Repository, Refusal> {
        world.repo_mut(self.owner, self.name).ok_or_else(Refusal::not_found)
    }

    /// The repository, refused with 409 while it has no commit.
    fn with_commits<'w>(&self, world: &'w World) -> Result<&'w Repository, Refusal> {
        self.of(world).and_then(|repo| if repo.is_empty() { Err(Refusal::empty_repository()) } else { Ok(repo) })
    }

    fn with_commits_mut<'w>(&self, world: &'w mut World) -> Result<&'w mut Repository, Refusal> {
        self.with_commits(world)?;
        self.of_mut(world)
    }
}

type Routed = (&'static str, Outcome);

fn top_level(w: &mut World, c: &Call, segments: &[&str]) -> Routed {
    match (c.method.as_str(), segments) {
        ("GET", ["user"]) => ("users/users#get-the-authenticated-user", accounts::me(w)),
        ("GET", ["users", login]) => ("users/users#get-a-user", accounts::get(w, login)),
        ("GET", ["orgs", login]) => ("orgs/orgs#get-an-organization", accounts::organisation(w, login)),
        ("GET", ["user", "repos"]) => {
            ("repos/repos#list-repositories-for-the-authenticated-user", repos::list(w, c, None))
        }
        ("GET", ["users", login, "repos"]) => {
            ("repos/repos#list-repositories-for-a-user", repos::list(w, c, Some(login)))
        }
        ("GET", ["orgs", login, "repos"]) => {
            ("repos/repos#list-organization-repositories", repos::list(w, c, Some(login)))
        }
        ("POST", ["user", "repos"]) => {
            ("repos/repos#create-a-repository-for-the-authenticated-user", repos::create(w, c, None))
        }
        ("POST", ["orgs", org, "repos"]) => {
            ("repos/repos#create-an-organization-repository", repos::create(w, c, Some(org)))
        }
        ("GET", ["repos", owner, name]) => ("repos/repos#get-a-repository", repos::get(w, At { owner, name })),
        ("PATCH", ["repos", owner, name]) => {
            ("repos/repos#update-a-repository", repos::update(w, c, At { owner, name }))
        }
        _ => ("", Err(Refusal::not_found())),
    }
}

fn in_repository(w: &mut World, c: &Call, at: At<'_>, rest: &[&str]) -> Routed {
    match (c.method.as_str(), rest) {
        ("GET", ["topics"]) => ("repos/repos#get-all-repository-topics", repos::topics(w, at)),
        ("PUT", ["topics"]) => ("repos/repos#replace-all-repository-topics", repos::set_topics(w, c, at)),
        ("GET", ["branches", branch @ ..]) if !branch.is_empty() => {
            ("branches/branches#get-a-branch", refs::branch(w, at, &branch.join("/")))
        }
        ("GET", ["contents", path @ ..]) => {
            ("repos/contents#get-repository-content", contents::get(w, c, at, &path.join("/")))
        }
        ("PUT", ["contents", path @ ..]) if !path.is_empty() => {
            ("repos/contents#create-or-update-file-contents", contents::put(w, c, at, &path.join("/")))
        }
        ("GET", ["commits"]) => ("commits/commits#list-commits", commits::list(w, c, at)),
        ("GET", ["commits", reference @ ..]) => {
            ("commits/commits#get-a-commit", commits::get(w, c, at, &reference.join("/")))
        }
        (_, ["git", git @ ..]) => in_git(w, c, at, git),
        (_, ["pages", pages @ ..]) => in_pages(w, c, at, pages),
        ("GET", ["deployments"]) => ("deployments/deployments#list-deployments", deployments::list(w, c, at)),
        ("GET", ["deployments", id, "statuses"]) => {
            ("deployments/statuses#list-deployment-statuses", deployments::statuses(w, c, at, id))
        }
        ("GET", ["pulls"]) => ("pulls/pulls#list-pull-requests", pulls::list(w, c, at)),
        ("POST", ["pulls"]) => ("pulls/pulls#create-a-pull-request", pulls::create(w, c, at)),
        ("GET", ["pulls", number]) => ("pulls/pulls#get-a-pull-request", pulls::get(w, at, number)),
        _ => ("", Err(Refusal::not_found())),
    }
}

fn in_git(w: &mut World, c: &Call, at: At<'_>, git: &[&str]) -> Routed {
    match (c.method.as_str(), git) {
        ("GET", ["ref", name @ ..]) => ("git/refs#get-a-reference", refs::get(w, at, &name.join("/"))),
        ("GET", ["matching-refs", name @ ..]) => {
            ("git/refs#list-matching-references", refs::matching(w, at, &name.join("/")))
        }
        ("POST", ["refs"]) => ("git/refs#create-a-reference", refs::create(w, c, at)),
        ("PATCH", ["refs", name @ ..]) => ("git/refs#update-a-reference", refs::update(w, c, at, &name.join("/"))),
        ("DELETE", ["refs", name @ ..]) => ("git/refs#delete-a-reference", refs::delete(w, at, &name.join("/"))),
        ("POST", ["blobs"]) => ("git/blobs#create-a-blob", objects::create_blob(w, c, at)),
        ("GET", ["blobs", sha]) => ("git/blobs#get-a-blob", objects::get_blob(w, c, at, sha)),
        ("POST", ["trees"]) => ("git/trees#create-a-tree", objects::create_tree(w, c, at)),
        ("GET", ["trees", sha @ ..]) => ("git/trees#get-a-tree", objects::get_tree(w, c, at, &sha.join("/"))),
        ("POST", ["commits"]) => ("git/commits#create-a-commit", commits::create(w, c, at)),
        ("GET", ["commits", sha]) => ("git/commits#get-a-commit-object", commits::get_object(w, at, sha)),
        _ => ("", Err(Refusal::not_found())),
    }
}

fn in_pages(w: &mut World, c: &Call, at: At<'_>, rest: &[&str]) -> Routed {
    match (c.method.as_str(), rest) {
        ("GET", []) => ("pages/pages#get-a-apiname-pages-site", pages::get(w, c, at)),
        ("POST", []) => ("pages/pages#create-a-apiname-pages-site", pages::create(w, c, at)),
        ("PUT", []) => ("pages/pages#update-information-about-a-apiname-pages-site", pages::update(w, c, at)),
        ("DELETE", []) => ("pages/pages#delete-a-apiname-pages-site", pages::delete(w, at)),
        ("GET", ["builds"]) => ("pages/pages#list-apiname-pages-builds", pages::builds(w, c, at)),
        ("POST", ["builds"]) => ("pages/pages#request-a-apiname-pages-build", pages::request_build(w, c, at)),
        ("GET", ["builds", "latest"]) => ("pages/pages#get-latest-pages-build", pages::latest_build(w, c, at)),
        ("GET", ["builds", id]) => ("pages/pages#get-apiname-pages-build", pages::build(w, c, at, id)),
        _ => ("", Err(Refusal::not_found())),
    }
}
