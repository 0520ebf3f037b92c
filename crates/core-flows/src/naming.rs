//! Names that follow from a request alone, so that making them twice makes the same.

use ports::{RepoName, RepoQuery, TaskRecord, TenantKey};
use shared_types::{Digest, Email, Nonce, TaskName};
use url::Url;

/// GitHub allows 100 characters; the slug leaves room for a dash and the hash.
const SLUG_MAX: usize = 80;

/// `<task-slug>-<hash8(email, task, nonce)>`: a resend of round 1 under a new nonce gets a new
/// repository, since graders require one that was created after their request.
pub(crate) fn repo_name(email: &Email, task: &TaskName, nonce: &Nonce) -> RepoName {
    let hash = Digest::of(format!("{}\0{task}\0{nonce}", email.as_str()).as_bytes());
    let name = format!("{}{}", repo_prefix(task), &hash.as_str()[..8]);
    match name.parse() {
        Ok(name) => name,
        // A slug is never empty and holds only what a name may hold.
        Err(_) => unreachable!("slugs are sound names"),
    }
}

/// What every repository name of a task begins with.
pub(crate) fn repo_prefix(task: &TaskName) -> String {
    format!("{}-", slug(task))
}

/// Says whose repository it is without naming the person: written into every commit, and looked
/// for when the ledger does not know the repository.
pub(crate) fn marker(email: &Email, task: &TaskName) -> String {
    let hash = Digest::of(format!("{}\0{task}", email.as_str()).as_bytes());
    format!("{}/{}", slug(task), &hash.as_str()[..16])
}

/// The repository of `task`, last seen at `seen_at`.
pub(crate) fn query(task: &TaskRecord, seen_at: Option<Url>) -> RepoQuery {
    RepoQuery {
        tenant: TenantKey::of(&task.email),
        name_prefix: task.repo.to_string(),
        marker: marker(&task.email, &task.task),
        seen_at,
    }
}

/// The task's name in words, for a heading: `photo-card-5be11` is `Photo Card 5be11`.
pub(crate) fn title(task: &TaskName) -> String {
    let words = task.as_str().split(['-', '_', '.']).filter(|word| !word.is_empty());
    let capitalised = words.map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    });
    capitalised.collect::<Vec<_>>().join(" ")
}

fn slug(task: &TaskName) -> String {
    let mut slug = String::new();
    for c in task.as_str().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(SLUG_MAX);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_request() {
        let email: Email = "student@example.com".parse().unwrap();
        let nonce: Nonce = "n-1".parse().unwrap();
        let check = |task: &str, prefix: &str| {
            let task: TaskName = task.parse().unwrap();
            let name = repo_name(&email, &task, &nonce);
            assert_eq!(name.as_str().strip_prefix(prefix).map(str::len), Some(8), "{name}");
            assert_eq!(name, repo_name(&email, &task, &nonce));
            assert_ne!(name, repo_name(&email, &task, &"n-2".parse().unwrap()));
            assert!(!marker(&email, &task).contains("student"));
        };
        check("sales-summary-7f3a9", "sales-summary-7f3a9-");
        check("__A.b--C__", "a-b-c-");
        check(&"x".repeat(100), &format!("{}-", "x".repeat(80)));
    }

    #[test]
    fn a_title_is_read_from_the_name() {
        assert_eq!(title(&"photo-card_5be11".parse().unwrap()), "Photo Card 5be11");
    }
}
