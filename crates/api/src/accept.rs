//! What a client takes (`Accept`, RFC 9110 section 12.5.1), held against what a route produces.
//!
//! A list that rules out everything a route produces gets 406 before the route does anything. A header that is
//! absent, empty or unreadable rules nothing out. Problem documents are sent whatever the header says: an error
//! that nobody may read helps nobody.

use actix_web::http::header::{ACCEPT, HeaderMap};

use crate::problem::Fault;

/// A media range of the header with its weight in thousandths.
struct Range<'header> {
    essence: &'header str,
    /// Parameters before `q`, in small letters.
    parameters: Vec<(String, String)>,
    weight: u16,
}

/// The one of `produced` (media types, best first) that the client likes most; the earlier one when it likes several
/// equally.
///
/// # Errors
/// [`Fault::NotAcceptable`] when it takes none of them.
pub(crate) fn choose(headers: &HeaderMap, produced: &'static [&'static str]) -> Result<&'static str, Fault> {
    // A header in several lines means the same as one line with commas.
    let lines: Vec<&str> = headers.get_all(ACCEPT).filter_map(|line| line.to_str().ok()).collect();
    let ranges: Vec<Range<'_>> = lines.iter().flat_map(|line| line.split(',')).filter_map(range).collect();
    if ranges.is_empty() {
        return produced.first().copied().ok_or(Fault::NotAcceptable { produced });
    }
    let mut best: Option<(&'static str, u16)> = None;
    for candidate in produced {
        let weight = weight(&ranges, candidate);
        if weight > best.map_or(0, |(_, weight)| weight) {
            best = Some((candidate, weight));
        }
    }
    best.map(|(chosen, _)| chosen).ok_or(Fault::NotAcceptable { produced })
}

/// Reads `type/subtype;name=value;q=0.5`. A range that cannot be read is none.
fn range(text: &str) -> Option<Range<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next()?;
    let (kind, subtype) = essence.split_once('/')?;
    let readable = !kind.is_empty() && !subtype.is_empty() && (kind != "*" || subtype == "*");
    let mut parameters = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        if name == "q" {
            // What follows the weight extends the header, not the range.
            return readable.then_some(Range { essence, parameters, weight: thousandths(value.trim())? });
        }
        parameters.push((name, value.trim().trim_matches('"').to_ascii_lowercase()));
    }
    readable.then_some(Range { essence, parameters, weight: 1000 })
}

/// `0`, `1`, `0.75`, `1.000`: at most three digits.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let sound = digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    let fraction: u16 = format!("{digits:0<3}").parse().ok().filter(|_| sound)?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// The weight of the most specific range that `media_type` is in; 0 when it is in none.
fn weight(ranges: &[Range<'_>], media_type: &str) -> u16 {
    let matching = ranges.iter().filter_map(|range| Some((specificity(range, media_type)?, range.weight)));
    // Of equally specific ranges the kinder one counts.
    matching.max().map_or(0, |(_, weight)| weight)
}

fn specificity(range: &Range<'_>, media_type: &str) -> Option<usize> {
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next()?;
    let ours: Vec<(String, String)> = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_ascii_lowercase()))
        .collect();
    // Everything here is UTF-8, said or unsaid: clients that name it mean no other type.
    let fits = |(name, value): &&(String, String)| {
        ours.iter().any(|(other, ours)| other == name && ours == value) || (name == "charset" && value == "utf-8")
    };
    if range.parameters.iter().filter(fits).count() != range.parameters.len() {
        return None;
    }
    let kind = essence.split('/').next()?;
    if range.essence.eq_ignore_ascii_case(essence) {
        Some(2 + range.parameters.len())
    } else if range.essence.split_once('/').is_some_and(|(wanted, sub)| sub == "*" && wanted.eq_ignore_ascii_case(kind))
    {
        Some(1)
    } else {
        (range.essence == "*/*").then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    /// What is chosen of Markdown and HTML for these lines of `Accept`.
    #[track_caller]
    fn check(lines: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_str(line).unwrap());
        }
        let chosen = choose(&headers, &["text/markdown; charset=utf-8", "text/html; charset=utf-8"]);
        let shown = chosen.map_or("none", |chosen| chosen.split(';').next().unwrap());
        assert_eq!(shown, expected, "{lines:?}");
    }

    #[test]
    fn the_most_specific_range_decides() {
        for (line, expected) in [
            ("*/*", "text/markdown"),
            ("text/*", "text/markdown"),
            ("text/html", "text/html"),
            ("TEXT/HTML;Q=0.1", "text/html"),
            ("text/html;charset=UTF-8", "text/html"),
            ("text/html;level=1", "none"),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
            ("text/html;q=0.8, text/markdown;q=0.9", "text/markdown"),
            ("text/html;q=0, */*;q=0.1", "text/markdown"),
            ("text/*;q=0, */*", "none"),
            ("*/*;q=0", "none"),
            ("text/*;q=0, text/html;q=0.001", "text/html"),
            ("application/json", "none"),
            ("image/*, application/json;q=0.5", "none"),
        ] {
            check(&[line], expected);
        }
        check(&["application/json", "text/html"], "text/html");
    }

    #[test]
    fn what_cannot_be_read_rules_nothing_out() {
        check(&[], "text/markdown");
        for line in ["", ",", "json", "text/html;q=2", "text/html;q=0.0001", "*/html", "text/", "text/html;level"] {
            check(&[line], "text/markdown");
        }
        check(&["json, text/html"], "text/html");
    }
}
