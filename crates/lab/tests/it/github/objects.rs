//! Object ids are those that the `git` program computes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::Lab;

/// Files that try git's sorting, nesting, bytes and modes.
const FILES: [(&str, &[u8]); 7] = [
    ("LICENSE", b"MIT"),
    ("a.txt", b"sorts before the folder a\n"),
    ("a/deep/file.txt", "\u{e4}\u{20ac}".as_bytes()),
    ("a0", b""),
    ("a/b", b"x"),
    ("data.bin", &[0, 159, 146, 150, 10]),
    ("index.html", b"<!doctype html>\n"),
];
const NAME: &str = "A U Thor";
const EMAIL: &str = "author@example.org";
/// With an offset from UTC, which is part of the object.
const DATE: &str = "2026-11-21T12:00:00+02:00";
const MESSAGE: &str = "Subject\n\nBody, no newline at the end";

#[tokio::test]
async fn trees_and_commits_have_the_ids_that_git_gives_them() {
    let (lab, parent) = Lab::with_commit().await;
    let (tree, commit) = made_over_the_api(&lab, &parent).await;

    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    for (path, bytes) in FILES {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    git(folder.path(), &["add", "."]);
    assert_eq!(git(folder.path(), &["write-tree"]), tree);
    let bytes = format!(
        "tree {tree}\nparent {parent}\nauthor {NAME} <{EMAIL}> 1795255200 +0200\ncommitter {NAME} <{EMAIL}> 1795255200 +0200\n\n{MESSAGE}"
    );
    let object = folder.path().join("commit");
    fs::write(&object, bytes).unwrap();
    assert_eq!(git(folder.path(), &["hash-object", "-t", "commit", "--literally", "commit"]), commit);

    let shown = lab.get(&format!("/repos/student/site/git/commits/{commit}")).await;
    assert_eq!(shown.text("/author/date"), "2026-11-21T10:00:00Z");
    assert_eq!(shown.text("/parents/0/sha"), parent);
}

/// Text inline, bytes as a blob before; returns the ids of the tree and of the commit.
async fn made_over_the_api(lab: &Lab, parent: &str) -> (String, String) {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let mut tree = Vec::new();
    for (path, bytes) in FILES {
        let entry = match std::str::from_utf8(bytes) {
            Ok(text) => json!({ "path": path, "mode": "100644", "type": "blob", "content": text }),
            Err(_) => {
                let body = json!({ "content": BASE64_STANDARD.encode(bytes), "encoding": "base64" });
                let sha = lab.post("/repos/student/site/git/blobs", body).await.text("/sha");
                json!({ "path": path, "mode": "100644", "type": "blob", "sha": sha })
            }
        };
        tree.push(entry);
    }
    let tree = lab.post("/repos/student/site/git/trees", json!({ "tree": tree })).await.text("/sha");
    let who = json!({ "name": NAME, "email": EMAIL, "date": DATE });
    let body = json!({ "message": MESSAGE, "tree": tree, "parents": [parent], "author": who, "committer": who });
    let commit = lab.post("/repos/student/site/git/commits", body).await.text("/sha");
    (tree, commit)
}

#[tokio::test]
async fn a_tree_is_changed_on_top_of_another() {
    let (lab, head) = Lab::with_commit().await;
    let check = async |base: &str, entries: Value, expected: &str| {
        let body = json!({ "base_tree": base, "tree": entries });
        let made = lab.post("/repos/student/site/git/trees", body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let sha = made.text("/sha");
        let shown = lab.get(&format!("/repos/student/site/git/trees/{sha}?recursive=1")).await;
        let paths: Vec<&str> =
            shown.body["tree"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap()).collect();
        assert_eq!(paths.join(" "), expected);
        sha
    };
    let blob = |path: &str| json!({ "path": path, "mode": "100644", "type": "blob", "content": path });
    let gone = |path: &str| json!({ "path": path, "mode": "100644", "type": "blob", "sha": null });

    let first = check(&head, json!([blob("a/b"), blob("a/c")]), "LICENSE a a/b a/c").await;
    check(&first, json!([gone("a/b")]), "LICENSE a a/c").await;
    check(&first, json!([gone("a/b"), gone("a/c")]), "LICENSE").await;
    check(&first, json!([blob("a")]), "LICENSE a").await;
    check(&first, json!([blob("LICENSE/x")]), "LICENSE LICENSE/x a a/b a/c").await;
    let moved = json!([{ "path": "copy", "mode": "040000", "type": "tree", "sha": first }]);
    check(&first, moved, "LICENSE a a/b a/c copy copy/LICENSE copy/a copy/a/b copy/a/c").await;
}

#[tokio::test]
async fn files_are_read_back_byte_for_byte() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let (lab, head) = Lab::with_commit().await;
    let text = "0123456789".repeat(20);
    lab.write("folder/long file.txt", &text).await;

    let shown = lab.get("/repos/student/site/contents/folder/long%20file.txt").await;
    let content: String = shown.text("/content").split('\n').collect();
    assert_eq!(BASE64_STANDARD.decode(content).unwrap(), text.as_bytes());
    assert_eq!(shown.body["size"], 200);
    let blob = lab.get(&format!("/repos/student/site/git/blobs/{}", shown.text("/sha"))).await;
    assert_eq!(blob.text("/content"), shown.text("/content"));

    let root = lab.get("/repos/student/site/contents/").await;
    let kinds: BTreeMap<&str, &str> =
        root.body.as_array().unwrap().iter().map(|e| (str(e, "name"), str(e, "type"))).collect();
    assert_eq!(kinds, BTreeMap::from([("LICENSE", "file"), ("folder", "dir")]));
    let before = lab.get(&format!("/repos/student/site/contents/folder?ref={head}")).await;
    assert_eq!(before.status, 404);
}

fn str<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

/// What git prints, trimmed.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "core.autocrlf=false"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
