//! What stock git says of the repositories.

use ports::{CodeHost, Publication, PullRequestText};

use crate::stage::{Stage, draft, git};

#[tokio::test]
async fn stock_git_clones_what_was_published_byte_for_byte() {
    let stage = Stage::new();
    let every_byte: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let files: [(&str, &[u8]); 7] = [
        ("index.html", b"<!doctype html>\n"),
        (".nojekyll", b""),
        ("a-b", b"1"),
        ("a.b", b"2"),
        ("a/b/c.txt", b"no newline"),
        ("data/every.bin", &every_byte),
        ("\u{fc}n\u{ef}.csv", b"a,b\r\n"),
    ];
    let (repo, first) = stage.published("clone-me", &files).await;
    let second = draft(Some(first.clone()), &files[..3]);
    let planned = stage.host.plan_commit(&repo, &second).await.unwrap();
    stage.host.publish(&repo, &second, &planned).await.unwrap();

    for (address, folder) in [(&repo.clone_url, "by-clone-url"), (&repo.html_url, "by-html-url")] {
        git(stage.folder.path(), &["clone", "-q", address.as_str(), folder]).await;
        let clone = stage.folder.path().join(folder);
        assert_eq!(git(&clone, &["log", "--format=%H"]).await, format!("{planned}\n{first}\n"));
        git(&clone, &["checkout", "-q", first.as_str()]).await;
        for (path, bytes) in files {
            assert!(std::fs::read(clone.join(path)).unwrap() == bytes, "{path} differs");
        }
        assert_eq!(git(&clone, &["fsck", "--strict", "--full"]).await, "");
    }
    stage.end().await;
}

#[tokio::test]
async fn git_agrees_with_the_plan() {
    let stage = Stage::new();
    let (repo, planned) = stage.published("agree", &[("a/x.txt", b"x\n"), ("a.txt", b"y\n")]).await;
    let path = stage.repo_path("agree");
    assert_eq!(git(&path, &["rev-parse", "HEAD"]).await.trim(), planned.as_str());
    let format = "--format=%an <%ae> %ad|%cn <%ce> %cd|%P|%B";
    assert_eq!(
        git(&path, &["log", "-1", "--date=raw", format]).await,
        "Sitewright <sitewright@example.com> 1795000000 +0000|Sitewright <sitewright@example.com> 1795000000 +0000||\
         Build it\n\nSitewright-Repo: owner-and-task-1\n\n"
    );
    assert_eq!(
        git(&path, &["ls-tree", "-r", "HEAD", "--format=%(objectmode) %(path)"]).await,
        "100644 a.txt\n100644 a/x.txt\n"
    );
    // The same commit, made by git itself from the same parts.
    let tree = git(&path, &["rev-parse", "HEAD^{tree}"]).await;
    let raw = git(&path, &["cat-file", "commit", "HEAD"]).await;
    assert!(raw.starts_with(&format!("tree {tree}author ")), "{raw}");
    std::fs::write(stage.folder.path().join("commit"), raw).unwrap();
    let made = git(stage.folder.path(), &["hash-object", "-t", "commit", "commit"]).await;
    assert_eq!(made.trim(), planned.as_str());
    assert_eq!(repo.default_branch, "main");
    stage.end().await;
}

#[tokio::test]
async fn a_repository_that_a_person_packed_is_still_read_published_and_cloned() {
    let stage = Stage::new();
    let (repo, first) = stage.published("packed", &[("index.html", b"one")]).await;
    let path = stage.repo_path("packed");
    git(&path, &["gc", "-q", "--prune=now"]).await;
    git(&path, &["pack-refs", "--all"]).await;
    assert_eq!(stage.host.read_site(&repo).await.unwrap().head.as_ref(), Some(&first));

    let next = draft(Some(first), &[("index.html", b"two")]);
    let planned = stage.host.plan_commit(&repo, &next).await.unwrap();
    assert_eq!(stage.host.publish(&repo, &next, &planned).await.unwrap(), Publication::Done);
    git(stage.folder.path(), &["clone", "-q", repo.clone_url.as_str(), "out"]).await;
    assert_eq!(std::fs::read(stage.folder.path().join("out/index.html")).unwrap(), b"two");
    stage.end().await;
}

#[tokio::test]
async fn a_pull_request_can_be_read_and_merged_by_its_own_words() {
    let stage = Stage::new();
    let (repo, first) = stage.published("pull", &[("index.html", b"one")]).await;
    let change = draft(Some(first), &[("index.html", b"two")]);
    let text = PullRequestText {
        branch: "sitewright/round-2".to_owned(),
        title: "Round 2".to_owned(),
        body: "The main branch has moved.".to_owned(),
    };
    let url = stage.host.open_pull_request(&repo, &change, &text).await.unwrap();
    let shown = stage.get(url.path()).await;
    let shown = (shown.status, String::from_utf8(shown.body).unwrap());
    assert_eq!(shown.0, 200);
    assert!(shown.1.starts_with("Round 2\n\nThe main branch has moved.\n"), "{}", shown.1);

    git(stage.folder.path(), &["clone", "-q", repo.clone_url.as_str(), "out"]).await;
    let out = stage.folder.path().join("out");
    git(&out, &["merge", "-q", "origin/sitewright/round-2"]).await;
    assert_eq!(std::fs::read(out.join("index.html")).unwrap(), b"two");

    let other = draft(change.parent.clone(), &[("index.html", b"three")]);
    let error = stage.host.open_pull_request(&repo, &other, &text).await.unwrap_err();
    assert_eq!(error.verdict(), ports::Verdict::GiveUp, "a branch is never moved by force: {error}");
    stage.end().await;
}
