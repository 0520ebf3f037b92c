//! The accounts of a class against the stand-in: whose repositories go where, with whose token, also after the class
//! has changed; and what GitHub says of renamed repositories, domains and deletions.

use std::collections::BTreeSet;

use github::remote::{Accounts, Own, Token};
use lab::github::{BuildPlan, Fault, Options, Reply, When};
use ports::{CodeHost, Deletion, HealthPart, PagesBuild, Publication, Repo, RepoQuery, RepoSpec, Verdict};
use shared_types::http::PartState;

use super::Lab;
use super::remote::{draft, host, options, query, spec, tenant, two_rounds};

/// A token that nobody finds in our sources.
fn token(login: &str) -> String {
    ["gh", "p_", "of-", login].concat()
}

/// GitHub with the accounts ada, bob and cyd beside the deployment's.
fn lab() -> Lab {
    let others = ["ada", "bob", "cyd"].map(|login| (login.to_owned(), token(login)));
    Lab::start(Options { others: others.into(), builds: BuildPlan::immediate(), ..Options::default() })
}

/// A class by `student owner`; each has the token of their own login, `-` is no owner named.
fn accounts(lab: &Lab, class: &[(&str, &str)]) -> Accounts {
    let own = class.iter().map(|(student, owner)| Own {
        tenant: tenant(student),
        owner: (*owner != "-").then(|| (*owner).to_owned()),
        token: Some(Token { name: format!("{}_TOKEN", student.to_uppercase()), secret: token(student).into() }),
    });
    Accounts::new(options(lab, None, "main"), own).unwrap()
}

fn spec_of(student: &str) -> RepoSpec {
    RepoSpec { tenant: tenant(student), name: format!("task-of-{student}").parse().unwrap(), ..spec() }
}

/// Publishes round 1 of a student's task.
async fn built(host: &dyn CodeHost, student: &str) -> Repo {
    let repo = host.ensure_repo(&spec_of(student)).await.unwrap();
    published(host, &repo, "one").await;
    repo
}

async fn published(host: &dyn CodeHost, repo: &Repo, text: &str) {
    let draft = draft(repo.head.clone(), text);
    let planned = host.plan_commit(repo, &draft).await.unwrap();
    assert_eq!(host.publish(repo, &draft, &planned).await.unwrap(), Publication::Done);
    host.ensure_pages(repo, PagesBuild::Branch).await.unwrap();
}

/// What a later round asks for, with the place of an earlier one.
fn seen(student: &str, repo: &Repo) -> RepoQuery {
    RepoQuery {
        tenant: tenant(student),
        name_prefix: format!("task-of-{student}"),
        seen_at: Some(repo.html_url.clone()),
        ..query()
    }
}

#[tokio::test]
async fn each_students_sites_are_the_students_own() {
    let lab = lab();
    let host = accounts(&lab, &[("ada", "ada"), ("bob", "-"), ("cyd", "cyd")]);
    for (student, owner) in [("ada", "ada"), ("bob", "bob"), ("cyd", "cyd"), ("dan", "student")] {
        let repo = built(&host, student).await;
        assert_eq!(repo.owner, owner);
        let head = host.find_repo(&seen(student, &repo)).await.unwrap().unwrap().head;
        published(&host, &Repo { head, ..repo }, "two").await;
    }
    let repos: Vec<String> = lab.handle.repos().iter().map(|repo| format!("{}/{}", repo.owner, repo.name)).collect();
    assert_eq!(repos, ["ada/task-of-ada", "bob/task-of-bob", "cyd/task-of-cyd", "student/task-of-dan"]);
    // Whatever was asked about somebody's repository was asked with that account's token.
    for request in lab.handle.requests() {
        let path = request.path.trim_start_matches("/repos");
        let owner = ["ada", "bob", "cyd", "student"].into_iter().find(|o| path.starts_with(&format!("/{o}/")));
        assert!(owner.is_none() || request.login.as_deref() == owner, "{request:?}");
    }
}

