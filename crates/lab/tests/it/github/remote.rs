//! The product's own GitHub code host, end to end against the stand-in, on good days and bad.

#![expect(clippy::panic, reason = "a test that cannot go on may panic, in its helpers too")]

use std::time::Duration;

use github::budget::Limits;
use github::remote::{self, RemoteHost};
use lab::github::{BuildPlan, Fault, Options, Reply, RepoView, Seen, When};
use ports::{
    Author, CodeHost, CommitDraft, PagesBuild, PagesState, Publication, PullRequestText, Repo, RepoQuery, RepoSpec,
    Site, TenantKey, Verdict,
};
use secrecy::SecretString;
use shared_types::{CommitSha, Timestamp};

use super::Lab;

/// A step that still fails after so many attempts has failed.
const ATTEMPTS: u32 = 5;
/// Questions after a build before the test gives up; plans here need fewer.
const LOOKS: u32 = 20;
const MARKER: &str = "marker-of-sales";

pub(super) fn host(lab: &Lab) -> RemoteHost {
    host_of(lab, None, "main")
}

pub(super) fn host_of(lab: &Lab, owner: Option<&str>, branch: &str) -> RemoteHost {
    RemoteHost::new(options(lab, owner, branch)).unwrap()
}

pub(super) fn options(lab: &Lab, owner: Option<&str>, branch: &str) -> remote::Options {
    remote::Options {
        api_url: lab.api.clone(),
        token: SecretString::from(lab.token.clone()),
        token_name: "GITHUB_TOKEN".to_owned(),
        owner: owner.map(str::to_owned),
        default_branch: branch.to_owned(),
        timeout: Duration::from_secs(10),
        // Beyond any test: the limits have tests of their own.
        limits: Limits { writes_a_minute: 10_000, writes_an_hour: 10_000, requests_an_hour: 100_000 },
    }
}

pub(super) fn spec() -> RepoSpec {
    RepoSpec {
        tenant: tenant("ada"),
        name: "sales-summary-1a2b3c4d".parse().unwrap(),
        description: "Sums the sales".to_owned(),
        marker: MARKER.to_owned(),
        author: author(),
        at: Timestamp::from_unix_ms(1_795_000_000_000),
        pages: PagesBuild::Branch,
    }
}

pub(super) fn tenant(name: &str) -> TenantKey {
    TenantKey::of(&format!("{name}@example.com").parse().unwrap())
}

/// For the repository of [`spec`], nowhere seen yet.
pub(super) fn query() -> RepoQuery {
    RepoQuery {
        tenant: tenant("ada"),
        name_prefix: "sales-summary-".to_owned(),
        marker: MARKER.to_owned(),
        seen_at: None,
    }
}

fn author() -> Author {
    Author { name: "Sitewright".to_owned(), email: "sitewright@example.com".to_owned() }
}

pub(super) fn draft(parent: Option<CommitSha>, text: &str) -> CommitDraft {
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
        tag: Some(text.to_owned()),
    }
}

/// With a workflow that deploys it.
pub(super) fn with_workflow(parent: Option<CommitSha>, text: &str) -> CommitDraft {
    let mut draft = draft(parent, text);
    let workflow = "jobs:\n  deploy:\n    steps:\n      - uses: actions/deploy-pages@v4\n";
    draft.site.insert(".github/workflows/pages.yml".parse().unwrap(), workflow.as_bytes().to_vec());
    draft
}

/// Two rounds as the runner plays them, each step again while its error says so.
pub(super) async fn two_rounds(host: &dyn CodeHost) -> (Repo, [CommitSha; 2]) {
    let repo = again(async || host.ensure_repo(&spec()).await).await;
    let first = round(host, &repo, draft(repo.head.clone(), "one")).await;
    let second = round(host, &repo, draft(Some(first.clone()), "two")).await;
    (repo, [first, second])
}

