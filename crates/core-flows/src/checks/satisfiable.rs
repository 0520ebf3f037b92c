//! Checks that no honest site can meet: the attachments, or another check, say the opposite.
//!
//! Of checks that contradict each other the newest round's counts, since a later brief replaces an
//! earlier one; within a round the first. Whatever is doubtful is left alone: such a check is held
//! against the site like any other.

use ports::Site;
use shared_types::{Check, Oracle, Presence};

use super::claim::{Claim, claims};
use super::data;

/// Of a check that is named in a reason, this much is shown, in characters.
const SOURCE_CHARS: usize = 80;

/// Says of each check that cannot hold why. `attached` has every attachment under its path.
pub(crate) fn mark(checks: &mut [Check], attached: &Site) {
    let facts = Facts::read(attached);
    for check in checks.iter_mut() {
        check.unsatisfiable = facts.contradict(check);
    }
    let mut order: Vec<usize> = (0..checks.len()).collect();
    order.sort_by_key(|at| checks.get(*at).map(|check| (std::cmp::Reverse(check.round), check.index)));
    let mut standing: Vec<(usize, Vec<Claim>)> = Vec::new();
    for at in order {
        let Some(check) = checks.get(at).filter(|check| check.unsatisfiable.is_none()) else { continue };
        let made = claims(check);
        let against =
            standing.iter().find(|(_, known)| known.iter().any(|known| made.iter().any(|claim| clash(known, claim))));
        let reason = against.and_then(|(other, _)| Some(contradiction(checks.get(*other)?)));
        match reason {
            Some(reason) => {
                if let Some(check) = checks.get_mut(at) {
                    check.unsatisfiable = Some(reason);
                }
            }
            None => standing.push((at, made)),
        }
    }
}

fn contradiction(other: &Check) -> String {
    let line = other.source.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(SOURCE_CHARS).collect();
    format!("it contradicts check {} of round {}: {cut}", other.index + 1, other.round)
}

/// Whether two claims exclude each other.
fn clash(one: &Claim, other: &Claim) -> bool {
    let absent = |claim: &Claim| match claim {
        Claim::Element(id, Presence::Absent) => Some(id.clone()),
        _ => None,
    };
    let gone = |gone: &Claim, there: &Claim| absent(gone).is_some_and(|id| there.element() == Some(&id));
    let one_way = |one: &Claim, other: &Claim| match (one, other) {
        (Claim::Title(title), Claim::TitlePart(part)) => !title.contains(part.as_str()),
        (Claim::Source(path, text, Presence::Present), Claim::Source(other, part, Presence::Absent)) => {
            path == other && text.contains(part.as_str())
        }
        (Claim::Text(id, text), Claim::Number(other, number)) => {
            id == other && text.parse::<f64>().is_ok_and(|text| text != *number)
        }
        (Claim::Text(id, text), Claim::Grouped(other)) => id == other && !text.contains(','),
        _ => false,
    };
    match (one, other) {
        (Claim::Title(one), Claim::Title(other)) => one.trim() != other.trim(),
        (Claim::Text(id, one), Claim::Text(other_id, other)) => id == other_id && one != other,
        (Claim::Number(id, one), Claim::Number(other_id, other)) => id == other_id && (one - other).abs() > 0.01,
        _ => gone(one, other) || gone(other, one) || one_way(one, other) || one_way(other, one),
    }
}

/// What the attachments say.
struct Facts<'a> {
    attached: &'a Site,
    columns: Vec<data::Column>,
    rates: Vec<f64>,
}

impl<'a> Facts<'a> {
    fn read(attached: &'a Site) -> Self {
        Self { attached, columns: data::columns(attached), rates: data::rates(attached) }
    }

    fn contradict(&self, check: &Check) -> Option<String> {
        if let Oracle::FileEqualsAttachment { path } = &check.oracle {
            return (!self.attached.contains(path.as_str())).then(|| format!("no attachment is named {path}"));
        }
        claims(check).iter().find_map(|claim| self.against(claim))
    }

    fn against(&self, claim: &Claim) -> Option<String> {
        match claim {
            Claim::Sum(name, number) => self.sum(|column| same_word(&column.name, name), *number),
            Claim::Number(id, number) => {
                let words = words(id);
                let is_sum = words.iter().any(|word| matches!(word.as_str(), "total" | "sum"));
                let rest: Vec<&String> =
                    words.iter().filter(|word| !matches!(word.as_str(), "total" | "sum" | "of" | "the")).collect();
                let [name] = rest.as_slice() else { return None };
                if is_sum { self.sum(|column| same_word(&column.name, name), *number) } else { None }
            }
            Claim::Grouped(id) => {
                let words = words(id);
                let counts = words.iter().any(|word| word == "word" || word == "words");
                let (file, most) = data::most_words(self.attached).filter(|(_, most)| counts && *most < 1_000)?;
                Some(format!("{file} has some {most} words, and a number below 1,000 has no comma"))
            }
            Claim::Source(path, text, presence) => {
                let holds = self.attached.text(path.as_str())?.contains(text.as_str());
                let wrong = holds != (*presence == Presence::Present);
                wrong.then(|| {
                    format!(
                        "the attachment {path} is served as it is, and {} that text",
                        if holds { "holds" } else { "lacks" }
                    )
                })
            }
            Claim::Title(_) | Claim::TitlePart(_) | Claim::Element(..) | Claim::Text(..) => None,
        }
    }

