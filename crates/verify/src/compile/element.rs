//! Elements by tag, id and attribute.

use std::sync::LazyLock;

use regex::Regex;
use shared_types::{AttributeQuery, ElementQuery, Oracle, Presence};

use super::rule::{Found, Rule, certain, likely, listed};
use super::vocabulary;

/// `The page has`, `There is`.
macro_rules! there {
    ($rest:literal) => {
        concat!("(?:{page} (?:has|contains|includes|shows|uses|provides)|there (?:is|are|exists?)) ", $rest)
    };
}

pub(super) const RULES: &[Rule] = &[
    // What must not be there comes first: `no` would pass for a word that describes an element.
    certain(
        "{page} (?:has no|contains no|does not (?:have|contain|include|use)(?: an?| any)?) (?P<tag><[a-z][a-z0-9]*>)(?: element| tag)?s?",
        |found| absent(vec![by_tag(found)?]),
    ),
    certain(
        "(?:{page} has no|{page} does not (?:have|contain)(?: an?| any)?|there is no|no) (?:element )?(?:{hash}(?: element)?|(?:element )?(?:with|has) (?:the )?id (?P<id>{mark}|#?{NAME}))(?: exists)?",
        |found| absent(vec![by_id(found.id()?)]),
    ),
    certain(
        "{the}(?:element )?{hash}(?: element)? (?:does not exist|is absent|is gone|is removed|no longer exists|does not appear)(?: (?:on|in|from) {page})?",
        |found| absent(vec![by_id(found.id()?)]),
    ),
    certain(
        "{the}(?:elements? )?(?P<hashes>#{NAME}(?:{and}#{NAME})*)(?: elements?)? (?:{there}|(?:exists?|(?:is|are)(?: present)?) (?:on|in) {page}|(?:is|are) rendered)",
        hashes,
    ),
    certain(there!("(?:an? |the )?(?:elements? |[a-z]+ )?(?P<hashes>#{NAME}(?:{and}#{NAME})*)(?: elements?)?"), hashes),
    certain(
        there!("(?:elements?|tags?) with (?:the )?ids? (?P<ids>(?:{mark}|#?{NAME})(?:{and}(?:{mark}|#?{NAME}))*)"),
        ids,
    ),
    certain(
        "(?:elements?|tags?) with (?:the )?ids (?P<ids>(?:{mark}|#?{NAME})(?:{and}(?:{mark}|#?{NAME}))*) (?:{there}|exists? (?:on|in) {page})",
        ids,
    ),
    certain(there!("{the}(?:<?(?P<tag>[a-z][a-z0-9]*)>? )?(?:elements? |tag |field )?{with_id}"), tag_with_id),
    certain(
        "{the}(?:<?(?P<tag>[a-z][a-z0-9]*)>? )?(?:element |tag |field )?{with_id} (?:{there}|exists (?:on|in) {page})",
        tag_with_id,
    ),
    certain(there!("(?:an? |the |at least one |some )?(?P<tag><[a-z][a-z0-9]*>)(?: element| tag)?s?"), tag),
    certain("{the}(?P<tag><[a-z][a-z0-9]*>)(?: element| tag)? (?:{there}|exists (?:on|in) {page})", tag),
    likely(
        there!(
            "(?:an? |at least one )(?:html )?(?P<tag>table|button|form|select|dropdown|canvas|textarea|video|svg|nav|footer|header|iframe)(?: element| tag)?"
        ),
        tag,
    ),
    certain(there!("(?:an? |the )?(?P<markup>{mark})(?: element| tag)?"), markup),
    certain("{the}(?P<markup>{mark})(?: element| tag)? {there}", markup),
    certain(there!("(?:an? |the )(?:meta )?viewport(?: meta)?(?: tag| element)?"), |_| {
        let attribute = AttributeQuery { name: "name".to_owned(), value: Some("viewport".to_owned()) };
        present(vec![ElementQuery { tag: Some("meta".to_owned()), id: None, attribute: Some(attribute) }])
    }),
    certain(
        "{the}(?:<(?P<tag>[a-z][a-z0-9]*)>(?: element| tag)?|html element|{hash}(?: element)?) has {the}(?P<attribute>[a-z][a-z-]*) attribute(?: (?:of|equal to|set to|with (?:the )?value) (?P<text>{mark}|[\\w.#/-]+))?",
        attribute,
    ),
    certain(
        "{the}(?:<(?P<tag>[a-z][a-z0-9]*)>(?: element| tag)?|{hash}(?: element)?) has (?P<attribute>[a-z][a-z-]*)=(?P<text>{mark})",
        attribute,
    ),
];

fn present(elements: Vec<ElementQuery>) -> Option<Oracle> {
    Some(Oracle::Elements { elements, presence: Presence::Present })
}

fn absent(elements: Vec<ElementQuery>) -> Option<Oracle> {
    Some(Oracle::Elements { elements, presence: Presence::Absent })
}

fn by_id(id: String) -> ElementQuery {
    ElementQuery { id: Some(id), ..ElementQuery::default() }
}

fn by_tag(found: &Found<'_>) -> Option<ElementQuery> {
    let word = found.words("tag")?.trim_matches(['<', '>']).to_lowercase();
    let tag = match word.as_str() {
        "dropdown" => "select",
        "image" | "picture" | "photo" => "img",
        other => other,
    };
    Some(ElementQuery { tag: Some(tag.to_owned()), ..ElementQuery::default() })
}

fn hashes(found: &Found<'_>) -> Option<Oracle> {
    let list = found.words("hashes")?;
    present(listed(list).map(|hash| by_id(hash.trim_start_matches('#').to_owned())).collect())
}

