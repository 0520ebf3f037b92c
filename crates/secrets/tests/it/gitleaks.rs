//! gitleaks as a second opinion, played by scripts.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use ports::{Gatekeeper as _, Leak};
use secrets::{Gitleaks, Keeper, Options, Students};

use crate::samples::{github_token, own_secret, student_secret};
use crate::site;

/// Ample for a script.
const LIMIT: Duration = Duration::from_secs(30);

async fn scan(script: &str, limit: Duration, files: &[(&str, &[u8])]) -> Vec<Leak> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gitleaks").join(script);
    let options = Options { students: Students::Shared(student_secret().into()), own: vec![own_secret().into()] };
    let keeper = Keeper::new(options).unwrap().with_gitleaks(Some(Gitleaks::at(program).within(limit)));
    keeper.scan(&site(files)).await.unwrap()
}

fn leak(kind: &str, path: &str, line: u32) -> Leak {
    Leak { kind: kind.to_owned(), path: path.parse().unwrap(), line: Some(line) }
}

#[tokio::test]
async fn its_findings_join_ours() {
    let token = github_token();
    let page = format!("<p>\n{token} PLANTED\nPLANTED\nPLANTED GENERIC\n");
    let named = format!("{}/a.txt", own_secret());
    let files: [(&str, &[u8]); 4] = [
        ("a/index.html", page.as_bytes()),
        ("style.css", b"PLANTED"),
        (".gitleaks.toml", b"PLANTED"),
        (&named, b"PLANTED"),
    ];
    let found = scan("finds.sh", LIMIT, &files).await;
    let in_path = Leak { line: None, ..leak("own_secret", "[redacted]/a.txt", 1) };
    let expected = [
        leak("github_token", "a/index.html", 2),
        in_path,
        leak("gitleaks_planted_rule", "a/index.html", 3),
        leak("gitleaks_planted_rule", "[redacted]/a.txt", 1),
        leak("gitleaks_planted_rule", "style.css", 1),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn without_its_answer_our_rules_decide_alone() {
    let token = github_token();
    for (script, limit) in
        [("hangs.sh", Duration::from_millis(100)), ("fails.sh", LIMIT), ("garbles.sh", LIMIT), ("absent.sh", LIMIT)]
    {
        let found = scan(script, limit, &[("a.js", token.as_bytes()), ("b.js", b"PLANTED")]).await;
        assert_eq!(found, [leak("github_token", "a.js", 1)], "{script}");
    }
}

#[test]
fn it_is_used_when_it_is_in_the_path() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gitleaks");
    assert!(Gitleaks::in_path(scripts.as_os_str()).is_none() && Gitleaks::in_path(OsStr::new("")).is_none());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gitleaks"), "").unwrap();
    let path = std::env::join_paths([scripts.as_path(), folder.path()]).unwrap();
    let found = Gitleaks::in_path(&path).unwrap();
    assert_eq!(found.program(), folder.path().join("gitleaks"));
}
