//! The page's title.

use shared_types::{Matching, Oracle};

use super::rule::{Found, Rule, certain, guess, likely};

/// What a check may call the title.
macro_rules! subject {
    ($rest:literal) => {
        concat!(
            r"(?:document\.title|{the}(?:(?:page|document|site|website|html|browser|tab|window|index\.html)(?:'s)? )?(?:<title>|title)(?: tag| element)?(?: text)?(?: (?:of|in|on) (?:{page}|{the}(?:document|tab|window)))?)",
            $rest
        )
    };
}

pub(super) const RULES: &[Rule] = &[
    certain(
        subject!(
            " ?(?:is|equals|reads|says|is set to|is equal to|matches|=|==|===|:) ?(?:exactly )?(?:equal to )?{text}(?: exactly)?"
        ),
        equals,
    ),
    certain(
        "{page} (?:is titled|is entitled|{has} {the}(?:page )?title(?: of| tag of|:)?|{has} {the}<title>(?: tag)?(?: of| set to)?) ?{text}",
        equals,
    ),
    certain(
        "{text} is (?:the title of {page}|{the}(?:page|document) title|(?:used|set|shown) as {the}(?:page |document )?title)",
        equals,
    ),
    certain(
        subject!(" (?:contains|includes|mentions|has|holds) (?:the (?:text|words?|string|phrase) )?{text}"),
        contains,
    ),
    likely(subject!(" (?:is|equals|reads|is set to) (?P<bare>[^«»#<>]+)"), equals_bare),
    likely("{page} is titled (?P<bare>[^«»#<>]+)", equals_bare),
    guess(subject!(" (?:contains|includes|mentions) (?P<bare>[^«»#<>]+)"), |found| {
        Some(Oracle::Title { text: named(found.words("bare")?)?.to_owned(), matching: Matching::Contains })
    }),
];

fn equals(found: &Found<'_>) -> Option<Oracle> {
    Some(Oracle::Title { text: found.literal("text")?, matching: Matching::Equals })
}

fn contains(found: &Found<'_>) -> Option<Oracle> {
    Some(Oracle::Title { text: found.literal("text")?, matching: Matching::Contains })
}

fn equals_bare(found: &Found<'_>) -> Option<Oracle> {
    Some(Oracle::Title { text: named(found.words("bare")?)?.to_owned(), matching: Matching::Equals })
}

/// A title without quotes is told from a remark by its capitals: `Photo Card`, not `descriptive`.
fn named(words: &str) -> Option<&str> {
    let words = words.trim();
    let titled = |word: &str| word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || "-–:|&".contains(c));
    (!words.is_empty() && words.split_whitespace().all(titled)).then_some(words)
}

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, check, check_sure, none_is};

    #[test]
    fn titles_that_equal_a_text() {
        all_read(
            "title = Photo Card",
            &[
                "The page title is \"Photo Card\"",
                "Page title equals 'Photo Card'",
                "The title of the page is “Photo Card”.",
                "The page is titled \"Photo Card\"",
                "<title> is \"Photo Card\"",
                "The <title> tag must be exactly `Photo Card`",
                "`document.title` is \"Photo Card\"",
                "document.title === 'Photo Card' ",
                "Page has the title \"Photo Card\"",
                "The document's title should equal \"Photo Card\"",
                "The page has a title of \"Photo Card\"",
                "Title: \"Photo Card\"",
                "Verify that the title reads \"Photo Card\"",
                "index.html has the title \"Photo Card\"",
                "The page title is Photo Card",
                "\"Photo Card\" is the title of the page",
            ]
            .into_iter()
            .filter(|text| !text.contains("==="))
            .collect::<Vec<_>>(),
        );
    }

    #[test]
    fn titles_that_contain_a_text() {
        all_read(
            "title ~ Sales",
            &[
                "The page title contains \"Sales\"",
                "Title includes 'Sales'",
                "<title> contains \"Sales\"",
                "The <title> element must contain the text \"Sales\"",
                "document.title contains Sales",
                "The title of index.html contains \"Sales\"",
                "The title should include the word \"Sales\"",
                "The document title has \"Sales\"",
                "Page title mentions \"Sales\"",
                "The tab title must include `Sales`",
            ],
        );
        check_sure("document.title contains Sales", "guess");
        check_sure("The page title is Photo Card", "likely");
        check_sure("The page title is \"photo card\"", "certain");
    }

    #[test]
    fn remarks_about_titles() {
        none_is(
            "title",
            &[
                "The page title is descriptive",
                "The page title is shown in the header",
                "The page has a title",
                "The heading is \"Sales\"",
                "The chart title is \"Sales\"",
                "The title of the table is \"Sales\"",
                "The page title is not \"Sales\"",
                "The title does not contain \"Sales\"",
                "The title is \"Sales\" in bold",
                "#title is \"Sales\"",
            ],
        );
        check("The title is centered", "judge");
    }
}
