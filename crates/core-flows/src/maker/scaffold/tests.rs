//! Pages of the scaffold: what stands in the served HTML, and that nothing from outside breaks out of
//! its place. Whether checks hold in a browser is tested end to end.

use bytes::Bytes;
use ports::Attachment;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use shared_types::{Check, Digest, Round, SitePath};

use super::*;
use crate::journal::Prepared;

fn brief(briefs: &[&str], oracles: &[Json], attached: &[(&str, &str)], base: &[(&str, &str)]) -> Brief {
    let read = |oracle: &Json| Check::new(Round::FIRST, 0, "a check", serde_json::from_value(oracle.clone()).unwrap());
    let site = |files: &[(&str, &str)]| -> Site {
        files
            .iter()
            .filter_map(|(path, text)| Some((path.parse::<SitePath>().ok()?, Bytes::from((*text).to_owned()))))
            .collect()
    };
    let attached = site(attached);
    let attachment = |(path, bytes): (&SitePath, &Bytes)| Attachment {
        path: path.clone(),
        media_type: "text/plain".to_owned(),
        sniffed_type: None,
        size: bytes.len() as u64,
        sha256: Digest::of(bytes),
    };
    Brief {
        title: "The Task".to_owned(),
        nonce: "n-1".to_owned(),
        brief: briefs.last().map(ToString::to_string).unwrap_or_default(),
        prepared: Prepared {
            checks: oracles.iter().map(read).collect(),
            attachments: attached.iter().map(attachment).collect(),
            briefs: briefs.iter().map(ToString::to_string).collect(),
        },
        attached,
        workbooks: Default::default(),
        base: site(base),
        accepted_at: shared_types::Timestamp::from_unix_ms(0),
        holder: "Somebody".to_owned(),
    }
}

fn site(brief: &Brief) -> Site {
    crate::maker::by_scaffold(brief).unwrap()
}

fn page(briefs: &[&str], oracles: &[Json], attached: &[(&str, &str)]) -> String {
    site(&brief(briefs, oracles, attached, &[])).text("index.html").unwrap().to_owned()
}

fn js(code: &str) -> Json {
    json!({"kind": "java_script", "expression": code})
}

const SALES: (&str, &str) = ("data.csv", "region,sales\nnorth,10.25\nsouth,20\n");

#[test]
fn readers_that_run_no_script_find_what_the_script_will_show() {
    let number = json!({"kind": "element_text", "id": "total-sales", "form": {"form": "number", "equals": "30.25"}});
    let page = page(&["Sum it."], &[number], &[SALES]);
    assert!(page.contains("<span id=\"total-sales\" class=\"value\">30.25</span>"), "{page}");
    assert!(page.find("<script>").unwrap() < page.find("fetch(").unwrap());
}

#[test]
fn a_figure_that_only_a_browser_reads_is_not_written_down() {
    let page =
        page(&["Sum it."], &[js("parseFloat(document.querySelector('#total-sales').textContent) === 30.25")], &[SALES]);
    assert!(!page.contains("30.25") && page.contains("\"op\":\"sum\""), "{page}");
}

#[test]
fn the_first_script_is_the_pages_own_and_libraries_follow() {
    let page = page(&["Sum it."], &[js("document.querySelector(\"script[src*='marked']\")")], &[SALES]);
    let scripts: Vec<&str> = page.split("<script").skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
    assert_eq!(scripts, ["", " src=\"https://cdn.jsdelivr.net/npm/marked@12.0.2/marked.min.js\" defer"]);
}

#[test]
fn what_must_not_be_there_is_not() {
    let absent =
        |texts: &[&str]| json!({"kind": "source_text", "path": "index.html", "texts": texts, "presence": "absent"});
    let gone = json!({"kind": "elements", "elements": [{"id": "gone"}], "presence": "absent"});
    let page = page(&["No jQuery and no #gone, but #here."], &[absent(&["jQuery"]), gone], &[]);
    assert!(!page.to_lowercase().contains("jquery") && !page.contains("id=\"gone\"") && page.contains("id=\"here\""));
}