/// The class file says something else after each round: what was made stays where it is, and is worked on there.
#[tokio::test]
async fn a_repository_is_found_where_it_was_made_whatever_the_class_says_now() {
    let lab = lab();
    let before = built(&accounts(&lab, &[]), "ada").await;
    assert_eq!(before.owner, "student");
    let now = accounts(&lab, &[("ada", "ada")]);
    // By the place that the ledger knows, and by name and marker when the ledger is lost.
    for query in [seen("ada", &before), RepoQuery { seen_at: None, ..seen("ada", &before) }] {
        let found = now.find_repo(&query).await.unwrap().unwrap();
        assert_eq!((found.owner.as_str(), &found.name), ("student", &before.name));
        published(&now, &found, &format!("two-{}", query.seen_at.is_some())).await;
    }
    // And the other way round: the student has no account of their own any more.
    let own = built(&now, "ada").await;
    assert_eq!(own.owner, "ada");
    let later = accounts(&lab, &[("bob", "ada")]);
    let found = later.find_repo(&seen("ada", &own)).await.unwrap().unwrap();
    assert_eq!(found.owner, "ada");
    // Nobody's token may write there: GitHub says so, and nothing goes to another account.
    let gone = accounts(&lab, &[]);
    let found = gone.find_repo(&seen("ada", &own)).await.unwrap().unwrap();
    let draft = draft(found.head.clone(), "three");
    let planned = gone.plan_commit(&found, &draft).await.unwrap();
    let error = gone.publish(&found, &draft, &planned).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp);
    let said = ports::ErrorChain(&error).to_string();
    assert!(said.contains("ada/task-of-ada") && said.contains("denied to student"), "{said}");
}

#[tokio::test]
async fn a_refused_token_holds_up_its_own_student_only() {
    let lab = lab();
    let class = [("ada", "ada"), ("bob", "bob")];
    let host = accounts(&lab, &class);
    let ada = built(&host, "ada").await;
    lab.handle.replace_token("ada", "another");
    let refused = host.find_repo(&seen("ada", &ada)).await.unwrap_err();
    assert!(matches!(refused.verdict(), Verdict::RetryAfter(_)), "{refused}");
    let said = ports::ErrorChain(&refused).to_string();
    assert!(said.contains("set a new ADA_TOKEN") && !said.contains(&token("ada")), "{said}");
    built(&host, "bob").await;
    built(&host, "dan").await;
    let part = host.look().await;
    assert_eq!(part.state, PartState::Degraded);
    assert_eq!(part.detail, "ada: GitHub refuses the token, its work waits for another one");

    lab.handle.replace_token("ada", &token("ada"));
    let host = accounts(&lab, &class);
    assert!(host.find_repo(&seen("ada", &ada)).await.unwrap().is_some());
    assert_eq!(host.look().await.state, PartState::Up);
}

#[tokio::test]
async fn a_limit_of_one_token_is_no_limit_of_another() {
    let lab = lab();
    let host = accounts(&lab, &[("ada", "ada"), ("bob", "bob")]);
    built(&host, "ada").await;
    let limit = Fault::Answer(Reply::secondary_limit(90));
    lab.handle.inject(When::matching("POST", "/user/repos"), limit);
    let again = RepoSpec { name: "second-of-ada".parse().unwrap(), ..spec_of("ada") };
    for _ in 0..2 {
        let wait = host.ensure_repo(&again).await.unwrap_err().verdict();
        assert!(matches!(wait, Verdict::RetryAfter(wait) if wait.as_secs() > 80), "{wait:?}");
    }
    built(&host, "bob").await;
    assert!(host.look().await.detail.starts_with("ada: the token's requests are spent"));
}

