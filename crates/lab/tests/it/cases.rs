use std::collections::BTreeMap;
use std::path::PathBuf;

use lab::Error;
use lab::cases::{Attachment, Case};
use serde_json::Value;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/requests")
}

fn case(name: &str) -> Case {
    Case::load(&fixtures(), name).unwrap()
}

fn attachment(case: &Case, round: usize, name: &str) -> Attachment {
    let attachments = case.rounds[round].attachments().unwrap();
    attachments.into_iter().find(|attachment| attachment.name == name).unwrap()
}

fn text(attachment: &Attachment) -> &str {
    std::str::from_utf8(&attachment.bytes).unwrap()
}

#[test]
fn every_sample_loads_and_its_attachments_decode() {
    let names = Case::names(&fixtures()).unwrap();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let case = case(&name);
        assert_eq!(case.id, name);
        for (index, round) in case.rounds.iter().enumerate() {
            assert_eq!(round.number(), Some(index as u64 + 1), "{name}");
            assert!(!round.request.contains_key("secret"), "{name}");
            assert!(round.text("brief").is_some() && round.text("task").is_some(), "{name}");
            assert!(!round.facts.is_null(), "{name}");
            round.attachments().unwrap();
        }
    }
}

#[test]
fn an_unknown_sample_is_answered_with_the_known_ones() {
    for name in ["nothing", "../requests/photo-card", ""] {
        let error = Case::load(&fixtures(), name).unwrap_err();
        assert!(matches!(&error, Error::UnknownCase { known, .. } if known.len() >= 4), "{name}: {error}");
    }
}

#[test]
fn sales_add_up_to_the_stated_sum() {
    let case = case("sales-summary");
    let data = attachment(&case, 0, "data.csv");
    let mut sums = BTreeMap::<String, f64>::new();
    for line in text(&data).lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        *sums.entry(cells[2].to_owned()).or_default() += cells[4].parse::<f64>().unwrap();
    }
    let rows = text(&data).lines().count() as u64 - 1;
    assert_eq!(case.rounds[0].facts["rows"].as_u64(), Some(rows));
    assert!((case.rounds[0].facts["sum_of_sales"].as_f64().unwrap() - sums.values().sum::<f64>()).abs() < 0.005);
    let products = case.rounds[1].facts["products"].as_object().unwrap();
    assert_eq!(products.len(), sums.len());
    for (product, sum) in products {
        assert!((sum.as_f64().unwrap() - sums[product]).abs() < 0.005, "{product}");
    }
    let rates: Value = serde_json::from_slice(&attachment(&case, 2, "rates.json").bytes).unwrap();
    assert_eq!(rates["base"], "USD");
}

#[test]
fn the_air_has_the_stated_maximum() {
    let case = case("many-files");
    let air: Vec<Value> = serde_json::from_slice(&attachment(&case, 0, "air.json").bytes).unwrap();
    let facts = &case.rounds[0].facts;
    let worst = air.iter().max_by_key(|station| station["pm25"].as_u64()).unwrap();
    assert_eq!(facts["stations"].as_u64(), Some(air.len() as u64));
    assert_eq!((&facts["max"], &facts["city"]), (&worst["pm25"], &worst["city"]));
}

#[test]
fn the_markdown_has_the_stated_headings() {
    let case = case("markdown-reader");
    let input = attachment(&case, 0, "input.md");
    let mut fenced = false;
    let headings = text(&input).lines().filter(|line| {
        fenced ^= line.starts_with("```");
        !fenced && (line.starts_with("# ") || line.starts_with("## "))
    });
    assert_eq!(case.rounds[0].facts["headings"].as_u64(), Some(headings.count() as u64));
}

#[test]
fn the_picture_has_the_stated_size_and_the_uid_no_line_end() {
    let case = case("photo-card");
    let png = attachment(&case, 0, "sample.png").bytes;
    assert_eq!(&png[1..4], b"PNG");
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!(case.rounds[0].facts["png"], format!("{}x{}", side(16), side(20)));
    let uid = attachment(&case, 0, "uid.txt").bytes;
    assert_eq!(case.rounds[0].facts["uid_has_no_trailing_newline"], !uid.ends_with(b"\n"));
}
