//! Readings that a browser decides: each over a page that meets it, one that does not, one that is broken.

use ports::{Inspection, Target, Verifier};
use shared_types::Verdict;
use verify::SiteVerifier;

use crate::world::{inspection, ran, results, site, verifier};

const PASSED: Verdict = Verdict::Passed;
const FAILED: Verdict = Verdict::Failed;

/// Scripts fill the page, as they mostly do.
const GOOD: &str = "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Old</title>\
    <p id=total>0</p><p id=hello></p><p id=size></p><img id=photo src=sample.png>\
    <script>\
    const given = new URLSearchParams(location.search);\
    document.title = 'Sales 7'; \
    setTimeout(() => { document.getElementById('total').textContent = '1301.15'; }, 200);\
    const name = given.get('name'); \
    document.getElementById('hello').textContent = name ? 'Hello ' + name : 'Hello you';\
    document.getElementById('size').textContent = '48x32';\
    if (given.get('url')) document.getElementById('photo').src = given.get('url');\
    document.body.append(Object.assign(document.createElement('table'), {id: 'rows'}));\
    </script>";

/// Does none of it, and hides what it has.
const BAD: &str = "<!DOCTYPE html><meta charset=utf-8><title>Sales 7</title>\
    <table id=rows></table><p id=total>1301.15</p><p id=hello>Hello you</p><p id=size>48</p><p id=old hidden></p>\
    <script>document.title = 'Sales'; document.getElementById('total').textContent = '1,301.15';\
    document.getElementById('rows').remove(); document.getElementById('hello').remove();\
    if (location.search) document.body.replaceChildren();</script>";

/// Ends before it has done anything.
const BROKEN: &str = "<!DOCTYPE html><meta charset=utf-8><title></title><script>nowhere.x(;</script>";

const CHECKS: [&str; 9] = [
    "The page title is \"Sales 7\"",
    "The page has a table with id rows",
    "#total equals 1301.15",
    "#size shows width and height as integers",
    "The page shows \"Hello you\"",
    "Page shows the image given as ?url=...",
    "With ?name=Ada, #hello shows \"Hello Ada\"",
    "#hello shows the value of ?name=Bo",
    "?token= is optional",
];

async fn verdicts(verifier: &SiteVerifier, page: &str, checks: &[&str]) -> Vec<(Verdict, Option<bool>, String)> {
    let site = site(&[("index.html", page), ("sample.png", "")]);
    let seen = ran(verifier.verify(inspection(verifier, site, checks)).await.unwrap());
    let results = seen.report.checks.into_iter();
    results.map(|result| (result.verdict, result.strict, result.evidence.unwrap_or_default())).collect()
}

#[tokio::test]
async fn every_reading_over_a_good_a_bad_and_a_broken_page() {
    let verifier = verifier();
    let good = verdicts(&verifier, GOOD, &CHECKS).await;
    let bad = verdicts(&verifier, BAD, &CHECKS).await;
    let broken = verdicts(&verifier, BROKEN, &CHECKS).await;
    verifier.close().await;
    for (place, text) in CHECKS.iter().enumerate() {
        assert_eq!(good[place].0, PASSED, "{text}: {}", good[place].2);
        assert_eq!(bad[place].0, FAILED, "{text}: {}", bad[place].2);
        assert_eq!(broken[place].0, FAILED, "{text}: {}", broken[place].2);
    }
    // What only a script sets, the strictest graders do not see.
    let strict: Vec<Option<bool>> = good.iter().map(|(_, strict, _)| *strict).collect();
    assert_eq!(strict[..3], [Some(false), Some(false), Some(true)]);
}

#[tokio::test]
async fn what_must_not_be_there() {
    let verifier = verifier();
    let checks = ["#old does not exist", "The page has no <iframe>", "The page does not show \"error\""];
    let added = format!(
        "{GOOD}<script>document.body.append('An error', document.createElement('iframe'));\
        document.body.append(Object.assign(document.createElement('i'), {{id: 'old'}}));</script>"
    );
    for (page, verdict) in [(GOOD, PASSED), (added.as_str(), FAILED)] {
        for (seen, _, evidence) in verdicts(&verifier, page, &checks).await {
            assert_eq!(seen, verdict, "{evidence}");
        }
    }
    verifier.close().await;
}

/// At its public address the site is asked, not the files.
#[tokio::test]
async fn files_are_asked_for_where_the_site_is_live() {
    let verifier = verifier();
    let files = site(&[("index.html", GOOD), ("a.txt", "x")]);
    let here = inspection(&verifier, files, &["a.txt returns 200"]);
    let live = Inspection { target: Target::Network, ..here.clone() };
    assert_eq!(results(&verifier.verify(here).await.unwrap())[0].0, PASSED);
    // Nothing answers there.
    assert_eq!(results(&verifier.verify(live).await.unwrap())[0].0, FAILED);
    verifier.close().await;
}
