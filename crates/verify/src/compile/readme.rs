//! `README.md`: that it is complete, or has the sections that a check names.

use shared_types::Oracle;

use super::rule::{Found, Rule, certain, likely};

pub(super) const RULES: &[Rule] = &[
    certain(r"{owner}{has} {the}(?:complete )?readme(?:\.md)?(?: file)?{place}?", |_| Some(Oracle::Readme)),
    certain(r"{the}readme(?:\.md)?(?: file)? (?:{there}|(?:exists and )?is complete)", |_| Some(Oracle::Readme)),
    certain(r"there is {the}(?:complete )?readme(?:\.md)?(?: file)?{place}?", |_| Some(Oracle::Readme)),
    certain(
        r"{the}readme(?:\.md)?(?: file)? {has} {the}(?:complete )?(?:sections?|headings?|chapters?)(?: for| on| about| named| called| titled|:)?:? (?P<list>.+)",
        sections,
    ),
    certain(r"{the}readme(?:\.md)?(?: file)? {has} {the}(?P<list>.+?) (?:sections?|headings?|chapters?)", sections),
    likely(r"{the}sections? (?P<list>.+?) (?:{there}|(?:are|is)) in {the}readme(?:\.md)?", sections),
];

/// Names of sections: few, short, and none of them a remark about sections.
fn sections(found: &Found<'_>) -> Option<Oracle> {
    const MOST: usize = 12;
    const REMARKS: [&str; 22] = [
        "that", "which", "are", "is", "at", "least", "more", "than", "well", "clear", "easy", "good", "proper", "all",
        "some", "many", "any", "every", "no", "not", "several", "with",
    ];
    let list = found.words("list")?.replace(" as well as ", ", ").replace(", and ", ", ").replace(" and ", ", ");
    let names: Vec<String> = list.split(',').map(|name| found.resolve(bare(name)).to_lowercase()).collect();
    let fits = |name: &String| {
        let words: Vec<&str> = name.split_whitespace().collect();
        let plain = words
            .iter()
            .all(|word| !REMARKS.contains(word) && word.chars().all(|c| c.is_alphabetic() || "-/'".contains(c)));
        (1..=4).contains(&words.len()) && plain
    };
    (names.len() <= MOST && names.iter().all(fits)).then_some(Oracle::ReadmeSections { sections: names })
}

fn bare(name: &str) -> &str {
    let name = name.trim().trim_start_matches('#').trim();
    ["a ", "an ", "the "].iter().find_map(|article| name.strip_prefix(article)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, check, none_is};

    #[test]
    fn a_readme_that_is_there_or_complete() {
        all_read(
            "readme",
            &[
                "README.md exists",
                "Repo has a README.md",
                "README.md is complete",
                "The README exists and is complete",
                "The repo must have a README",
                "There is a README.md in the repo root",
                "A README.md file is present in the root of the repository",
                "The repository contains a complete README.md",
                "Ensure that the README.md exists",
                "README is included in the repo",
            ],
        );
    }

    #[test]
    fn sections_by_name() {
        let three = "sections setup|usage|license";
        for text in [
            "README.md has sections Setup, Usage and License",
            "README.md has sections for setup, usage, and license",
            "README.md contains Setup, Usage and License sections",
            "The README must have headings for setup, usage and license",
            "README includes sections: Setup, Usage, License",
            "README.md has the sections \"Setup\", \"Usage\" and \"License\"",
            "The README.md should contain sections on Setup, Usage and License",
            "README.md contains sections named `Setup`, `Usage`, `License`",
            "Sections Setup, Usage and License exist in README.md",
            "Check that README.md includes a Setup, a Usage and a License section",
        ] {
            check(text, three);
        }
        check("README.md contains a Usage section", "sections usage");
        check("The README has a section called \"Code explanation\"", "sections code explanation");
    }

    #[test]
    fn remarks_about_a_readme_are_for_a_reader() {
        for kind in ["readme", "sections"] {
            none_is(
                kind,
                &[
                    "README.md reads professionally",
                    "README.md is professional",
                    "README.md is complete and professional",
                    "README.md explains the code",
                    "README.md exists and has 300 words",
                    "README.md has sections that are easy to read",
                    "README.md has at least 5 sections",
                    "README.md has no Usage section",
                    "The page has a Usage section",
                    "README.md has clear sections",
                ],
            );
        }
    }
}
