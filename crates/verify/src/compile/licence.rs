//! The MIT licence in `LICENSE`.

use shared_types::Oracle;

use super::rule::{Rule, certain};

pub(super) const RULES: &[Rule] = &[
    certain("{owner}{has} {the}(?:valid )?mit[- ]{licence}{place}?", |_| Some(Oracle::Licence)),
    certain(
        "{owner}is (?:under |licensed under |released under |published under )?{the}mit[- ](?:licen[sc]ed?)",
        |_| Some(Oracle::Licence),
    ),
    certain("(?:has )?{the}mit[- ]{licence}(?: {there}|{place})?", |_| Some(Oracle::Licence)),
    certain("{the}{licence}{place}? (?:exists and )?(?:is|{has}) {the}mit(?: licen[sc]e)?(?: text)?", |_| {
        Some(Oracle::Licence)
    }),
    certain("there is {the}mit[- ]{licence}{place}?", |_| Some(Oracle::Licence)),
];

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, none_is};

    #[test]
    fn the_mit_licence_in_many_words() {
        all_read(
            "licence",
            &[
                "Repo has an MIT license",
                "repo has MIT license",
                "The repository contains an MIT LICENSE file in the root",
                "MIT licence in the repo root.",
                "LICENSE is MIT",
                "An MIT LICENSE file exists at the root of the repository",
                "Repo has MIT LICENSE at repo root",
                "The project is licensed under the MIT license",
                "The repo is MIT licensed",
                "Check that the repository has a valid MIT license",
                "The repository must have an MIT license in its root",
                "There must be an MIT LICENSE file at the root of the repo",
                "`LICENSE` contains the MIT license text",
                "Make sure the repo includes the MIT licence",
            ],
        );
    }

    #[test]
    fn other_licences_and_more_than_a_licence() {
        none_is(
            "licence",
            &[
                "Repo has an Apache license",
                "Repo has an MIT license and a NOTICE file",
                "Repo has no MIT license",
                "The repo must not have an MIT license",
                "The page shows the MIT license",
                "The footer links to the MIT license",
                "LICENSE is MIT and names the author",
                "LICENSE exists",
            ],
        );
    }
}
