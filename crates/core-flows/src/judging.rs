//! Asks a model what no program decides: the README, the code, and checks in plain English.
//!
//! One call, and only an answer of the exact form counts: whatever cannot be read is not judged. An
//! opinion must rest on a file of the site; one that quotes what is not there is unclear. Opinions
//! are shown and help a repair; they are never counted as passed or failed checks.

use std::time::Duration;

use ports::{CompletionRequest, FinishReason, Model, Site};
use serde::Deserialize;
use shared_types::{Check, Judgement, Opinion, Oracle, SitePath};

use crate::checks::unfenced;
use crate::context::Context;
use crate::maker::{Brief, head, values_to_judge};

/// The model's role.
const ALIAS: &str = "judge";

/// Name of the prompt.
const TEMPLATE: &str = "judge";

/// Longest wait: nothing hangs on the answer.
const LONGEST: Duration = Duration::from_secs(20);

/// Items in one call; further checks are not judged.
const MOST: usize = 40;

/// Characters of a quote or a reason that are kept.
const KEPT: usize = 200;

/// What every site is judged by, whatever its checks.
const ITEMS: [&str; 5] = [
    "The README says what the site does and how to use it, and what it says is true of the files.",
    "The code does what the brief asks for; nothing of it is a placeholder, made up or left to do.",
    "The code is readable: names that say what they hold, functions of one purpose, no dead parts.",
    "Errors that a visitor can cause or meet (no data, no network, bad input) are shown in words.",
    "The page can be used with a keyboard and a screen reader: labels, headings and alternative texts.",
];

/// What the model holds of `site` and of those of `checks` that nothing else decides: none when no
/// model serves the role, else a remark when nothing was judged.
pub(crate) async fn judge(
    ctx: &Context,
    brief: &Brief,
    site: &Site,
    checks: &[Check],
    limit: Duration,
) -> (Vec<Judgement>, Option<String>) {
    let Some(model) = ctx.ports.model.as_deref().filter(|model| model.serves(ALIAS)) else {
        return (Vec::new(), None);
    };
    let open = checks.iter().filter(|check| check.oracle == Oracle::Judge && check.unsatisfiable.is_none());
    let items: Vec<&str> = open.map(|check| check.source.as_str()).chain(ITEMS).take(MOST).collect();
    match ask(ctx, brief, model, site, &items, limit.min(LONGEST)).await {
        Ok(judgements) => (judgements, None),
        Err(reason) => (Vec::new(), Some(format!("nothing was judged: {reason}"))),
    }
}

async fn ask(
    ctx: &Context,
    brief: &Brief,
    model: &dyn Model,
    site: &Site,
    items: &[&str],
    limit: Duration,
) -> Result<Vec<Judgement>, String> {
    let values = values_to_judge(ctx, brief, site, items).ok_or("no boundary fits the texts of the task")?;
    let request = CompletionRequest {
        alias: ALIAS.to_owned(),
        template: TEMPLATE.to_owned(),
        values,
        timeout: limit,
        task: ctx.task.id,
        trace_id: ctx.task.trace_id.clone(),
    };
    let completion = tokio::time::timeout(limit, model.complete(request)).await;
    let completion = completion.map_err(|_| format!("no answer within {} s", limit.as_secs()))?;
    let completion = completion.map_err(|error| ctx.explain(&error))?;
    if completion.finish == FinishReason::Truncated {
        return Err("the answer was cut".to_owned());
    }
    read(&completion.text, items, site).ok_or("the answer is not of the form asked for".to_owned())
}

/// The answer as the prompt asks for it.
#[derive(Deserialize)]
struct Answer {
    verdicts: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    /// From 1.
    item: usize,
    verdict: Opinion,
    #[serde(default)]
    path: String,
    #[serde(default)]
    quote: String,
    reason: String,
}