#[test]
fn a_page_of_somebody_else_keeps_what_it_has() {
    let theirs = "<!DOCTYPE html><html lang=\"en\"><head><title>T</title></head><body><p id=\"a\">x</p></body></html>";
    let checks = [js("document.querySelector('#a')"), js("document.querySelector('#total-sales')")];
    let given = brief(&["Sum it."], &checks, &[SALES], &[("index.html", theirs)]);
    let page = site(&given).text("index.html").unwrap().to_owned();
    assert!(page.starts_with(theirs.split("</body>").next().unwrap()) && page.ends_with("</body></html>"));
    assert_eq!((page.matches("id=\"a\"").count(), page.matches("id=\"total-sales\"").count()), (1, 1));
    let whole = brief(&["Nothing."], &[js("document.querySelector('#a')")], &[], &[("index.html", theirs)]);
    assert_eq!(site(&whole).text("index.html"), Some(theirs));
}

#[test]
fn files_are_made_of_what_is_known_and_not_of_what_is_not() {
    let fields = |rule: Json| json!({"kind": "json_fields", "path": "stats.json", "fields": [{"field": "total_sales", "rule": rule}]});
    let stats = |rule: Json| site(&brief(&[""], &[fields(rule)], &[SALES], &[])).text("stats.json").map(str::to_owned);
    let typed = json!({"is": "typed", "json_type": "number"});
    assert_eq!(stats(typed).as_deref(), Some("{\n  \"total_sales\": 30.25\n}\n"));
    assert_eq!(stats(json!({"is": "equals", "value": 30.25})).as_deref(), Some("{\n  \"total_sales\": 30.25\n}\n"));
    assert_eq!(stats(json!({"is": "equals", "value": 31})), None);
    assert_eq!(
        stats(json!({"is": "equals", "value": "north"})).as_deref(),
        Some("{\n  \"total_sales\": \"north\"\n}\n")
    );
    assert_eq!(stats(json!({"is": "equals", "value": "west"})), None);
    let exist = |path: &str| json!({"kind": "files_exist", "paths": [path]});
    let made =
        |path: &str, text: &str| site(&brief(&[text], &[exist(path)], &[SALES], &[])).text(path).map(str::to_owned);
    assert_eq!(made("poem.txt", "Write a poem."), None);
    assert_eq!(made("photo.svg", "photo.svg shows a cat."), None);
    assert!(made("badge.svg", "badge.svg shows the highest sales").unwrap().contains(">Sales 20</text>"));
    assert_eq!(
        made("data.json", "").as_deref(),
        Some("[\n  {\"region\": \"north\", \"sales\": 10.25},\n  {\"region\": \"south\", \"sales\": 20}\n]\n")
    );
    for (count, word) in
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
            .iter()
            .enumerate()
    {
        let text = made("about.md", &format!("about.md of exactly {word} words")).unwrap();
        assert_eq!(text.split_whitespace().count(), count + 1, "{text}");
    }
}

