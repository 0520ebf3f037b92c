//! Pages opened with a query: which to open, what to ask there, what the answer means.

use ports::{Inspection, Site, Target};
use serde_json::{Value, json};
use shared_types::{Check, Oracle, QueryEffect};
use url::Url;

use super::page::{blanks, text_of};
use super::{files, question};
use crate::browser::{Job, Outcome, Question};
use crate::text::brief;

/// Pages opened with a query in one run; each takes as long as a page may.
const MAX_QUERIES: usize = 4;

/// Of what was seen, this much is shown as evidence, in characters.
const SEEN_CHARS: usize = 200;

/// A picture for sites that have none.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A value that no page has by itself.
const WORD: &str = "sitewright-probe";

/// One page to open, and which checks its outcomes belong to.
#[derive(Debug)]
pub(crate) struct Visit {
    pub job: Job,
    /// Places in the list of checks, one a question.
    pub checks: Vec<usize>,
}

/// The page itself, then one visit for each check with a query.
pub(crate) fn visits(inspection: &Inspection) -> Vec<Visit> {
    let open = || inspection.checks.iter().enumerate().filter(|(_, check)| check.unsatisfiable.is_none());
    let mut plain: Vec<(usize, Question)> =
        open().filter_map(|(index, check)| Some((index, question(inspection, check)?))).collect();
    // An expression of the check's own may change the page; ours only look, so they come first.
    plain.sort_by_key(|(_, question)| question.is_own());
    let main = visit(inspection, inspection.pages_url.clone(), plain);
    let queries = open().filter_map(|(index, check)| with_query(inspection, index, check));
    std::iter::once(main).chain(queries.take(MAX_QUERIES)).collect()
}

fn visit(inspection: &Inspection, address: Url, questions: Vec<(usize, Question)>) -> Visit {
    let (checks, questions) = questions.into_iter().unzip();
    let files = (inspection.target == Target::Files).then(|| inspection.site.clone());
    Visit { job: Job { pages_url: inspection.pages_url.clone(), address, files, questions }, checks }
}

fn with_query(inspection: &Inspection, index: usize, check: &Check) -> Option<Visit> {
    let Oracle::Query { parameter, value, effect } = &check.oracle else { return None };
    let value = value.clone().unwrap_or_else(|| chosen(parameter, effect, &inspection.site, &inspection.pages_url));
    let mut address = inspection.pages_url.clone();
    address.query_pairs_mut().append_pair(parameter, &value);
    let asked = Oracle::Query { parameter: parameter.clone(), value: Some(value), effect: effect.clone() };
    Some(visit(inspection, address, vec![(index, Question::about(asked, expression(effect)))]))
}

/// A value for a parameter of which only the name is known: something that it can stand for.
fn chosen(parameter: &str, effect: &QueryEffect, site: &Site, pages_url: &Url) -> String {
    let address = |wanted: fn(&str) -> bool| {
        let (path, _) = site.iter().find(|(path, _)| wanted(&path.extension()))?;
        let mut url = files::address(pages_url, path);
        // Told apart from the page's own use of the file.
        url.set_query(Some(WORD));
        Some(url.to_string())
    };
    if *effect == QueryEffect::ShowsImage {
        return address(|extension| matches!(extension, "png" | "jpg" | "jpeg" | "gif" | "webp" | "svg"))
            .unwrap_or_else(|| PIXEL.to_owned());
    }
    let is_address = ["url", "src", "href", "file", "link", "data"].contains(&parameter.to_lowercase().as_str());
    let text = || address(|extension| matches!(extension, "md" | "csv" | "json" | "txt" | "html"));
    if is_address { text().unwrap_or_else(|| pages_url.to_string()) } else { WORD.to_owned() }
}

fn expression(effect: &QueryEffect) -> String {
    const ADDRESSES: &str = "[...document.querySelectorAll('img,source,video,audio,iframe,a,image')].slice(0, 500)\
        .flatMap(e => [e.src, e.currentSrc, e.poster, e.getAttribute('href')]).filter(v => typeof v === 'string' && v)\
        .concat([...document.querySelectorAll('*')].slice(0, 500).map(e => getComputedStyle(e).backgroundImage)\
        .filter(v => v !== 'none'))";
    let answer = match effect {
        QueryEffect::Opens => format!(
            "{{text: {}.trim().length, pictures: document.querySelectorAll('img,canvas,svg,video,input,table').length}}",
            text_of(None)
        ),
        QueryEffect::ShowsImage => format!("{{addresses: {ADDRESSES}}}"),
        QueryEffect::ShowsValue { id } => format!("{{text: {}, addresses: {ADDRESSES}}}", text_of(id.as_deref())),
        QueryEffect::ShowsText { id, .. } => format!("{{text: {}}}", text_of(id.as_deref())),
    };
    format!("JSON.stringify({answer})")
}

/// Decides over an answer to [`expression`].
pub(super) fn weigh(parameter: &str, value: Option<&str>, effect: &QueryEffect, answer: &Value) -> Outcome {
    let value = value.unwrap_or_default();
    let opened = format!("opened with ?{parameter}={}", brief(value, SEEN_CHARS / 2));
    let text = blanks(answer["text"].as_str().unwrap_or_default());
    let addresses: Vec<&str> = answer["addresses"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let addressed = || addresses.iter().any(|address| address.contains(value) || address.starts_with("blob:"));
    let shown = brief(&text, SEEN_CHARS);
    match effect {
        QueryEffect::Opens => {
            let blank = answer["text"] == json!(0) && answer["pictures"] == json!(0);
            Outcome::told(!blank, format!("{opened}, the page is {}", if blank { "blank" } else { "not blank" }))
        }
        QueryEffect::ShowsImage => {
            let seen = brief(&addresses.join(" "), SEEN_CHARS);
            Outcome::told(addressed(), format!("{opened}, the page shows: {seen}"))
        }
        QueryEffect::ShowsValue { id } if id.is_some() && answer["text"].is_null() => missing(&opened, id.as_deref()),
        QueryEffect::ShowsValue { id } => {
            let holds = text.contains(&blanks(value)) || (id.is_none() && addressed());
            Outcome::told(holds, format!("{opened}, the text is \"{shown}\""))
        }
        QueryEffect::ShowsText { id, .. } if id.is_some() && answer["text"].is_null() => {
            missing(&opened, id.as_deref())
        }
        QueryEffect::ShowsText { text: wanted, .. } => {
            Outcome::told(text.contains(&blanks(wanted)), format!("{opened}, the text is \"{shown}\""))
        }
    }
}

fn missing(opened: &str, id: Option<&str>) -> Outcome {
    Outcome::failed(format!("{opened}, no element has the id {}", id.unwrap_or_default()))
}