/// One judgement for each of `items`, in order; `None` when the answer has another form.
fn read(answer: &str, items: &[&str], site: &Site) -> Option<Vec<Judgement>> {
    let Answer { verdicts } = serde_json::from_str(unfenced(answer)).ok()?;
    let in_order = verdicts.iter().map(|verdict| verdict.item).eq(1..=items.len());
    let judged = verdicts.into_iter().zip(items).map(|(verdict, item)| judgement(verdict, item, site));
    in_order.then(|| judged.collect())
}

fn judgement(said: Item, item: &str, site: &Site) -> Judgement {
    let path = said.path.parse::<SitePath>().ok().filter(|path| site.contains(path.as_str()));
    let text = path.as_ref().and_then(|path| site.text(path.as_str())).unwrap_or_default();
    let quote = Some(said.quote.trim()).filter(|quote| !quote.is_empty());
    let rests = match (said.verdict, quote) {
        (Opinion::Unclear, _) => true,
        (_, Some(quote)) => holds(text, quote),
        // What is missing cannot be quoted.
        (verdict, None) => verdict == Opinion::Fail,
    };
    Judgement {
        item: item.to_owned(),
        opinion: if rests { said.verdict } else { Opinion::Unclear },
        path,
        quote: quote.filter(|_| rests).map(|quote| head(quote, KEPT).to_owned()),
        reason: head(&said.reason, KEPT).to_owned(),
    }
}

/// Whether `text` has `quote`, white space aside.
fn holds(text: &str, quote: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    words(text).contains(&words(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEMS: [&str; 2] = ["There is a README", "The title is friendly"];

    /// Opinions on [`ITEMS`] of a site with a README and a page; empty when nothing was judged.
    #[track_caller]
    fn check(answer: &str, expected: &[(Opinion, Option<&str>)]) {
        let mut site = Site::new();
        site.insert("README.md".parse().unwrap(), "# Sales\n\nShows the  sum.\n");
        site.insert("index.html".parse().unwrap(), "<title>Hello</title>");
        let judged = read(answer, &ITEMS, &site).unwrap_or_default();
        let judged: Vec<_> = judged.iter().map(|judged| (judged.opinion, judged.quote.as_deref())).collect();
        assert_eq!(judged, expected, "{answer}");
    }

    fn verdicts(first: &str, second: &str) -> String {
        format!("{{\"verdicts\": [{{\"item\": 1, {first}}}, {{\"item\": 2, {second}}}]}}")
    }

    const GOOD: &str = r##""verdict": "pass", "path": "README.md", "quote": "# Sales Shows the sum.", "reason": "r""##;

    #[test]
    fn an_opinion_rests_on_a_file() {
        use Opinion::{Fail, Pass, Unclear};
        let read = (Pass, Some("# Sales Shows the sum."));
        for (second, expected) in [
            (r#""verdict": "fail", "path": "index.html", "quote": "Hello", "reason": "r""#, (Fail, Some("Hello"))),
            (r#""verdict": "fail", "path": "index.html", "quote": "", "reason": "r""#, (Fail, None)),
            (r#""verdict": "unclear", "reason": "r""#, (Unclear, None)),
            // It quotes nothing, what is not there, or a file that is not there.
            (r#""verdict": "pass", "path": "index.html", "reason": "r""#, (Unclear, None)),
            (r#""verdict": "pass", "path": "index.html", "quote": "Welcome", "reason": "r""#, (Unclear, None)),
            (r#""verdict": "fail", "path": "../x", "quote": "Hello", "reason": "r""#, (Unclear, None)),
        ] {
            check(&verdicts(GOOD, second), &[read, expected]);
        }
        check(&format!("```json\n{}\n```", verdicts(GOOD, GOOD)), &[read, read]);
    }

    #[test]
    fn what_cannot_be_read_is_not_judged() {
        let swapped = verdicts(GOOD, GOOD).replace("\"item\": 1", "\"item\": 2");
        let one = format!("{{\"verdicts\": [{{\"item\": 1, {GOOD}}}]}}");
        for answer in ["", "All is well.", "{}", "[]", &swapped, &one, &verdicts(GOOD, r#""verdict": "great""#)] {
            check(answer, &[]);
        }
    }
}
