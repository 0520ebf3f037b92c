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
    check(&[("s.css", "p { color: red }\n} p {")], &["error css.unclosed s.css:2"]);
    let page = format!("{GOOD}\n<script>let a;</script>\n<script>\nlet b = ;\n</script>");
    check(&[("index.html", &page)], &["error js.syntax index.html:4"]);
    let page =
        format!("{GOOD}<script type=module>import x from 'x'</script><script type='text/template'>{{{{</script>");
    check(&[("index.html", &page)], &[]);
    let page = format!("{GOOD}\n<style>\np {{ color: red }}\n}} p {{\n</style>");
    check(&[("index.html", &page)], &["error css.unclosed index.html:4"]);
}

/// The rules found in a page with `body`; `notice` stands before those that only tell.
fn check_body(files: &[(&str, &str)], body: &str, expected: &[&str]) {
    let page = format!("{GOOD}\n{body}");
    let all = [files, &[("index.html", &page)]].concat();
    let findings = lint(&site(&all), &pages(), &[], &[]);
    let rule = |finding: &Finding| match finding.severity {
        Severity::Notice => format!("notice {}", finding.rule),
        _ => finding.rule.clone(),
    };
    assert_eq!(findings.iter().map(rule).collect::<Vec<_>>(), expected, "{body}: {findings:?}");
}

#[test]
fn scripts_and_handlers_parse() {
    for bad in [
        "<script>let a; let a;</script>",
        "<script>if (a { b() }</script>",
        "<script>import x from 'x'</script>",
        "<script type=module>export default;</script>",
        "<script>return 1</script>",
        "<button onclick=\"go(\">x</button>",
        "<button onclick=\"const = 1\">x</button>",
    ] {
        check_body(&[], bad, &["js.syntax"]);
    }
    for sound in [
        "<script>var a; var a;</script>",
        "<script type=module>const a = await fetch('https://x.example/'); export { a }</script>",
        "<script type='text/template'>{{ if }}</script><script type='application/json'>{</script>",
        "<button onclick=\"return confirm('Sure?')\">x</button>",
        "<button onclick=\"alert(&quot;x&quot;)\">x</button>",
        "<script>/* <!-- */ label: for (;;) { break label }</script>",
    ] {
        check_body(&[], sound, &[]);
    }
}

#[test]
fn names_come_from_somewhere() {
    let files = [
        ("lib.js", "function shared() {}"),
        ("m.js", "export const x = 1; helper();"),
        ("n.mjs", "export function helper() {}"),
    ];
    for bad in [
        "<script>start();</script>",
        "<script type=module>import { x } from './m.js'; y = x;</script>",
        "<script>document.title = titel;</script>",
        "<script>(() => { const a = 1; return a + b; })();</script>",
        "<button onclick=\"go()\">x</button>",
        "<script type=module>function go() {}</script><button onclick=\"go()\">x</button>",
        "<script src='https://cdn.jsdelivr.net/npm/marked@12/marked.min.js'></script><script>hljs.highlightAll()</script>",
        "<script src='m.js' type=module></script>",
    ] {
        check_body(&files, bad, &["js.undeclared"]);
    }
    for sound in [
        "<script>const a = new Map([[1, document.title]]); requestAnimationFrame(() => a); structuredClone(a);</script>",
        "<script src=lib.js></script><script>shared()</script><script type=module>shared()</script>",
        "<script>later()</script><script>function later() {}</script>",
        "<p id=out></p><script>out.textContent = 'x'; total = 1; console.log(total);</script>",
        "<script>window.go = () => {};</script><button onclick=\"go(); this.form.submit(); submit()\">x</button>",
        "<script src='https://cdn.jsdelivr.net/npm/marked@12/marked.min.js'></script><script>marked.parse('x')</script>",
        "<script src='https://unknown.example/x.js'></script><script>whatever()</script>",
        "<script>if (typeof Chart !== 'undefined') Chart.x(); if (window.L) L.map();</script>",
        "<script>const s = document.createElement('script'); s.src = 'https://x.example/'; later();</script>",
        "<script>function f() { return arguments.length; } try { f() } catch { f() }</script>",
    ] {
        check_body(&files, sound, &[]);
    }
}

