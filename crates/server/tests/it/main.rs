//! Settings, from texts to what the process starts with.

mod browser;
mod hosts;
mod logs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use expect_test::{Expect, expect};
use server::settings::{self, CodeHost, DOCUMENTED};

fn environment(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
    texts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn check(texts: &[(&str, &str)], expected: Expect) {
    let said = match settings::read(None, environment(texts)) {
        Ok(settings) => {
            let host = match &settings.host {
                CodeHost::Local(local) => format!("local pages {}", local.bind),
                CodeHost::GitHub(github) => format!("github {}", github.api_url),
            };
            let model = settings.model.map_or("no model".to_owned(), |model| {
                format!("{} {:?} {:?}", model.base_url, model.default_models, model.aliases)
            });
            format!("{} {host}; {model}", settings.http.bind)
        }
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&said);
}

/// Requirements C-008, C-009.
#[test]
fn all_that_is_missing_is_said_at_once() {
    check(
        &[],
        expect![[r#"
            these settings are missing or wrong:

              STUDENT_SECRET  missing: the secret that issuers send with each task (or SECRETS_FILE, for one a student)
              GITHUB_TOKEN    missing: publishes the sites; a fine-grained token that may write Administration, Contents, Pages and Pull requests
              LLM_API_KEY     missing: writes the sites; a key of an OpenAI-compatible service (or set LITELLM_URL or LLM_BASE_URL for one without a key)
              LLM_MODEL       missing: the model that writes the sites, by the name its service gives it (or the table [aliases])

            Set them in the environment or in sitewright.toml; configs/dev.env documents every setting.
            Or run `DRY_RUN=1 sitewright serve`: it needs no account and no key, publishes to a local code host
            and never pushes to GitHub."#]],
    );
    check(
        &[
            ("DRY_RUN", "perhaps"),
            ("PORT", "web"),
            ("STUDENT_SECRET", "s"),
            ("LLM_API_KEY", "k"),
            ("VERIFY_BROWSER", "lynx"),
            ("VERIFY_BROWSERS", "0"),
            ("VERIFY_EGRESS", "some"),
        ],
        expect![[r#"
            these settings are missing or wrong:

              DRY_RUN          wrong: expected 1 or 0
              PORT             wrong: expected a port number
              GITHUB_TOKEN     missing: publishes the sites; a fine-grained token that may write Administration, Contents, Pages and Pull requests
              LLM_MODEL        missing: the model that writes the sites, by the name its service gives it (or the table [aliases])
              VERIFY_BROWSER   wrong: expected `auto` or `off`
              VERIFY_EGRESS    wrong: expected `public`, `cdn` or `none`
              VERIFY_BROWSERS  wrong: expected a number from 1 to 32

            Set them in the environment or in sitewright.toml; configs/dev.env documents every setting.
            Or run `DRY_RUN=1 sitewright serve`: it needs no account and no key, publishes to a local code host
            and never pushes to GitHub."#]],
    );
}

#[test]
fn a_dry_run_never_reaches_github_and_still_uses_a_model() {
    check(&[("DRY_RUN", "1")], expect!["127.0.0.1:8080 local pages 127.0.0.1:8081; no model"]);
    check(
        &[("DRY_RUN", "1"), ("GITHUB_TOKEN", "t"), ("LLM_BASE_URL", "http://127.0.0.1:9/v1"), ("LLM_MODEL", "m")],
        expect![[r#"127.0.0.1:8080 local pages 127.0.0.1:8081; http://127.0.0.1:9/v1/ ["m"] {}"#]],
    );
    check(
        &[("STUDENT_SECRET", "s"), ("GITHUB_TOKEN", "t"), ("LITELLM_URL", "http://127.0.0.1:4000"), ("PORT", "0")],
        expect![[
            r#"127.0.0.1:0 github https://api.github.com/; http://127.0.0.1:4000/ [] {"app-generator": ["app-generator"], "app-reviser": ["app-reviser"]}"#
        ]],
    );
}

#[test]
fn a_dry_run_that_others_can_reach_needs_a_secret() {
    let error = settings::read(None, environment(&[("DRY_RUN", "1"), ("BIND", "0.0.0.0")])).unwrap_err();
    assert!(error.to_string().contains("STUDENT_SECRET"), "{error}");
}

#[test]
fn the_environment_wins_over_the_file_and_misspelt_names_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sitewright.toml");
    std::fs::write(&file, "dry_run = true\nport = 7000\n[aliases]\napp-generator = \"small\"\n").unwrap();
    let read = |texts: &[(&str, &str)]| {
        settings::read(Some(&file), environment(texts)).map(|settings| settings.http.bind.port())
    };
    assert_eq!(read(&[]).unwrap(), 7000);
    assert_eq!(read(&[("PORT", "7001")]).unwrap(), 7001);
    assert_eq!(read(&[("PORT", "")]).unwrap(), 7000);
    std::fs::write(&file, "dry_run = true\nprot = 7000\n").unwrap();
    assert!(read(&[]).unwrap_err().to_string().contains("there is no setting `prot`"));
}

#[test]
fn aliases_are_those_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sitewright.toml");
    let read = |aliases: &str| {
        std::fs::write(&file, format!("dry_run = true\nllm_model = \"m\"\n[aliases]\n{aliases}\n")).unwrap();
        let model = [("LLM_BASE_URL", "http://127.0.0.1:9/v1/")];
        settings::read(Some(&file), environment(&model)).map(|settings| settings.model.unwrap().aliases)
    };
    assert_eq!(read("check-compiler = \"small\"").unwrap()["check-compiler"], ["small"]);
    let refused = read("check-compilr = \"small\"").unwrap_err().to_string();
    assert!(refused.contains("check-compiler, judge as names, not check-compilr"), "{refused}");
}

#[test]
fn secrets_are_not_shown() {
    let planted = ["planted", "secret"].concat();
    let texts = [
        ("STUDENT_SECRET", planted.as_str()),
        ("GITHUB_TOKEN", &planted),
        ("LLM_API_KEY", &planted),
        ("LLM_MODEL", "m"),
        ("NATS_URL", &planted),
        ("ADMIN_TOKEN", &planted),
    ];
    let settings = settings::read(None, environment(&texts)).unwrap();
    assert!(!format!("{settings:?}").contains(&planted));
}

/// Either a secret for everybody or a class, and what is wrong with the class is said with all else.
#[test]
fn a_class_stands_in_for_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("class.toml");
    let path = file.to_str().unwrap();
    let read = |texts: &[(&str, &str)]| settings::read(None, environment(&[texts, &[("DRY_RUN", "1")]].concat()));
    let said = |texts: &[(&str, &str)]| read(texts).unwrap_err().to_string();
    let wrong = said(&[("SECRETS_FILE", path), ("PORT", "web")]);
    assert!(wrong.contains("class.toml cannot be read") && wrong.contains("expected a port"), "{wrong}");

    let hash = secrets::hash(&"a secret".into()).unwrap();
    let student = format!("[[student]]\nemail = \"ada@example.com\"\nsecret_hash = \"{hash}\"\n");
    std::fs::write(&file, format!("{student}github_token_env = \"ADA_TOKEN\"\n{student}colour = 1\n")).unwrap();
    let wrong = said(&[("SECRETS_FILE", path)]);
    for expected in ["student 1 (a***@example.com) names the variable ADA_TOKEN", "`colour`", "address of student 1"] {
        assert!(wrong.contains(expected), "{wrong}");
    }
    assert!(!wrong.contains("$argon2"), "{wrong}");
    assert!(said(&[("SECRETS_FILE", path), ("STUDENT_SECRET", "s")]).contains("STUDENT_SECRET is set as well"));

    std::fs::write(&file, format!("{student}github_token_env = \"ADA_TOKEN\"\n")).unwrap();
    let token = ["a-token", "-of-ada"].concat();
    let settings = read(&[("SECRETS_FILE", path), ("ADA_TOKEN", &token)]).unwrap();
    let shown = format!("{settings:?}");
    assert!(shown.contains("Class { size: 1") && !shown.contains(&token) && !shown.contains("$argon2"), "{shown}");
}

#[test]
fn every_setting_is_documented() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/dev.env")).unwrap();
    let documented: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('=').next())
        .filter(|name| !name.is_empty())
        .collect();
    // A table has no place in the environment.
    let known: BTreeSet<&str> = DOCUMENTED.iter().copied().filter(|name| *name != "ALIASES").collect();
    assert_eq!(documented, known);
}