async fn round(host: &dyn CodeHost, repo: &Repo, draft: CommitDraft) -> CommitSha {
    let planned = again(async || host.plan_commit(repo, &draft).await).await;
    let publication = again(async || host.publish(repo, &draft, &planned).await).await;
    assert_eq!(publication, Publication::Done);
    again(async || host.ensure_pages(repo, PagesBuild::of(&draft.site)).await).await;
    for _ in 0..LOOKS {
        match again(async || host.pages_status(repo, &planned).await).await {
            PagesState::Built => return planned,
            PagesState::Building => {}
            state => panic!("the build failed: {state:?}"),
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
    let scopes = "repo, workflow, delete_repo".to_owned();
    let lab = Lab::start(Options { builds: BuildPlan::after_polls(2), scopes, ..Options::default() });
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

    let url = host.ensure_pages(&repo, PagesBuild::Branch).await.unwrap();
    assert_eq!(url, lab.sites.join(&format!("student/{}/", repo.name)).unwrap());
    assert_eq!(lab.page(url.path()).await, (200, "<title>two</title>".to_owned()));

    let read = host.read_site(&repo).await.unwrap();
    assert_eq!((read.head, read.site), (Some(second.clone()), draft(None, "two").site));
    let query = query();
    let found = host.find_repo(&query).await.unwrap().unwrap();
    assert_eq!((&found.name, found.head, found.pages_url), (&repo.name, Some(second), url));
    let strange = RepoQuery { marker: "another".to_owned(), ..query };
    assert_eq!(host.find_repo(&strange).await.unwrap(), None);
}

/// The account's own default branch is another than the configured one.
#[tokio::test]
async fn sites_are_published_from_the_configured_branch() {
    let lab = Lab::start(Options::default());
    let host = host_of(&lab, None, "trunk");
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
    let clean = seen(&lab);
    let requests = lab.handle.request_count();
    let mutations = lab.handle.mutation_count();
    lab.stop().await;
    assert_eq!(mutations, 6, "a repository, its topic, a push, pages, the homepage, a push");

    for fault in [Fault::CutBefore, Fault::CutAfter] {
        for number in 1..=requests {
            let lab = Lab::start(Options::default());
            lab.handle.inject(When::Request(number), fault.clone());
            let (_, commits) = two_rounds(&host(&lab)).await;
            let struck = lab.handle.requests().into_iter().nth(usize::try_from(number).unwrap() - 1);
            assert_eq!(lab.handle.waiting_faults(), 0, "{fault:?} {struck:?}");
            assert_eq!(commits, expected, "{fault:?} {struck:?}");
            assert_eq!(seen(&lab), clean, "{fault:?} {struck:?}");
        }
    }
}

/// All repositories with everything that a round leaves: commits, tags, topics, homepage, builds.
/// Without the port, which is another each time.
fn seen(lab: &Lab) -> Vec<RepoView> {
    let sites = lab.sites.as_str();
    let mut repos = lab.handle.repos();
    for repo in &mut repos {
        repo.homepage = repo.homepage.take().map(|homepage| homepage.replace(sites, "/"));
    }
    repos
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

/// A class on one token lives on 500 writes an hour. The homepage is written anew only where the
/// site is not at `github.io`, as here.
#[tokio::test]
async fn a_round_takes_few_writes() {
    let lab = Lab::start(Options::default());
    let host = host(&lab);
    let repo = host.ensure_repo(&spec()).await.unwrap();
    let first = round(&host, &repo, draft(repo.head.clone(), "one")).await;
    let writes = || lab.handle.requests().into_iter().filter(|seen| seen.mutation.is_some()).collect::<Vec<_>>();
    let paths = |seen: &[Seen]| seen.iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect::<Vec<_>>();
    let name = &repo.name;
    assert_eq!(
        paths(&writes()),
        [
            "POST /user/repos".to_owned(),
            format!("PUT /repos/student/{name}/topics"),
            format!("POST /student/{name}.git/git-receive-pack"),
            format!("POST /repos/student/{name}/pages"),
            format!("PATCH /repos/student/{name}"),
        ]
    );
    round(&host, &repo, draft(Some(first), "two")).await;
    assert_eq!(paths(&writes()[5..]), [format!("POST /student/{name}.git/git-receive-pack")]);
}

#[tokio::test]
async fn a_new_repository_says_whose_it_is_and_where_its_site_is() {
    let lab = Lab::start(Options::default());
    let host = host(&lab);
    let (repo, [first, second]) = two_rounds(&host).await;
    let seen = lab.handle.repo("student", repo.name.as_str()).unwrap();
    assert_eq!(
        (seen.description.as_deref(), &seen.topics[..]),
        (Some("Sums the sales"), &["sitewright".to_owned()][..])
    );
    assert_eq!(seen.homepage.as_deref(), Some(lab.sites.join(&format!("student/{}/", repo.name)).unwrap().as_str()));
    assert_eq!(seen.refs["refs/tags/one"], first.as_str());
    assert_eq!(seen.refs["refs/tags/two"], second.as_str());
    assert_eq!(seen.commits.len(), 2, "one commit a round, and no other");
}

/// Requirement C-053: what is not marked as ours is left alone.
#[tokio::test]
async fn a_repository_is_adopted_by_topic_and_marker_only() {
    let spec = spec();
    let name = spec.name.as_str();
    let marked = format!("m\n\nSitewright-Repo: {MARKER}\n");
    let check = async |topics: &[&str], message: Option<&str>, adopted: bool| {
        let lab = Lab::start(Options::default());
        assert!(lab.handle.create_repo("student", name));
        if let Some(message) = message {
            lab.handle.push("student", name, "main", message, &[("a", Some(b"a"))]).unwrap();
        }
        let body = serde_json::json!({ "names": topics });
        lab.send("PUT", &format!("/repos/student/{name}/topics"), Some(body)).await.unwrap();
        let made = host(&lab).ensure_repo(&spec).await;
        assert_eq!(made.is_ok(), adopted, "{topics:?} {message:?} {made:?}");
    };
    check(&["sitewright"], Some(&marked), true).await;
    check(&["sitewright"], Some("m"), false).await;
    check(&[], Some(&marked), false).await;
    check(&["sitewright"], None, false).await;
}

#[tokio::test]
async fn a_tag_of_an_earlier_commit_stays() {
    let lab = Lab::start(Options::default());
    let host = host(&lab);
    let (repo, [_, second]) = two_rounds(&host).await;
    let mut again_two = draft(Some(second.clone()), "three");
    again_two.tag = Some("two".to_owned());
    let third = round(&host, &repo, again_two).await;
    let refs = lab.handle.repo("student", repo.name.as_str()).unwrap().refs;
    assert_eq!(refs["refs/tags/two"], second.as_str());
    assert_eq!(refs[&format!("refs/tags/two-{}", &third.as_str()[..7])], third.as_str());
}

/// A site that deploys itself: pages are on, by workflow, before its push.
#[tokio::test]
async fn a_site_with_a_workflow_is_deployed_by_it() {
    let lab = Lab::start(Options { builds: BuildPlan::after_polls(1), ..Options::default() });
    let host = host(&lab);
    let repo = host.ensure_repo(&RepoSpec { pages: PagesBuild::Workflow, ..spec() }).await.unwrap();
    let first = round(&host, &repo, with_workflow(repo.head.clone(), "one")).await;
    let second = round(&host, &repo, draft(Some(first), "two")).await;
    let third = round(&host, &repo, with_workflow(Some(second), "three")).await;
    let pages = lab.handle.repo("student", repo.name.as_str()).unwrap().pages.unwrap();
    assert_eq!((pages.build_type, pages.live.as_deref()), ("workflow", Some(third.as_str())));

    let lab = Lab::start(Options { scopes: "repo".to_owned(), ..Options::default() });
    let host = self::host(&lab);
    let repo = host.ensure_repo(&RepoSpec { pages: PagesBuild::Workflow, ..spec() }).await.unwrap();
    let draft = with_workflow(repo.head.clone(), "one");
    let planned = host.plan_commit(&repo, &draft).await.unwrap();
    let error = host.publish(&repo, &draft, &planned).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp);
    assert!(ports::ErrorChain(&error).to_string().contains("Workflows: write"), "{}", ports::ErrorChain(&error));
}

#[tokio::test]
async fn each_refusal_has_its_verdict() {
    let check = async |path: &str, fault: Fault, expected: Verdict| {
        let lab = Lab::start(Options::default());
        let host = host(&lab);
        lab.handle.inject(When::matching("POST", path), fault.clone());
        let repo = host.ensure_repo(&spec()).await;
        let error = match repo {
            Err(error) => error,
            Ok(repo) => {
                let draft = draft(repo.head.clone(), "one");
                let planned = host.plan_commit(&repo, &draft).await.unwrap();
                host.publish(&repo, &draft, &planned).await.unwrap_err()
            }
        };
        assert_eq!(error.verdict(), expected, "{path} {fault:?}: {}", ports::ErrorChain(&error));
        format!("{}", ports::ErrorChain(&error))
    };
    let later = Verdict::RetryAfter(Duration::from_secs(7));
    let (make, push) = ("/user/repos", "/*/*/git-receive-pack");
    let answer = Fault::Answer;
    check(make, answer(Reply::secondary_limit(7)), later).await;
    check(push, answer(Reply::secondary_limit(7)), later).await;
    check(push, answer(Reply::page(429, "<h1>Slow down</h1>").with_header("retry-after", "7")), later).await;
    check(make, answer(Reply::page(429, "<h1>Slow down</h1>")), Verdict::RetryAfter(Duration::from_secs(60))).await;
    check(make, answer(Reply::refusal(502, "Server Error")), Verdict::RetryWithBackoff).await;
    check(push, answer(Reply::page(200, "<h1>Login</h1>")), Verdict::RetryWithBackoff).await;
    check(make, answer(Reply::refusal(401, "Bad credentials")), Verdict::RetryAfter(Duration::from_secs(60))).await;
    let found = "push declined due to repository rule violations: GH013 push protection";
    check(push, Fault::DeclinePush(found.to_owned()), Verdict::GiveUp).await;
    check(push, Fault::DeclinePush("Internal Server Error".to_owned()), Verdict::RetryWithBackoff).await;
    let text = check(make, answer(Reply::lacks_permission("administration=write")), Verdict::GiveUp).await;
    assert!(text.contains("administration=write"), "{text}");
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
    host.ensure_pages(&repo, PagesBuild::Branch).await.unwrap();
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
    let without_branch = || Reply::refusal(422, "The main branch must exist before GitHub Pages can be built.");
    tokio::join!(
        check("PUT", "/repos/*/*/topics", missing()),
        check("GET", "/*/*/info/refs", missing()),
        check("GET", "/repos/*/*", missing()),
        check("POST", "/repos/*/*/pages", missing()),
        check("POST", "/repos/*/*/pages", without_branch()),
    );
}
