//! The suite that every code host passes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a suite for tests: a failure is a panic")]

use std::time::Duration;

use bytes::Bytes;
use ports::{
    Author, CodeHost, CommitDraft, Deletion, PagesBuild, PagesState, Publication, PullRequestText, Repo, RepoName,
    RepoQuery, RepoSpec, Site, TenantKey, Verdict,
};
use shared_types::{CommitSha, Timestamp};

/// Looks at the pages state this often, this far apart: 10 s in all.
const LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Runs the suite. `tag` (of `a-z 0-9 -`) begins the names of the repositories that it makes; none
/// of them may exist.
///
/// # Panics
/// When `host` breaks the contract.
pub async fn code_host(host: &dyn CodeHost, tag: &str) {
    making_twice_makes_one(host, tag).await;
    a_name_of_others_is_refused(host, tag).await;
    what_is_published_is_read(host, tag).await;
    a_branch_moves_from_the_parent_only(host, tag).await;
    a_repository_is_found_by_prefix_and_marker(host, tag).await;
    a_repository_is_found_where_it_was_seen(host, tag).await;
    only_what_carries_the_marker_is_deleted(host, tag).await;
    pages_are_served_at_one_address(host, tag).await;
    a_pull_request_leaves_the_branch_alone(host, tag).await;
}

async fn making_twice_makes_one(host: &dyn CodeHost, tag: &str) {
    let spec = spec(tag, "twice");
    let first = host.ensure_repo(&spec).await.unwrap();
    let second = host.ensure_repo(&spec).await.unwrap();
    assert_eq!(first, second);
    assert_eq!((&first.name, first.tenant.as_ref()), (&spec.name, Some(&spec.tenant)));
    assert!(first.pages_url.path().ends_with('/'), "{}", first.pages_url);
    for url in [&first.html_url, &first.clone_url, &first.pages_url] {
        assert!(url.username().is_empty() && url.password().is_none(), "credentials in {url}");
    }
}

async fn a_name_of_others_is_refused(host: &dyn CodeHost, tag: &str) {
    let ours = spec(tag, "taken");
    let repo = host.ensure_repo(&ours).await.unwrap();
    publish(host, &repo, draft(repo.head.clone(), &ours.marker, "one")).await;
    let theirs = RepoSpec { marker: "someone-elses-marker".to_owned(), ..ours.clone() };
    assert_eq!(host.ensure_repo(&theirs).await.unwrap_err().verdict(), Verdict::GiveUp);
    assert!(host.ensure_repo(&ours).await.unwrap().head.is_some());
}

async fn what_is_published_is_read(host: &dyn CodeHost, tag: &str) {
    let spec = spec(tag, "round-trip");
    let repo = host.ensure_repo(&spec).await.unwrap();
    let first = draft(repo.head.clone(), &spec.marker, "one");
    let planned = host.plan_commit(&repo, &first).await.unwrap();
    assert_eq!(host.plan_commit(&repo, &first).await.unwrap(), planned, "the same draft, the same commit");
    assert_eq!(host.read_site(&repo).await.unwrap().head, repo.head, "a plan is not seen");

    for attempt in ["first", "repeated"] {
        let publication = host.publish(&repo, &first, &planned).await.unwrap();
        assert_eq!(publication, Publication::Done, "{attempt}");
    }
    let read = host.read_site(&repo).await.unwrap();
    assert_eq!(read.head, Some(planned.clone()));
    assert_eq!(read.site, first.site);

    let mut second = draft(Some(planned.clone()), &spec.marker, "two");
    second.site.remove(&"assets/data.bin".parse().unwrap());
    let head = publish(host, &repo, second.clone()).await;
    let read = host.read_site(&repo).await.unwrap();
    assert_eq!((read.head, read.site), (Some(head.clone()), second.site), "files that are left out are gone");

    let stale = host.publish(&repo, &first, &planned).await.unwrap();
    assert_eq!(stale, Publication::Moved { head: Some(head) }, "an old plan does not undo a newer one");
}

