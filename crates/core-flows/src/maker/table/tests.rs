//! Values keep what they are, and hostile files cost little.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;

use super::*;

fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An xlsx file with one sheet of these rows, `strings` and five cell formats: none, date, date and time,
/// duration, time.
pub(in crate::maker) fn xlsx(rows: &str, strings: &[&str]) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let relation = |id: u8, kind: &str, target: &str| {
        format!("<Relationship Id=\"rId{id}\" Type=\"{relations}/{kind}\" Target=\"{target}\"/>")
    };
    let relationships =
        |inner: String| format!("<Relationships xmlns=\"{package}/relationships\">{inner}</Relationships>");
    let strings: String = strings.iter().map(|text| format!("<si><t xml:space=\"preserve\">{text}</t></si>")).collect();
    packed(&[
        ("[Content_Types].xml", &format!("<Types xmlns=\"{package}/content-types\"/>")),
        ("_rels/.rels", &relationships(relation(1, "officeDocument", "xl/workbook.xml"))),
        (
            "xl/workbook.xml",
            &format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\"><sheets>\
                 <sheet name=\"Sales\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &relationships(
                relation(1, "worksheet", "worksheets/sheet1.xml")
                    + &relation(2, "styles", "styles.xml")
                    + &relation(3, "sharedStrings", "sharedStrings.xml"),
            ),
        ),
        (
            "xl/styles.xml",
            &format!(
                "<styleSheet xmlns=\"{main}\"><cellXfs count=\"5\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/>\
                 <xf numFmtId=\"22\"/><xf numFmtId=\"46\"/><xf numFmtId=\"21\"/></cellXfs></styleSheet>"
            ),
        ),
        ("xl/sharedStrings.xml", &format!("<sst xmlns=\"{main}\">{strings}</sst>")),
        ("xl/worksheets/sheet1.xml", &format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>")),
    ])
}

fn ods(rows: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"Sales\">{rows}\
         </table:table></office:spreadsheet></office:body></office:document-content>"
    );
    packed(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", "<manifest:manifest/>"),
        ("content.xml", &content),
    ])
}

/// The records of an xls file with one sheet: globals, then the sheet's cells.
fn xls(cells: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let record = |kind: u16, data: &[u8]| [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat();
    let begin = |kind: u16| record(0x0809, &[&0x0600_u16.to_le_bytes()[..], &kind.to_le_bytes(), &[0; 12]].concat());
    let end = record(0x000A, &[]);
    let name = [&[5, 0][..], b"Sales"].concat();
    let globals_length = (begin(5).len() + 4 + 6 + name.len() + end.len()) as u32;
    let sheet = record(0x0085, &[&globals_length.to_le_bytes()[..], &[0, 0], &name].concat());
    let mut stream = [begin(5), sheet, end.clone(), begin(0x0010)].concat();
    for (kind, data) in cells {
        stream.extend(record(*kind, data));
    }
    stream.extend(end);
    // Streams below 4 KB lie in a place of their own.
    stream.resize(stream.len().max(4096), 0);
    let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new())).unwrap();
    file.create_stream("/Workbook").unwrap().write_all(&stream).unwrap();
    file.into_inner().into_inner()
}

fn number_record(row: u16, column: u16, value: f64) -> (u16, Vec<u8>) {
    let place = [row.to_le_bytes(), column.to_le_bytes(), [0, 0]].concat();
    (0x0203, [place, value.to_le_bytes().to_vec()].concat())
}

fn sheet(bytes: &[u8]) -> Table {
    let mut workbook = Workbook::read(bytes).unwrap();
    assert_eq!(workbook.sheets[0].0, "Sales");
    workbook.sheets.remove(0).1
}

fn csv_of(table: &Table) -> String {
    String::from_utf8(table.to_csv().unwrap().to_vec()).unwrap()
}

fn json_of(table: &Table) -> String {
    let json = String::from_utf8(table.to_json().unwrap().to_vec()).unwrap();
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    json
}

