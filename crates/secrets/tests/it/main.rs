//! The keeper through its port: tables of what is a secret and what is not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod class;
mod costs;
mod gitleaks;
mod samples;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use ports::{Gatekeeper as _, Leak, Site};
use samples::{own_secret, student_secret};
use secrecy::SecretString;
use secrets::corpus::{self, LOOK_ALIKES};
use secrets::{Error, Keeper, Options, Students};

fn keeper() -> &'static Keeper {
    static KEEPER: LazyLock<Keeper> = LazyLock::new(|| {
        Keeper::new(Options { students: Students::Shared(student_secret().into()), own: vec![own_secret().into()] })
            .unwrap()
    });
    &KEEPER
}

fn site(files: &[(&str, &[u8])]) -> Site {
    files.iter().map(|(path, text)| (path.parse().unwrap(), bytes::Bytes::copy_from_slice(text))).collect()
}

fn kinds(text: &str) -> BTreeSet<String> {
    keeper().scan_text(text).into_iter().map(|leak| leak.kind).collect()
}

#[test]
fn every_kind_is_found_and_redacted() {
    for example in samples::examples() {
        for text in [example.text.clone(), format!("const k = [{}];", example.text), format!("é {} é\n", example.text)]
        {
            assert!(kinds(&text).contains(example.kind), "{}: {text}: {:?}", example.kind, kinds(&text));
            let clean = keeper().redact(&text);
            assert!(clean.contains("[redacted]") && !clean.contains(&example.secret), "{}: {clean}", example.kind);
            assert_eq!(kinds(&clean), BTreeSet::new(), "{}: {clean}", example.kind);
        }
    }
}

#[test]
fn every_rule_has_an_example() {
    let shown: BTreeSet<_> = samples::examples().iter().map(|example| example.kind).collect();
    let missing: Vec<_> = Keeper::kinds().filter(|(kind, _)| !shown.contains(kind)).collect();
    assert_eq!(missing, []);
}

#[test]
fn innocent_texts_stay_as_they_are() {
    for text in LOOK_ALIKES.iter().map(|text| (*text).to_owned()).chain(samples::innocent_by_the_thousand()) {
        assert_eq!(kinds(&text), BTreeSet::new(), "{text}");
        assert_eq!(keeper().redact(&text), text);
    }
}

/// The figures that `cargo xtask bench maker` prints, over other draws.
#[tokio::test]
async fn secrets_are_told_from_what_looks_like_them() {
    for seed in 1..=3 {
        let score = corpus::measure(keeper(), seed).await.unwrap();
        let (recall, precision) = (score.recall(), score.precision());
        assert!(score.planted >= 200 && score.innocent >= 300, "{score:?}");
        assert!(
            recall >= 0.95 && precision >= 0.90,
            "recall {recall:.3}, precision {precision:.3}: {:#?}",
            score.faults
        );
    }
}

/// The table of kinds in the README is the table of rules.
#[test]
fn the_readme_lists_every_kind() {
    let listed: String = Keeper::kinds().map(|(kind, name)| format!("| `{kind}` | {name} |\n")).collect();
    let table = format!("| kind | what it is |\n|---|---|\n{listed}");
    assert!(include_str!("../../README.md").contains(&table), "put this table into README.md:\n{table}");
}

#[tokio::test]
async fn a_leak_is_named_by_kind_path_and_line() {
    let token = samples::github_token();
    let page = format!("<p>\n<script>\nlet a = '{token}', b = '{token}';\n</script>\n{token}");
    let binary = [&[0xff, 0xfe, b'\n'], own_secret().as_bytes(), &[0x80]].concat();
    let (named, long) = (format!("b/{token}.txt"), format!("c/{}/{}{}", "x".repeat(150), own_secret(), "y".repeat(22)));
    let files: [(&str, &[u8]); 4] =
        [("index.html", page.as_bytes()), ("a/logo.png", &binary), (&named, token.as_bytes()), (&long, b"")];
    let leaks = keeper().scan(&site(&files)).await.unwrap();
    let leak = |kind: &str, path: &str, line| Leak { kind: kind.to_owned(), path: path.parse().unwrap(), line };
    assert_eq!(
        leaks,
        [
            leak("own_secret", "a/logo.png", Some(2)),
            leak("github_token", "b/[redacted].txt", None),
            leak("github_token", "b/[redacted].txt", Some(1)),
            leak("own_secret", &long.replace(&own_secret(), "[redacted]"), None),
            leak("github_token", "index.html", Some(3)),
            leak("github_token", "index.html", Some(5)),
        ]
    );
    assert_eq!(keeper().scan_text(&page).iter().map(|leak| leak.line).collect::<Vec<_>>(), [3, 5]);
}

#[test]
fn redaction_joins_what_overlaps_and_keeps_the_rest() {
    let (token, own) = (samples::github_token(), own_secret());
    let text = format!("URL postgres://app:{token}@db/x, own {own}{own}, päss ünchanged");
    assert_eq!(keeper().redact(&text), "URL postgres://app:[redacted]@db/x, own [redacted], päss ünchanged");
}

#[tokio::test]
async fn a_thousand_leaks_are_reported_as_two_hundred() {
    let many = format!("{}\n", samples::github_token()).repeat(1000);
    let site = site(&[("a.txt", many.as_bytes()), ("b.txt", many.as_bytes())]);
    assert_eq!(keeper().scan(&site).await.unwrap().len(), 200);
}

#[tokio::test]
async fn only_the_secret_itself_opens_the_door() {
    let email = "student@example.com".parse().unwrap();
    let secret = student_secret();
    for (offered, opens) in [
        (secret.clone(), true),
        (String::new(), false),
        (secret[1..].to_owned(), false),
        (format!("{secret} "), false),
        (secret.to_uppercase(), false),
        (own_secret(), false),
    ] {
        let tenant = keeper().authenticate(&email, &SecretString::from(offered.clone())).await.unwrap();
        assert_eq!(tenant.map(|tenant| tenant.email), opens.then(|| email.clone()), "{offered}");
    }
}

#[test]
fn an_empty_secret_makes_no_keeper() {
    let options = Options { students: Students::Shared("".into()), own: vec![] };
    assert!(matches!(Keeper::new(options), Err(Error::EmptySecret)));
}

#[test]
fn a_keeper_shows_nothing_of_what_it_knows() {
    assert_eq!(format!("{:?}", keeper()), "Keeper { .. }");
}
