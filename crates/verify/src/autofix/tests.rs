//! Each rule before and after. What one example does not mention must stay, and mending twice changes nothing more.

use ports::Site;
use proptest::prelude::*;
use shared_types::{AttributeQuery, Check, ElementQuery, Oracle, Presence, Round};

use super::*;

const LICENCE: &str = "MIT License\n\nPermission is hereby granted\n";
const README: &str = "# Sales\n\nShows the sum of all sales of the attached file.\n\n## Setup\n\nServe it.\n\n\
                      ## Usage\n\nOpen it.\n\n## Code\n\nOne page.\n\n## Licence\n\nMIT\n";

/// A page that no rule has anything to say about.
const SOUND: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                     <meta name=\"viewport\" content=\"width=device-width\">\n<title>T</title>\n</head>\n<body>\n<p>x</p>\n</body>\n</html>\n";

fn site(files: &[(&str, &str)]) -> Site {
    files.iter().map(|(path, text)| (path.parse().unwrap(), Bytes::from(text.to_string()))).collect()
}

/// A site that has what every site has, and `files`.
fn draft(files: &[(&str, &str)]) -> Draft {
    let standing = [(".nojekyll", ""), ("LICENSE", LICENCE), ("README.md", README)];
    Draft {
        site: site(&[&standing, files].concat()),
        pages_url: "https://student.example/sales-1/".parse().unwrap(),
        checks: Vec::new(),
        attached: Site::new(),
        licence: LICENCE.to_owned(),
        readme: README.to_owned(),
    }
}

fn asking(draft: Draft, expressions: &[&str]) -> Draft {
    let check = |expression: &&str| {
        Check::new(Round::FIRST, 0, *expression, Oracle::JavaScript { expression: expression.to_string() })
    };
    Draft { checks: expressions.iter().map(check).collect(), ..draft }
}

/// Mends `draft`; the fixes are those of `rules`, in order, and `after` is what these files then say.
fn check(draft: Draft, rules: &[&str], after: &[(&str, &str)]) {
    let before = draft.clone();
    let fixed = autofix(draft);
    let made: Vec<&str> = fixed.fixes.iter().map(|fix| fix.rule.as_str()).collect();
    assert_eq!(made, rules, "{:?}", fixed.fixes);
    for (path, text) in after {
        assert_eq!(fixed.site.text(path), Some(*text), "{path}");
    }
    for (path, bytes) in before.site.iter().filter(|(path, _)| !fixed.fixes.iter().any(|fix| fix.path == **path)) {
        assert_eq!(fixed.site.get(path.as_str()), Some(bytes), "{path}");
    }
    let again = autofix(Draft { site: fixed.site.clone(), ..before });
    assert_eq!((again.fixes.as_slice(), &again.site), ([].as_slice(), &fixed.site), "mended twice");
}

/// A sound page with `body` for its text.
fn page(body: &str) -> String {
    SOUND.replace("<p>x</p>", body)
}

/// A body that `rule` changes, and to what; none when it stays as it is.
fn check_body(rule: &str, files: &[(&str, &str)], before: &str, after: Option<&str>) {
    let (page_before, page_after) = (page(before), page(after.unwrap_or(before)));
    let files = [files, &[("index.html", &page_before)]].concat();
    let rules: &[&str] = if after.is_some() { &[rule] } else { &[] };
    check(draft(&files), rules, &[("index.html", &page_after)]);
}

#[test]
fn a_sound_site_stays_as_it_is() {
    check(draft(&[("index.html", SOUND)]), &[], &[("index.html", SOUND)]);
    let piece = "<li>a piece that a script puts into the page</li>";
    check(draft(&[("index.html", SOUND), ("parts/item.html", piece)]), &[], &[("parts/item.html", piece)]);
    check(draft(&[("index.html", SOUND), ("notes.md", "```\ncode\n```"), ("x.html.txt", "</html> x")]), &[], &[]);
}

#[test]
fn attachments_are_put_back() {
    for (site, rules) in [
        (draft(&[("index.html", SOUND)]), ["attachment.restored"].as_slice()),
        (draft(&[("index.html", SOUND), ("data.csv", "a,b\n1,2")]), &["attachment.restored"]),
        (draft(&[("index.html", SOUND), ("data.csv", "a,b\r\n1,2\r\n")]), &[]),
    ] {
        let attached = super::tests::site(&[("data.csv", "a,b\r\n1,2\r\n")]);
        check(Draft { attached, ..site }, rules, &[("data.csv", "a,b\r\n1,2\r\n")]);
    }
    // An attached page is nobody's to mend.
    let given = "```html\n<a href='/data.csv'>\n```";
    let attached = site(&[("index.html", given), ("LICENSE", "mine"), ("README.md", "mine")]);
    let rules = ["attachment.restored"; 3];
    check(
        Draft { attached, ..draft(&[]) },
        &rules,
        &[("index.html", given), ("LICENSE", "mine"), ("README.md", "mine")],
    );
}