#[test]
fn a_spreadsheets_values_come_out_as_they_are() {
    let rows = "<row r=\"2\"><c r=\"B2\" t=\"s\"><v>0</v></c><c r=\"C2\" t=\"s\"><v>1</v></c><c r=\"D2\" t=\"s\"><v>2</v></c></row>\
        <row r=\"3\"><c r=\"B3\" t=\"s\"><v>3</v></c><c r=\"C3\"><v>0.1</v></c><c r=\"D3\" s=\"1\"><v>45382</v></c></row>\
        <row r=\"4\"><c r=\"B4\" t=\"s\"><v>4</v></c><c r=\"C4\"><v>25000000</v></c><c r=\"D4\" s=\"2\"><v>45382.572916666664</v></c></row>\
        <row r=\"6\"><c r=\"B6\" t=\"b\"><v>1</v></c><c r=\"C6\"><v>-1.5E-7</v></c><c r=\"D6\" s=\"3\"><v>1.1041666666666667</v></c></row>\
        <row r=\"7\"><c r=\"B7\" t=\"e\"><v>#N/A</v></c><c r=\"C7\"><v>0.30000000000000004</v></c><c r=\"D7\" s=\"4\"><v>0.5</v></c></row>";
    let table = sheet(&xlsx(rows, &["name", "amount", "when", "a \"b\", c", "Zoë 😀 &amp; co"]));
    let expected = "name,amount,when\n\"a \"\"b\"\", c\",0.1,2024-03-31\nZoë 😀 & co,25000000,2024-03-31T13:45:00\n\
        ,,\ntrue,-1.5e-7,26:30:00\n#N/A,0.30000000000000004,12:00:00\n";
    assert_eq!(csv_of(&table), expected);
    let expected = "[\n  {\"name\": \"a \\\"b\\\", c\", \"amount\": 0.1, \"when\": \"2024-03-31\"},\n  \
        {\"name\": \"Zoë 😀 & co\", \"amount\": 25000000, \"when\": \"2024-03-31T13:45:00\"},\n  \
        {\"name\": null, \"amount\": null, \"when\": null},\n  \
        {\"name\": true, \"amount\": -1.5e-7, \"when\": \"26:30:00\"},\n  \
        {\"name\": \"#N/A\", \"amount\": 0.30000000000000004, \"when\": \"12:00:00\"}\n]\n";
    assert_eq!(json_of(&table), expected);
}

#[test]
fn ods_and_xls_are_read_as_well() {
    let cell = |attributes: &str, text: &str| {
        format!("<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>")
    };
    let row = |cells: &[String]| {
        format!(
            "<table:table-row>{}<table:table-cell table:number-columns-repeated=\"16000\"/></table:table-row>",
            cells.concat()
        )
    };
    let text = |text: &str| cell("office:value-type=\"string\"", text);
    let rows = row(&[text("name"), text("amount"), text("when"), text("time")])
        + &row(&[
            text("x &lt; y"),
            cell("office:value-type=\"float\" office:value=\"1.10\"", "1,1"),
            cell("office:value-type=\"date\" office:date-value=\"2024-03-31\"", "31.3."),
            cell("office:value-type=\"time\" office:time-value=\"PT26H30M00S\"", "26:30"),
        ])
        + "<table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>";
    assert_eq!(csv_of(&sheet(&ods(&rows))), "name,amount,when,time\nx < y,1.1,2024-03-31,26:30:00\n");

    let numbers = [number_record(0, 0, 1.0), number_record(0, 1, 2.5), number_record(2, 1, -3.0)];
    assert_eq!(csv_of(&sheet(&xls(&numbers))), "1,2.5\n,\n,-3\n");
}

