//! The text of one element: a number that `int()` or `parseFloat` reads, a text, or anything.

use shared_types::{Oracle, TextForm};

use super::rule::{Found, Rule, certain, likely};

/// What a check says of an element that holds something.
macro_rules! holds {
    ($rest:literal) => {
        concat!("{el} (?:is|are|holds?|contains?|shows?|displays?|has|reads as|consists of) ", $rest)
    };
}

pub(super) const RULES: &[Rule] = &[
    certain(
        holds!(
            "(?:only |just )?{the}(?:plain |valid |bare |positive |single )?(?:integer|whole number)(?: value)?(?: only| without (?:any )?(?:separators|commas))?"
        ),
        integer,
    ),
    certain(
        holds!(
            "(?:only |just )?{the}(?:plain |valid |bare |single )?(?:number|numeric(?: value| text)?|decimal(?: number)?|float|numerical value)(?: only| without (?:any |an? )?(?:thousands )?(?:separators?|commas|currency sign|units?)(?: or (?:thousands )?(?:separators?|commas|currency sign|units?))?)?"
        ),
        number,
    ),
    certain(holds!("(?:only |nothing but |just )digits(?: only)?"), integer),
    certain(
        r"{el} (?:can be|is) (?:parsed|read|converted|parse?able|readable)(?: to an integer)? (?:by|with|as|using) {the}(?:int|parseint|integer)(?:\(\))?",
        integer,
    ),
    certain(
        r"{el} (?:can be|is) (?:parsed|read|converted|parse?able|readable)(?: to a number)? (?:by|with|as|using) {the}(?:float|parsefloat|number|decimal)(?:\(\))?",
        number,
    ),
    certain(
        r"(?:int|parseint)(?:\(\))? (?:can )?(?:reads?|parses?|accepts?|works (?:on|for)|succeeds (?:on|for)|understands?) {el}",
        integer,
    ),
    certain(
        r"(?:float|parsefloat)(?:\(\))? (?:can )?(?:reads?|parses?|accepts?|works (?:on|for)|succeeds (?:on|for)|understands?) {el}",
        number,
    ),
    certain(r"(?:int|parseint)\({el}\) (?:works|succeeds|is an? (?:number|integer))", integer),
    certain(r"parsefloat\({el}\) (?:is|equals|gives|returns|yields|={1,3}) {num}", number_equals),
    certain(r"{el} (?:is|equals|is equal to|={1,3}) {the}(?:number |value )?{num}", number_equals),
    likely(
        r"{el} (?:shows|displays|contains|holds|has|reads|says) {the}(?:number |value |total |sum |text )?(?:of )?{num}",
        number_equals,
    ),
    certain(
        "{el} (?:is not empty|is non-empty|is not blank|is filled|has (?:some |a )?(?:text|content)|contains (?:some )?text)",
        |found| element_text(found, TextForm::NotEmpty),
    ),
    certain(
        "{el} (?:is|equals|reads|is equal to|is exactly|is set to) (?:exactly )?{the}(?:text |string |word )?{quote}",
        |found| element_text(found, TextForm::Equals { text: found.literal("text")? }),
    ),
    certain(
        "{el} (?:contains|includes|mentions|shows|displays|says|has|holds) {the}(?:text |string |words? )?{quote}",
        |found| element_text(found, TextForm::Contains { text: found.literal("text")? }),
    ),
    likely(
        "{el} (?:shows|holds|contains|displays|gives) {the}[a-z]+ and {the}[a-z]+ as (?:integers|whole numbers|numbers)",
        |found| element_text(found, TextForm::Integers { count: 2 }),
    ),
    certain(
        "{el} (?:shows|holds|contains|displays|gives) (?:(?P<two>two|2)|(?:three|3)) (?:integers|whole numbers)",
        |found| {
            let count = if found.words("two").is_some() { 2 } else { 3 };
            element_text(found, TextForm::Integers { count })
        },
    ),
];

fn element_text(found: &Found<'_>, form: TextForm) -> Option<Oracle> {
    Some(Oracle::ElementText { id: found.id()?, form })
}

fn integer(found: &Found<'_>) -> Option<Oracle> {
    element_text(found, TextForm::Integer { equals: None })
}

fn number(found: &Found<'_>) -> Option<Oracle> {
    element_text(found, TextForm::Number { equals: None })
}

fn number_equals(found: &Found<'_>) -> Option<Oracle> {
    element_text(found, TextForm::Number { equals: found.words("num").map(ToOwned::to_owned) })
}

#[cfg(test)]
mod tests {
    use crate::compile::tests::{all_read, check, check_sure, none_is};

    #[test]
    fn numbers_that_a_program_reads() {
        all_read(
            "text #count int",
            &[
                "#count is an integer",
                "#count shows an integer",
                "The text of #count is a whole number",
                "int() can read #count",
                "int() must accept the text of #count",
                "The element with id \"count\" contains an integer",
                "#count contains only digits",
                "The value in #count can be parsed with parseInt",
                "The text of #count must be readable by int()",
                "The number in `#count` is parseable as an integer",
                "parseInt reads #count",
                "int(#count) works",
            ],
        );
        all_read(
            "text #total num",
            &[
                "#total is numeric",
                "#total holds a number",
                "#total shows a plain number",
                "The text of #total must be a number",
                "#total contains only a number without a currency sign",
                "parseFloat can parse the text of #total",
                "#total's text can be parsed by parseFloat",
                "The value of #total is a decimal number",
                "#total displays a number without thousands separators",
                "The element with the id total shows a numeric value",
                "#total should be readable with parseFloat()",
            ],
        );
        all_read(
            "text #total num 1301.15",
            &[
                "#total is 1301.15",
                "#total equals 1301.15",
                "#total shows 1301.15",
                "The text of #total is equal to 1301.15",
                "The element #total must display the value 1301.15",
                "parseFloat(#total) is 1301.15",
                "The element with id total shows 1301.15",
                "#total has the value 1301.15",
                "#total contains the number 1301.15",
                "The value of `#total` should equal 1301.15",
            ],
        );
        check_sure("#total shows 1301.15", "likely");
        check("#photo-size shows width and height as integers", "text #photo-size ints 2");
    }

    #[test]
    fn texts() {
        all_read(
            "text #state = All done",
            &[
                "#state is \"All done\"",
                "The text of #state equals \"All done\"",
                "#state reads 'All done'",
                "The element with id `state` must be \"All done\"",
                "The textContent of #state is \"All done\"",
                "#state.textContent is \"All done\"",
                "#state's text is exactly \"All done\"",
                "The span with id \"state\" reads \"All done\"",
                "The content of #state must equal \"All done\"",
                "The value of #state is set to \"All done\"",
            ],
        );
        all_read(
            "text #state ~ All done",
            &[
                "#state contains \"All done\"",
                "#state shows the text \"All done\"",
                "The element #state says \"All done\"",
                "#state includes 'All done'",
                "#state must display \"All done\"",
            ],
        );
        check("#state is not empty", "text #state any");
        check("The element with id state has some text", "text #state any");
    }

    #[test]
    fn what_is_no_text_of_an_element() {
        none_is(
            "text",
            &[
                "#total is red",
                "#total is not a number",
                "#total shows the sum of sales",
                "#total shows a number in bold",
                "The total is 5",
                "#total is not \"5\"",
                "#total changes when #go is clicked",
                "#total is an integer and #count is a number",
                "int() is not used",
                "The page shows a number",
            ],
        );
    }
}
