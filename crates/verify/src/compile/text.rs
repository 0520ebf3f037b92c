//! Texts: in a file as it is served (comments included), or shown to a visitor.

use shared_types::{Oracle, Presence, SitePath};

use super::rule::{Found, Rule, certain, likely};

/// The source of a file: `index.html`, `the source of index.html`, `the page's HTML`.
macro_rules! source {
    ($before:literal, $rest:literal) => {
        concat!(
            $before,
            r"(?:{the}(?:served |page |raw )?(?:html |source )?(?:source|code|html|markup|text|content|contents)(?: code)? of )?(?:{a_file}|{page})(?:'s)?(?: (?:html )?(?:source|code|markup|html)(?: code)?)?",
            $rest
        )
    };
}

pub(super) const RULES: &[Rule] = &[
    certain(
        source!(
            "",
            " (?:contains|includes|mentions|holds|has|uses|names|refers to|references) (?:the |all of |both )?(?:literal |exact )?(?:text|string|word|phrase|words|texts|strings|code)s? {texts}"
        ),
        present,
    ),
    certain(source!("", " (?:contains|includes|mentions|holds) (?:all of |both |literally )?{quotes}"), present),
    likely("{a_file} (?:mentions|names|refers to|references) (?:the file )?{texts}", present),
    certain(
        source!(
            "{texts} (?:appears?|occurs?|is present|are present|is found|can be found|stands|is) (?:somewhere |literally )?in ",
            ""
        ),
        present,
    ),
    certain(
        source!(
            "",
            " (?:does not|never|nowhere) (?:contains?|includes?|mentions?|holds?|uses?|have|has)(?: anywhere)?(?: any of| either)?(?: the)?(?: literal)?(?: text| string| word| phrase| words)?:? {texts}(?: anywhere)?"
        ),
        absent,
    ),
    certain(
        source!(
            "",
            " (?:contains|has|includes|holds) (?:no|neither)(?: text| string| word| phrase| mention of| occurrence of| reference to)? {texts}"
        ),
        absent,
    ),
    certain(source!("{texts} (?:does not|never|must never) (?:appears?|occurs?)(?: anywhere)? in ", ""), absent),
    certain(source!("{texts} is (?:not present|nowhere|not found|absent)(?: anywhere)? (?:in|from) ", ""), absent),
    certain(source!("(?:no mention of|no occurrence of|there is no) {texts} in ", ""), absent),
    certain(source!("", " is free of {texts}"), absent),
    certain(
        "{page} (?:shows|displays|renders|greets with) (?:the )?(?:text |words? |message |string |phrase |heading )?{quotes}",
        |found| shown(found, Presence::Present),
    ),
    certain("{quotes} (?:is|are) (?:shown|displayed|visible|rendered|printed)(?: on| in)? {page}", |found| {
        shown(found, Presence::Present)
    }),
    certain(
        "{page} (?:does not|never) (?:shows?|displays?|renders?) (?:the )?(?:text |words? |message |string |phrase )?{quotes}",
        |found| shown(found, Presence::Absent),
    ),
];

fn present(found: &Found<'_>) -> Option<Oracle> {
    // `a or b` asks for one of them.
    let either = found.words("texts")?.contains(" or ");
    if either { None } else { source_text(found, Presence::Present) }
}

fn absent(found: &Found<'_>) -> Option<Oracle> {
    source_text(found, Presence::Absent)
}

fn source_text(found: &Found<'_>, presence: Presence) -> Option<Oracle> {
    let path = match found.words("file") {
        Some(_) => found.path("file")?,
        None => "index.html".parse::<SitePath>().ok()?,
    };
    Some(Oracle::SourceText { path, texts: found.literals("texts")?, presence })
}

fn shown(found: &Found<'_>, presence: Presence) -> Option<Oracle> {
    let either = presence == Presence::Present && found.words("texts")?.contains(" or ");
    if either { None } else { Some(Oracle::PageText { texts: found.literals("texts")?, presence }) }
}

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, check, check_sure, none_is};

    #[test]
    fn texts_in_the_source() {
        all_read(
            "source index.html fetch(",
            &[
                "index.html contains \"fetch(\"",
                "The source of index.html contains `fetch(`",
                "The page source contains \"fetch(\"",
                "index.html includes the text 'fetch('",
                "\"fetch(\" appears in index.html",
                "The HTML of the page contains the string \"fetch(\"",
                "The page contains \"fetch(\"",
                "index.html must mention `fetch(`",
                "Verify that index.html contains the literal text \"fetch(\"",
                "`fetch(` is present in the page source",
                "The served HTML contains \"fetch(\"",
                "\"fetch(\" must occur in the source of index.html",
            ],
        );
        check("index.html contains \"a b\" and \"c\"", "source index.html a b|c");
        check("README.md mentions data.csv", "source README.md data.csv");
        check("script.js contains the word `Intl.NumberFormat`", "source script.js Intl.NumberFormat");
        check_sure("README.md mentions data.csv", "likely");
    }

    #[test]
    fn texts_that_must_be_nowhere() {
        all_read(
            "no source index.html eval(",
            &[
                "index.html does not contain \"eval(\"",
                "The page must not contain \"eval(\"",
                "The source of index.html never mentions `eval(`",
                "index.html contains no 'eval('",
                "\"eval(\" does not appear in index.html",
                "\"eval(\" must not occur anywhere in index.html",
                "The page source must not include the string \"eval(\"",
                "No mention of \"eval(\" in index.html",
                "index.html is free of \"eval(\"",
                "index.html doesn't contain \"eval(\"",
                "There is no \"eval(\" in the page's source",
                "index.html should not contain \"eval(\" anywhere",
            ],
        );
        check("index.html does not contain \"a\" or \"b\"", "no source index.html a|b");
    }

    #[test]
    fn texts_that_are_shown() {
        all_read(
            "shows Hello there",
            &[
                "The page shows \"Hello there\"",
                "The page displays the text \"Hello there\"",
                "\"Hello there\" is shown on the page",
                "\"Hello there\" is visible on the page",
                "The page must show the message 'Hello there'",
                "The page should display “Hello there”",
                "The site shows the words \"Hello there\"",
                "Check that the page renders \"Hello there\"",
                "The page shows the heading \"Hello there\"",
                "\"Hello there\" must be displayed on the page",
            ],
        );
        check("The page does not show \"error\"", "shows no error");
    }

    #[test]
    fn remarks_about_texts() {
        for kind in ["source", "no source", "shows"] {
            none_is(
                kind,
                &[
                    "index.html mentions every other file",
                    "index.html contains \"a\" or \"b\"",
                    "The page shows the total",
                    "The page contains a lot of text",
                    "The text is readable",
                    "index.html contains \"a\" twice",
                    "The page shows \"Hello\" in red",
                    "The page contains data about \"rivers\"",
                    "The page says hello",
                    "Clicking shows \"Hello\"",
                ],
            );
        }
    }
}