/// What a bundler makes of a library: nothing in it is anybody's fault.
#[test]
fn libraries_are_left_in_peace() {
    let library = format!(
        "/*! lib v1.0.0 | MIT */\n!function(e,t){{\"object\"==typeof exports&&\"undefined\"!=typeof module?t(exports):\
         \"function\"==typeof define&&define.amd?define([\"exports\"],t):t((e=e||self).lib={{}})}}(this,function(e){{\
         \"use strict\";var t=0/0,n=/[/]\\/(?=x)/g;e.a=function(r,o){{return void 0===o&&(o=r),r||o?(n.test(r),t):i}};var i=1;{}}});",
        "e.f=function(a){for(var b=a.length;b--;)if(!a[b])return!1;return!0};".repeat(40)
    );
    let style = format!(
        "@charset \"UTF-8\";/*! lib */:root{{--a:1px}}{}a:not([href]):hover{{color:inherit}}",
        ".a{*zoom:1;filter:progid:DXImageTransform.Microsoft.gradient(enabled=false);display:-ms-flexbox}.b::-ms-clear{width:0}".repeat(3)
    );
    let files = [("lib.min.js", library.as_str()), ("lib.min.css", style.as_str())];
    let page = format!(
        "{GOOD}<link rel=stylesheet href=lib.min.css><script src=lib.min.js></script><script>lib.a(1)</script>"
    );
    let all = site(&[&files[..], &[("index.html", &page)]].concat());
    let errors: Vec<_> =
        lint(&all, &pages(), &[], &[]).into_iter().filter(|found| found.severity > Severity::Notice).collect();
    assert_eq!(errors, []);
}

#[test]
fn style_sheets_parse() {
    for (bad, line) in
        [("p {\n color: red;\n", 1), ("a {}\n@media print { p { color: red }\n", 2), ("p { content: '}'; } q {", 1)]
    {
        check(&[("s.css", bad)], &[&format!("error css.unclosed s.css:{line}")]);
    }
    check(&[("s.css", "p { color: red }\n} p {}")], &["error css.unclosed s.css:2"]);
    check(&[("s.css", "p { color red }")], &["notice css.syntax s.css:1"]);
    for sound in [
        "p { content: '{'; background: url('https://x.example/{.png') } /* { */",
        "@import url('https://fonts.example/css'); :root { --x: { a: b } }",
        "p { &:hover { color: red } @media print { color: black } } @layer a, b; @container (width > 1px) { p { color: red } }",
        "@font-face { font-family: x; src: url(data:font/woff2;base64,AAAA) } p::after { content: \"\\201C\" }",
        "",
    ] {
        check(&[("s.css", sound)], &[]);
    }
}

#[test]
fn workflows_say_when_and_what() {
    let path = ".github/workflows/pages.yml";
    let sound = "name: Pages\non:\n  push:\n    branches: [main]\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          echo \"a: b\"\n";
    for sound in [sound, "on: push\njobs: {}\n", "\"on\": [push]\njobs: &a {b: c}\nenv: *a\n"] {
        check(&[(path, sound)], &[]);
    }
    check(&[(path, "on: push\njobs:\n  a: [\n")], &["error yaml.syntax .github/workflows/pages.yml:4"]);
    check(&[(path, "on: push\n\tjobs: x\n")], &["error yaml.syntax .github/workflows/pages.yml:1"]);
    check(&[(path, "jobs: {}\nx: {on: 1}")], &["error yaml.workflow .github/workflows/pages.yml"]);
    check(&[(path, "on: push")], &["error yaml.workflow .github/workflows/pages.yml"]);
    check(&[("config.yml", "a: [")], &[]);
}

#[test]
fn json_parses() {
    for sound in ["[]", "\u{feff}{}", " null\n", "1e3"] {
        check(&[("d.json", sound), ("m.geojson", sound)], &[]);
    }
    for bad in ["{'a': 1}", "[1,]", "{} x", "NaN"] {
        check(&[("d.json", bad)], &["error json.syntax d.json:1"]);
        check(&[("app.webmanifest", bad)], &["error json.syntax app.webmanifest:1"]);
    }
}

#[test]
fn remarks_of_the_parser_are_weighed() {
    for bad in ["<!-- never closed", "<a href=\"x", "<form><form></form></form>"] {
        let findings = lint(&site(&[("index.html", &format!("{GOOD}\n{bad}"))]), &pages(), &[], &[]);
        let found = findings.iter().find(|found| found.rule == "html.parse" && found.severity == Severity::Error);
        assert_eq!(found.and_then(|found| found.line), Some(2), "{bad}: {findings:?}");
    }
    for bad in ["<script>let a = 1;", "<style>p { color: red }", "<script>const end = '</' + 'script>';"] {
        let findings = lint(&site(&[("index.html", &format!("{GOOD}\n{bad}"))]), &pages(), &[], &[]);
        assert!(say(&findings).contains(&"error html.unclosed index.html:2".to_owned()), "{bad}: {findings:?}");
    }
    for told in ["<b><i></b></i>", "</section>", "<table>x<tr><td>y</table>", "<p title=a title=b>"] {
        check_body(&[], told, &["notice html.parse"]);
    }
    for sound in [
        "<br/><img src='data:,'/><p>a<p>b<ul><li>c<li>d</ul>",
        "<svg viewBox='0 0 1 1'><path d='M0 0'/></svg>",
        "<table><tr><td>1<td>2</table><select><option>a<option>b</select>",
        "<dialog><form method=dialog></form></dialog><template><tr><td>x</td></tr></template>",
        "a & b &copy; &amp; c < d",
    ] {
        let findings = lint(&site(&[("index.html", &format!("{GOOD}\n{sound}"))]), &pages(), &[], &[]);
        assert_eq!(say(&findings), [""; 0], "{sound}");
    }
}

