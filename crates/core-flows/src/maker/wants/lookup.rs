//! Forms that ask a public API: `https://api.example.com/users/` and what is typed into the form.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::words::pattern;

/// An API that is asked by the name of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::maker) struct Lookup {
    /// The address before the name; ends in `/`, `=`.
    pub(in crate::maker) api: String,
    /// The query's parameter that holds a token for it.
    pub(in crate::maker) token: Option<String>,
}

/// The API whose address the request gives with a place for the name, or as a beginning.
pub(super) fn read(briefs: &[&str], code: &[String]) -> Option<Lookup> {
    static API: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"https://[a-z0-9.-]+\.[a-z]{2,}(?:/[\w.~-]+)*(?:/|\?(?:[\w.-]+=[\w.-]+&)*[\w.-]+=)(?P<place>[{<$:\[]|\.\.\.|…)?"#,
        )
    });
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\?(\w*(?:token|key)\w*)\b"));
    let texts = || briefs.iter().copied().chain(code.iter().map(String::as_str));
    let find = |in_code: bool, text: &str| {
        API.captures_iter(text).find_map(|found| {
            let place = found.name("place").map_or(found.get(0)?.end(), |place| place.start());
            let start = found.get(0)?.start();
            let api = text.get(start..place)?;
            let ends = text.get(place..).is_none_or(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()));
            // A library's address is no API.
            let is_api = !api.contains("cdn") && (api.contains("api") || in_code);
            (ends && is_api && (in_code || found.name("place").is_some() || api.contains("api.")))
                .then(|| api.to_owned())
        })
    };
    let api =
        code.iter().find_map(|text| find(true, text)).or_else(|| briefs.iter().find_map(|text| find(false, text)))?;
    let token = texts().find_map(|text| TOKEN.captures(text)).map(|found| found[1].to_owned());
    Some(Lookup { api, token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apis_that_requests_name() {
        let check = |brief: &str, code: &str, expected: Option<&str>| {
            let found = read(&[brief], &[code.to_owned()]);
            assert_eq!(found.map(|lookup| lookup.api).as_deref(), expected, "{brief} {code}");
        };
        check("", "https://api.github.com/users/", Some("https://api.github.com/users/"));
        check("Ask https://api.example.com/v1/items/{id}.", "", Some("https://api.example.com/v1/items/"));
        check("Ask https://example.com/api?name=<name>.", "", Some("https://example.com/api?name="));
        check("See https://example.com/about/ and https://cdn.jsdelivr.net/npm/.", "", None);
        check("Ask https://api.example.com/v1/items.", "", None);
        assert_eq!(read(&["Use ?token= with https://api.x.org/u/{n}"], &[]).unwrap().token.as_deref(), Some("token"));
    }
}
