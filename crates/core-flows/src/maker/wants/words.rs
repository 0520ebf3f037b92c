//! Names as words: `total-sales`, `total_sales` and `totalSales` are `total` and `sales`.

use std::sync::LazyLock;

use regex::Regex;

/// A constant pattern of this module's files; their tests touch each one.
#[expect(clippy::expect_used, reason = "the patterns are constants and tests compile them all")]
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// The words of a name, in lower case.
pub(in crate::maker) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `Products` is `product`, `countries` is `country`.
pub(in crate::maker) fn same(left: &str, right: &str) -> bool {
    let mut left = stem(left).peekable();
    left.peek().is_some() && left.eq(stem(right))
}

/// The word in lower case without its plural. Nothing is allocated: every word of a brief is compared with hundreds.
fn stem(word: &str) -> impl Iterator<Item = char> {
    let ies = word.len().checked_sub(3).and_then(|at| word.split_at_checked(at));
    let (stem, ending) = match ies {
        Some((stem, ies)) if stem.len() > 1 && ies.eq_ignore_ascii_case("ies") => (stem, "y"),
        _ => (word.trim_end_matches(['s', 'S']), ""),
    };
    stem.chars().flat_map(char::to_lowercase).chain(ending.chars())
}

/// Whether all words of `name` are among `among`.
pub(in crate::maker) fn is_named(name: &str, among: &[String]) -> bool {
    let own = words(name);
    !own.is_empty() && own.iter().all(|word| has(among, &[word.as_str()]))
}

/// Whether one of `any` is among `words`.
pub(in crate::maker) fn has(words: &[String], any: &[&str]) -> bool {
    words.iter().any(|word| any.iter().any(|other| same(word, other)))
}

/// The words of the sentences that name the element `id`: what a brief says of it.
pub(super) fn near(id: &str, texts: &[&str]) -> Vec<String> {
    static ENDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[.;!?](?:\s|$)|\n\s*\n|\n\s*[-*]"));
    let names = |sentence: &str| {
        sentence.match_indices(id).any(|(at, _)| {
            let edge = |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || c == '-' || c == '_'));
            edge(sentence[..at].chars().next_back()) && edge(sentence[at + id.len()..].chars().next())
        })
    };
    let sentences = texts.iter().flat_map(|text| ENDS.split(text)).filter(|sentence| names(sentence));
    sentences.flat_map(words).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        let check = |name: &str, expected: &[&str]| assert_eq!(words(name), expected, "{name}");
        check("total-sales", &["total", "sales"]);
        check("totalSales_2", &["total", "sales", "2"]);
        check("--", &[]);
        assert!(same("Countries", "country") && same("sales", "Sale") && !same("s", "sale") && !same("a", "b"));
        assert!(same("ÉCOLES", "école") && same("STORIES", "Story") && same("ties", "tie") && !same("", ""));
        assert!(is_named("unit_price", &words("average-unit-prices")) && !is_named("price", &words("unit")));
    }

    #[test]
    fn a_brief_tells_of_an_element_in_the_sentences_that_name_it() {
        let brief = "Load it. Show the mean of price in #result; and #result-2 is else.\n\nNo #results here.";
        assert_eq!(near("result", &[brief]), ["show", "the", "mean", "of", "price", "in", "result"]);
    }
}
