//! Makes sites: from what was asked to a whole set of files.
//!
//! A model writes pages ([`by_model`], [`by_repair`]) and the scaffold does without one
//! ([`by_scaffold`]); either way the licence, the README, `.nojekyll` and the attachments, byte for
//! byte, are added here, and files of earlier rounds that nobody asked to change stay.

mod blocks;
mod html;
mod readme;
mod scaffold;
mod wants;

use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use ports::{Completion, CompletionRequest, FinishReason, Site};
use serde_json::json;
use shared_types::{CheckReport, Oracle, SitePath, Timestamp, Verdict};

use crate::context::{Context, Error};
use crate::journal::{self, Prepared, Progress};
use crate::naming;

/// Characters of an attachment or a repository file that a model is shown.
const EXCERPT: usize = 6_000;

/// Characters of failing evidence that a model is shown.
const EVIDENCE: usize = 4_000;

/// Everything a site is made from.
pub(crate) struct Brief {
    pub(crate) title: String,
    pub(crate) nonce: String,
    /// The brief of this round.
    pub(crate) brief: String,
    pub(crate) prepared: Prepared,
    /// Files of the attachments, by path.
    pub(crate) attached: Site,
    /// Files of the repository as it is; empty in round 1.
    pub(crate) base: Site,
    pub(crate) accepted_at: Timestamp,
    pub(crate) holder: String,
}

