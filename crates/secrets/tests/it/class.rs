//! A class through the port: what its file may say, and who comes in.

use std::sync::Arc;

use ports::{Gatekeeper as _, Quotas, Site};
use secrecy::SecretString;
use secrets::{Class, Keeper, Options, Students};
use shared_types::Email;

/// A hash of `secret` as the command makes it.
pub(crate) fn hash(secret: &str) -> String {
    secrets::hash(&secret.into()).unwrap()
}

/// A student of a file, with further lines.
pub(crate) fn student(email: &str, hash: &str, more: &str) -> String {
    format!("[[student]]\nemail = \"{email}\"\nsecret_hash = \"{hash}\"\n{more}\n")
}

fn token() -> String {
    ["ghx", "-0123456789-abcdefghij"].concat()
}

fn variable(name: &str) -> Option<SecretString> {
    match name {
        "ADA_TOKEN" => Some(token().into()),
        "SHORT" => Some("short".into()),
        _ => None,
    }
}

pub(crate) fn keeper(file: &str) -> Keeper {
    let class = Class::parse(file, variable).unwrap();
    Keeper::new(Options { students: Students::Class(class), own: vec![] }).unwrap()
}

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

/// Asserts what is wrong with `file`, and that nothing of a hash or token is said.
#[track_caller]
fn refused(file: &str, expected: &[&str]) {
    let faults = Class::parse(file, variable).unwrap_err();
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(said, expected);
    let all = format!("{faults:?}{said:?}");
    for word in file.split(['"', '$', '=', ' ']).filter(|word| word.len() >= 20 && !word.contains('@')) {
        assert!(!all.contains(word), "{word} is quoted: {all}");
    }
    assert!(!all.contains(&token()) && !all.contains("ada@"), "{all}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let sound = hash("a secret");
    let weak = sound.replace("argon2id", "argon2i");
    let file = [
        "clas = 1\n".to_owned(),
        student("ada@example.com", &sound, "github_token_env = \"ADA_TOKEN\""),
        student("Ada@Example.com", &weak, "colour = \"red\"\nlimits = { builds_per_hour = 0, per_day = 4 }"),
        student("nobody", &sound.replace("m=19456", "m=4194304"), "github_token_env = \"NOT_SET\""),
        student("bob@example.com", "hunter2", &format!("github_token_env = \"{}\"", token())),
        student("eve@example.com", &sound, "github_owner = \"../eve\"\ngithub_token_env = \"SHORT\""),
        "[[student]]\nsecret_hash = 7\nlimits = 3\n".to_owned(),
    ];
    refused(
        &file.concat(),
        &[
            "the file has `clas`, which is none of student",
            "student 2 (A***@Example.com) has `colour`, which is none of email, secret_hash, github_owner, github_token_env, limits",
            "student 2 (A***@Example.com) has a `secret_hash` that is made by another algorithm than argon2id",
            "student 2 (A***@Example.com) has `per_day`, which is none of builds_per_hour, revisions_per_hour in `limits`",
            "student 2 (A***@Example.com) has `builds_per_hour` that is no whole number from 1 to 100000",
            "student 2 (A***@Example.com) has the e-mail address of student 1; letters' case does not count",
            "student 3 has an `email` that is no address",
            "student 3 has a `secret_hash` that uses m=4194304, which is not from 7168 to 131072 (KiB of memory)",
            "student 3 names the variable NOT_SET, which is not set",
            "student 4 (b***@example.com) has a `secret_hash` that is not an argon2id PHC string; make one with `sitewright secret hash`",
            "student 4 (b***@example.com) has a `github_token_env` that is no name of a variable in capitals; the token goes there",
            "student 5 (e***@example.com) has a `github_owner` that is no account's name",
            "student 5 (e***@example.com) names the variable SHORT, which holds less than 8 bytes",
            "student 6 has no `email`",
            "student 6 has a `secret_hash` that is no text",
            "student 6 has `limits` that are no table",
        ],
    );
}

#[test]
fn a_file_without_students_is_refused() {
    let none = "the file holds no student; each begins with a line [[student]]";
    refused("", &[none]);
    refused("student = []", &[none]);
    refused(
        "[student]\nemail = \"ada@example.com\"",
        &["the file begins a student with [student]; expected [[student]]"],
    );
    refused("student = [1]", &["student 1 is no table"]);
    let torn = format!("[[student]]\nsecret_hash = \"{}", hash("a secret"));
    refused(&torn, &["the file is no TOML at line 2"]);
    let pasted =
        format!("[[student]]\nemail = \"ada@example.com\"\n{} = 1\n", ["ghp", "_0123456789abcdefghij"].concat());
    assert!(!format!("{:?}", Class::parse(&pasted, variable)).contains("ghp_"));
}

#[tokio::test]
async fn each_student_comes_in_with_their_own_secret_only() {
    let limits = "limits = { builds_per_hour = 40 }\ngithub_owner = \"ada\"\ngithub_token_env = \"ADA_TOKEN\"";
    let file = student("ada@example.com", &hash("ada's"), limits) + &student("Bob@example.com", &hash("bob's"), "");
    let keeper = keeper(&file);
    let quotas = Quotas { builds_per_hour: Some(40), revisions_per_hour: None };
    let too_long = "x".repeat(secrets::MAX_SECRET_BYTES + 1);
    for (address, secret, expected) in [
        ("ada@example.com", "ada's", Some(("ada@example.com", quotas))),
        ("ADA@example.com", "ada's", Some(("ada@example.com", quotas))),
        ("bob@example.com", "bob's", Some(("Bob@example.com", Quotas::default()))),
        ("ada@example.com", "bob's", None),
        ("ada@example.com", "ada's ", None),
        ("ada@example.com", "", None),
        ("ada@example.com", &too_long, None),
        ("eve@example.com", "ada's", None),
        ("eve@example.com", "", None),
    ] {
        let tenant = keeper.authenticate(&email(address), &secret.into()).await.unwrap();
        let got = tenant.as_ref().map(|tenant| (tenant.email.as_str(), tenant.quotas));
        assert_eq!(got, expected, "{address} {secret}");
    }
    let site: Site = [("a.txt".parse().unwrap(), bytes::Bytes::from(token()))].into_iter().collect();
    assert_eq!(keeper.scan(&site).await.unwrap().len(), 1, "a student's token is a secret of ours");
    let (shown, class) = (format!("{keeper:?}"), format!("{:?}", Class::parse(&file, variable)));
    assert!(!shown.contains("argon2") && !class.contains("argon2") && !class.contains(&token()), "{shown} {class}");
}

/// A hundred first requests of one student at once cost a few hashes, later ones none, wrong ones one each.
#[tokio::test(flavor = "multi_thread")]
async fn a_proven_secret_is_not_hashed_again_and_a_wrong_one_always() {
    let keeper = Arc::new(keeper(&student("ada@example.com", &hash("ada's"), "")));
    let ask = |address: &'static str, secret: &'static str| {
        let keeper = keeper.clone();
        async move { keeper.authenticate(&email(address), &secret.into()).await.unwrap().is_some() }
    };
    let rush: Vec<_> = (0..100).map(|_| tokio::spawn(ask("ada@example.com", "ada's"))).collect();
    for asked in rush {
        assert!(asked.await.unwrap());
    }
    let after_rush = keeper.hashes_computed();
    assert!((1..=4).contains(&after_rush), "{after_rush} hashes for one secret");
    for _ in 0..1000 {
        assert!(ask("ADA@example.com", "ada's").await);
    }
    assert_eq!(keeper.hashes_computed(), after_rush);
    for (address, secret) in [("ada@example.com", "wrong"), ("eve@example.com", "ada's")] {
        let before = keeper.hashes_computed();
        for _ in 0..3 {
            assert!(!ask(address, secret).await);
        }
        assert_eq!(keeper.hashes_computed() - before, 3, "{address} {secret}");
    }
    assert!(ask("ada@example.com", "ada's").await);
}

#[test]
fn the_secret_of_a_request_is_found_and_redacted_in_its_content() {
    let keeper = keeper(&student("ada@example.com", &hash("a"), "github_token_env = \"ADA_TOKEN\""));
    let text = ["ada's ", "own secret"].concat();
    let search = keeper.search_for(&text.as_str().into());
    for (said, expected) in [
        (format!("say {text}{text}, {} ü", hex::encode(&text)), "say [redacted], [redacted] ü"),
        ("say nothing".to_owned(), "say nothing"),
        // Whoever may ask this must not learn of other secrets.
        (token(), token().as_str()),
    ] {
        assert_eq!(search.redact(&said), expected);
        assert_eq!(search.is_in(said.as_bytes()), said != expected, "{said}");
    }
}

/// The example that the repository shows is one that the program takes, with the words that it names.
#[tokio::test]
async fn the_example_file_is_sound() {
    let text = include_str!("../../../../configs/secrets.example.toml");
    let class = Class::parse(text, |name| (name == "BOB_GITHUB_TOKEN").then(|| token().into())).unwrap();
    let accounts: Vec<_> = class.accounts().map(|own| (own.owner, own.token.map(|(name, _)| name))).collect();
    assert_eq!((class.size(), accounts), (2, vec![(Some("bob-example"), Some("BOB_GITHUB_TOKEN"))]));
    let keeper = keeper(&text.replace("BOB_GITHUB_TOKEN", "ADA_TOKEN"));
    for (address, secret) in [("ada@example.com", "throw-away-1"), ("bob@example.com", "throw-away-2")] {
        assert!(text.contains(&format!("`{secret}`")), "{secret} is not named");
        assert!(keeper.authenticate(&email(address), &secret.into()).await.unwrap().is_some(), "{address}");
    }
}
