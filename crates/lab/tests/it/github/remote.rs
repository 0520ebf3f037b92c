//! The product's own GitHub code host, end to end against the stand-in, on good days and bad.

#![expect(clippy::panic, reason = "a test that cannot go on may panic, in its helpers too")]

use std::time::Duration;

use github::remote::{self, RemoteHost};
use lab::github::{BuildPlan, Fault, Options, Reply, When};
use ports::{
    Author, CodeHost, CommitDraft, PagesState, Publication, PullRequestText, Repo, RepoQuery, RepoSpec, Site, Verdict,
};
use secrecy::SecretString;
use shared_types::{CommitSha, Timestamp};

use super::Lab;

/// A step that still fails after so many attempts has failed.
const ATTEMPTS: u32 = 5;
/// Questions after a build before the test gives up; plans here need fewer.
const LOOKS: u32 = 20;
const MARKER: &str = "marker-of-sales";

fn host(lab: &Lab) -> RemoteHost {
    host_on(lab, "main")
}

fn host_on(lab: &Lab, branch: &str) -> RemoteHost {
    let options = remote::Options {
        api_url: lab.api.clone(),
        token: SecretString::from(lab.token.clone()),
        owner: None,
        default_branch: branch.to_owned(),
        timeout: Duration::from_secs(10),
    };
    RemoteHost::new(options).unwrap()
}

fn spec() -> RepoSpec {
    RepoSpec {
        name: "sales-summary-1a2b3c4d".parse().unwrap(),
        description: "Sums the sales".to_owned(),
        marker: MARKER.to_owned(),
        author: author(),
        at: Timestamp::from_unix_ms(1_795_000_000_000),
    }
}

fn author() -> Author {
    Author { name: "Sitewright".to_owned(), email: "sitewright@example.com".to_owned() }
}

fn draft(parent: Option<CommitSha>, text: &str) -> CommitDraft {
    let mut site = Site::new();
    site.insert("index.html".parse().unwrap(), format!("<title>{text}</title>").into_bytes());
    site.insert(".nojekyll".parse().unwrap(), Vec::new());
    site.insert("assets/data.bin".parse().unwrap(), vec![0, 159, 146, 150]);
    CommitDraft {
        parent,
        site,
        message: format!("Build {text}\n\nSitewright-Repo: {MARKER}\n"),
        author: author(),
        at: Timestamp::from_unix_ms(1_795_000_060_000),
    }
}

/// Two rounds as the runner plays them, each step again while its error says so.
async fn two_rounds(host: &dyn CodeHost) -> (Repo, [CommitSha; 2]) {
    let repo = again(async || host.ensure_repo(&spec()).await).await;
    let first = round(host, &repo, draft(repo.head.clone(), "one")).await;
    let second = round(host, &repo, draft(Some(first.clone()), "two")).await;
    (repo, [first, second])
}

async fn round(host: &dyn CodeHost, repo: &Repo, draft: CommitDraft) -> CommitSha {
    let planned = again(async || host.plan_commit(repo, &draft).await).await;
    let publication = again(async || host.publish(repo, &draft, &planned).await).await;
    assert_eq!(publication, Publication::Done);
    again(async || host.ensure_pages(repo).await).await;
    for _ in 0..LOOKS {
        match again(async || host.pages_status(repo, &planned).await).await {
            PagesState::Built => return planned,
            PagesState::Building => {}
            PagesState::Failed { reason } => panic!("the build failed: {reason}"),
        }
    }
    panic!("the pages of {planned} were never built");
}

/// Without the waits: the stand-in does not mind.
async fn again<T>(step: impl AsyncFn() -> Result<T, ports::Error>) -> T {
    for _ in 1..ATTEMPTS {
        match step().await {
            Ok(done) => return done,
            Err(error) => assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{}", ports::ErrorChain(&error)),
        }
    }
    step().await.unwrap()
}

#[tokio::test]
async fn it_passes_the_suite_of_all_code_hosts() {
    let lab = Lab::start(Options { builds: BuildPlan::after_polls(2), ..Options::default() });
    github::conformance::code_host(&host(&lab), "lab").await;
}