#[test]
fn hostile_spreadsheets_are_refused_and_cheap() {
    let bomb = xlsx(&" ".repeat(70 * 1024 * 1024), &[]);
    let corner = "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row><row r=\"1048576\"><c r=\"XFD1048576\"><v>2</v></c></row>";
    let text = "x".repeat(100_000);
    let shared: String =
        (1..=1000).map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>0</v></c></row>")).collect();
    let cell =
        "<table:table-cell office:value-type=\"float\" office:value=\"1\" table:number-columns-repeated=\"16384\"/>";
    let row = |cells: &str, times: u32| {
        format!("<table:table-row table:number-rows-repeated=\"{times}\">{cells}</table:table-row>")
    };
    let long = format!(
        "<table:table-cell table:number-columns-repeated='9000' office:value-type=\"string\" office:string-value=\"a&gt;{text}>\"/>"
    );
    let spaces = "<table:table-cell office:value-type=\"string\"><text:p><text:s text:c=\"4000000000\"/></text:p></table:table-cell>";
    let far = "<table:table-cell table:number-columns-repeated=\"16000\"/><table:table-cell office:value-type=\"float\" office:value=\"1\"/>";
    let corners = [number_record(0, 0, 1.0), number_record(u16::MAX, 255, 2.0)];
    for (what, bytes, expected) in [
        ("zip bomb", bomb, Refused::Unpacked),
        ("far corners", xlsx(corner, &[]), Refused::Cells),
        ("one text a thousand times", xlsx(&shared, &[&text]), Refused::Text),
        ("repeated rows", ods(&row(cell, 1000)), Refused::Cells),
        ("many wide rows", ods(&row(far, 1).repeat(200)), Refused::Cells),
        ("a repeated text", ods(&row(&long, 1)), Refused::Text),
        ("repeated spaces", ods(&row(spaces, 1)), Refused::Text),
        ("far corners of an old sheet", xls(&corners), Refused::Cells),
    ] {
        assert_eq!(Workbook::read(&bytes).err(), Some(expected), "{what}");
    }
    for bytes in [&b""[..], b"PK", b"PK\x03\x04 and then nothing", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", b"<html>"] {
        assert!(matches!(Workbook::read(bytes), Err(Refused::Spreadsheet(_))), "{bytes:?}");
    }
    let million: String = std::iter::repeat_n("x,", 1_000_001).collect();
    assert_eq!(Table::from_csv(million.as_bytes()), Err(Refused::Cells));
}

#[test]
fn csv_is_read_by_its_separator_and_typed_by_column() {
    for (text, expected) in [
        ("a,b\n1,x\n", "[\n  {\"a\": 1, \"b\": \"x\"}\n]\n"),
        ("\u{feff}a;b\r\n1,5;2\r\n", "[\n  {\"a\": \"1,5\", \"b\": 2}\n]\n"),
        ("a\tb\n1.10\t12345678901234567890\n", "[\n  {\"a\": 1.10, \"b\": 12345678901234567890}\n]\n"),
        ("\"a,b\";c\n1;2\n", "[\n  {\"a,b\": 1, \"c\": 2}\n]\n"),
        // A code is no number, and one text makes a column of texts.
        (
            "zip,n\n01234,1\n90210,-\n",
            "[\n  {\"zip\": \"01234\", \"n\": \"1\"},\n  {\"zip\": \"90210\", \"n\": \"-\"}\n]\n",
        ),
        ("ok,n\ntrue,\nfalse,2\n", "[\n  {\"ok\": true, \"n\": null},\n  {\"ok\": false, \"n\": 2}\n]\n"),
        (
            "a,,a\n1,2,3,4\n5\n",
            "[\n  {\"a\": 1, \"column_2\": 2, \"a_2\": 3, \"column_4\": 4},\n  {\"a\": 5, \"column_2\": null, \"a_2\": null, \"column_4\": null}\n]\n",
        ),
        ("a\n\"two\nlines \"\"q\"\"\"\n", "[\n  {\"a\": \"two\\nlines \\\"q\\\"\"}\n]\n"),
        ("a,b\n", "[]\n"),
        ("", "[]\n"),
    ] {
        assert_eq!(json_of(&Table::from_csv(text.as_bytes()).unwrap()), expected, "{text:?}");
    }
    assert_eq!(Table::from_csv(b"a\n\xff\n"), Err(Refused::Encoding));
}

