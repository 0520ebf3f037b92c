//! Gives each item of a request's `checks` a reading. Pure: the same items, the same readings.

mod english;

use shared_types::http::CheckBody;
use shared_types::{Check, Oracle, Round};

use crate::script;

/// One check an item, in the order of the list.
pub(crate) fn compile(round: Round, items: &[CheckBody]) -> Vec<Check> {
    let check = |(index, item): (usize, &CheckBody)| {
        let (source, oracle) = match item {
            CheckBody::JavaScript { js } => (js.clone(), expression(strip_js(js).unwrap_or(js))),
            CheckBody::Text(text) => (text.clone(), read(text)),
        };
        Check { round, index: u32::try_from(index).unwrap_or(u32::MAX), source, oracle }
    };
    items.iter().enumerate().map(check).collect()
}

fn read(text: &str) -> Oracle {
    if let Some(code) = strip_js(text) {
        return expression(code);
    }
    if script::is_bare_expression(text) {
        return expression(text);
    }
    english::read(text).unwrap_or(Oracle::Judge)
}

fn expression(code: &str) -> Oracle {
    Oracle::JavaScript { expression: code.trim().to_owned() }
}

/// What follows `js:`, in any case and with blanks around it.
fn strip_js(text: &str) -> Option<&str> {
    let (prefix, code) = text.split_once(':')?;
    prefix.trim().eq_ignore_ascii_case("js").then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reading in one line: `js EXPRESSION`, `files A B`, `link A`, `equals A`, or a word.
    fn say(oracle: &Oracle) -> String {
        match oracle {
            Oracle::JavaScript { expression } => format!("js {expression}"),
            Oracle::Licence => "licence".to_owned(),
            Oracle::Readme => "readme".to_owned(),
            Oracle::FilesExist { paths } => {
                format!("files {}", paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            }
            Oracle::FileLinked { path } => format!("link {path}"),
            Oracle::FileEqualsAttachment { path } => format!("equals {path}"),
            Oracle::Judge => "judge".to_owned(),
        }
    }

    fn check(text: &str, expected: &str) {
        let compiled = compile(Round::FIRST, &[CheckBody::Text(text.to_owned())]);
        assert_eq!(say(&compiled[0].oracle), expected, "{text:?}");
        assert_eq!(compiled[0].source, text);
    }

    #[test]
    fn javascript_in_all_its_shapes() {
        check("js: document.title === 'x'", "js document.title === 'x'");
        check(" JS :\n  a b", "js a b");
        check("document.scripts[0].text.indexOf('fetch(') >= 0", "js document.scripts[0].text.indexOf('fetch(') >= 0");
        check("!!document.querySelector('#x');", "js !!document.querySelector('#x');");
        check("document.title", "js document.title");
        check("(() => { return 1 === 1 })()", "js (() => { return 1 === 1 })()");
        check("(await (await fetch('a.json')).json()).n === 5", "js (await (await fetch('a.json')).json()).n === 5");
        check("Array.from(document.images).every(i => i.alt)", "js Array.from(document.images).every(i => i.alt)");
        check("$('#total').text() == '5'", "js $('#total').text() == '5'");
        let object = compile(Round::FIRST, &[CheckBody::JavaScript { js: "js: 1 > 0".to_owned() }]);
        assert_eq!(say(&object[0].oracle), "js 1 > 0");
        let words = compile(Round::FIRST, &[CheckBody::JavaScript { js: "plainly words".to_owned() }]);
        assert_eq!(say(&words[0].oracle), "js plainly words");
    }

    #[test]
    fn words_are_not_code() {
        for text in [
            "README.md",
            "well-formed",
            "Light/dark",
            "responsive",
            "document.title contains Sales",
            "js is used sparingly",
            "Page uses window.fetch to load data.csv",
            "The total === 5 in the table",
            "`document.title` is \"Sales\"",
            "",
            "   ",
            "const a = 1; a > 0 && b",
        ] {
            check(text, "judge");
        }
    }

    #[test]
    fn the_licence() {
        for text in [
            "Repo has an MIT license",
            "repo has MIT license",
            "The repository contains an MIT LICENSE file in the root",
            "MIT licence in the repo root.",
            "LICENSE is MIT",
            "An MIT LICENSE file exists at the root of the repository",
            "Repo has MIT LICENSE at repo root",
            "The project is licensed under the MIT license",
        ] {
            check(text, "licence");
        }
        for text in [
            "Repo has an Apache license",
            "Repo has an MIT license and a NOTICE file",
            "Repo has no MIT license",
            "The page shows the MIT license",
            "The footer links to the MIT license",
            "LICENSE is MIT and names the author",
        ] {
            check(text, "judge");
        }
    }

    #[test]
    fn the_readme() {
        for text in
            ["README.md exists", "Repo has a README.md", "README.md is complete", "The README exists and is complete"]
        {
            check(text, "readme");
        }
        for text in [
            "README.md reads professionally",
            "README.md is professional",
            "README.md is complete and professional",
            "README.md explains the code",
            "README.md mentions data.csv",
            "README.md exists and has 300 words",
        ] {
            check(text, "judge");
        }
    }

    #[test]
    fn files_that_must_be_there() {
        check("uid.txt exists", "files uid.txt");
        check("The file `data/air.json` exists in the repository.", "files data/air.json");
        check("uid.txt is in the repo", "files uid.txt");
        check("Repo contains a file named \"data.csv\"", "files data.csv");
        check("LICENSE exists", "files LICENSE");
        check("The license file exists", "judge");
        check("Repo has a license", "files LICENSE");
        check(
            "Each of index.html, about.md, summary.json, badge.svg, air.json answers 200",
            "files index.html about.md summary.json badge.svg air.json",
        );
        check("All of a.txt and b.txt return HTTP 200", "files a.txt b.txt");
        check("index.html, a.txt, and b.txt exist", "files index.html a.txt b.txt");
        check("badge.svg returns 200 OK", "files badge.svg");
        check("Repo has .github/workflows/pages.yml", "files .github/workflows/pages.yml");
        for text in [
            "about.md has exactly 3 words",
            "summary.json: stations is 5, max.city is Delhi, max.pm25 is the integer 102",
            "badge.svg is well-formed XML with an svg root",
            "uid.txt exists and is not empty",
            "data.csv exists with 3 columns",
            "../secret.txt exists",
            "The button exists",
            "secret.txt does not exist",
            "no file secret.txt exists",
            "a.txt or b.txt exists",
            "index.html answers 404",
            "Each of a.txt, b.txt answers 200 within 1 s",
            "Repo has a data.csv with five rows",
        ] {
            check(text, "judge");
        }
    }

    #[test]
    fn links() {
        check("The page links to uid.txt", "link uid.txt");
        check("index.html links to `about.md`.", "link about.md");
        check("Page has a link to data/air.json", "link data/air.json");
        check("uid.txt is linked from the page", "link uid.txt");
        for text in [
            "index.html mentions every other file",
            "The page links to uid.txt and about.md",
            "The page links to the repository",
            "The page links to example.com",
            "The page links to https://example.com/a.txt",
            "The page does not link to uid.txt",
            "about.html links to uid.txt",
            "The page links to uid.txt in the footer",
            "The page loads data.csv",
        ] {
            check(text, "judge");
        }
    }

    #[test]
    fn files_that_equal_their_attachments() {
        for text in [
            "uid.txt in the repo is the attachment, byte for byte",
            "uid.txt equals the attachment",
            "uid.txt is unchanged",
            "The file uid.txt matches the attachment exactly",
            "uid.txt is identical to the attached file",
            "uid.txt is copied byte for byte",
            "uid.txt is the same as the attached uid.txt",
        ] {
            check(text, "equals uid.txt");
        }
        for text in [
            "uid.txt is the same as the attached id.txt",
            "uid.txt equals 31415",
            "uid.txt does not equal the attachment",
            "uid.txt is unchanged except for its title",
            "The page shows uid.txt unchanged",
        ] {
            check(text, "judge");
        }
    }

    #[test]
    fn what_needs_an_eye_is_left_to_a_judge() {
        for text in [
            "Page shows the image given as ?url=...",
            "#photo-size shows width and height as integers",
            "Code is clean",
            "🦀",
        ] {
            check(text, "judge");
        }
    }

    #[test]
    fn every_check_of_the_sample_requests_is_read_as_meant() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/requests");
        let mut judged = Vec::new();
        for name in ["sales-summary", "markdown-reader", "photo-card", "many-files"] {
            let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
            let case: serde_json::Value = serde_json::from_str(&text).unwrap();
            for round in case["rounds"].as_array().unwrap() {
                let items: Vec<CheckBody> = serde_json::from_value(round["request"]["checks"].clone()).unwrap();
                for check in compile(Round::FIRST, &items) {
                    let code = check.source.starts_with("js:")
                        || ["document", "Math"].iter().any(|word| check.source.starts_with(word));
                    assert_eq!(code, matches!(check.oracle, Oracle::JavaScript { .. }), "{}", check.source);
                    if check.oracle == Oracle::Judge {
                        judged.push(check.source);
                    }
                }
            }
        }
        assert_eq!(
            judged,
            [
                "README.md reads professionally",
                "Page shows the image given as ?url=...",
                "#photo-size shows width and height as integers",
                "index.html mentions every other file",
                "about.md has exactly 3 words",
                "summary.json: stations is 5, max.city is Delhi, max.pm25 is the integer 102",
                "badge.svg is well-formed XML with an svg root",
            ]
        );
    }
}