#[tokio::test]
async fn two_rounds_are_published_and_served() {
    let lab = Lab::start(Options { builds: BuildPlan::after_polls(2), ..Options::default() });
    let host = host(&lab);
    let (repo, [first, second]) = two_rounds(&host).await;

    let seen = lab.handle.repo("student", repo.name.as_str()).unwrap();
    assert_eq!(seen.commits[0].sha, second.as_str());
    assert_eq!(seen.commits[0].parents, [first.as_str()]);
    assert_eq!(seen.commits[0].authored_at_unix_s, 1_795_000_060);
    assert_eq!(seen.pages.unwrap().live.as_deref(), Some(second.as_str()));
    assert!(!seen.files.contains_key("LICENSE"), "the tree is the draft's and nothing else");

    let url = host.ensure_pages(&repo).await.unwrap();
    assert_eq!(url, lab.sites.join(&format!("student/{}/", repo.name)).unwrap());
    assert_eq!(lab.page(url.path()).await, (200, "<title>two</title>".to_owned()));

    let read = host.read_site(&repo).await.unwrap();
    assert_eq!((read.head, read.site), (Some(second.clone()), draft(None, "two").site));
    let query = RepoQuery { name_prefix: "sales-summary-".to_owned(), marker: MARKER.to_owned() };
    let found = host.find_repo(&query).await.unwrap().unwrap();
    assert_eq!((&found.name, found.head, found.pages_url), (&repo.name, Some(second), url));
    let strange = RepoQuery { marker: "another".to_owned(), ..query };
    assert_eq!(host.find_repo(&strange).await.unwrap(), None);
}

/// The account's own default branch is another than the configured one.
#[tokio::test]
async fn sites_are_published_from_the_configured_branch() {
    let lab = Lab::start(Options::default());
    let host = host_on(&lab, "trunk");
    let (repo, [_, second]) = two_rounds(&host).await;
    let seen = lab.handle.repo("student", repo.name.as_str()).unwrap();
    assert_eq!((seen.default_branch.as_str(), seen.commits[0].sha.as_str()), ("trunk", second.as_str()));
    assert_eq!(seen.pages.unwrap().live.as_deref(), Some(second.as_str()));
}

#[tokio::test]
async fn a_repeated_round_adds_nothing() {
    let lab = Lab::start(Options::default());
    let host = host(&lab);
    let repo = host.ensure_repo(&spec()).await.unwrap();
    let draft = draft(repo.head.clone(), "one");
    let planned = round(&host, &repo, draft.clone()).await;
    let before = lab.handle.repos();
    for _ in 0..2 {
        assert_eq!(host.ensure_repo(&spec()).await.unwrap().head, Some(planned.clone()));
        assert_eq!(round(&host, &repo, draft.clone()).await, planned);
    }
    assert_eq!(lab.handle.repos(), before);
}

/// Whatever single request is cut, before or after its effect: the same repository, the same
/// commits, the same site, and each once.
#[tokio::test]
async fn a_cut_connection_leaves_no_trace() {
    let lab = Lab::start(Options::default());
    let (_, expected) = two_rounds(&host(&lab)).await;
    let clean = lab.handle.repos();
    let requests = lab.handle.request_count();
    let mutations = lab.handle.mutation_count();
    lab.stop().await;
    assert!(mutations >= 8, "a repository, its licence, twice blob, tree, commit and ref, and pages: {mutations}");

    for fault in [Fault::CutBefore, Fault::CutAfter] {
        for number in 1..=requests {
            let lab = Lab::start(Options::default());
            lab.handle.inject(When::Request(number), fault.clone());
            let (_, commits) = two_rounds(&host(&lab)).await;
            let struck = lab.handle.requests().into_iter().nth(usize::try_from(number).unwrap() - 1);
            assert_eq!(lab.handle.waiting_faults(), 0, "{fault:?} {struck:?}");
            assert_eq!(commits, expected, "{fault:?} {struck:?}");
            assert_eq!(lab.handle.repos(), clean, "{fault:?} {struck:?}");
        }
    }
}

#[tokio::test]
async fn a_push_by_somebody_else_ends_in_one_pull_request() {
    let lab = Lab::start(Options::default());
    let host = host(&lab);
    let (repo, [_, second]) = two_rounds(&host).await;
    let name = repo.name.as_str();
    let theirs = lab.handle.push("student", name, "main", "mine", &[("index.html", Some(b"mine"))]).unwrap();
    let third = draft(Some(second), "three");
    let planned = host.plan_commit(&repo, &third).await.unwrap();
    let moved = host.publish(&repo, &third, &planned).await.unwrap();
    assert_eq!(moved, Publication::Moved { head: Some(theirs.parse().unwrap()) });

    let text =
        PullRequestText { branch: "sitewright/round-3".to_owned(), title: "Round 3".to_owned(), body: "b".to_owned() };
    lab.handle.inject(When::matching("POST", "/repos/*/*/pulls"), Fault::CutAfter);
    let url = again(async || host.open_pull_request(&repo, &third, &text).await).await;
    assert_eq!(host.open_pull_request(&repo, &third, &text).await.unwrap(), url);
    let seen = lab.handle.repo("student", name).unwrap();
    assert_eq!(seen.pulls, ["Round 3"]);
    assert_eq!(seen.refs["refs/heads/main"], theirs);
    assert_eq!(seen.refs["refs/heads/sitewright/round-3"], planned.as_str());
}