#[test]
fn fences_and_remarks_go() {
    let fenced = format!("```html\n{SOUND}```\n");
    check(draft(&[("index.html", &fenced)]), &["text.fence"], &[("index.html", SOUND)]);
    let both = format!("\n```html\n{SOUND}```\nI hope that this helps!\n");
    check(draft(&[("index.html", &both)]), &["text.fence", "html.around"], &[("index.html", SOUND)]);
    let script = "```js\nconst a = `b`;\n```";
    check(draft(&[("index.html", SOUND), ("a.js", script)]), &["text.fence"], &[("a.js", "const a = `b`;\n")]);

    let around = format!("Here is the page:\n\n{SOUND}\nThat is all. </done>\n");
    check(draft(&[("index.html", &around)]), &["html.around"], &[("index.html", SOUND)]);
    for fine in [
        format!("{SOUND}\n\n"),
        format!("<!-- a page -->\n{SOUND}<!-- the end -->\n"),
        format!("{SOUND}<script>late()</script>"),
        page("<script>const a = '</html> text';</script><!-- </html> -->"),
        page("<pre>```\ncode\n```</pre>"),
    ] {
        check(draft(&[("index.html", &fine)]), &[], &[]);
    }
}

#[test]
fn heads_are_completed() {
    let check = |before: &str, rules: &[&str], after: &str| {
        check(draft(&[("index.html", before)]), rules, &[("index.html", after)]);
    };
    let viewport = "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
    let all = ["html.charset", "html.viewport", "html.lang"];
    check(
        "<!DOCTYPE html>\n<html>\n<head>\n  <title>T</title>\n</head>\n",
        &all,
        &format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"utf-8\">\n  {viewport}\n  <title>T</title>\n</head>\n"
        ),
    );
    check(
        "<!doctype html><html lang=''><head><title>T</title></head></html>",
        &all,
        &format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">{viewport}<title>T</title></head></html>"
        ),
    );
    check("<p>x</p>", &all, &format!("<html lang=\"en\">\n<meta charset=\"utf-8\">\n{viewport}\n<p>x</p>"));
    check(
        "<!DOCTYPE html>\n<title>T</title>",
        &all,
        &format!("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n{viewport}\n<title>T</title>"),
    );
    check(
        "<html lang=de><meta http-equiv=Content-Type content='text/html; charset=utf-8'><meta name=Viewport content=x>",
        &[],
        "<html lang=de><meta http-equiv=Content-Type content='text/html; charset=utf-8'><meta name=Viewport content=x>",
    );
    let hindi = SOUND.replace(" lang=\"en\"", "").replace("<p>x</p>", &"<p>नमस्ते दुनिया</p>".repeat(9));
    check(&hindi, &[], &hindi);
}

