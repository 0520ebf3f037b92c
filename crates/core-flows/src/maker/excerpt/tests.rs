//! What is shown whole, what is cut, and how.

use super::*;
use crate::maker::derive::workbooks;
use crate::maker::table::tests::xlsx;

/// What is shown of one file within `tokens`.
fn piece(path: &str, bytes: &[u8], tokens: usize) -> Piece {
    let path: SitePath = path.parse().unwrap();
    let mut site = Site::new();
    site.insert(path.clone(), bytes.to_vec());
    pieces(std::iter::once((&path, bytes)), &workbooks(&site), tokens).remove(0)
}

fn check(path: &str, bytes: &[u8], tokens: usize, shown: &str, text: &str) {
    let piece = piece(path, bytes, tokens);
    assert_eq!((piece.shown.as_str(), piece.text.as_str()), (shown, text), "{path}");
}

#[test]
fn small_files_are_whole_and_binary_ones_are_not_shown() {
    check("a.csv", b"a,b\n1,2\n", 1000, "", "a,b\n1,2\n");
    check("a.txt", "ünï\n".as_bytes(), 1000, "", "ünï\n");
    check("a.png", b"\x89PNG\xff", 1000, "a binary file, not shown", "");
    check("a.txt", b"", 0, "", "");
}

#[test]
fn long_tables_are_columns_and_rows_however_much_room_there_is() {
    let csv = "day,sales\n".to_owned() + &"2024-03-31,10\n".repeat(1000);
    let shown = piece("data.csv", csv.as_bytes(), 100_000);
    assert_eq!((shown.shown.as_str(), shown.lines), ("cut: columns and 20 sample rows of 1000", 1001));
    assert!(shown.text.starts_with("columns: day (text), sales (integer)\nrow 1: 2024-03-31 | 10\n"), "{}", shown.text);
    assert!(shown.text.ends_with("row 1000: 2024-03-31 | 10"), "{}", shown.text);

    let json = format!("[{}]", vec![r#"{"id": 7, "name": "Ann"}"#; 500].join(","));
    let shown = piece("data.json", json.as_bytes(), 100_000);
    assert!(shown.text.starts_with("columns: id (integer), name (text)\nrow 1: 7 | Ann\n"), "{}", shown.text);

    let rows = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row><row r=\"2\"><c r=\"A2\"><v>1.5</v></c></row>";
    check(
        "stock.xlsx",
        &xlsx(rows, &["price"]),
        1000,
        "a spreadsheet; columns and sample rows of each sheet",
        "sheet 1 \"Sales\": 1 rows below the names\ncolumns: price (number)\nrow 1: 1.5",
    );
    let broken = piece("stock.xlsx", b"PK", 1000);
    assert!(broken.shown.starts_with("not readable: ") && broken.text.is_empty(), "{broken:?}");
}

#[test]
fn long_texts_are_an_outline_and_a_head() {
    let filler = "  // and so on and so on\n".repeat(30);
    let js = format!(
        "import x from './x.js';\n{filler}export async function show() {{\n{filler}}}\nclass Row {{\n  paint() {{}}\n}}\nconst N = 1;\n"
    );
    check(
        "app.js",
        js.as_bytes(),
        75,
        "cut: an outline, then the first 7 of 67 lines",
        &format!(
            "line 1: import x from './x.js';\nline 32: export async function show() {{\nline 64: class Row {{\nline 67: const N = 1;\n\n\
             import x from './x.js';\n{}",
            "  // and so on and so on\n".repeat(6)
        ),
    );
    let html = format!("<title>T</title>\n{filler}<h1 id=\"top\">Hello</h1>\n<script src=\"a.js\"></script>\n");
    let shown = piece("index.html", html.as_bytes(), 75).text;
    let outline =
        "line 1: <title>T</title>\nline 32: <h1 id=\"top\">Hello</h1>\nline 33: <script src=\"a.js\"></script>\n";
    assert!(shown.starts_with(outline), "{shown}");
    let md = format!("# One\n{filler}## Two\n{filler}");
    assert!(piece("a.md", md.as_bytes(), 50).text.starts_with("line 1: # One\nline 32: ## Two\n"));
    check("notes.txt", filler.as_bytes(), 14, "cut: the first 2 of 30 lines", &"  // and so on and so on\n".repeat(2));
    check("min.txt", "x".repeat(1000).as_bytes(), 5, "cut: the first 1 of 1 lines", &"x".repeat(20));
}

#[test]
fn all_files_together_stay_within_the_budget() {
    let long = "function f() {}\n".repeat(10_000);
    let paths: Vec<SitePath> = ["a.js", "b.js", "small.js"].iter().map(|path| path.parse().unwrap()).collect();
    let texts = [long.as_str(), &long, "let x;\n"];
    let files = paths.iter().zip(texts.iter().map(|text| text.as_bytes()));
    let pieces = pieces(files, &Workbooks::new(), 1000);
    assert_eq!(pieces[2].text, "let x;\n", "what is small is whole");
    let chars: Vec<_> = pieces.iter().map(|piece| piece.text.chars().count()).collect();
    // The line between outline and head is one more character.
    assert!(chars.iter().sum::<usize>() <= 4000 + 2 && chars[0] == chars[1] && chars[0] > 1900, "{chars:?}");
}

#[test]
fn attachments_and_binary_files_are_not_among_the_repositorys_texts() {
    let (mut site, mut attached) = (Site::new(), Site::new());
    for (path, bytes) in [("index.html", &b"<p>"[..]), ("data.csv", b"a"), ("x.bin", b"\xff")] {
        site.insert(path.parse().unwrap(), bytes.to_vec());
    }
    attached.insert("data.csv".parse().unwrap(), "a");
    let texts: Vec<_> = texts(&site, &attached).into_iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(texts, ["index.html"]);
}
