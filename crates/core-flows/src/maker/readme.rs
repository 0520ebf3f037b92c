//! The README and the licence of a site, from `templates/site/`. What the README says is true of what
//! was made: of a page of the scaffold it says what each part does, of others only what holds of all.

use minijinja::{Value, context};
use ports::Site;
use shared_types::{Oracle, QueryEffect};

use super::{Brief, render, scaffold};
use crate::context::Error;

const README: &str = include_str!("../../../../templates/site/README.md.jinja");
const LICENCE: &str = include_str!("../../../../templates/site/LICENSE.jinja");

/// Headings that the template has, under the names that checks give them.
const SECTIONS: [&str; 20] = [
    "summary",
    "overview",
    "about",
    "description",
    "introduction",
    "setup",
    "install",
    "installation",
    "getting started",
    "quick start",
    "usage",
    "using",
    "how to use",
    "how it works",
    "code",
    "code explanation",
    "explanation",
    "files",
    "checks",
    "licen",
];

/// `README.md`: summary, setup, usage, code, checks (with how to reproduce them), licence.
/// Requirements C-068, C-117, C-118.
pub(super) fn write(brief: &Brief, site: &Site) -> Result<String, Error> {
    let is_scaffold = site.text("index.html").is_some_and(scaffold::is_ours);
    let (sections, texts, never) = scaffold::readme_demands(brief);
    let may_stand = |text: &String| !never.iter().any(|never| text.contains(never.as_str()));
    let files: Vec<_> = site
        .iter()
        .map(|(path, _)| {
            let attached = brief.attached.get(path.as_str()).is_some();
            context! { path => path.as_str(), role => if attached { "as attached to the task" } else { role(path.as_str()) } }
        })
        .collect();
    let rounds: Vec<_> = brief.prepared.briefs.iter().map(|brief| one_line(brief)).filter(may_stand).collect();
    let values = context! {
        title => &brief.title,
        rounds,
        files,
        parts => if is_scaffold { scaffold::explain(brief).into_iter().filter(may_stand).collect() } else { Vec::new() },
        queries => if is_scaffold { queries(brief) } else { Vec::new() },
        checks => checks(brief, &may_stand),
        sections => sections.iter().filter(|name| !is_there(name)).map(|name| section(name)).collect::<Vec<_>>(),
    };
    let readme = render("README.md.jinja", README, values)?;
    let missing: Vec<_> =
        texts.iter().filter(|text| !readme.contains(text.as_str())).map(|text| one_line(text)).collect();
    if missing.is_empty() {
        return Ok(readme);
    }
    Ok(format!(
        "{readme}\n## Also named in the task\n\n{}\n",
        missing.iter().map(|text| format!("- {text}\n")).collect::<String>()
    ))
}

/// `LICENSE`: MIT, with the year of acceptance. Requirement C-119.
pub(super) fn licence(brief: &Brief) -> Result<String, Error> {
    let year = brief.accepted_at.to_string().chars().take(4).collect::<String>();
    render("LICENSE.jinja", LICENCE, context! { year, holder => &brief.holder })
}

fn checks(brief: &Brief, may_stand: &dyn Fn(&String) -> bool) -> Vec<Value> {
    let shown = brief.prepared.checks.iter().filter(|check| may_stand(&check.source));
    let check = |check: &shared_types::Check| {
        let expression = match &check.oracle {
            Oracle::JavaScript { expression } => one_line(expression),
            _ => String::new(),
        };
        let doubt = check.unsatisfiable.as_deref().map(one_line).unwrap_or_default();
        context! { text => one_line(&check.source), expression, doubt }
    };
    shown.map(check).collect()
}

/// Parameters of the page's address, as checks name them.
fn queries(brief: &Brief) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    for check in &brief.prepared.checks {
        if let Oracle::Query { parameter, effect, .. } = &check.oracle {
            let effect = match effect {
                QueryEffect::ShowsImage => "names the picture that is shown",
                QueryEffect::ShowsValue { .. } | QueryEffect::ShowsText { .. } => "gives a text that is shown",
                QueryEffect::Opens => continue,
            };
            let line = format!("`?{parameter}=` {effect}");
            if !named.contains(&line) {
                named.push(line);
            }
        }
    }
    named
}

fn is_there(section: &str) -> bool {
    let section = section.to_lowercase();
    SECTIONS.iter().any(|name| *name == section) || section.contains("licen")
}

/// A section that a check names, with what can truly be said under it.
fn section(name: &str) -> Value {
    let lower = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let text = match () {
        () if has(&["test", "check"]) => {
            "The section [Checks](#checks) names what the site is held against, and how to try it."
        }
        () if has(&["deploy", "host", "publish", "demo"]) => {
            "GitHub Pages serves the files of this repository's root as they are."
        }
        () if has(&["contribut", "support", "contact", "issue"]) => {
            "Please open an issue or a pull request in this repository."
        }
        () if has(&["tech", "stack", "built", "requirement", "dependenc"]) => {
            "HTML, CSS and JavaScript without a build; a browser of today is all it needs."
        }
        () if has(&["feature", "function"]) => {
            "The section [How it works](#how-it-works) names each part and what it does."
        }
        () if has(&["structure", "project"]) => "The table under [Files](#files) names every file.",
        () if has(&["author", "credit", "acknowledg"]) => "[LICENSE](LICENSE) names the holder of the copyright.",
        () => "The task asks for this section and says no more about it.",
    };
    context! { name => one_line(name), text }
}

fn role(path: &str) -> &'static str {
    match path {
        "index.html" => "the page, with its styles and its script",
        "LICENSE" => "the MIT licence",
        "README.md" => "this text",
        ".nojekyll" => "tells GitHub Pages to serve the files as they are",
        _ => "part of the site",
    }
}

/// Markdown lists and tables want one line; runs of white space do not matter in either.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
