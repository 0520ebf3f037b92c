//! Every kind of oracle that files decide, over a good site, a bad one and a broken one; and how the
//! words of files and browser come together.

use bytes::Bytes;
use ports::{Attachment, Site};
use serde_json::json;
use shared_types::http::CheckBody;
use shared_types::{Digest, Phase, Round};

use super::*;
use crate::compile::compile;
use crate::outline;

fn inspection(files: &[(&str, &str)], text: &str) -> Inspection {
    let site: Site = files.iter().map(|(path, text)| (path.parse().unwrap(), Bytes::from(text.to_string()))).collect();
    Inspection {
        site,
        pages_url: "https://s.example/x/".parse().unwrap(),
        target: Target::Files,
        phase: Phase::Candidate,
        checks: compile(Round::FIRST, &[CheckBody::Text(text.to_owned())]),
        attachments: Vec::new(),
        leaks: Vec::new(),
    }
}

/// The decision on a check, in plain English, without a browser.
fn alone(files: &[(&str, &str)], text: &str) -> Decision {
    let inspection = inspection(files, text);
    let page = inspection.site.text("index.html").map(outline::read);
    let check = &inspection.checks[0];
    assert_ne!(check.oracle, Oracle::Judge, "{text}");
    settle(check, by_files(&inspection, page.as_ref(), check), None)
}

/// `text` passes over `good`, fails over `bad`, and fails over `broken`.
fn check(text: &str, path: &str, good: &str, bad: &str, broken: &str) {
    for (source, verdict) in [(good, Verdict::Passed), (bad, Verdict::Failed), (broken, Verdict::Failed)] {
        let decision = alone(&[(path, source)], text);
        assert_eq!(decision.verdict, verdict, "{text} over {source:?}: {}", decision.evidence);
        assert!(!decision.evidence.is_empty());
    }
}

