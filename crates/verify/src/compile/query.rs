//! What a page does when it is opened with a query such as `?url=...`.

use shared_types::{Oracle, QueryEffect};

use super::rule::{Found, Rule, guess, likely};

/// `With ?name=Ada`, `When the page is opened with ?name=Ada`.
macro_rules! opening {
    ($rest:literal) => {
        concat!(
            "(?:(?:when|if|once) )?(?:{page} (?:is )?|it is )?(?:opened |opening |loaded |loading |visited |visiting |called |open )?(?:with |at |under |for |given |via |by )?(?:{page})?{param}(?: (?:is|are) (?:given|set|present|there|provided|passed|supplied))?,? ",
            $rest
        )
    };
}

pub(super) const RULES: &[Rule] = &[
    likely(
        "{page} (?:shows|displays|loads|renders) {the}(?:image|picture|photo)(?: that is| which is)?(?: given| passed| named| set| supplied| specified| provided| addressed)?(?: as| by| in| via| with| through| at| from| under| of)? {param}",
        image,
    ),
    likely(
        opening!(
            "(?:{page}|it) (?:shows|displays|loads|renders) (?:the |that |this )?(?:given )?(?:image|picture|photo)(?: (?:from|at|of) (?:that|this|the) (?:address|url|value))?"
        ),
        image,
    ),
    likely(
        "{param} (?:sets|chooses|selects|changes|loads|shows|decides|determines) (?:the |which )?(?:image|picture|photo)(?: (?:that is |is )?(?:shown|displayed))?",
        image,
    ),
    likely("{param} (?:sets|chooses|selects|changes) {the}(?:image|picture|photo)", image),
    likely(opening!("{hash} (?:is|shows|says|reads|contains|displays) {quote}"), text),
    likely(opening!("(?:{page}|it) (?:shows|says|contains|displays|reads|greets with) {quote}"), text),
    likely(
        opening!(
            "{hash} (?:shows|says|contains|displays|holds) (?:it|(?:that|the|this) (?:value|name|text|term|word|parameter))"
        ),
        value,
    ),
    likely(
        opening!(
            "(?:{page}|it) (?:shows|says|displays|contains) (?:it|(?:that|the|this) (?:value|name|text|term|word|parameter))"
        ),
        value,
    ),
    likely(
        "{hash} (?:shows|displays|holds|contains|is set to) {the}(?:value|text|content) (?:of|from|given by|given in) {param}",
        value,
    ),
    likely("{page} (?:shows|displays) {the}(?:value|text|content) (?:of|from|given by|given in) {param}", value),
    likely(
        "{page} (?:still )?(?:works|opens|loads|renders)(?: without errors| correctly| fine| too)? (?:with|at|under|for) {param}",
        opens,
    ),
    likely(
        opening!("(?:{page}|it) (?:still )?(?:works|opens|loads|renders)(?: without errors| correctly| fine| too)?"),
        opens,
    ),
    likely("{param} is (?:optional|accepted|supported)", opens),
    guess("{page} (?:accepts|supports|takes|allows|understands|handles|honou?rs|reads|uses) {param}", opens),
];

fn image(found: &Found<'_>) -> Option<Oracle> {
    query(found, QueryEffect::ShowsImage)
}

fn text(found: &Found<'_>) -> Option<Oracle> {
    query(found, QueryEffect::ShowsText { text: found.literal("text")?, id: found.id() })
}

fn value(found: &Found<'_>) -> Option<Oracle> {
    query(found, QueryEffect::ShowsValue { id: found.id() })
}

fn opens(found: &Found<'_>) -> Option<Oracle> {
    query(found, QueryEffect::Opens)
}

fn query(found: &Found<'_>, effect: QueryEffect) -> Option<Oracle> {
    let parameter = found.words("param")?.to_owned();
    let value = found.literal("value").filter(|value| !is_placeholder(value));
    let text_is_known = !matches!(effect, QueryEffect::ShowsText { .. });
    // A text that does not follow from the query must belong to a value of it.
    (text_is_known || value.is_some()).then_some(Oracle::Query { parameter, value, effect })
}

/// Whether a value stands for whatever a visitor gives.
fn is_placeholder(value: &str) -> bool {
    let stands_for = value.chars().all(|c| c.is_uppercase() || c == '_');
    let bracketed = value.starts_with(['<', '{', '[', '(']);
    value.is_empty() || value.starts_with("..") || value == "…" || value == "." || stands_for || bracketed
}

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, check, check_sure, none_is};

    #[test]
    fn pictures_by_query() {
        all_read(
            "query url image",
            &[
                "Page shows the image given as ?url=...",
                "The page shows the picture from ?url=",
                "With ?url=..., the page shows that image",
                "When opened with ?url=<address>, the page displays the image",
                "The page displays the photo passed in `?url=...`",
                "?url= sets the image that is shown",
                "The page must show the image given by the query parameter ?url=",
                "If ?url=URL is given, the page shows that picture",
                "The `?url=` parameter chooses the picture",
                "The page loads the image at ?url=…",
            ],
        );
    }

    #[test]
    fn texts_and_values_by_query() {
        check("With ?name=Ada, #greeting shows \"Hello Ada\"", "query name=Ada text #greeting Hello Ada");
        check("When opened with ?name=Ada, the page shows 'Hello Ada'", "query name=Ada text Hello Ada");
        check("When the page is opened with `?q=tea`, #query shows the value", "query q=tea value #query");
        check("With ?q=..., #query shows the term", "query q value #query");
        check("#query shows the value of ?q=", "query q value #query");
        check("The page shows the value of the ?q= parameter", "query q value");
        check("If ?name= is given, the page shows it", "query name value");
        check("#user holds the text given in ?user=...", "query user value #user");
        check("Opening ?name=Ada, the page says \"Ada\"", "query name=Ada text Ada");
        check("With ?mode=x it contains \"X mode\"", "query mode=x text X mode");
    }

    #[test]
    fn pages_that_open_with_a_query() {
        all_read(
            "query token opens",
            &[
                "?token= is optional",
                "The page works with ?token=...",
                "The page still loads with ?token=",
                "With ?token=... the page loads without errors",
                "The page accepts an optional ?token= parameter",
                "The page supports ?token=",
                "The app must accept a `?token=` query parameter",
                "If ?token= is given, the page still works",
                "The optional query parameter ?token= is supported",
                "The page opens correctly with ?token=<token>",
            ],
        );
        check_sure("The page supports ?token=", "guess");
        check_sure("?token= is optional", "likely");
    }

    #[test]
    fn queries_that_say_more() {
        none_is(
            "query",
            &[
                "The page ignores ?url=",
                "With ?url=..., the page shows that image in grey",
                "Without ?url= the page shows sample.png",
                "With ?name=..., #greeting shows \"Hello Ada\"",
                "?token= is sent in the Authorization header",
                "The page does not accept ?token=",
                "Is this the page?",
                "The page shows the image",
                "?theme=dark makes the background black",
                "The page shows ?url= in the address bar",
            ],
        );
    }
}
