//! What a killed process may leave on the disk, and what comes of it.

use std::fs;
use std::time::{Duration, SystemTime};

use ports::{CodeHost, Publication, RepoQuery, TenantKey, Verdict};

use crate::stage::{MARKER, Stage, draft, git, spec};

#[tokio::test]
async fn a_half_made_repository_heals() {
    let stage = Stage::new();
    let path = stage.repo_path("half");
    // Killed while laying out the folder, in today's way and in any older one.
    fs::create_dir_all(path.with_file_name(".half.git.new").join("objects")).unwrap();
    fs::create_dir_all(path.join("refs/heads")).unwrap();
    fs::write(path.join("config"), "[core").unwrap();

    let repo = stage.host.ensure_repo(&spec("half")).await.unwrap();
    assert_eq!(repo.head, None);
    assert!(!path.with_file_name(".half.git.new").exists());
    assert_eq!(git(&path, &["symbolic-ref", "HEAD"]).await, "refs/heads/main\n");
    assert_eq!(git(&path, &["rev-parse", "--is-bare-repository"]).await, "true\n");
    assert_eq!(fs::read_to_string(path.join("description")).unwrap(), "A site for a test\n");
    stage.end().await;
}

#[tokio::test]
async fn a_repository_that_lost_its_head_is_not_thrown_away() {
    let stage = Stage::new();
    stage.published("headless", &[("index.html", b"one")]).await;
    fs::remove_file(stage.repo_path("headless").join("HEAD")).unwrap();
    let error = stage.host.ensure_repo(&spec("headless")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp, "{error}");
    assert!(stage.repo_path("headless").join("refs/heads/main").exists());
    stage.end().await;
}

#[tokio::test]
async fn objects_without_a_branch_are_not_seen_and_are_used_again() {
    let stage = Stage::new();
    let repo = stage.host.ensure_repo(&spec("killed")).await.unwrap();
    let draft = draft(None, &[("index.html", b"one")]);
    let planned = stage.host.plan_commit(&repo, &draft).await.unwrap();
    stage.host.publish(&repo, &draft, &planned).await.unwrap();
    // As if killed after the objects and before the branch; one object torn by a power cut.
    let path = stage.repo_path("killed");
    fs::remove_file(path.join("refs/heads/main")).unwrap();
    let torn = path.join("objects").join(&planned.as_str()[..2]).join(&planned.as_str()[2..]);
    fs::remove_file(&torn).unwrap();
    fs::write(&torn, b"").unwrap();

    assert_eq!(stage.host.read_site(&repo).await.unwrap().head, None);
    assert_eq!(stage.host.publish(&repo, &draft, &planned).await.unwrap(), Publication::Done);
    assert_eq!(git(&path, &["fsck", "--strict", "--full"]).await, "");
    stage.end().await;
}

#[tokio::test]
async fn a_lock_is_waited_for_and_broken_only_when_it_is_old() {
    let stage = Stage::new();
    let (repo, first) = stage.published("locked", &[("index.html", b"one")]).await;
    let next = draft(Some(first), &[("index.html", b"two")]);
    let planned = stage.host.plan_commit(&repo, &next).await.unwrap();
    let path = stage.repo_path("locked").join("refs/heads/main.lock");
    let lock = fs::File::create(&path).unwrap();

    let error = stage.host.publish(&repo, &next, &planned).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{error}");
    assert!(path.exists(), "a fresh lock belongs to someone");

    lock.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    assert_eq!(stage.host.publish(&repo, &next, &planned).await.unwrap(), Publication::Done);
    stage.end().await;
}

#[tokio::test]
async fn many_writers_of_one_branch_make_one_line() {
    let stage = Stage::new();
    let (repo, first) = stage.published("many", &[("index.html", b"one")]).await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..16_u8 {
        let (host, repo, first) = (stage.host.clone(), repo.clone(), first.clone());
        writers.spawn(async move {
            let draft = draft(Some(first), &[("index.html", &[n])]);
            let planned = host.plan_commit(&repo, &draft).await.unwrap();
            // A lock that is held is "again", as the caller's retry loop would have it.
            loop {
                match host.publish(&repo, &draft, &planned).await {
                    Ok(publication) => return publication == Publication::Done,
                    Err(error) => assert_eq!(error.verdict(), Verdict::RetryWithBackoff, "{error}"),
                }
            }
        });
    }
    let won = writers.join_all().await.into_iter().filter(|done| *done).count();
    assert_eq!(won, 1);
    assert_eq!(git(&stage.repo_path("many"), &["rev-list", "--count", "main"]).await, "2\n");
    stage.end().await;
}

#[tokio::test]
async fn many_makers_of_one_repository_make_one() {
    let stage = Stage::new();
    let mut makers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let host = stage.host.clone();
        makers.spawn(async move { host.ensure_repo(&spec("same")).await.unwrap() });
    }
    let repos = makers.join_all().await;
    assert!(repos.iter().all(|repo| *repo == repos[0]));
    stage.end().await;
}

#[tokio::test]
async fn a_plan_that_is_not_the_drafts_is_refused() {
    let stage = Stage::new();
    let (repo, first) = stage.published("other", &[("index.html", b"one")]).await;
    let planned = stage.host.plan_commit(&repo, &draft(Some(first.clone()), &[("a", b"a")])).await.unwrap();
    let error = stage.host.publish(&repo, &draft(Some(first), &[("b", b"b")]), &planned).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp, "{error}");
    stage.end().await;
}

#[tokio::test]
async fn a_search_passes_over_what_is_no_repository() {
    let stage = Stage::new();
    let query = RepoQuery {
        tenant: TenantKey::of(&"s@example.com".parse().unwrap()),
        name_prefix: "s".to_owned(),
        marker: MARKER.to_owned(),
        seen_at: None,
    };
    assert_eq!(stage.host.find_repo(&query).await.unwrap(), None, "no folder at all");
    stage.published("site-1", &[("index.html", b"one")]).await;
    stage.host.ensure_repo(&spec("site-2")).await.unwrap();
    for stray in ["site-3.git", "Site.git", "site-4"] {
        fs::create_dir_all(stage.repo_path("site-1").with_file_name(stray)).unwrap();
    }
    assert_eq!(stage.host.find_repo(&query).await.unwrap().unwrap().name.as_str(), "site-1");
    stage.end().await;
}