#[test]
fn files_decide() {
    check("Repo has an MIT license", "LICENSE", "MIT\nPermission is hereby granted", "MIT", "\u{0}");
    check("README.md has a Usage section", "README.md", "# X\n## Usage", "# X\nUsage", "");
    check("data.json is valid JSON", "data.json", "[1]", "{'a': 1}", "{\"a\": ");
    check("data.json: n is an integer", "data.json", r#"{"n": 5}"#, r#"{"n": 5.5}"#, "[[[");
    check("data.json: n is 5, a.b is Delhi", "data.json", r#"{"n":5,"a":{"b":"Delhi"}}"#, r#"{"n":"5"}"#, "");
    check("data.json has the keys a and b", "data.json", r#"{"a":null,"b":0}"#, r#"{"a":1}"#, "null");
    check("data.json is a JSON array", "data.json", "[]", "{}", "]");
    check("index.html contains \"fetch(\"", "index.html", "<!-- fetch( -->", "fetch", "");
    check("index.html does not contain \"eval(\"", "index.html", "<p>", "<!-- eval( -->", "eval(\u{0}");
}

#[test]
fn files_that_are_not_there() {
    let site = [("index.html", "<a href=a.txt>a</a>"), ("a.txt", "1")];
    for (there, missing) in [
        ("a.txt exists", "b.txt exists"),
        ("a.txt returns 200", "b.txt returns 200"),
        ("The page links to a.txt", "The page links to b.txt"),
    ] {
        assert_eq!(alone(&site, there).verdict, Verdict::Passed, "{there}");
        assert_eq!(alone(&site, missing).verdict, Verdict::Failed, "{missing}");
    }
    for text in ["data.json is valid JSON", "data.json: n is 5", "x.js contains \"a\"", "README.md has a Usage section"]
    {
        let decision = alone(&site, text);
        assert_eq!(decision.verdict, Verdict::Failed, "{text}");
        assert!(
            decision.evidence.contains("not part of the site") || decision.evidence.contains("no readable"),
            "{text}"
        );
    }
    assert_eq!(alone(&site, "a.txt equals the attachment").verdict, Verdict::Unsatisfiable);
}

#[test]
fn what_is_wrong_with_an_attachment_no_site_can_mend() {
    let bytes = b"{\"n\": 5";
    let mut inspection = inspection(&[("data.json", "{\"n\": 5")], "data.json is valid JSON");
    let verdict = |inspection: &Inspection| match by_files(inspection, None, &inspection.checks[0]) {
        Ground::Final(decision) => decision.verdict,
        other => panic!("{other:?}"),
    };
    assert_eq!(verdict(&inspection), Verdict::Failed);
    inspection.attachments.push(Attachment {
        path: "data.json".parse().unwrap(),
        media_type: "application/json".to_owned(),
        sniffed_type: None,
        size: bytes.len() as u64,
        sha256: Digest::of(bytes),
    });
    assert_eq!(verdict(&inspection), Verdict::Unsatisfiable);
    // An altered one can be put right.
    inspection.site.insert("data.json".parse().unwrap(), "{");
    assert_eq!(verdict(&inspection), Verdict::Failed);
}

#[test]
fn pages_without_scripts_decide_by_themselves() {
    let page = |text: &str, good: &str, bad: &str| check(text, "index.html", good, bad, "<<<");
    page("The page title is \"A b\"", "<title> A  b </title>", "<title>A</title>");
    page("The title contains \"b\"", "<title>A b</title>", "<svg><title>b</title></svg>");
    page("#total exists", "<p id=total>", "<p id=Total><!-- id=total -->");
    page("The page has a <table> with id t", "<table id=t>", "<div id=t>");
    page("The <html> element has a lang attribute", "<html lang=en>", "<body lang=en>");
    page("The page has a <meta name=\"viewport\"> tag", "<meta name=viewport>", "<meta name=author>");
    page("#total is numeric", "<b id=total>5</b>", "<b id=total>five</b>");
    page("#total is an integer", "<b id=total>5</b>", "<b id=total>5,000</b>");
    page("#total equals 5.5", "<b id=total>5.50</b>", "<b id=total>5.6</b>");
    page("#total is \"five\"", "<b id=total><i>five</i></b>", "<b id=total>six</b>");
    page("#total is not empty", "<b id=total>x</b>", "<b id=total> </b>");
    page("#size shows width and height as integers", "<b id=size>4x3</b>", "<b id=size>4</b>");
    page("The page shows \"Hello you\"", "<p>Hello\n <b>you</b>", "<style>Hello you</style>");
    for (text, good, bad) in [
        ("The page has no <iframe>", "<p>", "<iframe>"),
        ("#old does not exist", "<p>", "<p id=old>"),
        ("The page does not show \"error\"", "<p>fine", "<p>An ERROR"),
    ] {
        assert_eq!(alone(&[("index.html", good)], text).verdict, Verdict::Passed, "{text}");
        assert_eq!(alone(&[("index.html", bad)], text).verdict, Verdict::Failed, "{text}");
        assert_eq!(alone(&[], text).verdict, Verdict::Failed, "{text}: no page at all");
    }
}

#[test]
fn without_a_browser_a_script_leaves_most_things_open() {
    let check = |text: &str, body: &str, verdict| {
        let page = format!("{body}<script>go()</script>");
        assert_eq!(alone(&[("index.html", &page)], text).verdict, verdict, "{text} over {body}");
    };
    check("The page title is \"A\"", "<title>A</title>", Verdict::Passed);
    check("The page title is \"A\"", "<title>B</title>", Verdict::NotRun);
    check("#a exists", "<p id=a>", Verdict::Passed);
    check("#a exists", "<p>", Verdict::NotRun);
    check("#a does not exist", "<p>", Verdict::NotRun);
    check("#a is numeric", "<p id=a>5", Verdict::NotRun);
    check("The page shows \"x\"", "<p>x", Verdict::NotRun);
    check("Page shows the image given as ?url=...", "<img>", Verdict::NotRun);
    check("js: true", "", Verdict::NotRun);
    check("index.html contains \"go(\"", "", Verdict::Passed);
}

/// The decision when the HTML is `html` and a browser answers `answer`.
fn seen(html: &str, text: &str, answer: serde_json::Value) -> Decision {
    let inspection = inspection(&[("index.html", html)], text);
    let check = &inspection.checks[0];
    let page = outline::read(html);
    let outcome = weigh(&check.oracle, &answer);
    settle(check, by_files(&inspection, Some(&page), check), Some(outcome))
}

#[test]
fn a_browsers_word_counts_and_the_strictest_also_read_the_html() {
    let check = |html: &str, text: &str, answer, verdict, strict| {
        let decision = seen(html, text, answer);
        assert_eq!((decision.verdict, decision.strict), (verdict, Some(strict)), "{text}: {}", decision.evidence);
    };
    let (passed, failed) = (Verdict::Passed, Verdict::Failed);
    check("<title>A</title>", "The title is \"A\"", json!("A"), passed, true);
    check("<title>x</title>", "The title is \"A\"", json!("A"), passed, false);
    check("<title>A</title>", "The title is \"A\"", json!("x"), failed, false);
    check("<title>A b</title>", "The title contains \"A\"", json!("A b"), passed, false);
    check("<p>", "#a exists", json!([1]), passed, false);
    check("<p id=a>", "#a exists", json!([1]), passed, true);
    check("<p id=a>", "#a exists", json!([0]), failed, false);
    check("<p id=a>", "#a does not exist", json!([0]), passed, true);
    check("<p id=a>0", "#a equals 5", json!("5"), passed, true);
    check("<p id=a>0", "#a equals 5", json!("5 km"), passed, false);
    check("<p id=a>5", "#a equals 5", json!("1,005"), failed, false);
    check("<p id=a>5", "#a equals 5", json!(null), failed, false);
    check("<p>", "The page shows \"Hello\"", json!("HELLO you"), passed, false);
    check("<p>", "The page shows \"Hello\"", json!("Bye"), failed, false);
    // An answer of the wrong form is a page that did not do what it should.
    for answer in [json!(null), json!({}), json!([]), json!(true)] {
        check("<title>A</title>", "The title is \"A\"", answer, failed, false);
    }
}

#[test]
fn queries() {
    let check = |text: &str, answer, verdict| {
        let mut inspection = inspection(&[("index.html", "")], text);
        let visits = visits(&inspection);
        assert_eq!(visits.len(), 2, "{text}");
        let asked = visits[1].job.questions[0].oracle.clone().unwrap();
        assert!(visits[1].job.address.query().is_some());
        inspection.checks[0].oracle = asked;
        let outcome = weigh(&inspection.checks[0].oracle, &answer);
        assert_eq!(settle(&inspection.checks[0], Ground::Silent, Some(outcome)).verdict, verdict, "{text}: {answer}");
    };
    let (passed, failed) = (Verdict::Passed, Verdict::Failed);
    let image = "Page shows the image given as ?url=https://e.example/a.png";
    check(image, json!({"addresses": ["https://e.example/a.png"]}), passed);
    check(image, json!({"addresses": ["https://s.example/x/b.png"]}), failed);
    check(image, json!(null), failed);
    let text = "With ?name=Ada, #greeting shows \"Hello Ada\"";
    check(text, json!({"text": "Hello\n Ada!"}), passed);
    check(text, json!({"text": "Hello"}), failed);
    check(text, json!({"text": null}), failed);
    check("#q shows the value of ?q=tea", json!({"text": "tea", "addresses": []}), passed);
    check("#q shows the value of ?q=tea", json!({"text": "", "addresses": ["tea"]}), failed);
    check("?token= is optional", json!({"text": 4, "pictures": 0}), passed);
    check("?token= is optional", json!({"text": 0, "pictures": 0}), failed);
    // A guess fails nobody.
    check("The page supports ?token=", json!({"text": 0, "pictures": 0}), Verdict::Unjudged);
}

#[test]
fn only_so_many_pages_are_opened() {
    let mut inspection = inspection(&[("a.png", "x"), ("index.html", "")], "Page shows the image given as ?url=...");
    let check = inspection.checks[0].clone();
    inspection.checks = vec![check; 9];
    let visits = visits(&inspection);
    assert_eq!(visits.len(), 5);
    let value = visits[1].job.address.query_pairs().next().unwrap().1.into_owned();
    assert_eq!(value, "https://s.example/x/a.png?sitewright-probe");
}

#[test]
fn looking_comes_before_acting() {
    let mut inspection = inspection(&[], "js: document.body.innerHTML = ''");
    inspection.checks.extend(compile(Round::FIRST, &[CheckBody::Text("#a exists".to_owned())]));
    let visits = visits(&inspection);
    assert_eq!(visits[0].checks, [1, 0]);
}

#[test]
fn what_cannot_hold_is_said_and_not_asked() {
    let mut inspection = inspection(&[("uid.txt", "")], "uid.txt exists");
    inspection.checks[0].unsatisfiable = Some("because".to_owned());
    let decision = settle(&inspection.checks[0], by_files(&inspection, None, &inspection.checks[0]), None);
    assert_eq!((decision.verdict, decision.evidence.as_str()), (Verdict::Unsatisfiable, "because"));
    assert!(visits(&inspection)[0].job.questions.is_empty());
}