#[test]
fn ids_are_given_once() {
    for bad in ["<p id=b></p><p id=b></p>", "<p id=b></p><svg><g id=b></g></svg>", "<p id='b'><i id=\"b\"></i></p>"] {
        check_body(&[], bad, &["html.duplicate_id"]);
    }
    for sound in [
        "<p id=b></p><p id=B></p>",
        "<template><i id=x></i></template><i id=x></i>",
        "<p id></p><p id=''></p>",
        "<!-- <p id=a> -->",
    ] {
        check_body(&[], sound, &[]);
    }
}

#[test]
fn links_of_style_sheets_and_scripts_lead_somewhere() {
    let files = [
        ("s.css", ""),
        ("d.json", "1"),
        ("m.js", "export const m = 1;"),
        ("f/x.css", "p { background: url(../p.png) }"),
        ("p.png", ""),
    ];
    for (bad, expected) in [
        ("<style>p { background: url(none.png) }</style>", "link.broken"),
        ("<p style=\"background: url('none.png')\">", "link.broken"),
        ("<img srcset='p.png 1x, none.png 2x'>", "link.broken"),
        ("<script type=module>import './none.js'</script>", "link.broken"),
        ("<script>fetch('none.json')</script>", "notice link.broken"),
        ("<script>fetch('/d.json')</script>", "link.absolute"),
        ("<style>@import '/s.css';</style>", "link.absolute"),
        ("<link rel=stylesheet href=S.css>", "link.case"),
        ("<img src=P.PNG>", "link.case"),
        ("<script>fetch('D.json')</script>", "link.case"),
        ("<a href='#none'>x</a>", "notice link.fragment"),
        ("<a href='index.html#none'>x</a>", "notice link.fragment"),
        ("<a href='./#none'>x</a>", "notice link.fragment"),
    ] {
        check_body(&files, bad, &[expected]);
    }
    check(&[("b.js", "import './none.js'; export {}")], &["error link.broken b.js:1"]);
    for sound in [
        "<style>p { background: url(p.png) url(data:,x) url(https://x.example/x.png) }</style>",
        "<script type=module>import { m } from './m.js'; import 'lit'; m()</script>",
        "<script>fetch('d.json?x'); fetch(`https://api.example/${1}`); const t = 'none.json';</script>",
        "<a href='#a'>x</a><a href='#top'>x</a><a href='#/route'>x</a><a href='#'>x</a>",
        "<a href='#later'>x</a><script>document.body.id = 'later'</script>",
        "<img srcset='p.png 1x, ./p.png 2x'><form action=/search></form>",
    ] {
        check_body(&files, sound, &[]);
    }
}

#[test]
fn one_file_does_not_hide_the_others() {
    let broken = "<a href=none></a>".repeat(3);
    let many: String = (0..200).map(|n| format!("<a href=none-{n}></a>")).collect();
    let findings = lint(
        &site(&[("a.html", &format!("{GOOD}{many}")), ("b.html", &format!("{GOOD}{broken}"))]),
        &pages(),
        &[],
        &[],
    );
    let of = |path: &str| findings.iter().filter(|found| found.path.as_str() == path).count();
    assert_eq!((of("a.html"), of("b.html")), (MAX_PER_FILE, 1));
    assert!(whole(MAX_SITE_BYTES).is_some_and(|found| found.severity == Severity::Notice));
    assert!(whole(MAX_SITE_BYTES + 1).is_some_and(|found| found.severity == Severity::Error));
    assert_eq!(whole(LARGE_SITE_BYTES), None);
}

#[test]
fn pages_have_their_parts() {
    check(&[("parts/row.html", "<tr><td>a row that a script puts into a table</td></tr>")], &[]);
    check(&[("about.html", "<html><p>")], &["notice html.doctype about.html", "notice html.title about.html"]);
    check(&[("index.html", "<p>")], &["notice html.doctype index.html", "notice html.title index.html"]);
    check(&[("index.html", &format!("{GOOD}</b></section>"))], &["notice html.parse index.html:1"; 2]);
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
        "./a/b.html?q#a",
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
