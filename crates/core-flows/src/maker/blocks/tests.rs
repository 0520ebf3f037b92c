//! What a model may write, and what becomes of it.

use proptest::prelude::*;

use super::*;

const B: &str = "b0";

/// Carries out `text` on `index.html` (and nothing else); one line for each change or fault.
fn outcome(base: &str, text: &str) -> Vec<String> {
    let mut site = Site::new();
    site.insert("index.html".parse().unwrap(), base.to_owned());
    let parsed = parse(text, B).unwrap();
    let derive = |derivation: &Derivation| Ok(Bytes::from(format!("[{derivation}]")));
    let mut lines = match parsed.answer.apply(&site, derive) {
        Ok(changes) => {
            let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
            let files = changes.files().map(|(path, bytes)| format!("{path} = {:?}", text(bytes))).collect::<Vec<_>>();
            files.into_iter().chain(changes.deleted().map(|path| format!("{path} deleted"))).collect()
        }
        Err(faults) => {
            faults.iter().map(|(_, fault)| format!("{}: {}", fault.block, fault.problem)).collect::<Vec<_>>()
        }
    };
    lines.extend(parsed.open.then(|| "open".to_owned()));
    lines
}

fn check(base: &str, text: &str, expected: &[&str]) {
    assert_eq!(outcome(base, text), expected, "{text:?} on {base:?}");
}

#[test]
fn blocks_stand_between_marks_and_the_rest_is_talk() {
    check(
        "",
        "Sure!\n<<<FILE b0 index.html\n<p>\nFILE>>> other\n</p>\nFILE>>> b0\nbye <<<FILE b0 x\n",
        &["index.html = \"<p>\\nFILE>>> other\\n</p>\\n\""],
    );
    check("", "```html\n<<<FILE b0 a.js\r\n1\r\nFILE>>> b0\r\n```\n", &["a.js = \"1\\r\\n\""]);
    check("", "<<<FILE b0 a\n1\nFILE>>> b0\n<<<FILE b0 a\n2\nFILE>>> b0", &["a = \"2\\n\""]);
    check("", "<<<FILE b0 empty.txt\nFILE>>> b0", &["empty.txt = \"\""]);
    check("", "<<<DELETE b0 index.html\n", &["index.html deleted"]);
    check("", "<<<DERIVE b0 d.csv from d.xlsx sheet 2\n", &["d.csv = \"[d.csv from d.xlsx sheet 2]\""]);
    // An end mark that comes twice holds nothing.
    check("", "<<<FILE b0 a\n1\nFILE>>> b0\nFILE>>> b0\n", &["a = \"1\\n\""]);
}

#[test]
fn what_cannot_be_carried_out_is_a_fault_and_nothing_changes() {
    check("", "I cannot help with that.", &["none: the answer holds no file block"]);
    check("", "<<<FILE b1 index.html\nx\nFILE>>> b1\n", &["none: the answer holds no file block"]);
    check(
        "",
        "<<<FILE b0 ../../etc/passwd\nx\nFILE>>> b0\n<<<FILE b0 ok\nx\nFILE>>> b0\n",
        &["FILE ../../etc/passwd: \"../../etc/passwd\" is no path inside the site"],
    );
    check("", "<<<DELETE b0 .git/config\n", &["DELETE .git/config: \".git/config\" is no path inside the site"]);
    check("", "<<<FILE b0 a\n1\n<<<FILE b0 b\n2\nFILE>>> b0\n", &["FILE a: it does not end"]);
    check(
        "x\n",
        "<<<EDIT b0 index.html\nx\nEDIT>>> b0\n",
        &["EDIT index.html: it has no WITH mark between the lines of the file and those that replace them"],
    );
    check("", "<<<EDIT b0 gone.js\nx\n<<<WITH b0\ny\nEDIT>>> b0\n", &["EDIT gone.js: there is no such file"]);
    assert_eq!(parse(&"<<<DELETE b0 a\n".repeat(401), B), Err(TooMany));
}

#[test]
fn a_block_without_an_end_was_cut() {
    check("", "<<<FILE b0 index.html\n<p>", &["none: the answer holds no file block", "open"]);
    check("", "<<<FILE b0 a\n1\nFILE>>> b0\n<<<EDIT b0 index.html\nx\n", &["a = \"1\\n\"", "open"]);
    // The model began the file anew.
    check("", "<<<FILE b0 a\n1\n<<<FILE b0 a\n2\nFILE>>> b0\n", &["a = \"2\\n\""]);
}

fn edit(quoted: &str, with: &str) -> String {
    format!("<<<EDIT b0 index.html\n{quoted}<<<WITH b0\n{with}EDIT>>> b0\n")
}

