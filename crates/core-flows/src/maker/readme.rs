//! The README and the licence of a site, from `templates/site/`.

use minijinja::context;
use ports::Site;
use shared_types::Oracle;

use super::{Brief, render};
use crate::context::Error;

const README: &str = include_str!("../../../../templates/site/README.md.jinja");
const LICENCE: &str = include_str!("../../../../templates/site/LICENSE.jinja");

/// `README.md`: summary, setup, usage, code, checks (with how to reproduce them), licence.
/// Requirements C-068, C-117, C-118.
pub(super) fn write(brief: &Brief, site: &Site) -> Result<String, Error> {
    let files: Vec<_> = site
        .iter()
        .map(|(path, _)| {
            let attached = brief.attached.get(path.as_str()).is_some();
            context! { path => path.as_str(), role => if attached { "as attached to the task" } else { role(path.as_str()) } }
        })
        .collect();
    let checks: Vec<_> = brief
        .prepared
        .checks
        .iter()
        .map(|check| {
            let expression = match &check.oracle {
                Oracle::JavaScript { expression } => one_line(expression),
                _ => String::new(),
            };
            context! { text => one_line(&check.source), expression }
        })
        .collect();
    let rounds: Vec<_> = brief.prepared.briefs.iter().map(|brief| one_line(brief)).collect();
    render("README.md.jinja", README, context! { title => &brief.title, rounds, files, checks })
}

/// `LICENSE`: MIT, with the year of acceptance. Requirement C-119.
pub(super) fn licence(brief: &Brief) -> Result<String, Error> {
    let year = brief.accepted_at.to_string().chars().take(4).collect::<String>();
    render("LICENSE.jinja", LICENCE, context! { year, holder => &brief.holder })
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