async fn a_branch_moves_from_the_parent_only(host: &dyn CodeHost, tag: &str) {
    let spec = spec(tag, "race");
    let repo = host.ensure_repo(&spec).await.unwrap();
    let drafts = ["left", "right"].map(|text| draft(repo.head.clone(), &spec.marker, text));
    let plans =
        [host.plan_commit(&repo, &drafts[0]).await.unwrap(), host.plan_commit(&repo, &drafts[1]).await.unwrap()];
    assert_ne!(plans[0], plans[1]);
    let (left, right) =
        futures::join!(host.publish(&repo, &drafts[0], &plans[0]), host.publish(&repo, &drafts[1], &plans[1]));
    let winner = match (left.unwrap(), right.unwrap()) {
        (Publication::Done, Publication::Moved { head }) if head.as_ref() == Some(&plans[0]) => 0,
        (Publication::Moved { head }, Publication::Done) if head.as_ref() == Some(&plans[1]) => 1,
        other => panic!("exactly one of two racing drafts is published: {other:?}"),
    };
    let read = host.read_site(&repo).await.unwrap();
    assert_eq!((read.head.as_ref(), &read.site), (Some(&plans[winner]), &drafts[winner].site));
}

async fn a_repository_is_found_by_prefix_and_marker(host: &dyn CodeHost, tag: &str) {
    let spec = spec(tag, "found");
    let query = |marker: &str| RepoQuery { name_prefix: format!("{tag}-foun"), ..query(&spec.tenant, marker, None) };
    assert_eq!(host.find_repo(&query(&spec.marker)).await.unwrap(), None);
    let repo = host.ensure_repo(&spec).await.unwrap();
    let head = publish(host, &repo, draft(repo.head.clone(), &spec.marker, "one")).await;
    let found = host.find_repo(&query(&spec.marker)).await.unwrap().unwrap();
    assert_eq!((found.name, found.head), (spec.name, Some(head)));
    assert_eq!(host.find_repo(&query("another-marker")).await.unwrap(), None);
}

async fn a_repository_is_found_where_it_was_seen(host: &dyn CodeHost, tag: &str) {
    let spec = spec(tag, "seen");
    let repo = host.ensure_repo(&spec).await.unwrap();
    let head = publish(host, &repo, draft(repo.head.clone(), &spec.marker, "one")).await;
    let seen = |marker: &str| query(&spec.tenant, marker, Some(&repo));
    let found = host.find_repo(&seen(&spec.marker)).await.unwrap().unwrap();
    assert_eq!((&found.name, found.head, &found.tenant), (&spec.name, Some(head), &repo.tenant));
    assert_eq!(host.find_repo(&seen("another-marker")).await.unwrap(), None);
    assert_eq!(host.find_repo(&query(&spec.tenant, &spec.marker, None)).await.unwrap(), None);
}

async fn only_what_carries_the_marker_is_deleted(host: &dyn CodeHost, tag: &str) {
    let spec = spec(tag, "deleted");
    let repo = host.ensure_repo(&spec).await.unwrap();
    publish(host, &repo, draft(repo.head.clone(), &spec.marker, "one")).await;
    let seen = |marker: &str| query(&spec.tenant, marker, Some(&repo));
    assert_eq!(host.delete_repo(&repo.name, &seen("another-marker")).await.unwrap(), Deletion::NotOurs);
    assert!(host.find_repo(&seen(&spec.marker)).await.unwrap().is_some());
    assert_eq!(host.delete_repo(&repo.name, &seen(&spec.marker)).await.unwrap(), Deletion::Deleted);
    assert_eq!(host.find_repo(&seen(&spec.marker)).await.unwrap(), None);
    for again in [seen(&spec.marker), query(&spec.tenant, &spec.marker, None)] {
        assert_eq!(host.delete_repo(&repo.name, &again).await.unwrap(), Deletion::Missing);
    }
    // One that was begun and has no commit yet.
    let begun = host.ensure_repo(&spec).await.unwrap();
    assert_eq!(begun.head, None);
    assert_eq!(host.delete_repo(&begun.name, &seen(&spec.marker)).await.unwrap(), Deletion::Deleted);
}

