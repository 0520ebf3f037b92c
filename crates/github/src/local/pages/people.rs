//! The server's own pages, for people who come by a shortened address. They list nothing.

use actix_web::http::StatusCode;

use super::Answer;
use crate::Error;
use crate::local::repository::Repository;

/// Commits and files that a repository's page shows.
const SHOWN: usize = 20;

/// `/`.
pub(super) fn front() -> Answer {
    page(
        StatusCode::OK,
        "Sitewright pages",
        "<p>This server holds the sites and repositories that Sitewright has published on this machine.</p>\
         <p>A site is at <code>/&lt;owner&gt;/&lt;repository&gt;/</code>. Its repository can be cloned from \
         <code>/git/&lt;owner&gt;/&lt;repository&gt;.git</code>. The addresses of a task are in its record.</p>",
    )
}

/// `/<owner>/`.
pub(super) fn owner(owner: &str) -> Answer {
    let owner = escape(owner);
    page(
        StatusCode::OK,
        &owner,
        &format!("<p>Sites of this account are at <code>/{owner}/&lt;repository&gt;/</code>. They are not listed.</p>"),
    )
}

/// `/git/<owner>/<name>`: what GitHub's page of a repository says first.
pub(super) fn repository(repository: &Repository, owner: &str, name: &str) -> Result<Answer, Error> {
    let branch = repository.default_branch()?;
    let mut commits = String::new();
    for step in repository.history(&branch)?.take(SHOWN) {
        let step = step?;
        let subject = step.message.lines().next().unwrap_or_default();
        commits += &format!("<li><code>{}</code> {}</li>", step.id, escape(subject));
    }
    if commits.is_empty() {
        commits = "<li>none yet</li>".to_owned();
    }
    let (owner, name, branch) = (escape(owner), escape(name), escape(&branch));
    let body = format!(
        "<p><a href=\"/{owner}/{name}/\">The published site</a></p>\
         <p>To read it all, give <code>git clone</code> the address of this page.</p>\
         <h2>Commits on {branch}</h2><ul>{commits}</ul>"
    );
    Ok(page(StatusCode::OK, &format!("{owner}/{name}"), &body))
}

/// A repository without commits.
pub(super) fn empty_site() -> Answer {
    page(StatusCode::NOT_FOUND, "Nothing here yet", "<p>The repository exists; no site has been published to it.</p>")
}

/// Anything unknown.
pub(super) fn not_found() -> Answer {
    page(StatusCode::NOT_FOUND, "Not found", "<p>There is no page at this address.</p>")
}

/// The repository could not be read; the log says why.
pub(super) fn failed() -> Answer {
    page(StatusCode::INTERNAL_SERVER_ERROR, "Not served", "<p>The repository could not be read.</p>")
}

/// `title` and `body` are HTML.
fn page(status: StatusCode, title: &str, body: &str) -> Answer {
    Answer::html(
        status,
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}}</style>\n\
             <h1>{title}</h1>\n{body}\n</html>\n"
        ),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
