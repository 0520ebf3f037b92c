//! A small site in a warm browser.

use std::time::Instant;

use anyhow::{Result, bail, ensure};
use e2e::measure::{Figure, median, memory_below, percentile};
use futures::future::join_all;
use ports::{HealthPart as _, Inspection, Site, Target, Verifier as _};
use shared_types::http::{CheckBody, PartState};
use shared_types::{BrowserRun, Phase, Round};
use verify::{Options, SiteVerifier};

/// One after the other.
const RUNS: usize = 30;

/// At once, and how often.
const AT_ONCE: usize = 8;
const WAVES: usize = 5;

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sales</title>
<link rel="stylesheet" href="style.css">
</head>
<body>
<h1>Sales</h1>
<p>Total: <output id="total"></output></p>
<table><tbody id="rows"></tbody></table>
<script>
  fetch("data.csv").then(answer => answer.text()).then(text => {
    const lines = text.trim().split("\n").map(line => line.split(","));
    for (const [name, amount] of lines) {
      const row = document.getElementById("rows").insertRow();
      row.insertCell().textContent = name;
      row.insertCell().textContent = amount;
    }
    document.getElementById("total").textContent = lines.reduce((sum, line) => sum + Number(line[1]), 0).toFixed(2);
  });
</script>
</body>
</html>
"#;

const CHECKS: [&str; 5] = [
    "js: document.title === 'Sales'",
    "js: parseFloat(document.getElementById('total').textContent) === 6.5",
    "js: document.querySelectorAll('#rows tr').length === 3",
    "js: document.querySelector('script').textContent.includes('fetch(')",
    "js: getComputedStyle(document.querySelector('h1')).color === 'rgb(0, 0, 128)'",
];

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let verifier = SiteVerifier::new(Options::default());
    let measured = with(&verifier).await;
    verifier.close().await;
    measured
}

async fn with(verifier: &SiteVerifier) -> Result<Vec<Figure>> {
    let part = verifier.look().await;
    if part.state != PartState::Up {
        bail!("nothing to measure: {}", part.detail);
    }
    let inspection = inspection(verifier)?;
    let first = run(verifier, &inspection).await?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        times.push(run(verifier, &inspection).await?);
    }
    let one = memory_below(std::process::id())?;
    let (mut waves, mut failures, mut many) = (Vec::new(), 0, 0.0f64);
    for _ in 0..WAVES {
        let began = Instant::now();
        let runs = join_all((0..AT_ONCE).map(|_| run(verifier, &inspection))).await;
        waves.push(1000.0 * began.elapsed().as_secs_f64());
        many = many.max(memory_below(std::process::id())?);
        for fault in runs.into_iter().filter_map(Result::err) {
            println!("at once: {fault:#}");
            failures += 1;
        }
    }
    Ok(vec![
        Figure::at_most("verify_warm_median_ms", median(times.clone()), "ms", 1200.0),
        Figure::plain("verify_warm_p95_ms", percentile(times, 0.95), "ms"),
        Figure::plain("verify_first_ms", first, "ms"),
        Figure::plain("verify_8_at_once_ms", median(waves), "ms"),
        Figure::at_most("verify_8_at_once_failures", f64::from(failures), "runs", 0.0),
        Figure::plain("browser_memory_mb", one, "MB"),
        Figure::plain("browser_memory_8_at_once_mb", many, "MB"),
    ])
}

/// Milliseconds of one verification; an error when the browser did not run or a check did not pass.
async fn run(verifier: &SiteVerifier, inspection: &Inspection) -> Result<f64> {
    let began = Instant::now();
    let report = verifier.verify(inspection.clone()).await?.report;
    let ms = 1000.0 * began.elapsed().as_secs_f64();
    ensure!(matches!(report.browser, BrowserRun::Ran { .. }), "{:?}", report.browser);
    ensure!(report.passed() == report.total(), "{:#?}", report.checks);
    Ok(ms)
}

fn inspection(verifier: &SiteVerifier) -> Result<Inspection> {
    let mut site = Site::new();
    for (path, text) in [
        ("index.html", PAGE),
        ("style.css", "h1 { color: navy; }\nbody { margin: 1rem; }\n"),
        ("data.csv", "Lamp,1.5\nDesk,2\nChair,3\n"),
        ("LICENSE", "MIT\n"),
        ("README.md", "# Sales\n"),
    ] {
        site.insert(path.parse()?, text);
    }
    Ok(Inspection {
        site,
        pages_url: "https://student.example/sales-1/".parse()?,
        target: Target::Files,
        phase: Phase::Candidate,
        checks: verifier.compile(Round::FIRST, &CHECKS.map(|text| CheckBody::Text(text.to_owned()))),
        attachments: Vec::new(),
        leaks: Vec::new(),
    })
}