#[test]
fn quoted_lines_give_way() {
    for (base, quoted, with, expected) in [
        // Exactly, which wins over what is only alike.
        ("a\n b\nb\nc\n", "b\n", "B\n", "a\n b\nB\nc\n"),
        ("a\nb\nc\n", "a\nb\n", "", "c\n"),
        ("a\nb", "b\n", "B\nC\n", "a\nB\nC"),
        ("a\r\nb\r\n", "b\r\n", "B\r\n", "a\r\nB\r\n"),
        // Without white space at line ends, with those of the file.
        ("a  \nb\t\nc\n", "a\nb\n", "B\n", "B\nc\n"),
        ("a\r\nb\r\nc\r\n", "b\n", "B\nD\n", "a\r\nB\r\nD\r\nc\r\n"),
        // Without indentation, with that of the file.
        ("<p>\n    <b>x</b>\n</p>\n", "<b>x</b>\n", "<b>\n  y\n</b>\n", "<p>\n    <b>\n      y\n    </b>\n</p>\n"),
        (
            "\tif (x) {\n\t\tgo();\n\t}\n",
            "if (x) {\n  go();\n}\n",
            "if (y) {\n  stay();\n\n    deep();\n}\n",
            "\tif (y) {\n\t\tstay();\n\n\t\t  deep();\n\t}\n",
        ),
        ("  a\n    b\n", "      b\n", "      b\n    c\n", "  a\n    b\n  c\n"),
    ] {
        check(base, &edit(quoted, with), &[&format!("index.html = {expected:?}")]);
    }
}

#[test]
fn several_changes_of_a_file_build_on_each_other() {
    let text = edit("a\n", "A\n") + &edit("A\nb\n", "done\n");
    check("a\nb\n", &text, &["index.html = \"done\\n\""]);
    let text = "<<<FILE b0 index.html\nnew\nFILE>>> b0\n".to_owned() + &edit("new\n", "newer\n");
    check("old\n", &text, &["index.html = \"newer\\n\""]);
    check(
        "a\n",
        &("<<<DELETE b0 index.html\n".to_owned() + &edit("a\n", "b\n")),
        &["EDIT index.html: there is no such file"],
    );
}

#[test]
fn an_ambiguous_quote_is_never_guessed() {
    let places = |at: &str| {
        format!(
            "EDIT index.html: the quoted lines stand 2 times in the file, from lines {at}: quote more lines around the one place"
        )
    };
    check("x\na\nx\n", &edit("x\n", "y\n"), &[&places("1, 3")]);
    check(" x\na\n\tx\n", &edit("x\n", "y\n"), &[&places("1, 3")]);
    check("x\n", &edit("\n", "y\n"), &["EDIT index.html: it quotes no line of the file"]);
}

#[test]
fn a_quote_that_is_not_there_goes_back_with_the_nearest_lines() {
    let base: String =
        (1..=40).map(|n| format!("line number {n}\n")).chain(["  const total = sum(rows);\n".to_owned()]).collect();
    let mut site = Site::new();
    site.insert("index.html".parse().unwrap(), base);
    let parsed = parse(&edit("const total = sum(row);\n", "x\n"), B).unwrap();
    let faults = parsed.answer.apply(&site, |_| Err(String::new())).unwrap_err();
    assert_eq!(faults[0].1.problem, "the quoted lines are not in the file");
    assert_eq!(faults[0].1.quoted, "const total = sum(row);\n");
    let expected = "38: line number 38\n39: line number 39\n40: line number 40\n41:   const total = sum(rows);";
    assert_eq!(faults[0].1.nearest, expected);
}

#[test]
fn a_mended_answer_keeps_what_was_good_and_must_take_up_what_was_not() {
    let mut site = Site::new();
    site.insert("index.html".parse().unwrap(), "old\n");
    let first = || parse(&("<<<FILE b0 a\n1\nFILE>>> b0\n".to_owned() + &edit("odl\n", "new\n")), B).unwrap().answer;
    let derive = |_: &Derivation| Err(String::new());
    let faults = first().apply(&site, derive).unwrap_err();

    let later = parse(&edit("old\n", "new\n"), B).unwrap().answer;
    let changes = first().mended(faults.clone(), later).unwrap().apply(&site, derive).unwrap();
    let files: Vec<_> = changes.files().map(|(path, bytes)| (path.as_str(), bytes.as_ref())).collect();
    assert_eq!(files, [("a", b"1\n".as_slice()), ("index.html", b"new\n")]);

    let elsewhere = parse("<<<FILE b0 b\n2\nFILE>>> b0\n", B).unwrap().answer;
    assert_eq!(first().mended(faults, elsewhere).unwrap_err().block, "EDIT index.html");
}

