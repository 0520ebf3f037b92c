//! Files: that they are there, are served, are linked, equal their attachments.

use shared_types::{Oracle, SitePath};

use super::rule::{Found, Rule, certain};

/// What a check says of a request that succeeds.
macro_rules! served {
    ($rest:literal) => {
        concat!(
            $rest,
            " (?:all )?(?:(?:each )?(?:answers?|returns?|responds?(?: with)?|gives?|yields?|is served with|are served with)(?: with)?(?: an?)? (?:http )?(?:status )?(?:code )?(?:of )?200(?: ok| status)?(?: status)?(?: ok)?|(?:is|are) (?:reachable|fetchable|downloadable|accessible)(?: (?:by|over|via) http| (?:on|from|at|below) {the}(?:site|page|pages url))?)"
        )
    };
}

pub(super) const RULES: &[Rule] = &[
    certain(
        "{a_file}{place}? (?:is|equals|matches|is equal to|is identical to|is the same as|is a copy of) {the}(?:attachment|attached file|original|attached (?P<other>{FILE}))(?:,? ?(?:exactly|unchanged|byte for byte|byte-for-byte))?",
        equality,
    ),
    certain(
        "{a_file}{place}? is (?:copied |published |served |kept |committed )?(?:unchanged|as is|as attached|verbatim|byte for byte|byte-for-byte)(?:{place}| as attached)?",
        equality,
    ),
    certain("{page} (?:links(?: to)?|{has} {the}link to) {a_file}", link),
    certain("{a_file} is linked (?:from|on|in|by) {page}", link),
    certain("there is {the}link to {a_file} (?:on|in) {page}", link),
    certain(
        served!(
            "(?:get |fetching |requesting |a request (?:to|for) |{the}url )?(?:each of |all of |each |all )?{the}(?:files? )?{files}"
        ),
        served,
    ),
    certain(
        served!(
            "(?:get |fetching |requesting )?(?:{page}|/|{the}(?:github )?pages(?: url| site)?|{the}pages_url|{the}(?:page|site) url)"
        ),
        |_| Some(Oracle::FilesServed { paths: vec!["index.html".parse().ok()?] }),
    ),
    certain("(?:each|all) of {files} {there}", existence),
    certain("{the}(?:files? )?(?:named |called )?{files}(?: files?)? {there}", existence),
    certain("{owner}{has} {the}(?:files? )?(?:named |called )?{files}(?: files?)?{place}?", existence),
    certain("there (?:is|are) {the}(?:files? )?(?:named |called )?{files}(?: files?)?{place}?", existence),
    certain("{owner}{has} {the}licen[sc]e", |_| Some(Oracle::FilesExist { paths: vec!["LICENSE".parse().ok()?] })),
];

fn equality(found: &Found<'_>) -> Option<Oracle> {
    let path = found.path("file")?;
    let same = found.words("other").is_none_or(|other| other == path.as_str());
    same.then_some(Oracle::FileEqualsAttachment { path })
}

fn link(found: &Found<'_>) -> Option<Oracle> {
    Some(Oracle::FileLinked { path: found.path("file")? })
}

fn served(found: &Found<'_>) -> Option<Oracle> {
    Some(Oracle::FilesServed { paths: files(found)? })
}

fn existence(found: &Found<'_>) -> Option<Oracle> {
    Some(Oracle::FilesExist { paths: files(found)? })
}

