//! All rules that mend, over a large site with something for most of them.

use std::time::Instant;

use anyhow::{Result, ensure};
use e2e::measure::{Figure, percentile};
use ports::{Draft, Site};
use shared_types::{Check, Oracle, Round};
use verify::autofix;

/// Bytes of the site, at least.
const SITE_BYTES: u64 = 200 * 1024;

/// Rows and functions that fill it.
const ROWS: usize = 700;

const RUNS: usize = 200;

/// The first runs meet cold caches.
const WARM_UP: usize = 10;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let draft = draft()?;
    let bytes = draft.site.total_bytes();
    ensure!(bytes >= SITE_BYTES, "the site has only {bytes} bytes");
    let fixes = autofix(draft.clone()).fixes;
    println!("{bytes} bytes in {} files; {} fixes", draft.site.len(), fixes.len());
    let mut times = Vec::new();
    for _ in 0..WARM_UP + RUNS {
        let given = draft.clone();
        let began = Instant::now();
        let fixed = autofix(given);
        times.push(1000.0 * began.elapsed().as_secs_f64());
        ensure!(fixed.fixes.len() == fixes.len(), "the same site is mended in the same way");
    }
    let times = times.split_off(WARM_UP);
    Ok(vec![
        Figure::at_most("autofix_p95_ms", percentile(times.clone(), 0.95), "ms", 250.0),
        Figure::plain("autofix_p50_ms", percentile(times, 0.5), "ms"),
        Figure::plain("autofix_site_kb", bytes as f64 / 1024.0, "KB"),
    ])
}

/// A page of many rows and links, four further pages, scripts, styles, an attachment that was altered; no licence, no
/// README, no language, no viewport.
fn draft() -> Result<Draft> {
    let rows: String = (0..ROWS)
        .map(|n| format!("<tr id=\"row-{n}\"><td><a href=\"/pages/{}.html\">{n}</a></td><td><img src=\"img/Dot.svg\" alt=\"\"></td></tr>\n", n % 4))
        .collect();
    let page = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<title>Rows</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n\
         <script src=\"https://cdn.jsdelivr.net/npm/marked@15.0.8/marked.min.js\"></script>\n</head>\n<body>\n\
         <table>\n{rows}</table>\n<script src=\"app.js\"></script>\n\
         <script>\nconst load = async () => (await fetch('/data.csv')).text();\n</script>\n</body>\n</html>\nThat is all.\n"
    );
    let script: String = (0..ROWS)
        .map(|n| format!("function part{n}(row) {{\n  const path = '/pages/{}.html';\n  return row.dataset.kind === 'x{n}' ? path : './img/dot.svg';\n}}\n", n % 4))
        .collect();
    let style: String = (0..ROWS)
        .map(|n| format!("#row-{n} td:first-child {{ background: url('/img/dot.svg'); padding: {n}px; }}\n"))
        .collect();
    let mut site = Site::new();
    for n in 0..4 {
        let text = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{n}</title></head><body><a href=\"/index.html\">up</a></body></html>\n"
        );
        site.insert(format!("pages/{n}.html").parse()?, text);
    }
    for (path, text) in [
        ("index.html", page),
        ("app.js", script),
        ("style.css", style),
        ("img/dot.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_owned()),
        ("data.csv", "a,b\r\n1,2\r\n".to_owned()),
    ] {
        site.insert(path.parse()?, text);
    }
    let expressions = [
        "document.querySelector('script').textContent.includes('fetch(')",
        "document.querySelector(\"script[src*='cdnjs.cloudflare.com']\") !== null",
    ];
    let check = |(index, text): (u32, &str)| {
        Check::new(Round::FIRST, index, text, Oracle::JavaScript { expression: text.to_owned() })
    };
    let mut attached = Site::new();
    attached.insert("data.csv".parse()?, "a,b\n1,2\n");
    Ok(Draft {
        site,
        pages_url: "https://student.example/rows-1/".parse()?,
        checks: (0..).zip(expressions).map(check).collect(),
        attached,
        licence: "MIT License\n\nPermission is hereby granted\n".to_owned(),
        readme: "# Rows\n\nShows many rows.\n\n## Setup\n\nNone.\n\n## Usage\n\nOpen it.\n\n## Code\n\nOne page.\n\n## Licence\n\nMIT\n".to_owned(),
    })
}