async fn pages_are_served_at_one_address(host: &dyn CodeHost, tag: &str) {
    let spec = spec(tag, "pages");
    let repo = host.ensure_repo(&spec).await.unwrap();
    let planned = publish(host, &repo, draft(repo.head.clone(), &spec.marker, "one")).await;
    let url = host.ensure_pages(&repo, PagesBuild::Branch).await.unwrap();
    assert_eq!(host.ensure_pages(&repo, PagesBuild::Branch).await.unwrap(), url);
    assert!(url.path().ends_with('/'), "{url}");
    for _ in 0..LOOKS {
        match host.pages_status(&repo, &planned).await.unwrap() {
            PagesState::Built => return,
            PagesState::Building => tokio::time::sleep(BETWEEN_LOOKS).await,
            state => panic!("the build failed: {state:?}"),
        }
    }
    panic!("pages of {planned} were not built in time");
}

async fn a_pull_request_leaves_the_branch_alone(host: &dyn CodeHost, tag: &str) {
    let spec = spec(tag, "pull");
    let repo = host.ensure_repo(&spec).await.unwrap();
    let base = publish(host, &repo, draft(repo.head.clone(), &spec.marker, "one")).await;
    let change = draft(Some(base.clone()), &spec.marker, "two");
    let text = PullRequestText {
        branch: "sitewright/round-2".to_owned(),
        title: "Round 2".to_owned(),
        body: "The main branch has moved.".to_owned(),
    };
    let url = host.open_pull_request(&repo, &change, &text).await.unwrap();
    assert_eq!(host.open_pull_request(&repo, &change, &text).await.unwrap(), url, "asking twice asks once");
    assert_eq!(host.read_site(&repo).await.unwrap().head, Some(base));
}

/// For a repository whose name gives no hint.
fn query(tenant: &TenantKey, marker: &str, seen: Option<&Repo>) -> RepoQuery {
    RepoQuery {
        tenant: tenant.clone(),
        name_prefix: "no-such-name-".to_owned(),
        marker: marker.to_owned(),
        seen_at: seen.map(|repo| repo.html_url.clone()),
    }
}

fn spec(tag: &str, name: &str) -> RepoSpec {
    RepoSpec {
        tenant: TenantKey::of(&"student@example.com".parse().unwrap()),
        name: format!("{tag}-{name}").parse::<RepoName>().unwrap(),
        description: "Made by the conformance suite".to_owned(),
        marker: format!("marker-of-{name}"),
        author: author(),
        at: Timestamp::from_unix_ms(1_795_000_000_000),
        pages: PagesBuild::Branch,
    }
}

fn author() -> Author {
    Author { name: "Sitewright".to_owned(), email: "sitewright@example.com".to_owned() }
}

/// Text in a nested folder and with a name beyond ASCII, an empty file, and bytes that are no UTF-8.
fn draft(parent: Option<CommitSha>, marker: &str, text: &str) -> CommitDraft {
    let mut site = Site::new();
    for (path, bytes) in [
        ("index.html", format!("<!doctype html><title>{text}</title>\n").into_bytes()),
        ("LICENSE", b"MIT\n".to_vec()),
        (".nojekyll", Vec::new()),
        ("a.b", b"sorts before a/ and after a-\n".to_vec()),
        ("a/deep/folder/file.txt", b"no newline at the end".to_vec()),
        ("assets/\u{fc}n\u{ef}.csv", b"a,b\r\n1,2\r\n".to_vec()),
        ("assets/data.bin", (0..=255).collect()),
    ] {
        site.insert(path.parse().unwrap(), Bytes::from(bytes));
    }
    CommitDraft {
        parent,
        site,
        message: format!("Build {text}\n\nSitewright-Repo: {marker}\n"),
        author: author(),
        at: Timestamp::from_unix_ms(1_795_000_060_000),
        tag: Some(format!("round-{text}")),
    }
}

async fn publish(host: &dyn CodeHost, repo: &Repo, draft: CommitDraft) -> CommitSha {
    let planned = host.plan_commit(repo, &draft).await.unwrap();
    assert_eq!(host.publish(repo, &draft, &planned).await.unwrap(), Publication::Done);
    planned
}
