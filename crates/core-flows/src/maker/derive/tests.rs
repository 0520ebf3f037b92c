//! Conversions as a model names them.

use super::*;
use crate::maker::table::tests::xlsx;

#[test]
fn a_conversion_is_a_line() {
    for (text, expected) in [
        ("data.csv from data.xlsx", Some("data.csv from data.xlsx")),
        ("data.csv from data.xlsx sheet 2", Some("data.csv from data.xlsx sheet 2")),
        ("a/data.json from data.ods sheet \"Q1 from 2024\"", Some("a/data.json from data.ods sheet \"Q1 from 2024\"")),
        ("mail from bob.csv from old sheet.json", Some("mail from bob.csv from old sheet.json")),
        ("data.json from data.csv", Some("data.json from data.csv")),
        ("data.html from data.csv", None),
        ("data.csv from logo.png", None),
        ("../data.csv from data.xlsx", None),
        ("data.csv from /etc/data.csv", None),
        ("data.csv", None),
        ("", None),
    ] {
        let read = text.parse::<Derivation>().map(|derivation| derivation.to_string());
        assert_eq!(read.as_deref().ok(), expected, "{text:?}");
    }
}

#[test]
fn a_conversion_is_carried_out_on_the_files_bytes() {
    let rows = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row><row r=\"2\"><c r=\"A2\"><v>1.5</v></c></row>";
    let mut attached = Site::new();
    attached.insert("data.xlsx".parse().unwrap(), xlsx(rows, &["price"]));
    attached.insert("bad.xlsx".parse().unwrap(), "PK");
    attached.insert("list.json".parse().unwrap(), "[{\"a\": 1}]");
    attached.insert("list.csv".parse().unwrap(), "a;b\n1;2\n");
    let workbooks = workbooks(&attached);
    for (text, expected) in [
        ("p.csv from data.xlsx sheet 1", Ok("price\n1.5\n")),
        ("p.csv from data.xlsx sheet \"Sales\"", Ok("price\n1.5\n")),
        ("p.json from data.xlsx", Ok("[\n  {\"price\": 1.5}\n]\n")),
        ("l.csv from list.json", Ok("a\n1\n")),
        ("l.json from list.csv", Ok("[\n  {\"a\": 1, \"b\": 2}\n]\n")),
        ("p.csv from data.xlsx sheet 0", Err("data.xlsx has no such sheet; its sheets are \"Sales\"")),
        ("p.csv from data.xlsx sheet \"Costs\"", Err("data.xlsx has no such sheet; its sheets are \"Sales\"")),
        ("p.csv from gone.csv", Err("there is no file gone.csv")),
    ] {
        let derivation: Derivation = text.parse().unwrap();
        let made = derivation.carry_out(attached.get(derivation.from.as_str()), &workbooks);
        let made = made.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        assert_eq!(made, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
    let bad: Derivation = "p.csv from bad.xlsx".parse().unwrap();
    let error = bad.carry_out(attached.get("bad.xlsx"), &workbooks).unwrap_err();
    assert!(error.starts_with("bad.xlsx: it cannot be read as a spreadsheet: "), "{error}");
}