#[test]
fn links_from_the_root_become_relative() {
    let files = [("style.css", ""), ("img/a b.png", ""), ("data.json", "{}"), ("docs/index.html", SOUND), ("m.js", "")];
    let check = |before: &str, after: Option<&str>| check_body("link.absolute", &files, before, after);
    check("<a href=\"/style.css\">x</a>", Some("<a href=\"style.css\">x</a>"));
    check("<a href=/docs/#top>x</a>", Some("<a href=docs/#top>x</a>"));
    check("<a href=' /docs'>x</a>", Some("<a href=' docs'>x</a>"));
    check("<a href='/'>home</a><a href='/?q=1'>q</a>", Some("<a href='./'>home</a><a href='./?q=1'>q</a>"));
    check(
        "<img src='/img/a%20b.png' srcset='/img/a%20b.png 1x, img/a%20b.png 2x'>",
        Some("<img src='img/a%20b.png' srcset='img/a%20b.png 1x, img/a%20b.png 2x'>"),
    );
    check("<p style=\"background: url('/img/a%20b.png')\">", Some("<p style=\"background: url('img/a%20b.png')\">"));
    check(
        "<style>p { background: url(/img/a%20b.png) }</style>",
        Some("<style>p { background: url(img/a%20b.png) }</style>"),
    );
    check(
        "<script>fetch('/data.json?v=1'); const s = \"/style.css\";</script>",
        Some("<script>fetch('./data.json?v=1'); const s = \"style.css\";</script>"),
    );
    check(
        "<script type=module>import '/m.js'; import('/m.js')</script>",
        Some("<script type=module>import './m.js'; import('./m.js')</script>"),
    );
    check("<a href='/student/sales-1/style.css'>x</a>", None);
    check("<a href='/sales-1/style.css'>x</a>", None);
    for fine in [
        "<a href='style.css'>x</a><a href='./docs/'>y</a>",
        "<a href='//cdn.example/style.css'>x</a><img src='data:image/png;base64,/style.css'>",
        "<a href='https://other.example/style.css'>x</a><a href='/missing.css'>m</a>",
        "<script>if (location.pathname === '/data.json') go(); const r = '/'; s = '/docs';</script>",
        "<script>// fetch('/data.json')\n</script><!-- <a href='/style.css'> -->",
        "<script>fetch('/data.json'</script>",
    ] {
        check(fine, None);
    }
    let local = Draft { pages_url: "http://127.0.0.1:9/student/sales-1/".parse().unwrap(), ..draft(&[]) };
    let linked = |href: &str| page(&format!("<a href='{href}'>x</a>"));
    let with = |page: &str| Draft {
        site: site(&[
            ("index.html", page),
            ("style.css", ""),
            (".nojekyll", ""),
            ("LICENSE", LICENCE),
            ("README.md", README),
        ]),
        ..local.clone()
    };
    super::tests::check(
        with(&linked("/sales-1/style.css")),
        &["link.absolute"],
        &[("index.html", &linked("style.css"))],
    );
    super::tests::check(with(&linked("/student/sales-1/style.css")), &[], &[]);
}

#[test]
fn links_start_from_where_they_stand() {
    let deep = page("<a href='/s.css'>x</a><script src='../a.js'></script><script src='/a.js'></script>");
    let deep_after = page("<a href='../s.css'>x</a><script src='../a.js'></script><script src='../a.js'></script>");
    let files = [
        ("index.html", SOUND),
        ("a/b.html", deep.as_str()),
        ("s.css", "@import '/t/u.css';"),
        ("t/u.css", "p { background: url(\"/p.png\") }"),
        ("p.png", ""),
        ("a.js", "fetch('/d.json'); import('/m/n.mjs')"),
        ("m/n.mjs", "import '/a.js'; export const x = 1;"),
        ("d.json", "1"),
    ];
    check(
        draft(&files),
        &["link.absolute"; 5],
        &[
            ("a/b.html", &deep_after),
            ("s.css", "@import 't/u.css';"),
            ("t/u.css", "p { background: url(\"../p.png\") }"),
            ("a.js", "fetch('../d.json'); import('./m/n.mjs')"),
            ("m/n.mjs", "import '../a.js'; export const x = 1;"),
        ],
    );
    // With a base at the root of the host, all links of the page start from there.
    let based = page("").replace("<title>", "<base href=\"/\">\n<title>");
    let based = based.replace("<body>", "<body><img src=\"p.png\"><img src=\"/p.png\">");
    let mended = based.replace("href=\"/\"", "href=\"./\"").replace("src=\"/p.png\"", "src=\"p.png\"");
    check(draft(&[("index.html", &based), ("p.png", "")]), &["link.absolute"], &[("index.html", &mended)]);
}

#[test]
fn links_are_spelled_as_their_files() {
    let files = [("style.css", ""), ("Img/Logo.PNG", ""), ("data.json", "{}"), ("a.txt", ""), ("A.txt", "")];
    let check = |before: &str, after: Option<&str>| check_body("link.case", &files, before, after);
    check("<link rel=stylesheet href=\"Style.css\">", Some("<link rel=stylesheet href=\"style.css\">"));
    check("<img src='./img/logo.png?x#Y'>", Some("<img src='./Img/Logo.PNG?x#Y'>"));
    check("<script>fetch('Data.json')</script>", Some("<script>fetch('data.json')</script>"));
    check("<a href='a.txt'>1</a><a href='A.txt'>2</a><img src='missing.png'>", None);
    check("<script>const title = 'Data.json';</script>", None);
    check("<a href='https://other.example/Style.css'>x</a>", None);
    let both = page("<img src='/img/logo.png'>");
    super::tests::check(
        draft(&[("index.html", &both), ("img/logo.png", "")]),
        &["link.absolute"],
        &[("index.html", &page("<img src='img/logo.png'>"))],
    );
}