/// A model's answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    #[error("the model did not write a site")]
    Model(#[source] ports::Error),
    #[error("no model is configured")]
    NoModel,
    #[error("the answer of {alias} was cut at the model's output limit")]
    Truncated { alias: String },
    #[error("read the files in the answer of {alias}")]
    Unreadable {
        alias: String,
        #[source]
        source: blocks::Error,
    },
    #[error(transparent)]
    Step(#[from] Box<Error>),
}

impl Brief {
    /// Gathers it from the journal and the blobs.
    pub(crate) async fn load(ctx: &Context, progress: &Progress) -> Result<Self, Error> {
        let blobs = ctx.ports.blobs.as_ref();
        let mut prepared = progress.prepared()?.clone();
        // Briefs and checks are quoted in what is published: an example key in one must not end
        // the task, nor go out.
        let redact = |text: &mut String| *text = ctx.ports.gatekeeper.redact(text);
        prepared.briefs.iter_mut().for_each(redact);
        for check in &mut prepared.checks {
            redact(&mut check.source);
            if let Oracle::JavaScript { expression } = &mut check.oracle {
                redact(expression);
            }
        }
        let mut attached = Site::new();
        for attachment in &prepared.attachments {
            attached.insert(attachment.path.clone(), blobs.get(&attachment.sha256).await?);
        }
        let base = match progress.fetched() {
            Some(fetched) => journal::load(blobs, &fetched.base).await?,
            None => Site::new(),
        };
        Ok(Self {
            title: naming::title(&ctx.task.task),
            nonce: ctx.task.nonce.to_string(),
            brief: ctx.ports.gatekeeper.redact(&ctx.task.brief),
            prepared,
            attached,
            base,
            accepted_at: ctx.task.accepted_at,
            holder: ctx.options.author.name.clone(),
        })
    }
}

/// The site that `alias` writes.
pub(crate) async fn by_model(ctx: &Context, brief: &Brief, alias: &str, budget: Duration) -> Result<Site, MakeError> {
    let template = if brief.base.is_empty() { "app" } else { "revise" };
    let written = ask(ctx, brief, alias, template, &brief.base, "", budget).await?;
    complete_site(brief, written)
}

/// The site that `alias` makes of `current` when it is shown what failed.
pub(crate) async fn by_repair(
    ctx: &Context,
    brief: &Brief,
    alias: &str,
    current: &Site,
    report: &CheckReport,
    budget: Duration,
) -> Result<Site, MakeError> {
    let changes = ask(ctx, brief, alias, "repair", current, &evidence(report), budget).await?;
    let mut written = blocks::Changes::between(&brief.base, current);
    written.extend(changes);
    complete_site(brief, written)
}

/// The site that needs no model.
pub(crate) fn by_scaffold(brief: &Brief) -> Result<Site, Error> {
    assemble(brief, scaffold::write(brief)?)
}

async fn ask(
    ctx: &Context,
    brief: &Brief,
    alias: &str,
    template: &str,
    files: &Site,
    evidence: &str,
    budget: Duration,
) -> Result<blocks::Changes, MakeError> {
    let model = ctx.ports.model.as_ref().ok_or(MakeError::NoModel)?;
    let boundary = ctx.ports.ids.boundary();
    let request = || CompletionRequest {
        alias: alias.to_owned(),
        template: template.to_owned(),
        values: json!({
            "brief": brief.brief,
            "checks": brief.prepared.checks.iter().map(|check| &check.source).collect::<Vec<_>>(),
            "attachments": attachment_values(brief),
            "seed": brief.nonce,
            "boundary": boundary,
            "pages_path": format!("/{}/", ctx.task.repo),
            "files": file_values(files, &brief.attached),
            "evidence": evidence,
        }),
        timeout: budget.mul_f32(0.9),
        task: ctx.task.id,
        trace_id: ctx.task.trace_id.clone(),
    };
    let ends_at = tokio::time::Instant::now() + budget.mul_f32(0.9);
    let mut attempt = 1;
    let completion: Completion = loop {
        let error = match tokio::time::timeout_at(ends_at, model.complete(request())).await {
            Ok(Ok(completion)) => break completion,
            Ok(Err(error)) => error,
            Err(_) => {
                let source = ports::Error::again(format!("no answer within {} s", budget.as_secs()));
                return Err(MakeError::Model(source));
            }
        };
        let retry = crate::retry::Policy { max_attempts: MODEL_ATTEMPTS };
        match retry.wait(attempt, error.verdict()) {
            Some(wait) if tokio::time::Instant::now() + wait < ends_at => tokio::time::sleep(wait).await,
            _ => return Err(MakeError::Model(error)),
        }
        attempt += 1;
    };
    if completion.finish == FinishReason::Truncated {
        return Err(MakeError::Truncated { alias: alias.to_owned() });
    }
    blocks::read(&completion.text, &boundary)
        .map_err(|source| MakeError::Unreadable { alias: alias.to_owned(), source })
}

/// A model that fails three times in a row will not succeed in what is left of the time.
const MODEL_ATTEMPTS: u32 = 3;

/// Adds what every site has. A model's own licence, README or attachments give way to ours.
fn complete_site(brief: &Brief, written: blocks::Changes) -> Result<Site, MakeError> {
    let mut page = Site::new();
    for (path, bytes) in written.files() {
        page.insert(path.clone(), bytes.clone());
    }
    let mut site = assemble(brief, page).map_err(Box::new)?;
    for path in written.deleted() {
        if !is_ours(path) && brief.attached.get(path.as_str()).is_none() {
            site.remove(path);
        }
    }
    Ok(site)
}

/// The whole set of files: what was there, the new page files over it, then what every site has.
fn assemble(brief: &Brief, page: Site) -> Result<Site, Error> {
    let mut site = brief.base.clone();
    for (path, bytes) in page.iter().filter(|(path, _)| !is_ours(path)) {
        site.insert(path.clone(), bytes.clone());
    }
    for (path, bytes) in brief.attached.iter() {
        site.insert(path.clone(), bytes.clone());
    }
    if !site.contains("LICENSE") {
        put(&mut site, "LICENSE", readme::licence(brief)?);
    }
    put(&mut site, ".nojekyll", String::new());
    // Its table names every file, itself included.
    put(&mut site, "README.md", String::new());
    let readme = readme::write(brief, &site)?;
    put(&mut site, "README.md", readme);
    Ok(site)
}

fn is_ours(path: &SitePath) -> bool {
    matches!(path.as_str(), "LICENSE" | "README.md" | ".nojekyll")
}

fn put(site: &mut Site, path: &'static str, text: String) {
    // The names given here are constants and site paths.
    if let Ok(path) = path.parse() {
        site.insert(path, text);
    }
}

/// Renders one of our own templates; a value that is missing is an error, not an empty text.
fn render(name: &'static str, template: &str, values: minijinja::Value) -> Result<String, Error> {
    let fault = |source| Error::Template { template: name, source };
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    let mut environment = Environment::new();
    environment.set_syntax(syntax.map_err(fault)?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Values are escaped where they are made: automatic escaping also rewrites the slashes of
    // addresses, which graders look for in the served text.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.render_named_str(name, template, values).map_err(fault)
}

fn attachment_values(brief: &Brief) -> Vec<serde_json::Value> {
    let values = brief.prepared.attachments.iter().map(|attachment| {
        json!({
            "path": attachment.path,
            "media_type": attachment.media_type,
            "size": attachment.size,
            "excerpt": brief.attached.text(attachment.path.as_str()).map(|text| head(text, EXCERPT)).unwrap_or_default(),
        })
    });
    values.collect()
}

/// The text files of a site, without attachments (shown apart) and binary ones.
fn file_values(files: &Site, attached: &Site) -> Vec<serde_json::Value> {
    let texts = files.iter().filter(|(path, _)| !is_ours(path) && attached.get(path.as_str()).is_none());
    texts.filter_map(|(path, bytes)| Some(json!({ "path": path, "text": std::str::from_utf8(bytes).ok()? }))).collect()
}

/// What failed, worst first, for the repair prompt.
fn evidence(report: &CheckReport) -> String {
    let mut lines = Vec::new();
    for result in report.checks.iter().filter(|result| result.verdict == Verdict::Failed) {
        let seen = result.evidence.as_deref().unwrap_or("no value");
        lines.push(format!("FAILED CHECK: {}\n  saw: {seen}", result.check.source));
    }
    for finding in &report.findings {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        lines.push(format!("{}: {}{line}: {}", finding.rule, finding.path, finding.message));
    }
    lines.extend(report.console_errors.iter().map(|error| format!("CONSOLE: {error}")));
    lines.extend(report.failed_requests.iter().map(|request| format!("REQUEST: {} {}", request.url, request.reason)));
    head(&lines.join("\n"), EVIDENCE).to_owned()
}

/// The first `limit` characters.
fn head(text: &str, limit: usize) -> &str {
    text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end])
}
