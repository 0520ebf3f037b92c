use std::time::Duration;

use super::*;
use crate::budget::Limits;
use crate::remote::admission::FIRST_ROUND;

fn tenant(name: &str) -> TenantKey {
    TenantKey::of(&format!("{name}@example.com").parse().unwrap())
}

fn token(name: &str) -> String {
    ["not-a", "-token-of-", name].concat()
}

/// Students as `name owner token`, with `-` for what the class does not say.
fn accounts(deployments_owner: Option<&str>, class: &[&str]) -> Accounts {
    let deployment = Options {
        api_url: "http://127.0.0.1:9/".parse().unwrap(),
        token: token("deployment").into(),
        token_name: "GITHUB_TOKEN".to_owned(),
        owner: deployments_owner.map(str::to_owned),
        default_branch: "main".to_owned(),
        timeout: Duration::from_secs(1),
        limits: Limits { writes_a_minute: 4, ..Limits::default() },
    };
    let own = |line: &&str| {
        let said: Vec<Option<String>> = line.split(' ').map(|w| (w != "-").then(|| w.to_owned())).collect();
        let token = said[2].as_ref().map(|name| Token { name: name.clone(), secret: token(name).into() });
        Own { tenant: tenant(said[0].as_deref().unwrap()), owner: said[1].clone(), token }
    };
    Accounts::new(deployment, class.iter().map(own)).unwrap()
}

const CLASS: [&str; 5] = ["ada ada ADA", "bob school -", "cyd ada ADA", "dan - DAN", "eve Ada EVE"];

#[tokio::test]
async fn what_is_new_goes_to_the_present_account() {
    let accounts = accounts(Some("course"), &CLASS);
    let names: Vec<&str> = accounts.all().iter().map(|account| account.name()).collect();
    assert_eq!(names, ["course", "ada", "school", "DAN", "Ada"]);
    for (student, expected) in
        [("ada", "ada"), ("ADA", "ada"), ("bob", "school"), ("cyd", "ada"), ("dan", "DAN"), ("zoe", "course")]
    {
        assert_eq!(accounts.present(&tenant(student)).name(), expected, "{student}");
    }
}

#[tokio::test]
async fn what_was_made_belongs_to_the_account_that_it_names() {
    let accounts = accounts(Some("course"), &CLASS);
    for (student, owner, expected) in [
        (Some("ada"), "ada", "ADA"),
        (Some("eve"), "ADA", "EVE"),
        // Before these students had accounts, or others had them.
        (Some("ada"), "course", "GITHUB_TOKEN"),
        (Some("dan"), "course", "GITHUB_TOKEN"),
        (Some("bob"), "ada", "ADA"),
        (Some("zoe"), "school", "GITHUB_TOKEN"),
        (Some("ada"), "gone", "GITHUB_TOKEN"),
        (None, "course", "GITHUB_TOKEN"),
    ] {
        let host = accounts.of_owner(student.map(tenant).as_ref(), owner).await.unwrap();
        assert_eq!(host.token_name(), expected, "{student:?} {owner}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_has_one_calendar_and_holds_up_its_own_work_only() {
    let accounts = accounts(Some("course"), &CLASS);
    assert_eq!(accounts.look().await.state, PartState::Up);
    let calendar = |student: &str| &accounts.present(&tenant(student)).admission;
    calendar("ada").admit("begin", "one", FIRST_ROUND).unwrap();
    assert!(calendar("cyd").admit("begin", "two", FIRST_ROUND).is_err(), "the same token");
    calendar("dan").admit("begin", "three", FIRST_ROUND).unwrap();
    // An organisation that the deployment's token serves.
    calendar("bob").admit("begin", "four", FIRST_ROUND).unwrap();
    assert!(calendar("zoe").admit("begin", "five", FIRST_ROUND).is_err(), "the deployment's token");
    let part = accounts.look().await;
    assert_eq!(part.state, PartState::Degraded);
    for said in ["ada: the token's requests are spent", "course: the", "DAN: the", "begins in 120 s, 1 wait"] {
        assert!(part.detail.contains(said), "{said}: {}", part.detail);
    }
    assert!(!part.detail.contains("not-a-token"), "{}", part.detail);
}

#[tokio::test]
async fn a_health_report_of_a_large_class_is_short() {
    let class: Vec<String> = (0..200).map(|n| format!("s{n} s{n} T{n}")).collect();
    let accounts = accounts(None, &class.iter().map(String::as_str).collect::<Vec<_>>());
    for account in accounts.all() {
        account.admission.admit("begin", "one", FIRST_ROUND).unwrap();
    }
    let detail = accounts.look().await.detail;
    assert!(detail.ends_with("; and 196 more") && detail.starts_with("GITHUB_TOKEN: "), "{detail}");
}

#[tokio::test]
async fn what_cannot_be_used_is_named_by_its_setting() {
    let broken = Own {
        tenant: tenant("ada"),
        owner: None,
        token: Some(Token { name: "ADA_TOKEN".to_owned(), secret: format!("{}\n", token("x")).into() }),
    };
    let said = Accounts::new(accounts(None, &[]).all()[0].options.clone(), [broken]).unwrap_err().to_string();
    assert!(said.contains("ADA_TOKEN") && !said.contains("not-a-token"), "{said}");
}