#[test]
fn libraries_get_the_address_that_is_looked_for() {
    let cdn = "https://cdn.jsdelivr.net/gh/highlightjs/cdn-release@11.9.0/build/highlight.min.js";
    let asked = "https://cdnjs.cloudflare.com/ajax/libs/highlight.js/11.9.0/highlight.min.js";
    let loads = |url: &str, rest: &str| page(&format!("<script src=\"{url}\"{rest}></script>"));
    let wish = "document.querySelectorAll(\"script[src*='highlight.js']\").length >= 1";
    let case = |before: String, expressions: &[&str], after: Option<String>| {
        let rules: &[&str] = if after.is_some() { &["library.url"] } else { &[] };
        let expected = after.unwrap_or_else(|| before.clone());
        check(asking(draft(&[("index.html", &before)]), expressions), rules, &[("index.html", &expected)]);
    };
    case(loads(cdn, ""), &[wish], Some(loads(asked, "")));
    case(loads(cdn, " integrity=\"sha384-x\" defer"), &[wish], Some(loads(asked, " defer")));
    let by_host = "!!document.querySelector('script[src^=\"https://unpkg.com/\"]')";
    case(
        loads(asked, ""),
        &[by_host],
        Some(loads("https://unpkg.com/@highlightjs/cdn-assets@11.9.0/highlight.min.js", "")),
    );
    // No address has both.
    case(loads(asked, ""), &[by_host, wish], None);
    case(loads(asked, ""), &[wish], None);
    case(loads(cdn, ""), &[], None);
    case(loads(cdn, ""), &["document.querySelector(\"script[src*='highlight.js']\") === null"], None);
    case(loads("https://cdn.example/highlight.min.js", ""), &[wish], None);
    let exact = Check::new(
        Round::FIRST,
        0,
        "",
        Oracle::Elements {
            elements: vec![ElementQuery {
                tag: Some("script".to_owned()),
                id: None,
                attribute: Some(AttributeQuery { name: "src".to_owned(), value: Some(asked.to_owned()) }),
            }],
            presence: Presence::Present,
        },
    );
    let before = Draft { checks: vec![exact], ..draft(&[("index.html", &loads(cdn, ""))]) };
    check(before, &["library.url"], &[("index.html", &loads(asked, ""))]);
}

#[test]
fn the_pages_own_script_comes_first() {
    let wish = "document.querySelector(\"script\").textContent.includes(\"fetch(\")";
    let library = "<script src=\"https://cdn.example/marked.min.js\"></script>";
    let case = |before: &str, after: Option<&str>| {
        let (before, after) = (page(before), after.map(page));
        let rules: &[&str] = if after.is_some() { &["script.first"] } else { &[] };
        let expected = after.unwrap_or_else(|| before.clone());
        for wish in [wish, "document.scripts[0].text.indexOf('fetch(') >= 0"] {
            check(asking(draft(&[("index.html", &before)]), &[wish]), rules, &[("index.html", &expected)]);
        }
        check(draft(&[("index.html", &before)]), &[], &[("index.html", &before)]);
    };
    let late = "<script>\nfunction go() { fetch('x'); }\ndocument.addEventListener('DOMContentLoaded', go);\n</script>";
    case(&format!("{library}\n<p></p>\n{late}\n<b></b>"), Some(&format!("{late}\n{library}\n<p></p>\n<b></b>")));
    case(
        &format!(
            "  {library}\n<p id=o></p>\n<script>\nconst o = document.getElementById('o');\nfetch('x').then(() => marked);\n</script>"
        ),
        Some(&format!(
            "  <script>\ndocument.addEventListener(\"DOMContentLoaded\", () => {{\nconst o = document.getElementById('o');\nfetch('x').then(() => marked);\n}});\n</script>\n  {library}\n<p id=o></p>"
        )),
    );
    let module = "<script type=\"module\">await fetch('x')</script>";
    case(&format!("{library}{module}"), Some(&format!("{module}\n{library}")));
    for fine in [
        format!("{late}{library}"),
        format!("{library}<script>const a = 1;</script>"),
        // Somebody else uses what it declares.
        format!("{library}<button onclick=\"go()\"></button><script>function go() {{ fetch('x') }} go();</script>"),
        format!("{library}<script>var x = fetch('x');</script><script>x.then(y)</script>"),
        format!("{library}<script>document.write(fetch('x'))</script>"),
        format!("<script type=\"importmap\">{{}}</script>{module}"),
    ] {
        case(&fine, None);
    }
}