    /// The only column that is meant does not give `number`.
    fn sum(&self, is_meant: impl Fn(&&data::Column) -> bool, number: f64) -> Option<String> {
        let mut meant = self.columns.iter().filter(is_meant);
        let (Some(column), None) = (meant.next(), meant.next()) else { return None };
        if column.can_give(number, &self.rates) {
            return None;
        }
        let sum = (column.sum() * 100.0).round() / 100.0;
        Some(format!("the column {} of {} adds up to {sum}, not {number}", column.name, column.file))
    }
}

/// `Products` is `product`.
fn same_word(left: &str, right: &str) -> bool {
    let stem = |word: &str| word.to_lowercase().trim_end_matches('s').to_owned();
    !stem(left).is_empty() && stem(left) == stem(right)
}

/// `total-sales` and `total_sales` are the words `total` and `sales`.
fn words(id: &str) -> Vec<String> {
    id.split(['-', '_']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;
    use shared_types::Round;

    use super::*;

    fn attached() -> Site {
        let files = [
            ("data.csv", "region,sales\nnorth,10.5\n\"so,uth\",20\nnorth,2\n"),
            ("rates.json", "{\"EUR\": 2}"),
            ("input.md", "# Notes\n\nA few words.\n"),
        ];
        files.iter().map(|(path, text)| (path.parse().unwrap(), Bytes::from_static(text.as_bytes()))).collect()
    }

    fn js(code: &str) -> serde_json::Value {
        json!({"kind": "java_script", "expression": code})
    }

    /// The checks are given as round and oracle, the expectations as words of the reasons, empty for none.
    fn check(checks: &[(u32, serde_json::Value)], reasons: &[&str]) {
        let read = |(index, (round, oracle)): (usize, &(u32, serde_json::Value))| {
            let round = Round::try_from(*round).unwrap();
            Check::new(round, index as u32, oracle.to_string(), serde_json::from_value(oracle.clone()).unwrap())
        };
        let mut checks: Vec<Check> = checks.iter().enumerate().map(read).collect();
        mark(&mut checks, &attached());
        for (check, words) in checks.iter().zip(reasons) {
            let reason = check.unsatisfiable.as_deref().unwrap_or_default();
            assert!(reason.contains(words) && words.is_empty() == reason.is_empty(), "{}: {reason:?}", check.source);
        }
    }

    fn number(id: &str, number: &str) -> serde_json::Value {
        json!({"kind": "element_text", "id": id, "form": {"form": "number", "equals": number}})
    }

    #[test]
    fn figures_that_the_data_does_not_give() {
        let adds_up = "the column sales of data.csv adds up to 32.5, not";
        check(&[(1, number("total-sales", "15000"))], &[adds_up]);
        check(
            &[(1, js("Math.abs(parseFloat(document.getElementById('total-sales').textContent) - 99.5) < 0.01"))],
            &[adds_up],
        );
        // The sum, a part, an average rounded, a sum in another currency, and what is no sum of it.
        for (id, figure) in [
            ("total-sales", "32.50"),
            ("total-sales", "12.5"),
            ("sales-total", "10.83"),
            ("total-sales", "65"),
            ("total", "9"),
            ("total-visits", "9"),
            ("sales", "9"),
            ("total-sales-north", "9"),
        ] {
            check(&[(1, number(id, figure))], &[""]);
        }
        let comma = |id: &str| js(&format!("document.getElementById('{id}').textContent.indexOf(',') > 0"));
        check(&[(1, comma("markdown-word-count"))], &["input.md has some 5 words"]);
        check(&[(1, comma("address"))], &[""]);
    }

    #[test]
    fn attachments_stay_as_they_are() {
        let equals = |path: &str| json!({"kind": "file_equals_attachment", "path": path});
        check(&[(1, equals("data.csv")), (1, equals("uid.txt"))], &["", "no attachment is named uid.txt"]);
        let source = |text: &str, presence: &str| json!({"kind": "source_text", "path": "data.csv", "texts": [text], "presence": presence});
        check(&[(1, source("north", "present")), (1, source("north", "absent"))], &["", "holds that text"]);
        check(&[(1, source("west", "present"))], &["lacks that text"]);
    }

    #[test]
    fn checks_that_contradict_each_other() {
        let title = |text: &str, matching: &str| json!({"kind": "title", "text": text, "matching": matching});
        let first = "it contradicts check 1 of round 1";
        check(&[(1, title("A", "equals")), (1, title("B", "equals"))], &["", first]);
        check(&[(1, title("A b", "equals")), (1, title("b", "contains"))], &["", ""]);
        check(&[(1, title("A", "equals")), (1, title("b", "contains"))], &["", first]);
        check(&[(1, title("A", "equals")), (1, js("document.title === 'B'"))], &["", first]);
        // The later round replaces the earlier.
        check(&[(1, title("A", "equals")), (2, title("B", "equals"))], &["it contradicts check 2 of round 2", ""]);
        let there = |presence: &str| json!({"kind": "elements", "elements": [{"id": "x"}], "presence": presence});
        check(&[(1, there("present")), (1, there("absent"))], &["", first]);
        check(&[(1, there("absent")), (1, js("!!document.querySelector('#x')"))], &["", first]);
        check(&[(1, there("absent")), (1, number("x", "5"))], &["", first]);
        check(&[(1, there("absent")), (1, number("y", "5"))], &["", ""]);
        check(&[(1, number("x", "5")), (1, number("x", "6"))], &["", first]);
        let source = |text: &str, presence: &str| json!({"kind": "source_text", "path": "index.html", "texts": [text], "presence": presence});
        check(&[(1, source("fetch(url", "present")), (1, source("fetch(", "absent"))], &["", first]);
        check(&[(1, source("fetch(", "present")), (1, source("fetch(url", "absent"))], &["", ""]);
        check(&[(1, there("present")), (1, there("present"))], &["", ""]);
    }
}