#[test]
fn json_tables_keep_their_digits() {
    for (json, expected) in [
        (r#"[{"a": 1.10, "b": "x, y"}, {"b": "\"q\"", "c": null}]"#, "a,b,c\n1.10,\"x, y\",\n,\"\"\"q\"\"\",\n"),
        (
            r#"[{"n": 12345678901234567890, "t": true, "x": {"y": [1, "]"]}}]"#,
            "n,t,x\n12345678901234567890,true,\"{\"\"y\"\": [1, \"\"]\"\"]}\"\n",
        ),
        (r#"[["a", "b"], [1, "\u00fc\\"], [2]]"#, "a,b\n1,ü\\\n2,\n"),
        (r#"[{"a": 1, "a": 2}]"#, "a\n2\n"),
        (r#"[{"a": ""}, {"a": 1}]"#, "a\n\"\"\n1\n"),
    ] {
        assert_eq!(csv_of(&Table::from_json(json.as_bytes()).unwrap()), expected, "{json}");
    }
    for bad in ["{\"a\": 1}", "[1, 2]", "[{\"a\": 1}, [2]]", "[{\"a\": 1}", "[{\"a\": 01}]"] {
        assert!(matches!(Table::from_json(bad.as_bytes()), Err(Refused::Form(_))), "{bad}");
    }
}

#[test]
fn what_is_converted_and_back_is_the_same() {
    let text = "a,b,c\n1,\"x \"\"y\"\"\",true\n0.1,\"z, 😀\",false\n";
    let table = Table::from_csv(text.as_bytes()).unwrap();
    let back = Table::from_json(&table.to_json().unwrap()).unwrap();
    assert_eq!((csv_of(&table).as_str(), csv_of(&back).as_str()), (text, text));
}

#[test]
fn numbers_are_written_shortest() {
    for (value, expected) in [
        (0.1 + 0.2, Some("0.30000000000000004")),
        (1.0, Some("1")),
        (-0.0, Some("0")),
        (123_456_789_012_345_680.0, Some("123456789012345680")),
        (1e21, Some("1e21")),
        (0.000_001, Some("0.000001")),
        (1e-7, Some("1e-7")),
        (f64::NAN, None),
        (f64::INFINITY, None),
    ] {
        assert_eq!(number::shortest(value).as_deref(), expected, "{value}");
    }
    for (text, expected) in [
        ("0", true),
        ("-1.50", true),
        ("1e5", true),
        ("1E-05", true),
        ("007", false),
        ("+1", false),
        ("1.", false),
        (".5", false),
        ("1,234", false),
        ("", false),
        ("-", false),
        ("1e", false),
        ("NaN", false),
    ] {
        assert_eq!(number::is_json(text), expected, "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Number>(text).is_ok(), expected, "{text:?}");
    }
}

#[test]
fn a_schema_names_columns_types_and_sample_rows() {
    let rows: String = (1..=100).map(|n| format!("item {n},{n},{}.5,\n", n)).collect();
    let table = Table::from_csv(format!("name,pieces,price,note\n{rows}").as_bytes()).unwrap();
    let expected = "columns: name (text), pieces (integer), price (number), note (empty)\n\
        row 1: item 1 | 1 | 1.5 | \nrow 2: item 2 | 2 | 2.5 | \nrow 51: item 51 | 51 | 51.5 | \nrow 100: item 100 | 100 | 100.5 | ";
    assert_eq!(describe(&table, 4), (expected.to_owned(), 100, 4));
    assert_eq!(describe(&Table::default(), 4), ("columns: ".to_owned(), 0, 0));
}