/// Pieces that break out of some place when they are not escaped there.
const HOSTILE: [&str; 16] = [
    "</script><xss>",
    "\" onxss=\"1",
    "' onxss='1",
    "<!--<script>",
    "-->",
    "</title><xss>",
    "{{ xss }}",
    "{% if %}",
    "${xss}",
    "\\",
    "\u{0}",
    "\u{2028}",
    "#total-sales",
    "`",
    "javascript:xss()",
    "title \"<xss>\"",
];

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![prop::sample::select(&HOSTILE[..]).prop_map(str::to_owned), ".{0,6}", "[a-z]{1,6} "];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// A check that says `text` in some place.
fn oracle(kind: usize, text: &str) -> Json {
    let presence = "present";
    match kind {
        0 => js(&format!("document.querySelector('{text}') !== null")),
        1 => js(&format!("document.querySelector('#a').textContent.includes(\"{text}\")")),
        2 => js(&format!("document.querySelector(\"script[src*='{text}']\")")),
        3 => js(&format!("document.querySelector('p').getAttribute('{text}') === '{text}'")),
        4 => json!({"kind": "title", "text": text, "matching": "contains"}),
        5 => {
            json!({"kind": "elements", "elements": [{"tag": text, "id": text, "attribute": {"name": text, "value": text}}], "presence": presence})
        }
        6 => {
            json!({"kind": "elements", "elements": [{"tag": "a", "attribute": {"name": "href", "value": text}}], "presence": presence})
        }
        7 => json!({"kind": "element_text", "id": "b", "form": {"form": "equals", "text": text}}),
        8 => json!({"kind": "page_text", "texts": [text], "presence": presence}),
        9 => {
            json!({"kind": "query", "parameter": text, "value": text, "effect": {"effect": "shows_text", "text": text, "id": "c"}})
        }
        10 => json!({"kind": "readme_sections", "sections": [text]}),
        11 => {
            json!({"kind": "elements", "elements": [{"tag": "meta", "attribute": {"name": "name", "value": text}}], "presence": presence})
        }
        12 => {
            json!({"kind": "json_fields", "path": "x.json", "fields": [{"field": text, "rule": {"is": "equals", "value": text}}]})
        }
        _ => json!({"kind": "source_text", "path": "index.html", "texts": [text], "presence": presence}),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_from_outside_breaks_out_of_its_place(
        briefs in prop::collection::vec(hostile(), 1..3),
        said in prop::collection::vec((0_usize..14, hostile()), 0..8),
        cells in prop::collection::vec(hostile(), 1..8),
        name in hostile(),
    ) {
        let csv = format!("{},sales\n{},1\n", cells.join(","), cells.join(","));
        let object = json!({ name.clone(): cells.clone(), "rates": { name.clone(): 2 } }).to_string();
        let csv_name = format!("{name}.csv");
        let attached = [(csv_name.as_str(), csv.as_str()), ("o.json", object.as_str()), ("t.md", cells[0].as_str()), ("broken.csv", "a,b\n\"x")];
        let briefs: Vec<&str> = briefs.iter().map(String::as_str).collect();
        let oracles: Vec<Json> = said.iter().map(|(kind, text)| oracle(*kind, text)).collect();
        let site = site(&brief(&briefs, &oracles, &attached, &[]));
        let page = site.text("index.html").unwrap();
        prop_assert!(!page.contains("<xss"), "{page}");
        // Within the script an attribute is text, and there quotes are escaped. A value of its own holds no digit.
        let markup: String = page.split("<script>").enumerate().map(|(at, part)| if at == 0 { part } else { part.split_once("</script>").map_or("", |(_, rest)| rest) }).collect();
        prop_assert!(!markup.contains("\" onxss=\"1") && !["href", "src", "action"].iter().any(|name| markup.contains(&format!(" {name}=\"javascript:"))), "{markup}");
        prop_assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
        prop_assert_eq!(page.matches("<title>").count(), 1);
        prop_assert_eq!(page.matches("</html>").count(), 1);
        let has_nul = page.contains('\u{0}');
        prop_assert!(!has_nul);
    }
}

#[test]
fn much_of_everything_is_still_a_page() {
    let long = "Show #a and `b` in <c>. ".repeat(10_000);
    let wide = format!("{}\n{}\n", vec!["x"; 5_000].join(","), vec!["1"; 5_000].join(","));
    let tall = format!("n\n{}", "1\n".repeat(50_000));
    let ids: Vec<Json> = (0..500).map(|n| js(&format!("document.querySelector('#id-{n} li')"))).collect();
    let page = page(&[&long], &ids, &[("wide.csv", &wide), ("tall.csv", &tall)]);
    assert!(page.len() < 2_000_000, "{}", page.len());
}