#[test]
fn every_site_gets_what_every_site_has() {
    let bare = Draft { site: site(&[("index.html", SOUND)]), ..draft(&[]) };
    let all = ["site.licence", "site.nojekyll", "site.readme"];
    check(bare.clone(), &all, &[("LICENSE", LICENCE), (".nojekyll", ""), ("README.md", README)]);
    let with = |path: &str, text: &str| draft(&[("index.html", SOUND), (path, text)]);
    check(with("LICENSE", ""), &["site.licence"], &[("LICENSE", LICENCE)]);
    check(with("LICENSE", "MIT"), &["site.licence"], &[("LICENSE", LICENCE)]);
    check(with("LICENSE", "Apache License"), &[], &[("LICENSE", "Apache License")]);
    check(
        with("README.md", "# X\n\n## Usage\n\nOpen.\n\n## License\n\nMIT\n"),
        &["site.readme"],
        &[(
            "README.md",
            "# X\n\nShows the sum of all sales of the attached file.\n\n## Usage\n\nOpen.\n\n## License\n\nMIT\n\n## Setup\n\nServe it.\n\n## Code\n\nOne page.\n",
        )],
    );
    check(with("README.md", " \n"), &["site.readme"], &[("README.md", README)]);
    let none = Draft { licence: String::new(), readme: String::new(), ..bare };
    check(none, &["site.nojekyll"], &[]);
}

/// Pieces that rules look at, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<!DOCTYPE html>\n",
        "<html>",
        "<html lang=''>",
        "<head>\n",
        "</head>",
        "<body>",
        "</html>",
        "```html\n",
        "\n```\n",
        "words ",
        "<meta charset=utf-8>",
        "<base href='/'>",
        "<base href='/a/'>",
        "<a href='/S.css'>",
        "<a href=\"/s.css\">",
        "<img srcset='/s.css 1x'>",
        "<style>a{b:url(/s.css)}</style>",
        "<script>fetch('/D.json')</script>",
        "<script type=module>import '/d.json'</script>",
        "<script src='https://unpkg.com/marked@1/marked.min.js'></script>",
        "<script>fetch(1)</script>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "é",
        "\u{feff}",
        "<",
        "'",
        "\"",
        ">",
        "\r\n",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Whatever a page says, mending it twice changes nothing more.
    #[test]
    fn mending_twice_is_mending_once(index in pieces(), other in pieces(), script in pieces()) {
        check_mended_once(&index, &other, &script);
    }
}

#[track_caller]
fn check_mended_once(index: &str, other: &str, script: &str) {
    let wishes = ["document.scripts[0].text.includes('fetch(')", "document.querySelector('script[src*=jsdelivr]')"];
    let files = [("index.html", index), ("a/b.html", other), ("s.js", script), ("s.css", ""), ("d.json", "")];
    let draft = asking(draft(&files), &wishes);
    let once = autofix(draft.clone());
    let twice = autofix(Draft { site: once.site.clone(), ..draft });
    assert_eq!(twice.fixes, []);
    assert_eq!(twice.site, once.site);
}

/// Moved away, it would leave words behind that belong to nothing.
#[test]
fn a_script_behind_the_page_stays() {
    let library = "<script src='https://unpkg.com/marked@1/marked.min.js'></script>";
    check_mended_once(&format!("{library}</html><script>fetch(1)</script>-->"), "", "");
}

#[test]
fn a_large_site_is_bounded() {
    let page = format!("{}{}", page("").replace("</body>\n</html>\n", ""), "<a href='/s.css'>x</a>\n".repeat(8_000));
    // An unoptimised build on a busy machine may need longer than is given to a real site.
    let fixed = within(Duration::from_secs(600), draft(&[("index.html", &page), ("s.css", "")]));
    assert_eq!(fixed.fixes.len(), 1, "{:?}", fixed.fixes);
    let none = within(Duration::ZERO, draft(&[("index.html", &page), ("s.css", "")]));
    assert_eq!(none.fixes.len(), 0, "{:?}", none.fixes);
    for part in
        ["<div>", "<b><p>", "</p>", "<a href=/", "<script>fetch('/s.css')", "```\n", "</html>", "(", "[", "url("]
    {
        let text = part.repeat(50_000 / part.len());
        let _ = autofix(draft(&[("index.html", &text), ("a.js", &text), ("b.css", &text), ("s.css", "")]));
    }
}