#[tokio::test]
async fn each_refusal_has_its_verdict() {
    let check = async |path: &str, reply: Reply, expected: Verdict| {
        let lab = Lab::start(Options::default());
        let host = host(&lab);
        lab.handle.inject(When::matching("POST", path), Fault::Answer(reply.clone()));
        let repo = host.ensure_repo(&spec()).await;
        let error = match repo {
            Err(error) => error,
            Ok(repo) => {
                let draft = draft(repo.head.clone(), "one");
                let planned = host.plan_commit(&repo, &draft).await.unwrap();
                host.publish(&repo, &draft, &planned).await.unwrap_err()
            }
        };
        assert_eq!(error.verdict(), expected, "{path} {reply:?}: {}", ports::ErrorChain(&error));
        format!("{}", ports::ErrorChain(&error))
    };
    let later = Verdict::RetryAfter(Duration::from_secs(7));
    let (make, trees) = ("/user/repos", "/repos/*/*/git/trees");
    check(make, Reply::secondary_limit(7), later).await;
    check(trees, Reply::secondary_limit(7), later).await;
    check(make, Reply::refusal(502, "Server Error"), Verdict::RetryWithBackoff).await;
    check(make, Reply::refusal(401, "Bad credentials"), Verdict::RetryAfter(Duration::from_secs(60))).await;
    check(trees, Reply::push_protection(), Verdict::GiveUp).await;
    let text = check(trees, Reply::lacks_permission("contents=write"), Verdict::GiveUp).await;
    assert!(text.contains("contents=write"), "{text}");
}

#[tokio::test]
async fn a_build_that_fails_says_why() {
    let lab = Lab::start(Options::default());
    let host = host(&lab);
    let repo = host.ensure_repo(&spec()).await.unwrap();
    let draft = draft(repo.head.clone(), "one");
    let planned = host.plan_commit(&repo, &draft).await.unwrap();
    host.publish(&repo, &draft, &planned).await.unwrap();
    assert_eq!(host.pages_status(&repo, &planned).await.unwrap(), PagesState::Building, "pages are not on yet");
    lab.handle.plan_builds([BuildPlan::errored("no room")]);
    host.ensure_pages(&repo).await.unwrap();
    let failed = PagesState::Failed { reason: "no room".to_owned() };
    assert_eq!(host.pages_status(&repo, &planned).await.unwrap(), failed);
}

/// For some seconds after its creation, any route of a repository may say that it is not there.
#[tokio::test]
async fn a_repository_that_is_still_being_made_is_waited_for() {
    let check = async |method: &str, path: &str, reply: Reply| {
        let lab = Lab::start(Options::default());
        lab.handle.inject(When::matching(method, path), Fault::Answer(reply.clone()));
        let (_, commits) = two_rounds(&host(&lab)).await;
        assert_eq!(lab.handle.waiting_faults(), 0, "{method} {path}");
        let seen = lab.handle.repos();
        assert_eq!((seen.len(), seen[0].commits[0].sha.as_str()), (1, commits[1].as_str()), "{method} {path}");
    };
    let missing = || Reply::refusal(404, "Not Found");
    let empty = || Reply::refusal(409, "Git Repository is empty.");
    tokio::join!(
        check("GET", "/repos/*/*/commits", missing()),
        check("PUT", "/repos/*/*/contents/LICENSE", missing()),
        check("PUT", "/repos/*/*/contents/LICENSE", empty()),
        check("GET", "/repos/*/*", missing()),
        check("GET", "/repos/*/*/git/ref/heads/main", missing()),
        check("POST", "/repos/*/*/git/blobs", missing()),
        check("POST", "/repos/*/*/git/trees", empty()),
        check("POST", "/repos/*/*/pages", missing()),
    );
}
