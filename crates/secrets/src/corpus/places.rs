//! Where secrets slip out: each way of writing one into a file, in the middle of innocent lines.

use rand::Rng;
use rand::seq::IndexedRandom as _;

use super::formats::Example;
use super::{Planted, Sample};

/// A way of writing: the file, what stands before and after the secret on its lines, and how the secret is escaped.
struct Place {
    path: &'static str,
    before: &'static str,
    after: &'static str,
    escape: fn(&str) -> String,
}

const fn place(path: &'static str, before: &'static str, after: &'static str, escape: fn(&str) -> String) -> Place {
    Place { path, before, after, escape }
}

const PLACES: &[Place] = &[
    place("index.html", "<div class=\"card\" data-config=\"", "\" hidden></div>", attribute),
    place("index.html", "<!-- remember: ", " -->", plain),
    place("index.html", "<script>window.config = { value: \"", "\" };</script>", in_string),
    place("app.js", "const value = '", "'; // works", in_string),
    place("app.js", "  fetch(`/relay?v=${1}`, { headers: { 'X-Value': \"", "\" } });", in_string),
    place("app.js", "// was ", "", plain),
    place("app.min.js", "!function(e){var t=e.a,n=\"", "\";return t(n)}(window);", in_string),
    place("settings.json", "  { \"value\": \"", "\", \"enabled\": true },", in_string),
    place("people.csv", "Ada,ada@example.com,\"", "\",2026-01-31", doubled),
    place("README.md", "```sh\nexport VALUE=\"", "\"\n```", plain),
    place("README.md", "Then paste `", "` into the form.", plain),
    place(".env", "VALUE=", "", plain),
    place("config.yml", "  value: ", "", plain),
    place("style.css", "/* ", " */", plain),
    place("notes.txt", "", "", plain),
];

const FILLER: &[&str] = &[
    "<p>Lorem ipsum dolor sit amet, consectetur adipiscing elit.</p>",
    ".card { color: #1a2b3c; margin: 0 auto; }",
    "function sum(rows) { return rows.reduce((total, row) => total + Number(row.sales), 0); }",
    "<link rel=\"stylesheet\" href=\"style.css\">",
    "## How to use it",
    "Open the page, choose a file, and read the total.",
    "",
];

/// Most lines before the secret, and after it.
const MAX_FILLER: usize = 12;

/// A file with the secret of `example`; `at` chooses the place, so that all are used evenly.
pub(super) fn planted(rng: &mut impl Rng, example: &Example, at: usize) -> Sample {
    let Some(place) = PLACES.get(at % PLACES.len()) else { return innocent(rng, "", at) };
    let text = (place.escape)(&example.text);
    // Where the secret itself begins, which may be lines after the text around it.
    let offset = text.find((place.escape)(&example.secret).as_str()).unwrap_or_default();
    let above = filler(rng);
    let lead = format!("{above}{}{}", place.before, text.get(..offset).unwrap_or_default());
    let line = u32::try_from(lead.matches('\n').count()).unwrap_or_default() + 1;
    let below = filler(rng);
    let text = format!("{above}{}{text}{}\n{below}", place.before, place.after);
    sample(place.path, text, Some(Planted { kind: example.kind, line }))
}

/// A file without one.
pub(super) fn innocent(rng: &mut impl Rng, text: &str, at: usize) -> Sample {
    const PATHS: [&str; 5] = ["index.html", "app.js", "README.md", "data.json", "notes.txt"];
    let path = PATHS.get(at % PATHS.len()).copied().unwrap_or_default();
    let (above, below) = (filler(rng), filler(rng));
    sample(path, format!("{above}{text}\n{below}"), None)
}

fn sample(path: &str, text: String, secret: Option<Planted>) -> Sample {
    let path = path.parse().unwrap_or_else(|error| unreachable!("{path} is a sound path: {error}"));
    Sample { path, text, secret }
}

fn filler(rng: &mut impl Rng) -> String {
    let count = rng.random_range(0..MAX_FILLER);
    (0..count).filter_map(|_| FILLER.choose(rng)).map(|line| format!("{line}\n")).collect()
}

fn plain(text: &str) -> String {
    text.to_owned()
}

fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

fn in_string(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "\\'").replace('\n', "\\n")
}

fn doubled(text: &str) -> String {
    text.replace('"', "\"\"")
}