#[tokio::test]
async fn each_token_is_examined() {
    let lab = lab();
    let host = accounts(&lab, &[("ada", "ada"), ("bob", "bob"), ("cyd", "bob")]);
    lab.handle.replace_token("ada", "another");
    let mut seen = BTreeSet::new();
    for account in host.all() {
        let said = match account.examine().await {
            Ok(examination) => format!("{} {}", examination.login, examination.cannot_create.is_some()),
            Err(error) => error.to_string(),
        };
        seen.insert(format!("{} {}: {said:.44}", account.name(), account.token_name()));
    }
    let expected = [
        "GITHUB_TOKEN GITHUB_TOKEN: student false",
        "ada ADA_TOKEN: read the user of the token: GitHub answered ",
        "bob BOB_TOKEN: bob false",
        // Bob's account is none of Cyd's.
        "bob CYD_TOKEN: cyd true",
    ];
    assert_eq!(seen, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn a_renamed_repository_is_found_and_published_to() {
    let lab = lab();
    let host = host(&lab);
    let (repo, [_, second]) = two_rounds(&host).await;
    assert!(lab.handle.rename_repo("student", repo.name.as_str(), "my-portfolio"));
    let place = RepoQuery { seen_at: Some(repo.html_url.clone()), ..query() };
    assert_eq!(host.find_repo(&query()).await.unwrap(), None, "its name gives no hint");
    let found = host.find_repo(&place).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), &found.head), ("my-portfolio", &Some(second)));
    published(&host, &found, "three").await;
    assert_eq!(lab.handle.repo("student", "my-portfolio").unwrap().commits.len(), 3);
}

/// The repository's own domain, and one of the whole account: what GitHub says is used, told and served.
#[tokio::test]
async fn pages_are_where_github_says() {
    for whole_account in [false, true] {
        let lab = lab();
        let (host, name) = (host(&lab), spec().name);
        let domain = format!("localhost:{}", lab.sites.port().unwrap());
        match whole_account {
            false => lab.handle.give_domain("student", name.as_str(), &domain),
            true => lab.handle.give_account_domain("student", &domain),
        }
        let (repo, _) = two_rounds(&host).await;
        let expected = if whole_account { format!("http://{domain}/{name}/") } else { format!("http://{domain}/") };
        let url = host.ensure_pages(&repo, PagesBuild::Branch).await.unwrap();
        assert_eq!(url.as_str(), expected);
        let found = host.find_repo(&query()).await.unwrap().unwrap();
        assert_eq!(found.pages_url, url);
        let seen = lab.handle.repo("student", name.as_str()).unwrap();
        assert_eq!(seen.homepage.as_deref(), Some(url.as_str()));
        let page = lab::client().unwrap().get(url).send().await.unwrap().text().await.unwrap();
        assert_eq!(page, "<title>two</title>");
    }
}

#[tokio::test]
async fn a_deletion_needs_a_right_of_its_own_and_our_marker() {
    let lab = lab();
    let host = host(&lab);
    let (repo, _) = two_rounds(&host).await;
    let error = host.delete_repo(&repo.name, &query()).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp);
    let said = ports::ErrorChain(&error).to_string();
    assert!(said.contains("the scope delete_repo") && said.contains("GITHUB_TOKEN"), "{said}");
    let fine_grained = Reply::lacks_permission("administration=write");
    lab.handle.inject(When::matching("DELETE", "/repos/*/*"), Fault::Answer(fine_grained));
    let said = ports::ErrorChain(&host.delete_repo(&repo.name, &query()).await.unwrap_err()).to_string();
    assert!(said.contains("administration=write"), "{said}");

    let lab = Lab::start(Options { scopes: "repo, delete_repo".to_owned(), ..Options::default() });
    let host = self::host(&lab);
    let (repo, _) = two_rounds(&host).await;
    assert!(lab.handle.create_repo("student", "of-a-person"));
    lab.handle.push("student", "of-a-person", "main", "mine", &[("a", Some(b"a"))]).unwrap();
    let theirs = "of-a-person".parse().unwrap();
    assert_eq!(host.delete_repo(&theirs, &query()).await.unwrap(), Deletion::NotOurs);
    // The answer is lost, not the effect.
    lab.handle.inject(When::matching("DELETE", "/repos/*/*"), Fault::CutAfter);
    assert_eq!(host.delete_repo(&repo.name, &query()).await.unwrap_err().verdict(), Verdict::RetryWithBackoff);
    assert_eq!(host.delete_repo(&repo.name, &query()).await.unwrap(), Deletion::Missing);
    let left: Vec<String> = lab.handle.repos().into_iter().map(|repo| repo.name).collect();
    assert_eq!(left, ["of-a-person"]);
}
