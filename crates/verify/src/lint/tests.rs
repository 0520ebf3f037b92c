//! Findings of small sites, said as `severity rule path:line`.

use bytes::Bytes;

use super::*;

const GOOD: &str = "<!DOCTYPE html><title>t</title><p id=a>";

fn pages() -> Url {
    "https://student.example/repo/".parse().unwrap()
}

fn site(files: &[(&str, &str)]) -> Site {
    let standing = [("index.html", GOOD), ("LICENSE", ""), ("README.md", ""), (".nojekyll", "")];
    let all = standing.iter().chain(files);
    all.map(|(path, text)| (path.parse().unwrap(), Bytes::from(text.to_string()))).collect()
}

fn say(findings: &[Finding]) -> Vec<String> {
    let say = |finding: &Finding| {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{severity} {} {}{line}", finding.rule, finding.path)
    };
    findings.iter().map(say).collect()
}

fn check(files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(say(&lint(&site(files), &pages(), &[], &[])), expected, "{files:?}");
}

#[test]
fn a_sound_site_has_no_findings() {
    check(&[], &[]);
    check(
        &[
            ("index.html", "<!DOCTYPE html><title>t</title><script src='a.js'></script><a href='#x'>x</a>"),
            ("a.js", "const a = 1;"),
            ("b.js", "import './c.mjs'; export const b = 1;"),
            ("c.mjs", "export {};"),
            ("s.css", "@media (min-width: 1px) { p { color: red } }"),
            ("d.json", "[1, {\"a\": null}]"),
            ("broken.txt", "{{{ <"),
        ],
        &[],
    );
}

#[test]
fn each_language_names_its_line() {
    check(&[("a.js", "let a;\nlet b = ;")], &["error js.syntax a.js:2"]);
    check(&[("a.mjs", "export const = 1")], &["error js.syntax a.mjs:1"]);
    check(&[("d.json", "{\n \"a\": 1,\n}")], &["error json.syntax d.json:3"]);
    check(&[("d.json", "")], &["error json.syntax d.json:1"]);
    check(&[("s.css", "p { color: red }\n} p {")], &["error css.syntax s.css:2"]);
    let page = format!("{GOOD}\n<script>let a;</script>\n<script>\nlet b = ;\n</script>");
    check(&[("index.html", &page)], &["error js.syntax index.html:4"]);
    let page =
        format!("{GOOD}<script type=module>import x from './x.js'</script><script type='text/template'>{{{{</script>");
    check(&[("index.html", &page)], &[]);
    let page = format!("{GOOD}\n<style>\np {{ color: red }}\n}} p {{\n</style>");
    check(&[("index.html", &page)], &["error css.syntax index.html:4"]);
}

#[test]
fn pages_have_their_parts() {
    check(&[("index.html", "<p>")], &["notice html.doctype index.html", "notice html.title index.html"]);
    check(&[("index.html", &format!("{GOOD}</b></section>"))], &["notice html.parse index.html"]);
    check(
        &[("index.html", &format!("{GOOD}\n<p id=\"x\"></p><p id=\"x\"></p><p id=\"x\"></p>"))],
        &["error html.duplicate_id index.html:2"],
    );
}

#[test]
fn links_stay_below_the_site() {
    let link = |href: &str, expected: &[&str]| {
        let page = format!("{GOOD}<a href=\"{href}\">x</a>");
        check(&[("index.html", &page), ("a/b.html", GOOD)], expected);
    };
    for fine in [
        "a/b.html",
        "./a/b.html?q#f",
        "a/b",
        "",
        "#top",
        "?x=1",
        "/repo/a/b.html",
        "https://cdn.example/x.js",
        "//cdn.example/x.js",
        "data:text/plain,x",
        "mailto:a@b.c",
        "tel:1",
        "javascript:void(0)",
        "${url}",
        "https://student.example/other/",
        "LICENSE",
        ".",
        "./",
    ] {
        link(fine, &[]);
    }
    for missing in ["c.html", "a/", "a/c.html", "/repo/c.html", "https://student.example/repo/none.html"] {
        link(missing, &["error link.broken index.html:1"]);
    }
    for outside in ["/a/b.html", "/", "../x.html"] {
        link(outside, &["error link.absolute index.html:1"]);
    }
    let deep = format!("{GOOD}<img src='../p.png'><img src='p.png'>");
    check(&[("a/deep.html", &deep), ("p.png", "")], &["error link.broken a/deep.html:1"]);
    let based = format!("{GOOD}<base href='https://other.example/'><img src='p.png'>");
    check(&[("index.html", &based)], &[]);
}

#[test]
fn what_every_site_has_is_missed() {
    let findings = lint(&Site::new(), &pages(), &[], &[]);
    assert_eq!(
        say(&findings),
        [
            "error site.missing index.html",
            "error site.missing LICENSE",
            "error site.missing README.md",
            "notice site.missing .nojekyll"
        ]
    );
}

#[test]
fn leaks_block() {
    let leak = Leak { kind: "github_token".to_owned(), path: "a.js".parse().unwrap(), line: Some(3) };
    assert_eq!(say(&lint(&site(&[]), &pages(), &[], &[leak])), ["blocker secret.github_token a.js:3"]);
}

#[test]
fn attachments_stay_as_they_are() {
    let attachment = |text: &str| Attachment {
        path: "d.json".parse().unwrap(),
        media_type: "application/json".to_owned(),
        sniffed_type: None,
        size: text.len() as u64,
        sha256: Digest::of(text.as_bytes()),
    };
    let check = |content: &str, given: &[&str], expected: &[&str]| {
        let attachments: Vec<Attachment> = given.iter().map(|text| attachment(text)).collect();
        assert_eq!(say(&lint(&site(&[("d.json", content)]), &pages(), &attachments, &[])), expected, "{content}");
    };
    check("[]", &["[]"], &[]);
    check("[]", &["{}", "[]"], &[]);
    check("[1]", &["[]"], &["error attachment.altered d.json"]);
    check("[", &["["], &["notice json.syntax d.json:1"]);
    let absent = lint(&site(&[]), &pages(), &[attachment("[]")], &[]);
    assert_eq!(say(&absent), ["error attachment.missing d.json"]);
}

#[test]
fn large_files_are_named() {
    let mut large = site(&[]);
    large.insert("v.mp4".parse().unwrap(), vec![0; LARGE_FILE_BYTES + 1]);
    assert_eq!(say(&lint(&large, &pages(), &[], &[])), ["notice file.size v.mp4"]);
    assert!(size(&"v.mp4".parse().unwrap(), MAX_FILE_BYTES + 1).is_some_and(|f| f.severity == Severity::Error));
}

#[test]
fn nothing_is_too_deep_or_too_strange() {
    for part in ["{", "(", "[", "a{", "@media x{", "<div>", "<b><p>", "\u{0}", ":is(", "</p>"] {
        let text = part.repeat(30_000 / part.len());
        for path in ["x.html", "x.js", "x.mjs", "x.css", "x.json"] {
            lint(&site(&[(path, &text)]), &pages(), &[], &[]);
        }
    }
    let mut odd = site(&[]);
    odd.insert("x.html".parse().unwrap(), vec![0xff, 0xfe, 0x00]);
    assert_eq!(say(&lint(&odd, &pages(), &[], &[])), ["error text.encoding x.html"]);
}