#[test]
fn later_changes_win() {
    let changes = |text: &str| parse(text, B).unwrap().answer.apply(&Site::new(), |_| Err(String::new())).unwrap();
    let mut first = changes("<<<FILE b0 a\n1\nFILE>>> b0\n<<<FILE b0 c\n1\nFILE>>> b0\n");
    first.extend(changes("<<<DELETE b0 c\n<<<FILE b0 a\n2\nFILE>>> b0\n"));
    let files: Vec<_> = first.files().map(|(path, bytes)| (path.as_str(), bytes.as_ref())).collect();
    assert_eq!(files, [("a", b"2\n".as_slice())]);
}

#[test]
fn an_answer_that_was_cut_is_joined_without_loss() {
    let whole = "<<<FILE b0 a\none\ntwo\nthree\nFILE>>> b0\nDone.\n";
    for cut in 0..=whole.len() {
        let mut written = resume::whole_lines(&whole[..cut]).to_owned();
        let rest = &whole[written.len()..];
        let continuation = format!("Of course, here is the rest:\n<<<RESUME b0\n{rest}");
        if written.is_empty() {
            continue;
        }
        assert!(resume::join(&mut written, &continuation, B));
        assert_eq!(written, whole, "cut at {cut}");
    }
    for (continuation, joined) in [
        ("I went on:\nthree\nFILE>>> b0\n", None),
        ("Anew:\n<<<FILE b0 a\nall\nFILE>>> b0\n", Some("<<<FILE b0 a\nall\nFILE>>> b0\n")),
        ("<<<RESUME b0\n", Some("")),
    ] {
        let mut written = "<<<FILE b0 a\none\n".to_owned();
        let expected = joined.map_or_else(|| written.clone(), |rest| written.clone() + rest);
        assert_eq!(resume::join(&mut written, continuation, B), joined.is_some(), "{continuation:?}");
        assert_eq!(written, expected, "{continuation:?}");
    }
}

/// Lines of a hostile or confused model.
fn anything() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => any::<String>(),
        1 => "[a-z./ \\\\]{0,20}".prop_map(|path| format!("<<<FILE b0 {path}")),
        1 => "[a-z./]{0,20}".prop_map(|path| format!("<<<EDIT b0 {path}")),
        1 => "[a-z./ ]{0,20}".prop_map(|path| format!("<<<DERIVE b0 {path} from {path}.csv")),
        1 => Just("<<<EDIT b0 index.html".to_owned()),
        1 => Just("<<<FILE b0 ../up".to_owned()),
        1 => Just("<<<DELETE b0 /etc/passwd".to_owned()),
        2 => Just("<<<WITH b0".to_owned()),
        2 => Just("FILE>>> b0".to_owned()),
        2 => Just("EDIT>>> b0".to_owned()),
        1 => Just("  <p>".to_owned()),
    ];
    proptest::collection::vec(line, 0..30).prop_map(|lines| lines.join("\n"))
}

proptest! {
    /// No text makes it panic, and every path that comes out is a path inside the site.
    #[test]
    fn any_text_is_read(text in anything()) {
        let mut site = Site::new();
        site.insert("index.html".parse().unwrap(), "<p>\n\n  <b>\n</p>");
        let parsed = parse(&text, B).unwrap();
        if let Ok(changes) = parsed.answer.apply(&site, |_| Ok(Bytes::new())) {
            for path in changes.files().map(|(path, _)| path).chain(changes.deleted()) {
                prop_assert!(!path.as_str().starts_with('/') && path.as_str().split('/').all(|part| part != ".."));
            }
        }
        let mut written = resume::whole_lines(&text).to_owned();
        resume::join(&mut written, &text, B);
    }

    /// Whole files come back byte for byte.
    #[test]
    fn whole_files_come_back(files in proptest::collection::btree_map("[a-z]{4,8}\\.txt", any::<Vec<String>>(), 1..5)) {
        let content = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let text: String = files.iter().map(|(path, lines)| format!("<<<FILE b0 {path}\n{}FILE>>> b0\n", content(lines))).collect();
        let changes = parse(&text, B).unwrap().answer.apply(&Site::new(), |_| Ok(Bytes::new())).unwrap();
        let read: BTreeMap<_, _> = changes.files().map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect();
        let expected: BTreeMap<_, _> = files.iter().map(|(path, lines)| (path.clone(), content(lines).into_bytes())).collect();
        prop_assert_eq!(read, expected);
    }
}