fn ids(found: &Found<'_>) -> Option<Oracle> {
    let ids: Vec<String> = found.literals("ids")?;
    let id = |id: &String| (!id.contains(' ')).then(|| by_id(id.trim_start_matches('#').to_owned()));
    present(ids.iter().map(id).collect::<Option<_>>()?)
}

/// A word before `with id` is a tag where HTML has one of that name; else it only describes.
fn tag_with_id(found: &Found<'_>) -> Option<Oracle> {
    const TAGS: [&str; 37] = [
        "a", "article", "aside", "audio", "button", "canvas", "code", "details", "dialog", "div", "dropdown", "footer",
        "form", "h1", "h2", "h3", "header", "iframe", "image", "img", "input", "label", "main", "nav", "ol", "option",
        "output", "p", "pre", "section", "select", "span", "svg", "table", "textarea", "ul", "video",
    ];
    const DESCRIBES: [&str; 8] = ["element", "list", "link", "heading", "field", "box", "area", "container"];
    let query = by_id(found.id()?);
    let word = found.words("tag").map(str::to_lowercase);
    match word.as_deref() {
        None => present(vec![query]),
        Some(word) if DESCRIBES.contains(&word) => present(vec![query]),
        Some(word) if TAGS.contains(&word) => present(vec![ElementQuery { tag: by_tag(found)?.tag, ..query }]),
        Some(_) => None,
    }
}

fn tag(found: &Found<'_>) -> Option<Oracle> {
    present(vec![by_tag(found)?])
}

/// A whole start tag, such as `<meta name="viewport">`.
fn markup(found: &Found<'_>) -> Option<Oracle> {
    static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
        vocabulary::compile(
            r#"<(?P<tag>[a-z][a-z0-9]*)(?: (?P<name>[a-z][a-z-]*)(?:=["']?(?P<value>[^"'<>]*?)["']?)?)?\s*/?>"#,
        )
    });
    let literal = found.literal("markup")?;
    let parts = TAG.as_ref()?.captures(&literal)?;
    let part = |name: &str| parts.name(name).map(|part| part.as_str().to_owned());
    let tag = part("tag")?.to_lowercase();
    let query = ElementQuery { tag: Some(tag), ..ElementQuery::default() };
    present(vec![match (part("name"), part("value")) {
        (None, _) => query,
        (Some(name), Some(id)) if name == "id" => ElementQuery { id: Some(id), ..query },
        (Some(name), value) => ElementQuery { attribute: Some(AttributeQuery { name, value }), ..query },
    }])
}

fn attribute(found: &Found<'_>) -> Option<Oracle> {
    let value = found.literal("text");
    let attribute = Some(AttributeQuery { name: found.words("attribute")?.to_lowercase(), value });
    let tag = match (found.words("tag"), found.words("hash")) {
        (Some(tag), _) => Some(tag.to_lowercase()),
        (None, Some(_)) => None,
        (None, None) => Some("html".to_owned()),
    };
    present(vec![ElementQuery { tag, id: found.id(), attribute }])
}

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, check, check_sure, none_is};

    #[test]
    fn elements_by_id() {
        all_read(
            "elements #total",
            &[
                "#total exists",
                "The element #total exists",
                "The page has an element with id total",
                "There is an element with the id \"total\"",
                "The page contains #total",
                "An element with id `total` must exist",
                "There must be an element with id=\"total\" ",
                "The page must include an element with the id of 'total'",
                "Check that #total is present",
                "#total is present on the page",
                "The page should have a #total element",
                "index.html contains an element with id total",
            ],
        );
        check("#a, #b and #c exist", "elements #a #b #c");
        check("The page has elements with ids a, b and c", "elements #a #b #c");
        check("Elements with ids `a` and `b` exist", "elements #a #b");
    }

    #[test]
    fn elements_by_tag_and_attribute() {
        check("There is a <table> with id prices", "elements table#prices");
        check("The page has a select element with the id currency-picker", "elements select#currency-picker");
        check("A form with id=\"f\" exists", "elements form#f");
        check("The page contains a dropdown with id unit", "elements select#unit");
        check("The page contains a <canvas> element", "elements canvas");
        check("The page has a table", "elements table");
        check("There is at least one <img> tag", "elements img");
        check("The page has a <meta name=\"viewport\"> tag", "elements meta[name=viewport]");
        check("The page has a viewport meta tag", "elements meta[name=viewport]");
        check("The <html> element has a lang attribute", "elements html[lang]");
        check("The <html> tag has lang=\"en\"", "elements html[lang=en]");
        check("#photo has an alt attribute", "elements #photo[alt]");
        check("The html element must have a lang attribute set to \"en\"", "elements html[lang=en]");
        check_sure("The page has a table", "likely");
    }

    #[test]
    fn elements_that_must_not_be_there() {
        all_read(
            "no elements #old",
            &[
                "#old does not exist",
                "There is no #old",
                "The page has no element with id old",
                "No element with id `old` exists",
                "#old must not exist on the page",
                "The page must not have an element with id old",
                "The element #old is gone",
                "#old no longer exists",
                "#old is absent from the page",
                "There is no element with the id old",
            ],
        );
        check("The page contains no <iframe>", "no elements iframe");
        check("The page must not use any <iframe> tags", "no elements iframe");
    }

    #[test]
    fn remarks_about_elements() {
        for kind in ["elements", "no elements"] {
            none_is(
                kind,
                &[
                    "The button exists",
                    "The page has a table of all sales",
                    "#total is red",
                    "There is an element for each row",
                    "The page has a nice layout",
                    "#total exists and is blue",
                    "Every image has an alt attribute",
                    "The page has a warm welcome with id card",
                    "The page has 5 elements",
                    "A #hashtag is shown in the feed",
                ],
            );
        }
    }
}
