//! URLs of style sheets: `url(...)` and `@import "..."`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Kind, Reference};

/// A comment or a string that is no URL is matched as well, so that nothing inside it is.
static PLACES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?xis) /\* .*? (?: \*/ | $ )
         | url\( \s* (?: "([^"\n]*)" | '([^'\n]*)' | ([^)'"\s]+) ) \s* \)
         | @import \s+ (?: "([^"\n]*)" | '([^'\n]*)' )
         | "[^"\n]*" | '[^'\n]*'"#,
    )
    .ok()
});

pub(super) fn references(text: &str) -> Vec<Reference> {
    let Some(places) = PLACES.as_ref() else { return Vec::new() };
    let found = places.captures_iter(text).filter_map(|place| place.iter().skip(1).flatten().next());
    found
        .map(|url| Reference { at: url.range(), target: url.as_str().to_owned(), kind: Kind::Link })
        .filter(|reference| !reference.target.is_empty() && !reference.target.contains('\\'))
        .collect()
}