/// `a.txt or b.txt` asks for one of them, which nothing here decides.
fn files(found: &Found<'_>) -> Option<Vec<SitePath>> {
    let list = found.words("files")?;
    if list.contains(" or ") { None } else { found.paths("files") }
}

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, check, none_is};

    #[test]
    fn files_that_must_be_there() {
        all_read(
            "files uid.txt",
            &[
                "uid.txt exists",
                "The file `uid.txt` exists in the repository.",
                "uid.txt is in the repo",
                "Repo contains a file named \"uid.txt\"",
                "There is a uid.txt in the repo root",
                "The repo must have uid.txt",
                "uid.txt should be present in the root of the repo",
                "Check that uid.txt exists",
                "The repository includes the file uid.txt",
                "A file called uid.txt exists at the root of the repository",
                "uid.txt is included",
            ],
        );
        check("LICENSE exists", "files LICENSE");
        check("The license file exists", "files LICENSE");
        check("Repo has a license", "files LICENSE");
        check("index.html, a.txt, and b.txt exist", "files index.html a.txt b.txt");
        check("Repo has .github/workflows/pages.yml", "files .github/workflows/pages.yml");
        check("Repo has data/air.json and data/b.csv", "files data/air.json data/b.csv");
        none_is(
            "files",
            &[
                "about.md has exactly 3 words",
                "badge.svg is well-formed XML with an svg root",
                "uid.txt exists and is not empty",
                "data.csv exists with 3 columns",
                "../secret.txt exists",
                "The button exists",
                "secret.txt does not exist",
                "no file secret.txt exists",
                "a.txt or b.txt exists",
                "Repo has a data.csv with five rows",
                "example.com exists",
                "The repo has 3.5 stars",
            ],
        );
    }

    #[test]
    fn files_that_are_served() {
        all_read(
            "served data.csv",
            &[
                "data.csv returns 200",
                "data.csv answers 200 OK",
                "GET /data.csv returns HTTP 200",
                "`/data.csv` responds with status 200",
                "The file data.csv is served with status code 200",
                "Fetching data.csv gives 200",
                "A request for data.csv returns a 200 status",
                "data.csv must return HTTP status 200",
                "data.csv is reachable by HTTP",
                "data.csv should be accessible on the site",
                "data.csv is fetchable from the site",
            ],
        );
        check(
            "Each of index.html, about.md, summary.json, badge.svg, air.json answers 200",
            "served index.html about.md summary.json badge.svg air.json",
        );
        check("All of a.txt and b.txt return HTTP 200", "served a.txt b.txt");
        check("GitHub Pages returns 200 OK", "served index.html");
        check("The page responds with HTTP 200", "served index.html");
        check("pages_url returns 200", "served index.html");
        none_is(
            "served",
            &[
                "index.html answers 404",
                "Each of a.txt, b.txt answers 200 within 1 s",
                "data.csv has 200 rows",
                "data.csv does not return 200",
                "The page shows 200",
                "The API returns 200",
                "https://example.com/a.txt returns 200",
                "a.txt or b.txt returns 200",
            ],
        );
    }

    #[test]
    fn links() {
        all_read(
            "link uid.txt",
            &[
                "The page links to uid.txt",
                "index.html links to `uid.txt`.",
                "Page has a link to uid.txt",
                "uid.txt is linked from the page",
                "The page must link to uid.txt",
                "The page contains a link to the file uid.txt",
                "There is a link to uid.txt on the page",
                "uid.txt should be linked in index.html",
                "The home page includes a link to uid.txt",
                "Verify that the site links to /uid.txt",
            ],
        );
        none_is(
            "link",
            &[
                "index.html mentions every other file",
                "The page links to uid.txt and about.md",
                "The page links to the repository",
                "The page links to example.com",
                "The page links to https://example.com/a.txt",
                "The page does not link to uid.txt",
                "about.html links to uid.txt",
                "The page links to uid.txt in the footer",
                "The page loads data.csv",
                "There is no link to uid.txt on the page",
            ],
        );
    }

    #[test]
    fn files_that_equal_their_attachments() {
        all_read(
            "equals uid.txt",
            &[
                "uid.txt in the repo is the attachment, byte for byte",
                "uid.txt equals the attachment",
                "uid.txt is unchanged",
                "The file uid.txt matches the attachment exactly",
                "uid.txt is identical to the attached file",
                "uid.txt is copied byte for byte",
                "uid.txt is the same as the attached uid.txt",
                "uid.txt must be a copy of the attachment",
                "`uid.txt` must be served as is",
                "uid.txt is published unchanged in the repo",
                "uid.txt should be committed verbatim",
            ],
        );
        none_is(
            "equals",
            &[
                "uid.txt is the same as the attached id.txt",
                "uid.txt equals 31415",
                "uid.txt does not equal the attachment",
                "uid.txt must not be changed by the page",
                "uid.txt is unchanged except for its title",
                "The page shows uid.txt unchanged",
                "uid.txt is like the attachment",
            ],
        );
    }
}
